/** What holds for every object of Lethe, asked of the catalogue rather than of each author. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase({ template: 'audience' })
})
afterAll(() => db.drop())

const OURS = `('lethe'::regnamespace, 'lethe_private'::regnamespace)`

async function names(sql: string): Promise<string[]> {
  return (await db.query<{ name: string }>(sql)).map((row) => row.name)
}

test('every table has row security', async () => {
  expect(
    await names(`
      select oid::regclass::text as name from pg_class
      where relnamespace in ${OURS} and relkind in ('r', 'p') and not relrowsecurity`),
  ).toEqual([])
})

test('every table, view and function is commented', async () => {
  expect(
    await names(`
      select oid::regclass::text as name from pg_class
      where relnamespace in ${OURS} and relkind in ('r', 'p', 'v') and obj_description(oid, 'pg_class') is null
      union all
      select oid::regprocedure::text from pg_proc
      where pronamespace in ${OURS} and obj_description(oid, 'pg_proc') is null`),
  ).toEqual([])
})

test('every foreign key has an index that leads with its columns', async () => {
  expect(
    await names(`
      select format('%s %s', k.conrelid::regclass, k.conname) as name
      from pg_constraint as k
      where k.contype = 'f' and k.connamespace in ${OURS}
        and not lethe_private.has_leading_index(k.conrelid, k.conkey)`),
  ).toEqual([])
})

test("every function that runs with its owner's rights pins its search path or bound its names at creation", async () => {
  expect(
    await names(`
      select p.oid::regprocedure::text as name from pg_proc as p
      where p.pronamespace in ${OURS} and p.prosecdef and p.prosqlbody is null
        and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)`),
  ).toEqual([])
})

test('no object of Lethe depends on an object of the host', async () => {
  expect(
    await names(`
      select distinct pg_describe_object(d.classid, d.objid, d.objsubid) as name
      from pg_depend as d
      join pg_class as host on d.refclassid = 'pg_class'::regclass and host.oid = d.refobjid
      join pg_namespace as n on n.oid = host.relnamespace
      left join pg_proc as p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
      left join pg_class as c on d.classid = 'pg_class'::regclass and c.oid = d.objid
      where n.nspname = 'audience'
        and (p.pronamespace in ${OURS} or c.relnamespace in ${OURS})`),
  ).toEqual([])
})

test('no column of Lethe is of a type that pg_upgrade refuses', async () => {
  expect(
    await names(`
      select format('%s.%s', a.attrelid::regclass, a.attname) as name
      from pg_attribute as a join pg_class as c on c.oid = a.attrelid
      where c.relnamespace in ${OURS} and c.relkind = 'r' and a.attnum > 0
        and a.atttypid in ('regclass'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'regtype'::regtype,
          'regnamespace'::regtype, 'regrole'::regtype, 'regoper'::regtype, 'regoperator'::regtype)`),
  ).toEqual([])
})
