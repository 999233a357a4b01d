/** Triggers that a caller has pending when it calls Lethe: none of them runs with Lethe's rights. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type Login, type TestDatabase } from '../helpers/database.ts'
import { grantMissing } from '../helpers/engine.ts'

let db: TestDatabase
let auditor: Login
let worker: Login
beforeAll(async () => {
  db = await createDatabase()
  auditor = await db.asRole('lethe_auditor')
  worker = await db.asRole('lethe_worker')
  await db.query(`
    create schema w;
    create table w.people (id int primary key, seen date, email text);
    insert into w.people select i, '2010-01-01', 'p' || i || '@x' from generate_series(1, 5) as i;
    select lethe.set_controller('north', 'Europe/Paris');
    select lethe.manage_table('w.people');
    select lethe.set_rule('w.people', 'purge', 'P1Y', since => '{seen}')`)
  await grantMissing(db)
  const [row] = await auditor.query<{ me: string }>('select session_user as me')
  await db.query(
    `select lethe.add_member('${row!.me}', 'north'), lethe.hold_rows('case', 'w.people', 'id = 1')`,
  )
})
afterAll(() => db.drop())

const PENDING = `
  create temp table bait (who text, people int);
  create function pg_temp.grab() returns trigger language plpgsql as $$ begin
    update bait set who = current_user, people = (select count(*) from w.people);
    return null;
  exception when insufficient_privilege then
    update bait set who = 'nobody of note', people = null;
    return null;
  end $$;
  create constraint trigger grab after insert on bait deferrable initially deferred for each row execute function pg_temp.grab();
  grant all on bait to public;
  insert into bait values (null, null);`

it('one that reads through Lethe reads nothing itself', async () => {
  const client = await auditor.connect()
  await client.query(
    `begin; ${PENDING} select * from lethe.held_rows((select max(id) from lethe.holds)); set constraints all immediate`,
  )
  expect((await client.query('select who, people from bait')).rows).toEqual([
    { who: 'nobody of note', people: null },
  ])
  await client.query('rollback')
  await client.end()
})

it('one that runs a cycle deletes nothing itself', async () => {
  const [row] = await db.query<{ id: string }>(`select lethe.start_cycle('north') as id`)
  const client = await worker.connect()
  const [table] = await db.query<{ id: number }>('select table_id as id from lethe.cycle_tables')
  const step = `select (lethe.sweep_step(${row!.id}, ${table!.id})).state`
  await client.query(`begin; ${PENDING}`)
  const states: unknown[] = []
  try {
    for (let n = 0; n < 3; n++) states.push(...(await client.query(step)).rows)
    expect((await client.query('select who from bait')).rows).not.toEqual([{ who: 'lethe_sweeper' }])
  } catch (error) {
    expect(error).toMatchObject({ code: 'LE504' })
  }
  await client.query('rollback')
  // Without anything pending it goes on.
  for (let n = 0; n < 6; n++) states.push(...(await client.query(step)).rows)
  expect(states).toContainEqual({ state: 'done' })
  expect(await db.query('select count(*)::int as n from w.people')).toEqual([{ n: 1 }])
  await client.end()
})
