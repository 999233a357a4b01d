/**
 * What stands on the host's tables because of Lethe, for `remove.ts` to take off: indexes made for the sweep, guards of
 * holds, policies and triggers of restrictions, triggers of the suppression list. Each was put there by its owner with SQL
 * that Lethe printed, and does nothing without Lethe. Anything else of the host that depends on Lethe (a view over
 * lethe.evidence) is the host's, and in the way.
 */
import type { Client } from 'pg'
import { LetheError } from '../errors.ts'

/** Descriptions of objects on the host's tables, as PostgreSQL writes them. */
export interface HostObjects {
  /** Indexes that use Lethe's functions. */
  indexes: string[]
  /** Guards of holds: triggers and event triggers. */
  guards: string[]
  /** What `lethe.restriction_sql` put up: policies and triggers. */
  restrictions: string[]
  /** Triggers of `lethe.suppression_sql`. */
  suppressions: string[]
}

/** @throws LetheError LE606 when there is anything else of the host's. */
export async function dependents(client: Client, schemas: string[]): Promise<HostObjects> {
  const { rows } = await client.query<{ object: string; kind: keyof HostObjects | null }>(DEPENDENTS, [
    schemas,
  ])
  const others = rows.filter((row) => row.kind === null).map((row) => row.object)
  if (others.length > 0) {
    throw new LetheError(`objects of the host depend on Lethe: ${others.join(', ')}`, {
      code: 'LE606',
      hint: 'drop or change them first; Lethe removes nothing that is not its own',
    })
  }
  const of = (kind: keyof HostObjects): string[] =>
    rows.filter((row) => row.kind === kind).map((row) => row.object)
  return {
    indexes: of('indexes').map((object) => object.replace(/^index /, '')),
    guards: of('guards'),
    restrictions: of('restrictions'),
    suppressions: of('suppressions'),
  }
}

/** Guards and policies were put there to outlast mistakes; this would be one. */
export async function assertNothingProtected(client: Client, objects: HostObjects): Promise<void> {
  if (objects.guards.length > 0) {
    const holds = await count(client, 'lethe_private.holds_in_force()')
    if (holds > 0)
      throw new LetheError(`guards stand on tables of the host, and ${holds} legal holds are in force`, {
        code: 'LE606',
        hint: 'release the holds (lethe hold release), or take the guards off first (lethe hold guard TABLE --drop)',
      })
  }
  if (objects.restrictions.length > 0) {
    const rows = await count(client, 'lethe_private.restricted_keys')
    if (rows > 0)
      throw new LetheError(
        `policies on tables of the host hide the rows of people whose data are restricted`,
        {
          code: 'LE606',
          hint: 'lift the restrictions (lethe request lift), or take the policies off first (lethe request hide TABLE --drop)',
        },
      )
  }
}

async function count(client: Client, source: string): Promise<number> {
  await client.query('set local role lethe_owner')
  const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${source}`)
  await client.query('reset role')
  return rows[0]!.n
}

/**
 * Where row security was enabled for the sake of a restriction it is disabled again: the policy that hides goes with
 * Lethe, the one that lets everybody see the rest would stay. Where the host has had policies of its own since, row
 * security stays enabled, so that they stay in force.
 *
 * @throws LetheError LE606 where this login does not own the table.
 */
export async function openTables(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string; alone: boolean; owned: boolean }>(`
    select c.oid::regclass::text as name, pg_has_role(c.relowner, 'usage') as owned,
      not exists (select from pg_policy as o where o.polrelid = c.oid and o.polname not in ('lethe_everybody', 'lethe_restriction')) as alone
    from pg_policy as p join pg_class as c on c.oid = p.polrelid
    where p.polname = 'lethe_everybody'
    order by 1`)
  const statements = rows.map(({ name, alone }) => [
    `drop policy lethe_everybody on ${name}`,
    ...(alone ? [`alter table ${name} disable row level security`] : []),
  ])
  const others = rows.filter((row) => !row.owned).map((row) => row.name)
  if (others.length > 0) {
    throw new LetheError(
      `row security was enabled for restrictions on ${others.join(', ')}, and only its owner can disable it`,
      {
        code: 'LE606',
        hint: `as the owner, or a superuser: ${rows
          .flatMap((row, n) => (row.owned ? [] : statements[n]!))
          .map((statement) => `${statement};`)
          .join(' ')}`,
      },
    )
  }
  for (const statement of statements.flat()) await client.query(statement)
}

// Whatever refers to a table, function or type of ours and is not itself part of one.
const DEPENDENTS = `
with
  schemas as (select oid from pg_namespace where nspname = any ($1)),
  named as (
    select 'pg_class'::regclass as class, oid as object from pg_class where relnamespace in (select oid from schemas)
    union all select 'pg_proc'::regclass, oid from pg_proc where pronamespace in (select oid from schemas)
    union all select 'pg_type'::regclass, oid from pg_type where typnamespace in (select oid from schemas)
  ),
  ours as (
    select class, object from named
    union all
    select d.classid::regclass, d.objid
    from pg_depend as d
    join named as n on n.class = d.refclassid and n.object = d.refobjid
    where d.classid in ('pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass,
        'pg_trigger'::regclass, 'pg_policy'::regclass)
      and case d.classid::regclass
        when 'pg_rewrite'::regclass then (select ev_class from pg_rewrite where oid = d.objid)
        when 'pg_constraint'::regclass then (select coalesce(nullif(conrelid, 0), contypid) from pg_constraint where oid = d.objid)
        when 'pg_attrdef'::regclass then (select adrelid from pg_attrdef where oid = d.objid)
        when 'pg_trigger'::regclass then (select tgrelid from pg_trigger where oid = d.objid)
        else (select polrelid from pg_policy where oid = d.objid)
      end in (select object from named)
  )
select distinct
  pg_describe_object(d.classid, d.objid, d.objsubid) as object,
  case
    when c.relkind in ('i', 'I') then 'indexes'
    when d.classid in ('pg_trigger'::regclass, 'pg_event_trigger'::regclass) then case p.pronamespace::regnamespace::text || '.' || p.proname
      when 'lethe_private.guard_row' then 'guards'
      when 'lethe_private.guard_truncate' then 'guards'
      when 'lethe_private.guard_ddl' then 'guards'
      when 'lethe_private.judge_arrival' then 'suppressions'
      when 'lethe.refuse_restricted' then 'restrictions'
      when 'lethe.refuse_restricted_truncate' then 'restrictions'
    end
    when d.classid = 'pg_policy'::regclass
      and exists (select from pg_policy as y where y.oid = d.objid and y.polname = 'lethe_restriction') then 'restrictions'
  end as kind
from pg_depend as d
join named as n on n.class = d.refclassid and n.object = d.refobjid
left join pg_class as c on d.classid = 'pg_class'::regclass and c.oid = d.objid
left join pg_proc as p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
where d.deptype in ('n', 'a')
  and not exists (select from ours as o where o.class = d.classid and o.object = d.objid)`
