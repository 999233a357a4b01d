/**
 * References that no foreign key declares. A column is one when its name says which table, its type fits that table's
 * key, and, where rows can be looked at, its values are found there: the database counts them, none is read.
 */
import type { Client } from 'pg'
import { z } from 'zod'
import {
  type Catalogue,
  type Column,
  hasIndex,
  quote,
  quoteTable,
  type Reference,
  type Table,
} from './catalogue.ts'
import { MENTIONING } from './nouns.ts'
import { readOnly } from './sample.ts'
import { nounsOf } from './subjects.ts'
import { hasPhrase, singular, wordsOf } from './words.ts'

/** Something that may be a reference; a person has to say. */
export interface Doubt {
  table: Table
  columns: string[]
  /** Where it may lead; none: nobody knows. */
  to?: Table
  sentence: string
}

/** References found, and those in doubt. */
export interface Undeclared {
  references: Reference[]
  doubts: Doubt[]
}

interface Candidate {
  from: Table
  column: Column
  to: Table
  toColumn: string
}

const VALUES_MAX = 200
/** Below, equal values say little. */
const VALUES_MIN = 3
const CONTAINED_MIN = 0.95
/** A table without an index on what is compared is read whole, so it must be small. */
const ROWS_WITHOUT_INDEX_MAX = 200_000
const KEY_KINDS = new Set(['number', 'uuid', 'text'])
/** Names of keys that say nothing of their table. */
const GENERIC = new Set([
  'name',
  'nom',
  'cle',
  'entity_id',
  'libelle',
  'label',
  'slug',
  'email',
  'version',
  'value',
  'type',
  'position',
  'reference',
  'token',
  'date',
])
const ID_WORDS = new Set(['id', 'uuid', 'guid', 'fk', 'num', 'no', 'numero', 'code', 'ref', 'key', 'pk'])

/** @param look - false: names alone; then nothing is more than a doubt. */
export async function findUndeclared(
  client: Client,
  catalogue: Catalogue,
  look: boolean,
): Promise<Undeclared> {
  const found: Undeclared = { references: [], doubts: [] }
  for (const candidate of candidates(catalogue)) {
    const { from, column, to, toColumn } = candidate
    const values = look ? await contained(client, candidate) : null
    const name = `${column.name} → ${to.title}.${toColumn}`
    if (values && values.looked >= VALUES_MIN && values.found >= CONTAINED_MIN * values.looked) {
      const share = values.found === values.looked ? 'every value' : 'nearly every value'
      found.references.push({
        from,
        columns: [column.name],
        to,
        toColumns: [toColumn],
        onDelete: 'keep',
        declared: false,
        why: `no foreign key, but ${column.name} is named after it and ${share} sampled is found there as ${toColumn}`,
      })
    } else if (!values || values.looked < VALUES_MIN) {
      found.doubts.push({
        table: from,
        columns: [column.name],
        to,
        sentence: `${name}? No foreign key says so, and there are no values to compare`,
      })
    } else if (values.found > 0) {
      found.doubts.push({
        table: from,
        columns: [column.name],
        to,
        sentence: `${name}? No foreign key says so, and only ${Math.round((100 * values.found) / values.looked)} % of the values sampled are found there`,
      })
    }
  }
  found.doubts.push(...catalogue.tables.flatMap(polymorphic))
  return found
}

function candidates({ tables, references }: Catalogue): Candidate[] {
  const declared = new Set(
    references.flatMap(({ from, columns }) => columns.map((column) => `${from.title}\n${column}`)),
  )
  const byNoun = new Map<string, Table[]>()
  // A key named `ipp` is found again as `ipp`; one named `id` is everywhere.
  const tablesKeyedBy = Map.groupBy(
    tables.filter(
      ({ key }) =>
        key?.length === 1 &&
        key[0]!.length >= 3 &&
        !ID_WORDS.has(key[0]!.toLowerCase()) &&
        !GENERIC.has(key[0]!.toLowerCase()),
    ),
    ({ key }) => key![0]!.toLowerCase(),
  )
  for (const table of tables) {
    if (table.key?.length !== 1) continue
    const noun = nounsOf(table).join(' ')
    byNoun.set(noun, [...(byNoun.get(noun) ?? []), table])
  }
  return tables.flatMap((from) =>
    from.columns.flatMap((column) => {
      if (!KEY_KINDS.has(column.kind) || declared.has(`${from.title}\n${column.name}`)) return []
      const byKey = tablesKeyedBy.get(column.name.toLowerCase())
      const keyed = byKey?.length === 1 ? pick(byKey, from, column) : undefined
      if (keyed && keyed !== from) return [{ from, column, to: keyed, toColumn: keyed.key![0]! }]
      const noun = nounOfKey(column.name)
      if (noun === null) return ofPeople(from, column, byNoun)
      const words = noun.split(' ')
      // `billing customer` refers to customers: the longest end of the name that is a table.
      for (let skip = 0; skip < words.length; skip++) {
        const to = pick(byNoun.get(words.slice(skip).join(' ')) ?? [], from, column)
        if (to)
          return to === from && from.key?.[0] === column.name
            ? []
            : [{ from, column, to, toColumn: to.key![0]! }]
      }
      return ofPeople(from, column, byNoun)
    }),
  )
}

/** `post_author` is somebody, of the first table of people that its type fits. */
function ofPeople(from: Table, column: Column, byNoun: ReadonlyMap<string, Table[]>): Candidate[] {
  if (column.kind !== 'number' && column.kind !== 'uuid') return []
  const words = wordsOf(column.name).filter((word) => !ID_WORDS.has(word))
  if (
    !`${MENTIONING},author,auteur,creator,user,utilisateur`
      .split(',')
      .some((phrase) => hasPhrase(words, phrase))
  )
    return []
  for (const noun of [
    'user',
    'utilisateur',
    'employee',
    'employe',
    'salarie',
    'staff',
    'account',
    'person',
    'agent',
  ]) {
    const to = pick(byNoun.get(noun) ?? [], from, column)
    if (to && to !== from) return [{ from, column, to, toColumn: to.key![0]! }]
  }
  return []
}

/** `customer_id` and `id_client` are about customers and clients; null: no key's name. */
function nounOfKey(name: string): string | null {
  const words = wordsOf(name)
  if (words.length < 2) return null
  const rest = ID_WORDS.has(words.at(-1)!)
    ? words.slice(0, -1)
    : ID_WORDS.has(words[0]!)
      ? words.slice(1)
      : null
  return rest && rest.length > 0 ? rest.map(singular).join(' ') : null
}

/** Of tables of one name, the one in the same schema; its key must be of the same type. */
function pick(tables: Table[], from: Table, column: Column): Table | undefined {
  const fitting = tables.filter((table) => {
    const key = table.columns.find(({ name }) => name === table.key![0])!
    return key.kind === column.kind && (column.kind === 'text' || sameNumbers(key.base, column.base))
  })
  return (
    fitting.find(({ schema }) => schema === from.schema) ?? (fitting.length === 1 ? fitting[0] : undefined)
  )
}

function sameNumbers(a: string, b: string): boolean {
  const whole = /^int[248]$/
  return a === b || (whole.test(a) && whole.test(b))
}

const countsRow = z.object({ looked: z.number(), found: z.number() })

/** How many different values of a column are among those of another; null: they could not be compared. */
export async function contained(
  client: Client,
  { from, column, to, toColumn }: Candidate,
): Promise<z.infer<typeof countsRow> | null> {
  if (!from.readable || !to.readable || !column.readable) return null
  if (!hasIndex(to, [toColumn]) && to.rows > ROWS_WITHOUT_INDEX_MAX) return null
  const result = await readOnly(client, async () => {
    const { rows } = await client.query(`
      select count(*)::int as looked,
        count(*) filter (where exists (select from ${quoteTable(to)} as p where p.${quote(toColumn)} = x.v))::int as found
      from (select distinct s.v from (
        select c.${quote(column.name)} as v from ${quoteTable(from)} as c where c.${quote(column.name)} is not null limit 2000) as s
        limit ${VALUES_MAX}) as x`)
    return countsRow.parse(rows[0])
  })
  return typeof result === 'string' ? null : result
}

/** What a polymorphic reference is called, besides `commentable`. */
const ANY_ROW = new Set(
  'record entity object item source target owner parent subject model resource ref related linked author actor entite objet'.split(
    ' ',
  ),
)

/** `record_type` beside `record_id`: rows of several tables, which a link cannot tell apart. */
function polymorphic(table: Table): Doubt[] {
  return table.columns.flatMap((column) => {
    const words = wordsOf(column.name)
    if (!['id', 'uuid'].includes(words.at(-1) ?? '') || words.length < 2 || !KEY_KINDS.has(column.kind))
      return []
    const stem = words.slice(0, -1).join(' ')
    if (!/able$/.test(stem) && !ANY_ROW.has(words.at(-2)!)) return []
    const type = table.columns.find(({ name, kind }) => {
      const other = wordsOf(name)
      const names = ['type', 'class', 'table', 'model', 'kind']
      return (
        (kind === 'text' || kind === 'enum') &&
        names.includes(other.at(-1) ?? '') &&
        other.slice(0, -1).join(' ') === stem
      )
    })
    if (!type) return []
    return [
      {
        table,
        columns: [type.name, column.name],
        sentence: `${type.name} and ${column.name} refer to rows of several tables: if people are among them, erase through the application, or give each table a column of its own`,
      },
    ]
  })
}
