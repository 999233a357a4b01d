/** Whatever is in sql/ can be run again on a migrated database without a difference. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { withIncludes } from '../helpers/migrations.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

/** Everything of Lethe that a dump would show, and its methods, as sorted lines. */
async function snapshot(): Promise<string[]> {
  const rows = await db.query<{ line: string }>(`
    select pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') || p.proowner::regrole || obj_description(p.oid, 'pg_proc') as line
    from pg_proc as p where p.pronamespace in ('lethe'::regnamespace, 'lethe_private'::regnamespace)
    union all
    select c.oid::regclass || coalesce(c.relacl::text, '') || c.relowner::regrole || c.relrowsecurity
      || coalesce(obj_description(c.oid, 'pg_class'), '') || case when c.relkind = 'v' then pg_get_viewdef(c.oid) else '' end
    from pg_class as c where c.relnamespace in ('lethe'::regnamespace, 'lethe_private'::regnamespace)
    union all
    select p.polrelid::regclass || p.polname || p.polcmd::text || p.polroles::regrole[]::text || coalesce(pg_get_expr(p.polqual, p.polrelid), '')
    from pg_policy as p
    union all
    select pg_get_triggerdef(t.oid) from pg_trigger as t where not t.tgisinternal
    union all
    select n.nspname || coalesce(n.nspacl::text, '') from pg_namespace as n where n.nspname ~ '^lethe'
    union all
    select m::text from lethe.methods as m
    order by line`)
  return rows.map((row) => row.line)
}

test('running all of sql/ again changes nothing', async () => {
  const before = await snapshot()
  const client = await db.installer.connect()
  await client.query('begin')
  await client.query('set local role lethe_owner')
  await client.query('set local search_path = pg_catalog, pg_temp')
  await client.query(await withIncludes(fileURLToPath(new URL('../../sql/all.sql', import.meta.url))))
  await client.query('commit')

  expect(before.length).toBeGreaterThan(100)
  expect(await snapshot()).toEqual(before)
})
