/**
 * Least privilege as a golden file: role × object × privilege. A change of it is a change of the
 * promise, and shows in review. `LETHE_UPDATE_GOLDEN=1` writes it anew.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

const golden = new URL('../golden/privileges.txt', import.meta.url)

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

async function matrix(): Promise<string> {
  const rows = await db.query<{ line: string }>(`
    with roles as (
      select r.oid, r.rolname::text as role from pg_roles as r where r.rolname ~ '^lethe_' and r.rolname !~ '^lethe_test'
      union all
      select 0, 'public'
    ), acls as (
      select 'schema ' || n.nspname as object, a.grantee, a.privilege_type, n.nspowner as owner
      from pg_namespace as n cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
      where n.nspname ~ '^lethe'
      union all
      select 'table ' || c.oid::regclass, a.grantee, a.privilege_type, c.relowner
      from pg_class as c cross join aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
      where c.relnamespace::regnamespace::text in ('lethe', 'lethe_private') and c.relkind in ('r', 'v')
      union all
      select 'function ' || p.oid::regprocedure, a.grantee, a.privilege_type, p.proowner
      from pg_proc as p cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
      where p.pronamespace::regnamespace::text in ('lethe', 'lethe_private')
    )
    select format('%s  %s  %s', r.role, a.object, string_agg(lower(a.privilege_type), ', ' order by a.privilege_type)) as line
    from acls as a
    join roles as r on r.oid = a.grantee
    where a.grantee <> a.owner
    group by r.role, a.object
    order by r.role, a.object collate "C"`)
  return `${rows.map((row) => row.line).join('\n')}\n`
}

test('roles hold exactly the rights of the golden file', async () => {
  const found = await matrix()
  if (process.env.LETHE_UPDATE_GOLDEN) await writeFile(golden, found)
  expect(found).toBe(await readFile(golden, 'utf8'))
})

test('public may run no function of the engine and read no table of it', async () => {
  const lines = (await matrix()).split('\n').filter((line) => line.startsWith('public'))
  expect(lines.filter((line) => line.includes('lethe_private'))).toEqual([])
  expect(lines.filter((line) => line.includes('table '))).toEqual([])
})

test('lethe_sweeper owns two functions and nothing else', async () => {
  const owned = await db.query<{ object: string }>(`
    select pg_describe_object(d.classid, d.objid, d.objsubid) as object
    from pg_shdepend as d
    where d.refobjid = 'lethe_sweeper'::regrole
      and d.deptype = 'o'
      and d.dbid = (select oid from pg_database where datname = current_database())`)
  expect(owned.map((row) => row.object).sort()).toEqual([
    'function lethe_private.as_sweeper(text,tid[],bytea,bytea,text)',
    'function lethe_private.ask_of_row(text,record,record)',
  ])
})
