/** From which day the time counts: by the names of date and time columns, in French and English. */
import { type Catalogue, type Column, columnOf, hasIndex, type Table } from './catalogue.ts'
import type { Link } from './links.ts'
import { meaningByName } from './meaning.ts'
import type { Profile, Samples } from './subjects.ts'
import { hasPhrase, wordsOf } from './words.ts'

/** A clock that is proposed. */
export interface Clock {
  since: string[]
  kind: Kind
  why: string
}

/** Phrases of the clocks, the surest first within each kind. */
const LAST =
  'last activity,last active,last seen,last login,last sign in,current sign in,last contact,last order,last purchase,last visit,last connection,last access,last used,last booking,last payment,last open,derniere activite,derniere connexion,dernier contact,derniere visite,dernier passage,dernier achat,derniere commande,dernier acces,vu le'.split(
    ',',
  )
/** Those that speak of all that a person does. Another is not enough by itself: who never logs in may buy all the same. */
const LAST_OF_ALL =
  'last activity,last active,last seen,last contact,derniere activite,dernier contact,vu le'.split(',')
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
/** The beginning of what lasts: no end of it, but a sign of life of whom it is about. */
const START = 'start,begin,debut,date debut,from,entree,date entree,arrival,arrivee'.split(',')
/** Days of a life, of a check, or days to come: no clock of a retention. */
const NEVER =
  'lock,token,otp,birth,birthday,naissance,naiss,nais,dob,ddn,death,deces,deceased,died,hire,hired,embauche,verified,verifie,confirmed,locked,password,reset,remember,deleted,next,prochain,trial,wedding,mariage,read,anciennete,reminder,due,born'.split(
    ',',
  )

type Kind = 'last' | 'end' | 'event' | 'created' | 'updated' | 'start'

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
    if (
      evidence &&
      !isClockName(column.name) &&
      evidence.filled >= 20 &&
      (evidence.labels['long ago'] ?? 0) > 0.7 * evidence.filled
    )
      return []
    const words = wordsOf(column.name)
    if (meaningByName(column)) return []
    const rank = (phrases: string[]): number => phrases.findIndex((phrase) => hasPhrase(words, phrase))
    const modified = rank(UPDATED)
    if (modified >= 0) return [{ column, kind: 'updated', rank: modified }]
    const last = rank(LAST)
    if (last >= 0) return [{ column, kind: 'last', rank: last }]
    const start = rank(START)
    if (start >= 0) return [{ column, kind: 'start', rank: start }]
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
    return { since: names([...given, ...of('end')]), kind: 'event', why: 'the latest of its days' }
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
    return { since: kind === 'last' ? names(found) : [found[0]!.column.name], kind, why }
  }
  const changed = of('updated')[0]
  return changed
    ? { since: [changed.column.name], kind: 'updated', why: 'the last change: any change starts it anew' }
    : null
}

/** True when a day is called one of what happened: nobody is born on it. */
export function isClockName(name: string): boolean {
  const words = wordsOf(name)
  return [LAST, END, CREATED, UPDATED].some((phrases) => phrases.some((phrase) => hasPhrase(words, phrase)))
}

/**
 * The clock of a person: their last activity, and, where no column speaks of all of it, the latest of what refers to
 * them. Never the day they were entered alone: a faithful customer would be forgotten.
 */
export function personClock(
  table: Table,
  links: Link[],
  profiles: ReadonlyMap<Table, Profile>,
  samples: Samples,
  { tables }: Catalogue,
): Clock | null {
  const dated = datedColumns(table, samples)
  const last = dated.filter(({ kind }) => kind === 'last').map(({ column }) => column.name)
  const ofAll = last.some((name) => LAST_OF_ALL.some((phrase) => hasPhrase(wordsOf(name), phrase)))
  if (ofAll)
    return { since: last, kind: 'last', why: last.length > 1 ? 'the latest of these' : 'the last activity' }
  const signs = links.flatMap((link) => {
    const name = link.to === table && link.kind === 'own' ? signOfLife(link, profiles, samples) : null
    if (!name) return []
    const via = link.others.length > 0 ? ` via ${link.reference.columns.map(plainName).join(', ')}` : ''
    return [`max(${path(link.table, columnOf(link.table, name), tables)}${via})`]
  })
  if (last.length > 0)
    return {
      since: [...last, ...signs],
      kind: 'last',
      why: last.length + signs.length > 1 ? 'the latest of these' : 'the last activity',
    }
  const end = dated.filter(({ kind }) => kind === 'end').sort((a, b) => a.rank - b.rank)[0]
  if (end)
    return { since: [end.column.name], kind: 'end', why: 'the end; where there is none yet, nothing is due' }
  if (signs.length === 0) return null
  const made = dated.find(({ kind }) => kind === 'created')
  const why = 'no column says when a person was last active: the latest of what refers to them'
  return { since: [...(made ? [made.column.name] : []), ...signs], kind: 'last', why }
}

/**
 * The column of a row of somebody's that says when they were seen. Never one that is null while it lasts: whoever
 * stays in hospital would count as gone.
 */
function signOfLife(
  { table, reference }: Link,
  profiles: ReadonlyMap<Table, Profile>,
  samples: Samples,
): string | null {
  if (reference.from !== table || !hasIndex(table, reference.columns)) return null
  const dated = datedColumns(table, samples)
  const clock = clockOf(table, profiles.get(table)!, samples)
  const [name] = clock?.since ?? []
  const known = dated.find(({ column }) => column.name === name)
  if (
    known &&
    clock?.since.length === 1 &&
    known.kind !== 'updated' &&
    (known.kind !== 'end' || known.column.notNull)
  )
    return known.column.name
  const other = (['start', 'event', 'created'] as const).flatMap((kind) =>
    dated.filter((one) => one.kind === kind),
  )[0]
  return other?.column.name ?? null
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
