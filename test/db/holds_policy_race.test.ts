/** Holds beside changes of the policy that are not committed, and beside drafts that are being rehearsed. */
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { draft, type LoosePolicy } from '../helpers/drafts.ts'
import { grantMissing, rowsOf } from '../helpers/engine.ts'

let db: TestDatabase
let one: pg.Client
let other: pg.Client
beforeAll(async () => {
  db = await createDatabase()
  one = await db.connect()
  other = await db.connect()
  await db.query(`
    create schema w;
    create table w.people (id int primary key, seen date, email text);
    create table w.visits (id int primary key, person_id int references w.people);
    create index on w.visits (person_id);
    insert into w.people select i, '2010-01-01', 'p' || i || '@x' from generate_series(1, 5) as i;
    insert into w.visits select i, i from generate_series(1, 5) as i;
    select lethe.set_controller('north', 'Europe/Paris');
    select lethe.manage_table('w.people'), lethe.manage_table('w.visits');
    select lethe.set_subject_type('person', 'w.people', '{email}');
    select lethe.set_rule('w.people', 'purge', 'P50Y', since => '{seen}')`)
  await grantMissing(db)
  await db.query('grant select on w.visits to lethe_sweeper')
})
afterAll(async () => {
  await one.end()
  await other.end()
  await db.drop()
})
beforeEach(async () => {
  await db.query(`
    delete from lethe.holds;
    select lethe.set_link('w.visits', subject => 'person', kind => 'own')`)
  // A link asks for the rights that an erasure along it takes.
  await grantMissing(db)
})

const HOLD = `select lethe.hold_person('case', 'person', key => '1')`
const LET_GO = `select lethe.set_link('w.visits', subject => 'person', kind => 'mention')`

/** Resolves when a statement of the session waits for a lock. */
async function waiting(session: pg.Client): Promise<void> {
  const { processID } = session as unknown as { processID: number }
  for (;;) {
    const [row] = await rowsOf<{ waits: boolean }>(
      db,
      `select coalesce(wait_event_type, '') = 'Lock' as waits from pg_stat_activity where pid = ${processID}`,
    )
    if (row!.waits) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

it('a link by which a hold reaches rows is not taken away while the hold is being placed', async () => {
  await one.query(`begin; ${HOLD}`)
  const letGo = refusal(other.query(LET_GO))
  await waiting(other)
  await one.query('commit')
  expect((await letGo).code).toBe('LE409')
})

it('a hold that is placed while a link is being taken away reaches what the policy then says', async () => {
  await one.query(`begin; ${LET_GO}`)
  const held = other.query(HOLD)
  await waiting(other)
  await one.query('commit')
  await held
  expect(await db.query(`select columns from lethe_private.held_links`)).toEqual([])
})

it('a rehearsal, however long, keeps no hold from being placed or released, and no cycle from beginning', async () => {
  await db.query(`
    create function w.wait() returns trigger language plpgsql as $$ begin
      perform pg_advisory_xact_lock(4711);
      return new;
    end $$;
    create trigger wait before update on w.people for each row execute function w.wait()`)
  const [row] = await rowsOf<{ policy: LoosePolicy }>(db, 'select lethe.export_policy() as policy')
  const policy = row!.policy
  policy.tables['w.people'].columns = {
    email: { anonymize: { after: 'P1Y', since: 'seen', purpose: 'x', using: 'suppress' } },
  }
  await db.query(
    `grant update on w.people to lethe_sweeper; update lethe.settings set lock_timeout = '1 min'`,
  )
  const id = await draft(db, policy)
  await one.query('begin; select pg_advisory_xact_lock(4711)')
  const rehearsed = other.query(`select lethe.rehearse(${id})`)
  await waiting(other)
  const third = await db.connect()
  await third.query(`set lock_timeout = '1s'`)
  await third.query(HOLD)
  await third.query('select lethe.release_hold(max(id), $1) from lethe.holds', ['closed'])
  await third.query(`begin; select lethe.start_cycle('north'); rollback`)
  await third.end()
  await one.query('commit')
  await rehearsed
  expect(await db.query('select state, findings from lethe.drafts')).toEqual([
    { state: 'rehearsed', findings: [] },
  ])
})
