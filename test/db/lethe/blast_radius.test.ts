/** What a draft makes due at once in the archive, where a shorter purge ends what is there for good. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../../helpers/database.ts'
import { activate, type LoosePolicy, propose } from '../../helpers/drafts.ts'
import { addCycleRunner, grantMissing, rowsOf, runCycle } from '../../helpers/engine.ts'

let db: TestDatabase
let policy: LoosePolicy
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    create schema w;
    create table w.people (id int primary key, seen date, email text);
    create table w.visits (id int primary key, person_id int not null references w.people, at date);
    create index on w.visits (person_id);
    insert into w.people select i, current_date - 3650, 'p' || i || '@x' from generate_series(1, 20) as i;
    insert into w.visits select i, i, current_date - 3650 from generate_series(1, 3) as i;
    select lethe.set_controller('north', 'Europe/Paris');
    select lethe.manage_table('w.people'), lethe.manage_table('w.visits');
    select lethe.set_subject_type('person', 'w.people', '{email}');
    select lethe.set_link('w.visits', subject => 'person', kind => 'own', on_purge => 'with parent');
    select lethe.set_rule('w.people', 'purge', 'P50Y', since => '{seen}');
    select lethe.set_rule('w.people', 'archive', 'P1Y', since => '{seen}');
    update lethe.settings set second_person_above = 10`)
  await grantMissing(db)
  const client = await db.connect()
  expect(await runCycle(client, 'north')).toBe('complete')
  await client.end()
  const [row] = await rowsOf<{ policy: LoosePolicy }>(db, 'select lethe.export_policy() as policy')
  policy = row!.policy
})
afterAll(() => db.drop())

const shorter = (): LoosePolicy => JSON.parse(JSON.stringify(policy).replace('P50Y', 'P2Y'))

it('a purge that ends what has been archived is due at once, with all that came along, and takes a second person', async () => {
  const { state, rows_at_once, blast_radius, id } = await propose(db, shorter())
  expect({ state, rows_at_once }).toEqual({ state: 'rehearsed', rows_at_once: 23 })
  expect(blast_radius.filter(({ at_once }) => at_once > 0)).toMatchObject([
    { table: 'w.people (archive)', rule: 'purge', due: 20, at_once: 20, no_longer: 0 },
    { table: 'w.people (archive)', rule: 'rows', at_once: 20 },
    { table: 'w.visits (archive)', rule: 'with parent w.people (archive)', at_once: 3 },
  ])
  expect((await refusal(activate(db, id))).code).toBe('LE613')
})

it('what is held in the archive, itself or by what came along with it, is not counted', async () => {
  await db.query(
    `select lethe.hold_person('case', 'person', key => '7'), lethe.hold_rows('case', 'w.visits', 'id = 2')`,
  )
  const { rows_at_once } = await propose(db, shorter())
  expect(rows_at_once).toBe(18 + 2)
})

it('what is due under the policy in force, too, is not due at once', async () => {
  await db.query(`select lethe.set_rule('w.people', 'purge', 'P2Y', since => '{seen}')`)
  const { rows_at_once, blast_radius } = await propose(
    db,
    JSON.parse(JSON.stringify(policy).replace('P50Y', 'P3Y')),
  )
  expect(rows_at_once).toBe(0)
  expect(blast_radius).toContainEqual(
    expect.objectContaining({ table: 'w.people (archive)', rule: 'purge', due: 18, at_once: 0 }),
  )
})
