/**
 * Fills a database with the demo: the schema `audience` and as many readers as wanted, the same ones for
 * the same seed and the same today, all or nothing. Its counterpart is sql/audience/schema.sql.
 *
 * Foreign keys and plain indexes are taken off while the rows stream in and put back, checked, before
 * the commit: that is what makes a million contacts a matter of a minute.
 */
import { readFile } from 'node:fs/promises'
import { Client } from 'pg'
import { LetheError } from '../errors.ts'
import { calendar } from './calendar.ts'
import { copyRows } from './copy.ts'
import { AWKWARD_CONTACTS, readers } from './readers.ts'
import { demoTables } from './tables.ts'

/** Where the demo's data model is. */
export const SCHEMA_FILE = new URL('../../sql/audience/schema.sql', import.meta.url)

/** Fewer would leave no room for the cases made by hand. */
export const CONTACTS_MIN = 100
export const CONTACTS_MAX = 50_000_000

/** What {@link seed} is told. */
export interface SeedOptions {
  databaseUrl: string
  /** How many contacts; all else follows from it, about seven rows for each. */
  contacts: number
  /** Another number makes other people. */
  seed?: number
  /** The day, `YYYY-MM-DD`, that ages are counted from; default: today, UTC. */
  today?: string
  onProgress?: (progress: SeedProgress) => void
}

/** How far a seed has come. */
export interface SeedProgress {
  /** What is being done: `contacts`, `indexes`, `vacuum`… */
  step: string
  stepsDone: number
  stepsTotal: number
}

/** Rows per table. */
export type SeedResult = Record<string, number>

/** True when the database has a schema `audience`, ours or anybody's. */
export async function hasAudience(databaseUrl: string): Promise<boolean> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return (await client.query("select from pg_namespace where nspname = 'audience'")).rowCount === 1
  } finally {
    await client.end()
  }
}

/**
 * Creates schema `audience` and fills it, in one transaction.
 *
 * @returns how many rows each table got
 * @throws LetheError LE606 when the schema exists, LE607 for a number of contacts or a day out of range
 */
export async function seed(options: SeedOptions): Promise<SeedResult> {
  const { databaseUrl, contacts, onProgress } = options
  const today = options.today ?? new Date().toISOString().slice(0, 10)
  assertOptions(contacts, today)
  if (await hasAudience(databaseUrl)) {
    throw new LetheError('the database already has a schema named audience', {
      code: 'LE606',
      hint: 'the demo is never mixed with other data: choose another database, or drop the schema first',
    })
  }

  const tables = demoTables(readers(options.seed ?? 1, calendar(today), contacts))
  const stepsTotal = tables.length + 2
  let stepsDone = 0
  const step = (name: string): void => onProgress?.({ step: name, stepsDone: stepsDone++, stepsTotal })

  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(
      "begin; set local synchronous_commit = off; set local maintenance_work_mem = '256MB'; set local timezone = 'UTC'; set local datestyle = 'ISO'",
    )
    await client.query(await readFile(SCHEMA_FILE, 'utf8'))
    const putBack = await takeOff(client)
    const result: SeedResult = {}
    for (const { table, columns, lines } of tables) {
      step(table)
      const names = columns.map((name) => client.escapeIdentifier(name)).join(', ')
      result[table] = await copyRows(client, `copy audience.${table} (${names}) from stdin`, lines)
    }
    step('indexes and foreign keys')
    for (const statement of putBack) await client.query(statement)
    await client.query('commit')
    // Outside the transaction, so that the first cycle meets the table a running system has.
    step('statistics')
    for (const { table } of tables) await client.query(`vacuum (analyze) audience.${table}`)
    onProgress?.({ step: 'done', stepsDone: stepsTotal, stepsTotal })
    return result
  } finally {
    await client.end()
  }
}

function assertOptions(contacts: number, today: string): void {
  if (!Number.isInteger(contacts) || contacts < CONTACTS_MIN || contacts > CONTACTS_MAX) {
    throw new LetheError(`the demo cannot have ${contacts} contacts`, {
      code: 'LE607',
      hint: `give a whole number from ${CONTACTS_MIN} (${AWKWARD_CONTACTS} are made by hand) to ${CONTACTS_MAX}`,
    })
  }
  if (!/^\d{4}-\d\d-\d\d$/.test(today) || Number.isNaN(Date.parse(today))) {
    throw new LetheError(`${JSON.stringify(today)} is not a day`, {
      code: 'LE607',
      hint: 'write it as 2026-11-23',
    })
  }
}

/** Drops foreign keys and plain indexes; returns the statements that bring them back, and the sequences up to date. */
async function takeOff(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ off: string; on: string }>(`
    select
      format('drop index %s', i.indexrelid::regclass) as off,
      replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') as on
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
    where c.relnamespace = 'audience'::regnamespace
      and not c.relispartition
      and not exists (select from pg_constraint as k where k.conindid = i.indexrelid and k.contype <> 'f')
    union all
    select
      format('alter table %s drop constraint %I', k.conrelid::regclass, k.conname),
      format('alter table %s add constraint %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
    from pg_constraint as k
    where k.connamespace = 'audience'::regnamespace and k.contype = 'f' and k.conparentid = 0`)
  const sequences = await client.query<{ on: string }>(`
    select format('select setval(%L, greatest(max(%I), 1)) from %s',
      pg_get_serial_sequence(a.attrelid::regclass::text, a.attname), a.attname, a.attrelid::regclass) as on
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'audience'::regnamespace and not c.relispartition and a.attidentity <> ''`)
  for (const { off } of rows) await client.query(off)
  return [...rows, ...sequences.rows].map(({ on }) => on)
}
