/**
 * What `lethe doctor` looks at: missing rights, rows that belong to no controller, detached partitions, guards and
 * policies that are not as they were put up, statistics views.
 */
import type { Client } from 'pg'
import { openClient } from '../db/client.ts'
import { toLetheError } from '../db/errors.ts'
import { assertServer } from './init.ts'
import { type MissingRight, missingForInit } from './rights.ts'

/** The state of a database. */
export interface Examination {
  installed: boolean
  missing: MissingRight[]
  /** Rows that no controller's cycle reaches; asked only where no right is missing. */
  ownerless: { table_name: string; ownerless_rows: number }[]
  /** Partitions that Lethe has detached and that still hold people's data. */
  detached: { table_name: string; detached_from: string | null; rows: number | null }[]
  /** Guards of holds, policies and triggers of restrictions: what is not as it should be, or was never asked for. */
  protections: ProtectionFinding[]
  /** The only objects in a schema of Lethe's that depend on the host's: what they read cannot be dropped under them. */
  statistics: { view_name: string; depends_on: string }[]
}

/** A line of `lethe.guard_findings()` or `lethe.restriction_findings()`. */
export interface ProtectionFinding {
  finding: string
  object: string
  sentence: string
  remedy: string
}

/** The engine honours holds and restrictions without: to have none on a table is a choice, and no fault. */
export const isOptional = ({ finding }: ProtectionFinding): boolean =>
  finding === 'unguarded' || finding === 'not hidden'

/** @throws LetheError LE601 (too old), LE602 (read-only), LE603 (unreachable). */
export async function examine(databaseUrl: string): Promise<Examination> {
  let client: Client | undefined
  try {
    client = await openClient(databaseUrl)
    await assertServer(client)
    const { rows } = await client.query<{ installed: boolean }>(
      `select to_regprocedure('lethe.missing_rights()') is not null as installed`,
    )
    const installed = rows[0]!.installed
    // Whoever only works with an installed Lethe need not be able to install it.
    const missing = installed
      ? (await client.query<MissingRight>('select object, need, remedy from lethe.missing_rights()')).rows
      : await missingForInit(client)
    const ownerless =
      installed && missing.length === 0
        ? (
            await client.query<{ table_name: string; ownerless_rows: number }>(
              'select table_name, ownerless_rows::float8 from lethe.ownerless_rows()',
            )
          ).rows
        : []
    return {
      installed,
      ownerless,
      detached: installed ? await detachedPartitions(client) : [],
      protections: [
        ...(await protectionFindings(client, 'lethe.guard_findings()')),
        ...(await protectionFindings(client, 'lethe.restriction_findings()')),
      ],
      statistics: installed ? await statisticsViews(client) : [],
      missing: missing.map(({ remedy, ...right }) => ({ ...right, remedy: remedy.replace(/;\s*$/, '') })),
    }
  } catch (error) {
    throw toLetheError(error, databaseUrl)
  } finally {
    await client?.end()
  }
}

/** None where the login may not read them, or where an older Lethe is installed. */
async function detachedPartitions(client: Client): Promise<Examination['detached']> {
  const { rows: may } = await client.query<{ read: boolean }>(
    `select coalesce(has_table_privilege(to_regclass('lethe.detached_partitions'), 'select'), false) as read`,
  )
  if (!may[0]!.read) return []
  const { rows } = await client.query<Examination['detached'][number]>(
    'select table_name, detached_from, rows::float8 as rows from lethe.detached_partitions order by table_name',
  )
  return rows
}

/** None where the login may not ask, or where an older Lethe, or none, is installed. */
async function protectionFindings(
  client: Client,
  source: 'lethe.guard_findings()' | 'lethe.restriction_findings()',
): Promise<ProtectionFinding[]> {
  const { rows: may } = await client.query<{ ask: boolean }>(
    `select coalesce(has_function_privilege(to_regprocedure($1), 'execute'), false) as ask`,
    [source],
  )
  if (!may[0]!.ask) return []
  const { rows } = await client.query<ProtectionFinding>(
    `select finding, object, sentence, remedy from ${source}`,
  )
  return rows
}

/** From the catalogue alone, which everybody may read. */
async function statisticsViews(client: Client): Promise<Examination['statistics']> {
  const { rows } = await client.query<Examination['statistics'][number]>(`
    select format('%I.%I', n.nspname, c.relname) as view_name,
      string_agg(distinct pg_describe_object(d.refclassid, d.refobjid, 0), ', ') as depends_on
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'lethe_stats'
    join pg_rewrite as w on w.ev_class = c.oid
    join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.deptype = 'n' and d.refobjid <> c.oid
    where c.relkind in ('v', 'm')
    group by n.nspname, c.relname
    order by c.relname`)
  return rows
}
