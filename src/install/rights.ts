/**
 * What whoever runs `lethe init` needs, asked before anything is changed. Counterpart of
 * `lethe.missing_rights()`, which says what the sweeper needs on the managed tables.
 */
import type { Client } from 'pg'

/** One missing right and the statement that grants it. */
export interface MissingRight {
  object: string
  need: string
  /** One SQL statement. */
  remedy: string
}

/**
 * Rights that the installer lacks on this server and database. Not more than CREATE on the database
 * and CREATEROLE; less where roles or schemas are already there.
 */
export async function missingForInit(client: Client): Promise<MissingRight[]> {
  const { rows } = await client.query<MissingRight>(MISSING)
  return rows
}

/** Owners of schemas that bear a name of ours without being ours. */
export async function foreignSchemas(client: Client): Promise<{ schema: string; owner: string }[]> {
  const { rows } = await client.query<{ schema: string; owner: string }>(`
    select nspname as schema, pg_get_userbyid(nspowner) as owner
    from pg_namespace
    where nspname in ('lethe', 'lethe_private', 'lethe_archive', 'lethe_stats', 'lethe_jobs')
      and pg_get_userbyid(nspowner) not in ('lethe_owner', 'lethe_worker')`)
  return rows
}

// Before 16 CREATEROLE may grant any role that is no superuser; since then it takes ADMIN on that role,
// which its creator has.
const MISSING = `
with
  me as (
    select r.oid, r.rolname, r.rolsuper, r.rolcreaterole,
      current_setting('server_version_num')::int >= 160000 as modern
    from pg_roles as r
    where r.rolname = current_user
  ),
  roles as (
    select w.name, r.oid
    from unnest(array['lethe_owner', 'lethe_officer', 'lethe_agent', 'lethe_analyst', 'lethe_auditor',
      'lethe_subject', 'lethe_anonymous', 'lethe_api', 'lethe_worker', 'lethe_sweeper', 'lethe_dropper']::name[]) as w (name)
    left join pg_roles as r on r.rolname = w.name
  ),
  memberships as (
    select r.oid, g.granted, g.member, g.inherits
    from me, lateral (values
      ('lethe_owner'::name, me.rolname, true),
      ('lethe_worker', me.rolname, true),
      ('lethe_sweeper', 'lethe_owner', true),
      ('lethe_dropper', 'lethe_owner', true),
      ('lethe_officer', 'lethe_api', false),
      ('lethe_auditor', 'lethe_api', false),
      ('lethe_analyst', 'lethe_api', false)) as g (granted, member, inherits)
    join roles as r on r.name = g.granted and r.oid is not null
    where not exists (
      select from pg_roles as m
      where m.rolname = g.member
        and pg_has_role(m.oid, r.oid, case when me.modern then 'set' else 'member' end)
        and (pg_has_role(m.oid, r.oid, 'usage') or not g.inherits))
  )
select
  format('database %I', current_database()) as object,
  'create schemas' as need,
  format('grant create on database %I to %I', current_database(), me.rolname) as remedy
from me
where not has_database_privilege(current_database(), 'create')
  and (select count(*) from pg_namespace where nspname in ('lethe', 'lethe_private', 'lethe_archive', 'lethe_stats', 'lethe_jobs')) < 5
union all
select
  format('role %I', me.rolname),
  'create roles',
  format('alter role %I createrole', me.rolname)
from me
where not (me.rolsuper or me.rolcreaterole)
  and exists (select from roles where oid is null)
union all
select
  format('role %I', m.granted),
  format('be granted to %I', m.member),
  format('grant %I to %I%s', m.granted, m.member, case when me.modern then format(' with inherit %s, set true', m.inherits::text) else '' end)
from me, memberships as m
where not me.rolsuper
  and case
    when me.modern then not pg_has_role(me.oid, m.oid, 'member with admin option')
    else not me.rolcreaterole
  end`
