/** Which tables have one row for each person, and by what a person is looked up. */
import type { Catalogue, Column, Table } from './catalogue.ts'
import { isTrace, meaningByName, meaningByValues } from './meaning.ts'
import { EMPTY_NOUNS, PEOPLE, PERHAPS_PEOPLE, ROLES, type Role } from './nouns.ts'
import type { TableSample } from './sample.ts'
import { hasPhrase, singularsOf } from './words.ts'

/** A kind of person. */
export interface Subject {
  /** As a policy names it: `customer`. */
  name: string
  table: Table
  identifiers: string[]
  why: string
}

/** What is known of a table before its columns are judged. */
export interface Profile {
  /** Words of its name as singulars, without those that say nothing. */
  nouns: string[]
  /** Meanings of its columns by name, for questions about the table as a whole. */
  meanings: Map<string, string>
  /** Those that speak of people whatever the table: an e-mail does, a city does not. */
  telling: Set<string>
  role: Role | null
}

/** Samples by table title. */
export type Samples = ReadonlyMap<string, TableSample>

export function profileOf(table: Table, samples: Samples): Profile {
  const nouns = nounsOf(table)
  const sample = samples.get(table.title)
  const meanings = new Map<string, string>()
  const telling = new Set<string>()
  for (const column of table.columns) {
    const byValues = meaningByValues(sample?.byColumn.get(column.name))
    const found = byValues && !isTrace(byValues) ? byValues : (meaningByName(column) ?? byValues)
    if (!found) continue
    meanings.set(column.name, found.meaning.name)
    if (!found.meaning.ofPeople && !found.meaning.doubtful) telling.add(found.meaning.name)
  }
  return { nouns, meanings, telling, role: roleOf(table, nouns) }
}

/** `t_clients` client, `wp_users` user, `sales_order_items` order item (of sale). */
export function nounsOf(table: Pick<Table, 'name'>): string[] {
  const words = singularsOf(table.name).filter((word) => !/^\d+$/.test(word))
  const telling = words.filter((word) => !EMPTY_NOUNS.has(word))
  return telling.length > 0 ? telling : words
}

function roleOf(table: Table, nouns: string[]): Role | null {
  const all = singularsOf(table.name)
  const hit = (words: string[]): Role | null =>
    ROLES.find(([, phrases]) => phrases.split(',').some((phrase) => hasPhrase(words, phrase)))?.[0] ?? null
  // The head says most: the last word in English, the first in French.
  return hit([nouns.at(-1) ?? '']) ?? hit([nouns[0] ?? '']) ?? hit(all)
}

const IDENTITY = new Set([
  'given name',
  'family name',
  'email',
  'phone',
  'user name',
  'national number',
  'birth date',
  'person number',
  'full name',
])
const LOOKUPS = ['email', 'phone', 'user name', 'national number', 'person number']

/** The subject types, the surest first. */
export function findSubjects(
  { tables, references }: Catalogue,
  profiles: ReadonlyMap<Table, Profile>,
): Subject[] {
  const sure = tables.flatMap((table) => {
    const why = whyPeople(profiles.get(table)!)
    return why && table.key ? [{ table, why }] : []
  })
  const roots = new Set(sure.map(({ table }) => table))
  // `profiles` beside `users`: a part of a person and no person of its own.
  const isPart = (table: Table): boolean =>
    isPerhaps(profiles.get(table)!.nouns) &&
    references.some(
      ({ from, to, columns }) =>
        from === table &&
        to !== table &&
        roots.has(to) &&
        table.uniques.some(
          (unique) => unique.length === columns.length && unique.every((column) => columns.includes(column)),
        ),
    )
  const names = new Set<string>()
  return sure
    .filter(({ table }) => !isPart(table))
    .map(({ table, why }) => ({
      name: uniqueName(profiles.get(table)!.nouns, names),
      table,
      identifiers: identifiersOf(table, profiles.get(table)!),
      why,
    }))
}

/** Why a table has one row for each person; null: it has not. */
function whyPeople({ nouns, meanings, role }: Profile): string | null {
  const known = [...new Set(meanings.values())].filter((name) => IDENTITY.has(name) || name === 'name')
  const sureOf = known.filter((name) => IDENTITY.has(name) && name !== 'full name')
  const noun = personNoun(nouns, role)
  const has = listed(
    known.map((name) => (name === 'name' ? 'a name' : `${/^[aeio]/.test(name) ? 'an' : 'a'} ${name}`)),
  )
  const bothNames = known.includes('given name') && known.includes('family name')
  if (noun && !PERHAPS_PEOPLE.has(noun) && known.length > 0)
    return `named after people (${noun}), with ${has}`
  if (noun && (sureOf.length >= 2 || sureOf.includes('email') || sureOf.includes('national number')))
    return `${noun}, with ${has}`
  if (!noun && bothNames && role === null && sureOf.length >= 3)
    return `nothing in its name says so, but it has ${has}`
  return null
}

/** The noun of people that the name is about; `customer_address` is about addresses. */
function personNoun(nouns: string[], role: Role | null): string | null {
  const first = nouns[0] ?? ''
  const last = nouns.at(-1) ?? ''
  if (nouns.length === 1) return PEOPLE.has(first) ? first : null
  if (role !== null) return null
  return PEOPLE.has(last) ? last : PEOPLE.has(first) && nouns.length === 2 && !THINGS.has(last) ? first : null
}

/** Second words that make a thing of a person: `user_role`, `client_groupe`. */
const THINGS = new Set(
  'role group groupe type category categorie status statut permission setting preference parametre tag list segment file document fichier team service relation link lien map mapping count stat score level niveau product produit meta attribute attribut option'.split(
    ' ',
  ),
)

function isPerhaps(nouns: string[]): boolean {
  return nouns.some((noun) => PERHAPS_PEOPLE.has(noun))
}

function identifiersOf(table: Table, { meanings }: Profile): string[] {
  const usable = (column: Column): boolean =>
    !column.computed && ['text', 'number', 'uuid'].includes(column.kind)
  const found = LOOKUPS.flatMap((wanted) =>
    table.columns
      .filter(
        (column) =>
          meanings.get(column.name) === wanted && usable(column) && !/fax|telecop/i.test(column.name),
      )
      .map(({ name }) => name),
  )
  const references = table.columns.filter(
    (column) => meanings.get(column.name) === 'reference' && usable(column) && isUnique(table, column.name),
  )
  return [...found, ...references.map(({ name }) => name)]
}

/** True when some unique index has the column. */
export function isUnique(table: Table, column: string): boolean {
  return table.uniques.some((unique) => unique.includes(column))
}

function uniqueName(nouns: string[], taken: Set<string>): string {
  const plain =
    nouns
      .join('_')
      .replace(/^[^a-z]+/, '')
      .slice(0, 60) || 'person'
  let name = plain
  for (let n = 2; taken.has(name); n++) name = `${plain}_${n}`
  taken.add(name)
  return name
}

/** `a, b and c`. */
export function listed(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}
