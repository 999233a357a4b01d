/** From which day the time counts: by the names of date and time columns, in French and English. */
import { type Catalogue, type Column, columnOf, hasIndex, type Table } from './catalogue.ts'
import type { Link } from './links.ts'
import { meaningByName } from './meaning.ts'
import type { Profile, Samples } from './subjects.ts'
import { hasPhrase, wordsOf } from './words.ts'

/** A clock that is proposed. */
export interface Clock {
  since: string[]
  why: string
}

/** Phrases of the clocks, the surest first within each kind. */
const LAST =
  'last activity,last active,last seen,last login,last sign in,current sign in,last contact,last order,last purchase,last visit,last connection,last access,last used,last booking,last payment,last open,derniere activite,derniere connexion,dernier contact,derniere visite,dernier passage,dernier achat,derniere commande,dernier acces,vu le'.split(
    ',',
  )
const END =
  'ends,end,ended,end date,date fin,fin,expire,expiry,expiration,valid until,valid to,until,closed,closing date,cloture,resolved,completed,terminated,termination,left,departure,sortie,date sortie,depart,cancelled,canceled,resiliation,echeance,returned,released,discharge,finished,archived,leaving date,date retour'.split(
    ',',
  )
const EVENT =
  'issued,invoice date,date facture,facture le,date emission,emis,billed,order date,date commande,commande le,ordered,placed,purchase date,date achat,purchased,paid,payment date,date paiement,paye,occurred,event date,event time,happened,sent,date envoi,envoye,received,delivered,shipped,visited,visit date,date visite,logged,attempted,seance,date consultation,consultation date,appointment,rdv,date rdv,admission,date sejour,given,withdrawn,consent date,date consentement,signed,date signature,published,posted,submitted,applied,date candidature,called,opened,period,periode,issue,timestamp,time,date,horodatage,le,on,at'.split(
    ',',
  )
const CREATED =
  'created,creation,date creation,cree,inserted,registered,registration,signup,sign up,joined,date joined,inscription,date inscription,added,ajoute,date add,date ajout'.split(
    ',',
  )
const UPDATED =
  'updated,modified,changed,maj,date maj,modification,modifie,last modified,last update,date upd'.split(',')
/** Days of a life, of a check, or days to come: no clock of a retention. */
const NEVER =
  'birth,birthday,naissance,naiss,nais,dob,ddn,death,deces,deceased,died,hire,hired,embauche,verified,verifie,confirmed,locked,password,reset,remember,deleted,next,prochain,start,starts,begin,debut,trial,wedding,mariage,entree,read,anciennete,reminder,due,from,born'.split(
    ',',
  )

type Kind = 'last' | 'end' | 'event' | 'created' | 'updated'

interface Dated {
  column: Column
  kind: Kind
  rank: number
}

/** The usable date and time columns of a table, each with what it says. */
export function datedColumns(table: Table, samples: Samples): Dated[] {
  return table.columns.flatMap((column): Dated[] => {
    if (column.kind !== 'date' && column.kind !== 'time') return []
    const evidence = samples.get(table.title)?.byColumn.get(column.name)
    if (evidence && evidence.filled >= 20 && (evidence.labels['long ago'] ?? 0) > 0.7 * evidence.filled)
      return []
    const words = wordsOf(column.name)
    if (meaningByName(column)) return []
    const rank = (phrases: string[]): number => phrases.findIndex((phrase) => hasPhrase(words, phrase))
    const modified = rank(UPDATED)
    if (modified >= 0) return [{ column, kind: 'updated', rank: modified }]
    const last = rank(LAST)
    if (last >= 0) return [{ column, kind: 'last', rank: last }]
    if (rank(NEVER) >= 0) return []
    const end = rank(END)
    if (end >= 0) return [{ column, kind: 'end', rank: end }]
    const created = rank(CREATED)
    if (created >= 0) return [{ column, kind: 'created', rank: created }]
    const event = rank(EVENT)
    return event >= 0 ? [{ column, kind: 'event', rank: event }] : []
  })
}

/** The clock of a table that is linked to people, or speaks of them by itself; null: none that its columns name. */
export function clockOf(table: Table, profile: Profile, samples: Samples): Clock | null {
  const dated = datedColumns(table, samples)
  const of = (kind: Kind): Dated[] => dated.filter((one) => one.kind === kind).sort((a, b) => a.rank - b.rank)
  const names = (ones: Dated[]): string[] => ones.map(({ column }) => column.name)
  // A proof of consent counts from the last of its days.
  const given = of('event')
  if (profile.role === 'consent' && given.length + of('end').length > 0)
    return { since: names([...given, ...of('end')]), why: 'the latest of its days' }
  // What is written down once counts from then; what lasts, from its end.
  const momentary =
    profile.role === 'invoice' ||
    profile.role === 'log' ||
    profile.role === 'tracking' ||
    profile.role === 'payslip'
  const order: [Kind, string][] = momentary
    ? [
        ['event', 'the day it is of'],
        ['created', 'the day it was made'],
        ['last', 'the last activity'],
        ['end', 'its end'],
      ]
    : [
        ['last', 'the last activity'],
        ['end', 'its end; where there is none yet, nothing is due'],
        ['event', 'the day it is of'],
        ['created', 'the day it was made'],
      ]
  for (const [kind, why] of order) {
    const found = of(kind)
    if (found.length === 0) continue
    return { since: kind === 'last' ? names(found) : [found[0]!.column.name], why }
  }
  const changed = of('updated')[0]
  return changed ? { since: [changed.column.name], why: 'the last change: any change starts it anew' } : null
}

/**
 * The clock of a person: their last activity, or else the latest of what refers to them. Never the day they were
 * entered alone: a faithful customer would be forgotten.
 */
export function personClock(
  table: Table,
  links: Link[],
  profiles: ReadonlyMap<Table, Profile>,
  samples: Samples,
  { tables }: Catalogue,
): Clock | null {
  const dated = datedColumns(table, samples)
  const last = dated.filter(({ kind }) => kind === 'last')
  if (last.length > 0)
    return {
      since: last.map(({ column }) => column.name),
      why: last.length > 1 ? 'the latest of these' : 'the last activity',
    }
  const end = dated.filter(({ kind }) => kind === 'end').sort((a, b) => a.rank - b.rank)[0]
  if (end) return { since: [end.column.name], why: 'the end; where there is none yet, nothing is due' }
  const events = links.flatMap(({ table: child, to, kind, reference, others }) => {
    if (to !== table || kind !== 'own' || child === table || reference.from !== child) return []
    const clock = clockOf(child, profiles.get(child)!, samples)
    const name = clock?.since[0]
    if (!name || !hasIndex(child, reference.columns) || clock.since.length > 1) return []
    if (datedColumns(child, samples).find(({ column }) => column.name === name)?.kind === 'updated') return []
    return [
      `max(${path(child, columnOf(child, name), tables)}${others.length > 0 ? ` via ${reference.columns.map(plainName).join(', ')}` : ''})`,
    ]
  })
  const made = dated.find(({ kind }) => kind === 'created')
  if (events.length === 0) return null
  const since = [...(made ? [made.column.name] : []), ...events]
  return { since, why: 'no column says when a person was last active: the latest of what refers to them' }
}

/** As a clock over other rows names a column; the schema where another one has a table of that name. */
function path(table: Table, column: Column, tables: Table[]): string {
  const parts = tables.some((other) => other !== table && other.name === table.name)
    ? [table.schema, table.name]
    : [table.name]
  return [...parts, column.name].map(plainName).join('.')
}

function plainName(name: string): string {
  return /^[^\s."(),]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}
