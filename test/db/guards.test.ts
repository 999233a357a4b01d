/** Guards: triggers of the host's own tables that refuse, to anybody, what a hold forbids. */
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, grantMissing, rowsOf, runCycle } from '../helpers/engine.ts'

const HOST = 'lethe_test_guard_host'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    select lethe.set_controller('north', 'America/St_Johns', 'n'), lethe.set_controller('south', 'Pacific/Apia', 's');
    do $$ begin
      if not exists (select from pg_roles where rolname = '${HOST}') then create role ${HOST}; end if;
    end $$;
    create schema w authorization ${HOST}`)
})
afterAll(() => db.drop())

beforeEach(async () => {
  await db.query(`
    drop event trigger if exists lethe_guard_start;
    drop event trigger if exists lethe_guard_end;
    delete from lethe.holds;
    delete from lethe.managed_tables;
    drop schema w cascade;
    create schema w authorization ${HOST};
    revoke ${HOST} from lethe_dropper;
    set role ${HOST};
    create table w."People" (id int primary key, owner text, seen date, email text unique, nick text);
    create table w.visits (
      id int, at date, owner text, person_id int references w."People" on delete cascade, note text, hits int default 0, primary key (id, at)
    ) partition by range (at);
    create index on w.visits (person_id);
    create table w.y2010 partition of w.visits for values from ('2010-01-01') to ('2011-01-01');
    create table w.y2011 partition of w.visits for values from ('2011-01-01') to ('2012-01-01');
    create table w.y2020 partition of w.visits for values from ('2020-01-01') to ('2100-01-01');
    create table w.papers (id bytea primary key, at timestamptz, person_id int, title text);
    create table w.old_papers (shelf int) inherits (w.papers);
    insert into w."People" select i, case when i < 9 then 'n' else 's' end, '2010-01-01', 'P' || i || '@x', 'nick' from generate_series(1, 9) as i;
    insert into w.visits select i, date '2010-01-01' + i, 'n', i % 3 + 1, 'note ' || i from generate_series(1, 20) as i;
    insert into w.visits select i, date '2011-01-01' + i, 'n', 4, 'note ' || i from generate_series(21, 40) as i;
    insert into w.papers select decode(lpad(to_hex(i), 4, '0'), 'hex'), '2010-01-01', i, 'paper' from generate_series(1, 3) as i;
    insert into w.old_papers select decode(lpad(to_hex(i), 4, '0'), 'hex'), '2010-01-01', i, 'paper', 1 from generate_series(4, 6) as i;
    reset role;
    select lethe.manage_table('w.People', controller_column => 'owner'), lethe.manage_table('w.visits', controller_column => 'owner', partitions => 'drop'),
      lethe.manage_table('w.papers', controller => 'north');
    select lethe.set_subject_type('person', 'w.People', '{email}');
    select lethe.set_link('w.visits', subject => 'person', kind => 'own', on_purge => 'with parent');
    select lethe.set_link('w.papers', 'w.People', '{person_id}', '{id}', subject => 'person', kind => 'own', on_purge => 'keep');
    select lethe.set_column('w.People', 'email', 'contact'), lethe.set_column('w.visits', 'note', 'content'), lethe.set_column('w.People', 'nick', 'technical');
    select lethe.set_rule('w.visits', 'purge', 'P1Y', since => '{at}')`)
  await grantMissing(db)
})

const refused = async (
  statement: string,
  run: { query(text: string): Promise<unknown> } = db,
): Promise<void> => {
  const error = await refusal(run.query(statement))
  expect({ statement, code: error.code, message: error.message }).toMatchObject({ statement, code: 'LE406' })
  expect(error.message).not.toMatch(/@x|cannot be told/)
}

async function guard(table: string): Promise<void> {
  for (const { statement } of await db.query<{ statement: string }>(
    'select statement from lethe.guard_sql($1)',
    [table],
  ))
    await db.query(statement)
}

const holdPerson = (key: string): Promise<{ id: number }[]> =>
  db.query<{ id: number }>(
    `select lethe.hold_person('case', 'person', key => $1, controller => 'north') as id`,
    [key],
  )

const one = async (text: string): Promise<unknown> => Object.values((await db.query(text))[0]!)[0]

/** Statements that would take or change something of person 1, whose visits are numbers 3, 6, 9 … of 2010. */
const FORBIDDEN = [
  `delete from w."People" where id = 1`,
  `update w."People" set email = 'other' where id = 1`,
  `update w.papers set id = '\\xffff' where person_id = 1`,
  `update w."People" set owner = 's' where id = 1`,
  `insert into w."People" values (1, 'n') on conflict (id) do update set email = 'merged'`,
  `merge into w."People" as p using (values (1)) as v (id) on v.id = p.id when matched then delete`,
  `merge into w."People" as p using (values (1)) as v (id) on v.id = p.id when matched then update set email = null`,
  `truncate w."People" cascade`,
  `delete from w.visits where id = 3`,
  `delete from w.y2010 where id = 3`,
  `delete from only w.y2010 where id = 3`,
  `update w.visits set note = 'gone' where id = 3`,
  `update w.y2010 set note = 'gone' where id = 3`,
  `update w.visits set person_id = 2 where id = 3`,
  `update w.visits set at = at + 366 where id = 3`,
  `truncate w.visits`,
  `truncate w.y2010`,
  `delete from w.papers where person_id = 1`,
  `update w.papers set person_id = null where person_id = 1`,
  `truncate w.papers`,
  `truncate only w.papers`,
  `set role ${HOST}; delete from w.visits`,
  `set session_replication_role = replica; delete from w.visits where id = 3`,
  `set session_replication_role = replica; truncate w.y2010`,
  `set role lethe_sweeper; delete from w.visits where id = 3`,
  `set datestyle = 'SQL, DMY'; set bytea_output = escape; delete from w.papers where person_id = 1`,
]

const ALLOWED = [
  `delete from w."People" where id in (5, 6)`,
  `update w."People" set nick = 'new', seen = current_date where id = 1`,
  `update w."People" set email = email where id = 1`,
  `update w."People" set email = 'other' where id = 2`,
  `update w.visits set hits = hits + 1 where id = 3`,
  `insert into w.visits values (99, '2010-05-05', 'n', 1, 'new')`,
  `delete from w.visits where person_id <> 1`,
  `delete from w."People" where id = 2`,
  `truncate w.y2011`,
  `update w.papers set title = 'x' where person_id = 2`,
  `truncate w.old_papers`,
]

describe('with guards, a held person', () => {
  beforeEach(async () => {
    for (const table of ['w.People', 'w.visits', 'w.papers']) await guard(table)
  })

  async function tried(
    statements: string[],
    check: (client: pg.Client, statement: string) => Promise<void>,
  ): Promise<void> {
    const client = await db.connect()
    for (const statement of statements) {
      await client.query('begin')
      await check(client, statement)
      await client.query('rollback')
      await client.query('reset all')
    }
    await client.end()
  }

  it('cannot be deleted, truncated, changed, merged, moved, or cascaded away, by anybody; and can as soon as it is released', async () => {
    const [hold] = await holdPerson('1')
    await tried(FORBIDDEN, (client, statement) => refused(statement, client))
    await tried(ALLOWED, async (client, statement) => {
      await client.query(statement)
    })
    await db.query(`select lethe.release_hold(${hold!.id}, 'closed')`)
    await db.query('grant delete on w.visits to lethe_sweeper')
    await tried(FORBIDDEN, async (client, statement) => {
      const error = await client.query(statement).catch((thrown: { code: string }) => thrown)
      expect({ statement, code: (error as { code?: string }).code }).not.toMatchObject({ code: 'LE406' })
    })
  })

  it('keeps its visits when only they are guarded and its row is deleted under them', async () => {
    await db.query(`drop trigger lethe_guard on w."People"`)
    await holdPerson('1')
    await refused(`delete from w."People" where id = 1`)
    await db.query(`delete from w."People" where id = 2`)
  })

  it('keeps what arrives later, and what lies in a partition that is added later', async () => {
    await holdPerson('1')
    await db.query(`create table w.y2015 partition of w.visits for values from ('2015-01-01') to ('2016-01-01');
      insert into w.visits values (500, '2015-05-05', 'n', 1, 'late'), (501, '2015-05-05', 'n', 2, 'late')`)
    await refused(`delete from w.visits where id = 500`)
    await refused(`delete from w.y2015`)
    await refused(`set session_replication_role = replica; delete from w.y2015`)
    await db.query(`reset session_replication_role`)
    await db.query(`delete from w.visits where id = 501`)
    // Its own TRUNCATE has no guard yet; that is said, and what puts it right.
    expect(await db.query('select finding, object from lethe.guard_findings()')).toEqual([
      { finding: 'guard missing', object: 'w.y2015' },
    ])
    await guard('w.visits')
    expect(await db.query('select finding, object from lethe.guard_findings()')).toEqual([])
    await refused('truncate w.y2015')
  })

  it('survives the cycle and a purge by partition; the rest goes, and it goes in the first cycle after release', async () => {
    await db.query(`grant ${HOST} to lethe_dropper`)
    for (const { statement } of await db.query<{ statement: string }>(
      'select statement from lethe.guard_ddl_sql()',
    ))
      await db.query(statement)
    const [hold] = await holdPerson('1')
    await grantMissing(db)
    expect(await runCycle(db, 'north')).toBe('complete')
    expect(await one(`select array_agg(distinct person_id) from w.visits`)).toEqual([1])
    expect(
      await one(
        `select array_agg(relid::text order by relid::text) from pg_partition_tree('w.visits') where isleaf`,
      ),
    ).toEqual(['w.y2010', 'w.y2020'])
    for (const statement of [
      'delete from w.visits',
      'truncate w.visits',
      `delete from w."People" where id = 1`,
      'drop table w.y2010',
    ])
      await refused(statement)
    expect(await db.query('select finding, object from lethe.guard_findings()')).toEqual([])
    await db.query(`select lethe.release_hold(${hold!.id}, 'closed')`)
    expect(await runCycle(db, 'north')).toBe('complete')
    expect(await one(`select count(*)::int from w.visits`)).toBe(0)
    expect(
      await one(
        `select array_agg(relid::text order by relid::text) from pg_partition_tree('w.visits') where isleaf`,
      ),
    ).toEqual(['w.y2020'])
  })
})

describe('guards of a predicate and of a table', () => {
  it('keep what satisfies it, and the columns it asks for', async () => {
    await guard('w.visits')
    await db.query(
      `select lethe.hold_rows('case', 'w.visits', 'hits > 5', controller => 'north'); update w.visits set hits = 9 where id = 3`,
    )
    await refused('delete from w.visits')
    await refused('update w.visits set hits = 0 where id = 3')
    await refused(`delete from w."People" where id = 1`)
    await db.query('delete from w.visits where hits < 5')
    expect(await one('select count(*)::int from w.visits')).toBe(1)
  })

  it.runIf(inject('server').version >= 18)(
    'see virtual columns, of which a trigger is told nothing',
    async () => {
      await db.query(`
      alter table w."People" add vip boolean generated always as (email like 'P3@%') virtual;
      create table w.notes (id int primary key, code text, whose text generated always as (lower(code)) virtual, note text);
      insert into w.notes values (1, 'N', default, 'x'), (2, 'S', default, 'y');
      select lethe.manage_table('w.notes', controller_column => 'whose'); select lethe.set_column('w.notes', 'note', 'content')`)
      await grantMissing(db)
      await db.query('grant select on w.notes to lethe_sweeper')
      for (const table of ['w.People', 'w.notes']) await guard(table)
      await db.query(
        `select lethe.hold_rows('case', 'w.People', 'vip', controller => 'north'), lethe.hold_table('audit', 'w.notes', controller => 'north')`,
      )
      for (const statement of [
        `delete from w."People" where id = 3`,
        `update w."People" set email = 'out of the hold' where id = 3`,
        'delete from w.notes where id = 1',
        `update w.notes set code = 'S' where id = 1`,
        `update w.notes set note = '' where id = 1`,
      ])
        await refused(statement)
      await db.query(`delete from w."People" where id = 2; update w."People" set seen = current_date where id = 3;
      update w.notes set note = '' where id = 2; delete from w.notes where id = 2`)
    },
  )

  it('hold the rows of the one controller', async () => {
    await guard('w.People')
    await db.query(`select lethe.hold_table('audit', 'w.People', controller => 'south')`)
    await refused(`delete from w."People" where id = 9`)
    await refused(`truncate w."People" cascade`)
    await db.query(`delete from w."People" where id < 9`)
  })

  it('a day that is over ends them, where its controller is', async () => {
    await guard('w.People')
    await db.query(
      `select lethe.hold_table('audit', 'w.People', controller => 'south', ends_on => lethe_private.today('Pacific/Apia'))`,
    )
    await refused(`delete from w."People" where id = 9`)
    await db.query(`update lethe.holds set ends_on = ends_on - 1; delete from w."People" where id = 9`)
  })

  it('refuse where they cannot tell, without quoting the row', async () => {
    await guard('w.papers')
    await db.query(`select lethe.hold_rows('case', 'w.papers', 'title::int = 1') where false`)
    await db.query(
      `update w.papers set title = '7'; select lethe.hold_rows('case', 'w.papers', 'title::int = 1')`,
    )
    await db.query(`update w.papers set title = 'secret' where person_id = 2`)
    const error = await refusal(db.query('delete from w.papers where person_id = 2'))
    expect(error).toMatchObject({ code: 'LE406' })
    expect(error.message).toContain('22P02')
    expect(JSON.stringify(error)).not.toContain('secret')
  })
})

describe('findings', () => {
  it('name a table without guard, a guard that is disabled, altered or dropped, and fall silent when it is put right', async () => {
    const found = (): Promise<unknown> => db.query('select finding, object from lethe.guard_findings()')
    expect(await found()).toEqual([])
    await db.query(`select lethe.hold_rows('case', 'w.papers', 'true')`)
    expect(await found()).toEqual([{ finding: 'unguarded', object: 'w.papers' }])
    await guard('w.papers')
    expect(await found()).toEqual([])
    for (const [damage, object] of [
      ['alter table w.papers disable trigger lethe_guard', 'w.papers'],
      ['alter table w.old_papers enable trigger lethe_guard', 'w.old_papers'],
      ['drop trigger lethe_guard_truncate on w.papers', 'w.papers'],
      [
        `create or replace trigger lethe_guard after update or delete on w.papers for each row execute function lethe_private.guard_row('0')`,
        'w.papers',
      ],
      [
        `create or replace trigger lethe_guard after delete on w.papers for each row execute function lethe_private.guard_row('0')`,
        'w.papers',
      ],
    ] as const) {
      await db.query(damage)
      expect(await found()).toEqual([{ finding: 'guard missing', object }])
      await guard('w.papers')
      expect(await found()).toEqual([])
    }
  })

  it('name a partition of a held table that somebody dropped or detached, not what Lethe dropped itself', async () => {
    const found = (): Promise<unknown> =>
      db.query(`select finding, object from lethe.guard_findings() where finding <> 'unguarded'`)
    await db.query(
      `select lethe.hold_rows('case', 'w.visits', 'id = 3', controller => 'north'); grant ${HOST} to lethe_dropper`,
    )
    await grantMissing(db)
    expect(await runCycle(db, 'north')).toBe('complete')
    expect(await one(`select to_regclass('w.y2011')`)).toBe(null)
    expect(await found()).toEqual([])
    await db.query('alter table w.visits detach partition w.y2010')
    expect(await found()).toEqual([{ finding: 'partition detached', object: 'w.y2010' }])
    await db.query('drop table w.y2010')
    expect(await found()).toEqual([{ finding: 'partition dropped', object: 'w.y2010' }])
    await db.query('drop table w.visits')
    expect(await found()).toEqual([{ finding: 'table gone', object: 'w.visits' }])
  })
})

describe('the guard of DDL', () => {
  beforeEach(async () => {
    for (const { statement } of await db.query<{ statement: string }>(
      'select statement from lethe.guard_ddl_sql()',
    ))
      await db.query(statement)
  })

  it('refuses to drop what is under a hold and to detach what has held rows, to its owner and to a superuser', async () => {
    const [hold] = await db.query<{ id: number }>(
      `select lethe.hold_rows('case', 'w.visits', 'id = 3', controller => 'north') as id`,
    )
    const forbidden = [
      'drop table w.y2010',
      'drop table w.visits',
      'drop schema w cascade',
      'alter table w.visits detach partition w.y2010',
      `drop owned by ${HOST} cascade`,
    ]
    for (const statement of forbidden) {
      await refused(statement)
      await refused(`set local role ${HOST}; ${statement}`)
    }
    // What has no held row can be detached, and then dropped; DDL on other tables, and other DDL, is nobody's business.
    await db.query('alter table w.visits detach partition w.y2011')
    await db.query('drop table w.y2011')
    await db.query(
      'drop table w.papers cascade; alter table w.visits add column more int; create table w.other (id int)',
    )
    await refused('drop table w.y2010')
    await db.query(`select lethe.release_hold(${hold!.id}, 'closed')`)
    await db.query('drop table w.y2010')
    await db.query(`drop schema w cascade; create schema w authorization ${HOST}`)
    expect(await db.query('select from lethe_private.guarded_relations')).toEqual([])
  })

  it('notices a partition that was detached concurrently, which commits on its way', async () => {
    await db.query(`select lethe.hold_rows('case', 'w.visits', 'id = 3', controller => 'north')`)
    await db.query('alter table w.visits detach partition w.y2010 concurrently')
    expect(
      await db.query(`select finding, object from lethe.guard_findings() where finding <> 'unguarded'`),
    ).toEqual([{ finding: 'partition detached', object: 'w.y2010' }])
    await db.query('alter table w.papers add column more int')
    expect(await db.query('select from lethe_private.guarded_relations')).toEqual([])
  })
})

it('guards are made by who owns the table, with the statements printed for it, and nothing else', async () => {
  const statements = (
    await db.query<{ statement: string }>(`select statement from lethe.guard_sql('w.visits')`)
  ).map((row) => row.statement)
  const grants = statements.filter((statement) => statement.startsWith('grant'))
  for (const statement of grants) await db.query(statement)
  const client = await db.connect()
  await client.query(`set role ${HOST}`)
  for (const statement of statements.filter((text) => !grants.includes(text))) await client.query(statement)
  await client.query('reset role')
  expect(
    await rowsOf(
      client,
      `select count(*)::int from lethe.guard_sql('w.visits') where statement like 'grant%'`,
    ),
  ).toEqual([{ count: 0 }])
  await holdPerson('1')
  await refused('delete from w.visits where id = 3')
  for (const { statement } of await db.query<{ statement: string }>(
    `select statement from lethe.unguard_sql('w.visits')`,
  ))
    await db.query(statement)
  await db.query('delete from w.visits where id = 3')
  await client.end()
})
