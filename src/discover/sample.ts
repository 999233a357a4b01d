/**
 * What the values of a column look like, from a few rows of each table. The database looks, not we: one read-only
 * statement a table gives every value a label and counts the labels, so no value ever leaves the server, and none
 * stands in a statement that a log could keep.
 *
 * Danger: this reads people's data. It does so as the user who is connected, through their row security, with a time
 * limit, and at most so many rows and so many characters of each value.
 */
import type { Client } from 'pg'
import { z } from 'zod'
import { type Column, quote, quoteTable, type Table } from './catalogue.ts'
import { LABELS, labelSql, SENTINELS } from './labels.ts'

/** How many of a column's sampled values look like what. */
export interface Evidence {
  /** Rows looked at. */
  rows: number
  /** Those that are not null nor empty. */
  filled: number
  distinct: number
  /** Counts by label; labels without a value are left out. */
  labels: Partial<Record<(typeof LABELS)[number], number>>
  /** Well-known days that stand for "none", found among the values. */
  sentinels: string[]
}

/** What was found in one table. */
export interface TableSample {
  byColumn: Map<string, Evidence>
  /** Why nothing, or not all, was read; null: all is well. */
  trouble: string | null
}

/** Values times rows that one statement may look at, so that a table of 500 columns costs what one of 20 does. */
const VALUES_MAX = 100_000
const ROWS_MIN = 50
const COLUMNS_MAX = 400
/** Characters of a value that are looked at. */
const CHARACTERS_MAX = 500
/** A value that is not text is written out as text to be looked at, unless it takes more bytes than this. */
const BYTES_MAX = 65_536
const TIMEOUT = '5s'

const countsRow = z.object({
  n: z.number(),
  rows: z.number(),
  filled: z.number(),
  distinct: z.number(),
  labels: z.record(z.string(), z.number()),
  sentinels: z.array(z.string()),
})

/** Looks at `rowsMax` rows of a table at the most. Never throws for what the table itself refuses. */
export async function sampleTable(client: Client, table: Table, rowsMax: number): Promise<TableSample> {
  const empty: TableSample = { byColumn: new Map(), trouble: null }
  if (!table.readable) return { ...empty, trouble: 'this login may not read it: judged by names alone' }
  const columns = table.columns
    .filter((column) => column.readable && LOOKED_AT.has(column.kind))
    .slice(0, COLUMNS_MAX)
  if (columns.length === 0 || rowsMax === 0) return empty
  const limit = Math.min(rowsMax, Math.max(ROWS_MIN, Math.floor(VALUES_MAX / columns.length)))
  const found = await readOnly(client, async () => {
    const part = table.rows > 20 * limit && table.pages > 200 ? (100 * 4 * limit) / table.rows : null
    const some = part === null ? [] : await count(client, table, columns, limit, part)
    return some.length > 0 ? some : count(client, table, columns, limit, null)
  })
  if (typeof found === 'string')
    return { ...empty, trouble: `its rows could not be read (${found}): judged by names alone` }
  const byColumn = new Map(found.map((row) => [columns[row.n]!.name, row as Evidence]))
  const hidden = table.columns.filter(({ readable }) => !readable).length
  const trouble = hidden > 0 ? `this login may not read ${hidden} of its columns` : null
  return {
    byColumn,
    trouble: table.filtered ? 'row security: judged by the rows that this login may see' : trouble,
  }
}

const LOOKED_AT = new Set(['text', 'number', 'date', 'time', 'json', 'list', 'enum', 'uuid'])

async function count(
  client: Client,
  table: Table,
  columns: Column[],
  limit: number,
  percent: number | null,
): Promise<z.infer<typeof countsRow>[]> {
  const source = `select ${columns.map(({ name }) => quote(name)).join(', ')} from ${quoteTable(table)}${
    percent === null ? '' : ` tablesample system (${Math.min(100, percent)}) repeatable (1)`
  } limit ${limit}`
  const values = columns.map((column, n) => `(${n}, ${kindOf(column)}, ${textOf(column)})`)
  const { rows } = await client.query(`
    select c.n, count(*)::int as rows, count(l.v)::int as filled, count(distinct l.v)::int as distinct,
      json_strip_nulls(json_build_object(${LABELS.map((label) => `'${label}', nullif(count(*) filter (where l.label = '${label}'), 0)`).join(', ')})) as labels,
      array_remove(array[${SENTINELS.map((day) => `case when bool_or(c.kind = 'day' and left(l.v, 10) = '${day}') then '${day}' end`).join(', ')}], null) as sentinels
    from (${source}) as r
    cross join lateral (values ${values.join(', ')}) as c (n, kind, v)
    cross join lateral (select nullif(btrim(c.v), '') as v, case when c.v is not null then ${labelSql('c.v', 'c.kind')} end as label offset 0) as l  -- offset: computed once a value, not once a label counted
    group by c.n
    order by c.n`)
  return rows.map((row) => countsRow.parse(row))
}

/** Runs in a transaction that cannot write and does not wait. @returns the SQLSTATE of what went wrong. */
export async function readOnly<Result>(
  client: Client,
  work: () => Promise<Result>,
): Promise<Result | string> {
  await client.query(
    `begin read only; set local statement_timeout = '${TIMEOUT}'; set local lock_timeout = '2s'; set local datestyle = 'ISO, YMD'; set local jit = off; set local standard_conforming_strings = on`,
  )
  try {
    return await work()
  } catch (thrown) {
    const code = (thrown as { code?: unknown }).code
    // Only what the server says of a table is a finding; a lost connection is not.
    if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || /^(08|57P)/.test(code)) throw thrown
    return `SQLSTATE ${code}`
  } finally {
    await client.query('rollback').catch(() => undefined)
  }
}

function kindOf({ kind }: Column): string {
  return kind === 'date' || kind === 'time'
    ? `'day'`
    : kind === 'json'
      ? `'json'`
      : kind === 'number'
        ? `'number'`
        : `'text'`
}

/** The beginning of a value as text. Text is cut where it lies, so a huge one costs no more than a small one. */
function textOf({ name, kind }: Column): string {
  const value = `r.${quote(name)}`
  if (kind === 'text') return `left(${value}::text, ${CHARACTERS_MAX})`
  return `case when pg_column_size(${value}) <= ${BYTES_MAX} then left(${value}::text, ${CHARACTERS_MAX}) end`
}
