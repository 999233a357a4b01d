/** Partitions that are purged whole, and every reason not to. */
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runCycle as drive } from '../../src/cycle.ts'
import { detachPartition } from '../../src/db/cycle.ts'
import { examine } from '../../src/install/doctor.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, grantMissing, rowsOf, runCycle } from '../helpers/engine.ts'

const HOST = 'lethe_test_partition_host'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    select lethe.set_controller('north', 'Europe/Paris', 'n'), lethe.set_controller('south', 'Asia/Kolkata', 's');
    do $$ begin
      if not exists (select from pg_roles where rolname = '${HOST}') then create role ${HOST}; end if;
    end $$;
    create schema w authorization ${HOST}`)
})
afterAll(() => db.drop())

beforeEach(async () => {
  await db.query(`
    update lethe.cycles set state = 'incomplete', finished_at = now() where state = 'open';
    delete from lethe.holds;
    delete from lethe.managed_tables;
    update lethe.settings set batch_rows = 5000, lock_timeout = '2 seconds', attempts_max = 5;
    revoke ${HOST} from lethe_dropper;
    drop schema w cascade;
    create schema w authorization ${HOST};
    set role ${HOST};
    create table w.events (id int, owner text, at date, note text, primary key (id, at)) partition by range (at);
    create table w.y2010 partition of w.events for values from ('2010-01-01') to ('2011-01-01');
    create table w.y2011 partition of w.events for values from ('2011-01-01') to ('2012-01-01');
    create table w.y2012 partition of w.events for values from ('2012-01-01') to ('2013-01-01');
    create table w.y2020 partition of w.events for values from ('2020-01-01') to ('2100-01-01');
    create table w.other partition of w.events default;
    insert into w.events select i, 'n', date '2010-01-01' + i, 'n' || i from generate_series(1, 300) as i;
    insert into w.events select i, 'n', date '2011-01-01' + i, 'n' || i from generate_series(1, 200) as i;
    insert into w.events select i, 'n', current_date - i, 'n' || i from generate_series(1, 50) as i;
    reset role`)
})

const one = async (text: string): Promise<unknown> => Object.values((await db.query(text))[0]!)[0]

async function manage(how = 'drop', after = 'P1Y'): Promise<void> {
  await db.query(`
    select lethe.manage_table('w.events', controller_column => 'owner', partitions => '${how}');
    select lethe.set_rule('w.events', 'purge', '${after}', since => '{at}')`)
}

async function cycle(): Promise<string> {
  await grantMissing(db)
  return runCycle(db, 'north')
}

/** What became of the partitions of the last cycle. */
const fates = (): Promise<unknown> =>
  one(`select coalesce(jsonb_object_agg(partition, coalesce(cause ->> 'why', cause ->> 'sqlstate', how)), '{}')
    from lethe.partition_purges where cycle_id = (select max(id) from lethe.cycles)`)

const partitions = (): Promise<unknown> =>
  one(`select array_agg(relid::text order by relid::text) from pg_partition_tree('w.events') where isleaf`)

const evidence = async (): Promise<unknown> =>
  (
    await db.query(
      `select due, done, held, kept_by_child, unclocked, left_over from lethe.evidence where cycle_id = (select max(id) from lethe.cycles) and rule = 'purge'`,
    )
  )[0]

const ALL = ['w.other', 'w.y2010', 'w.y2011', 'w.y2012', 'w.y2020']
const hold = (key: string | null): Promise<unknown> =>
  db.query(
    `with h as (insert into lethe.holds (reason) values ('trial') returning id)
    insert into lethe_private.held_keys (hold_id, table_id, key) select h.id, m.id, $1 from h, lethe.managed_tables as m`,
    [key],
  )

describe('a partition of which every row is due', () => {
  it('is dropped; an empty one, the current one and the default stay', async () => {
    await db.query(`insert into w.events values (7, 'n', '2005-05-05', 'in the default partition')`)
    await manage()
    expect(await cycle()).toBe('complete')
    expect(await partitions()).toEqual(['w.other', 'w.y2012', 'w.y2020'])
    expect(await fates()).toEqual({ 'w.y2010': 'dropped', 'w.y2011': 'dropped' })
    expect(await evidence()).toEqual({
      due: 501,
      done: 501,
      held: 0,
      kept_by_child: 0,
      unclocked: 0,
      left_over: 0,
    })
    expect(await one(`select count(*) from w.events`)).toBe(50)
  })

  it('is one batch of evidence: count, name, and a keyed root over its keys, in whatever order they lie', async () => {
    await manage()
    const seed = (pad: string): string =>
      `('x' || left(encode(sha256(k.${pad}), 'hex'), 16))::bit(64)::bigint`
    const hash = (pad: string): string =>
      `(select bit_xor(timestamp_hash_extended(at::timestamp, hashint8extended(id, ${seed(pad)}))) from w.y2010)`
    const expected = await one(`
      select encode(lethe.keyed_hash('300,' || ${hash('inner_pad')} || ',' || ${hash('outer_pad')}, k.inner_pad, k.outer_pad), 'hex')
      from lethe_private.controller_keys as k join lethe.controllers as c on c.id = k.controller_id where c.name = 'north'`)
    await cycle()
    expect(
      await db.query(
        `select phase, rows_done, counts, root from lethe.evidence_batches where counts ->> 'partition' = 'w.y2010' order by id desc limit 1`,
      ),
    ).toEqual([
      {
        phase: 'purge',
        rows_done: 300,
        counts: expect.objectContaining({ partition: 'w.y2010', how: 'dropped' }),
        root: expected,
      },
    ])
  })

  it('has its root as a batch has it where the key is text', async () => {
    await db.query(`
      set role ${HOST};
      create table w.mails (mail text, at date, primary key (mail, at)) partition by range (at);
      create table w.m2010 partition of w.mails for values from ('2010-01-01') to ('2011-01-01');
      insert into w.mails select 'é"' || i, '2010-02-02' from generate_series(1, 12) as i;
      reset role;
      select lethe.manage_table('w.mails', 'north', partitions => 'drop'), lethe.set_rule('w.mails', 'purge', 'P1Y', since => '{at}')`)
    const expected = await one(`
      select encode(lethe.keyed_hash((select string_agg(length(x.k) || ':' || x.k, ',' order by x.k collate "C") from (select jsonb_build_array(mail, at)::text as k from w.mails) as x), k.inner_pad, k.outer_pad), 'hex')
      from lethe_private.controller_keys as k join lethe.controllers as c on c.id = k.controller_id where c.name = 'north'`)
    expect(await cycle()).toBe('complete')
    expect(
      await one(`select root from lethe.evidence_batches where counts ->> 'partition' = 'w.m2010'`),
    ).toBe(expected)
  })

  it('is left to DELETE unless the policy says otherwise', async () => {
    await manage('delete')
    expect(await cycle()).toBe('complete')
    expect(await partitions()).toEqual(ALL)
    expect(await one(`select count(*) from w.events`)).toBe(50)
    expect(await fates()).toEqual({})
  })

  it('is detached where the policy says so, and stands on the list until its table is gone', async () => {
    await manage('detach')
    expect(await cycle()).toBe('complete')
    expect(await partitions()).toEqual(['w.other', 'w.y2012', 'w.y2020'])
    expect(await one('select count(*) from w.y2010')).toBe(300)
    expect(
      await db.query(`select table_name, detached_from, rows from lethe.detached_partitions order by 1`),
    ).toEqual([
      { table_name: 'w.y2010', detached_from: 'w.events', rows: 300 },
      { table_name: 'w.y2011', detached_from: 'w.events', rows: 200 },
    ])
    expect((await examine(db.url)).detached).toMatchObject([
      { table_name: 'w.y2010' },
      { table_name: 'w.y2011' },
    ])
    const status = await lethe(['status', '--controller', 'north'], { databaseUrl: db.url })
    expect(status.code).toBe(1)
    expect(status.stdout + status.stderr).toContain('drop w.y2010, w.y2011')
    await db.query(`drop table w.y2010; alter table w.y2011 rename to put_by`)
    expect(await db.query(`select table_name from lethe.detached_partitions`)).toEqual([
      { table_name: 'w.put_by' },
    ])
    const auditor = await db.asRole('lethe_auditor')
    expect(await auditor.query(`select table_name from lethe.detached_partitions`)).toEqual([])
    await db.query(
      `alter table w.events attach partition w.put_by for values from ('2011-01-01') to ('2012-01-01')`,
    )
    expect(await db.query(`select table_name from lethe.detached_partitions`)).toEqual([])
  })

  it('is detached plainly from psql where "detach concurrently" is asked for', async () => {
    await manage('detach concurrently')
    expect(await cycle()).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': 'detached', 'w.y2011': 'detached' })
  })
})

describe('a partition of which one row stays', () => {
  it('is not due by the later of two clocks', async () => {
    await db.query(`
      alter table w.events add column seen date; update w.events set seen = at;
      update w.events set seen = current_date where id = 17 and at < '2011-01-01';
      select lethe.manage_table('w.events', controller_column => 'owner', partitions => 'drop');
      select lethe.set_rule('w.events', 'purge', 'P1Y', since => '{at,seen}')`)
    expect(await cycle()).toBe('complete')
    expect(await one(`select array_agg(id) from w.y2010`)).toEqual([17])
    expect(await partitions()).toEqual(['w.other', 'w.y2010', 'w.y2012', 'w.y2020'])
  })

  it('is found by the second look when it lies behind the first thousand rows', async () => {
    await db.query(`
      alter table w.events add column seen date; update w.events set seen = at;
      insert into w.events select i, 'n', '2010-06-06', 'n', '2010-06-06' from generate_series(1001, 3000) as i;
      insert into w.events values (4000, 'n', '2010-06-06', 'young', current_date);
      select lethe.manage_table('w.events', controller_column => 'owner', partitions => 'drop');
      select lethe.set_rule('w.events', 'purge', 'P1Y', since => '{at,seen}')`)
    expect(await cycle()).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': 'rows that stay', 'w.y2011': 'dropped' })
    expect(await one(`select array_agg(id) from w.y2010`)).toEqual([4000])
    expect(await evidence()).toMatchObject({ due: 2500, done: 2500, left_over: 0 })
  })

  it("belongs to another controller, whose cycle may drop it when nobody else's is left", async () => {
    await db.query(`update w.events set owner = 's' where id = 5 and at < '2011-01-01'`)
    await manage()
    expect(await cycle()).toBe('complete')
    expect(await one(`select array_agg(id) from w.y2010`)).toEqual([5])
    expect(await runCycle(db, 'south')).toBe('complete')
    expect(await partitions()).toEqual(['w.other', 'w.y2012', 'w.y2020'])
    expect(await evidence()).toMatchObject({ due: 1, done: 1 })
  })

  it('has no clock, or is held', async () => {
    await db.query(`
      alter table w.events add column seen date; update w.events set seen = at;
      update w.events set seen = null where id = 3;
      select lethe.manage_table('w.events', controller_column => 'owner', partitions => 'drop');
      select lethe.set_rule('w.events', 'purge', 'P1Y', since => '{seen}')`)
    await hold('[4, "2010-01-05"]')
    expect(await cycle()).toBe('complete')
    expect(await one(`select array_agg(id order by id) from w.y2010`)).toEqual([3, 4])
    expect(await one(`select array_agg(id order by id) from w.y2011`)).toEqual([3])
    expect(await evidence()).toMatchObject({ due: 498, done: 497, held: 1, unclocked: 3, left_over: 0 })
  })

  it('is held with the whole table', async () => {
    await manage()
    await hold(null)
    expect(await cycle()).toBe('complete')
    expect(await partitions()).toEqual(ALL)
    expect(await one('select count(*) from w.events')).toBe(550)
  })
})

describe('a partition to which rows of today would go', () => {
  it.each([
    ['open at its end', `partition by range (at)`, `for values from ('2000-01-01') to (maxvalue)`],
    ['of a list that has no end', `partition by list (owner)`, `for values in ('n')`],
    ['of a range that is not of time', `partition by range (id)`, `for values from (1) to (1000)`],
    ['by hash', `partition by hash (id)`, `for values with (modulus 1, remainder 0)`],
    [
      'of a range that begins with something else than a time',
      `partition by range (owner, at)`,
      `for values from ('a', '2010-01-01') to ('o', '2011-01-01')`,
    ],
  ])('goes row by row: %s', async (_, by, bound) => {
    await db.query(`
      set role ${HOST};
      create table w.open (id int, owner text, at date, primary key (id, owner, at)) ${by};
      create table w.open_1 partition of w.open ${bound};
      insert into w.open select i, 'n', '2010-01-01' from generate_series(1, 20) as i;
      reset role;
      select lethe.manage_table('w.open', controller_column => 'owner', partitions => 'drop');
      select lethe.set_rule('w.open', 'purge', 'P1Y', since => '{at}')`)
    expect(await cycle()).toBe('complete')
    expect(await one('select count(*) from w.open_1')).toBe(0)
    expect(await fates()).toEqual({})
    await db.query(`insert into w.open values (1, 'n', current_date)`)
  })
})

describe('partitions of partitions', () => {
  beforeEach(() =>
    db.query(`
      set role ${HOST};
      drop table w.y2012;
      create table w.y2012 partition of w.events for values from ('2012-01-01') to ('2013-01-01') partition by range (id);
      create table w.y2012n partition of w.y2012 for values from (1) to (200);
      create table w.y2012s partition of w.y2012 for values from (200) to (400);
      insert into w.events select i, 'n', date '2012-01-01' + i, 'n' from generate_series(150, 249) as i;
      reset role`),
  )

  it('go as one branch when all that is in it leaves', async () => {
    await manage()
    expect(await cycle()).toBe('complete')
    expect(await fates()).toMatchObject({ 'w.y2012': 'dropped' })
    expect(await partitions()).toEqual(['w.other', 'w.y2020'])
    expect(await evidence()).toMatchObject({ due: 600, done: 600, left_over: 0 })
  })

  it('go one by one when something in the branch stays', async () => {
    await db.query(`insert into w.events values (399, 's', '2012-03-03', 's')`)
    await manage()
    expect(await cycle()).toBe('complete')
    expect(await partitions()).toEqual(['w.other', 'w.y2012s', 'w.y2020'])
    expect(await one('select array_agg(id) from w.y2012')).toEqual([399])
    expect(await evidence()).toMatchObject({ due: 600, done: 600, left_over: 0 })
  })

  it('below a list go by themselves, and the branch stays for the rows of tomorrow', async () => {
    await db.query(`
      set role ${HOST};
      create table w.sites (id int, owner text, at date, primary key (id, owner, at)) partition by list (owner);
      create table w.site_n partition of w.sites for values in ('n') partition by range (at);
      create table w.site_n2010 partition of w.site_n for values from ('2010-01-01') to ('2011-01-01');
      create table w.site_n2030 partition of w.site_n for values from ('2011-01-01') to ('2100-01-01');
      insert into w.sites select i, 'n', '2010-05-05' from generate_series(1, 30) as i;
      reset role;
      select lethe.manage_table('w.sites', controller_column => 'owner', partitions => 'drop');
      select lethe.set_rule('w.sites', 'purge', 'P1Y', since => '{at}')`)
    expect(await cycle()).toBe('complete')
    expect(await fates()).toEqual({ 'w.site_n2010': 'dropped' })
    await db.query(`insert into w.sites values (1, 'n', current_date)`)
  })

  it('are looked at by themselves where the branch has a default partition', async () => {
    await db.query(`set role ${HOST}; create table w.y2012_other partition of w.y2012 default; reset role`)
    await manage()
    expect(await cycle()).toBe('complete')
    expect(await partitions()).toEqual(['w.other', 'w.y2012_other', 'w.y2020'])
  })
})

describe('what stands in the way', () => {
  it('a view that reads the partition: its rows are deleted, the view stays, and the evidence has the cause', async () => {
    await db.query(`create view w.old as select * from w.y2010`)
    await manage()
    expect(await cycle()).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': '2BP01', 'w.y2011': 'dropped' })
    expect(await one('select count(*) from w.old')).toBe(0)
    expect(await evidence()).toMatchObject({ due: 500, done: 500, left_over: 0 })
  })

  it('a trigger on DELETE, which a DROP would not fire', async () => {
    await db.query(`
      create table w.tally (n int);
      create function w.count_it() returns trigger language plpgsql security definer as $$ begin insert into w.tally values (1); return old; end $$;
      create trigger count_it after delete on w.events for each row execute function w.count_it()`)
    await manage()
    expect(await cycle()).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': 'a trigger on DELETE', 'w.y2011': 'a trigger on DELETE' })
    expect(await one('select count(*) from w.tally')).toBe(500)
    expect(await partitions()).toEqual(ALL)
  })

  it('a row of another table that refers to one of its rows; without one, a foreign key does not matter', async () => {
    await db.query(`
      set role ${HOST};
      create table w.notes (id int primary key, event int, at date, foreign key (event, at) references w.events);
      create index on w.notes (event, at);
      insert into w.notes values (1, 9, '2010-01-10'), (2, 1, current_date - 1);
      reset role`)
    await manage()
    expect(await cycle()).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': 'rows that others refer to', 'w.y2011': 'dropped' })
    expect(await one(`select array_agg(id) from w.y2010`)).toEqual([9])
    expect(await evidence()).toMatchObject({ due: 500, done: 499, kept_by_child: 1, left_over: 0 })
    expect((await refusal(db.query(`insert into w.notes values (3, 99, '2011-04-10')`))).code).toBe('23503')
  })

  it('a row that would go with it, or that a link declares without a foreign key', async () => {
    await db.query(`
      set role ${HOST};
      create table w.notes (id int primary key, event int, at date, foreign key (event, at) references w.events on delete cascade);
      create index on w.notes (event, at);
      create table w.marks (id int primary key, event int, at date); create index on w.marks (event, at);
      insert into w.notes values (1, 9, '2010-01-10');
      insert into w.marks values (1, 9, '2011-01-10');
      reset role`)
    await manage()
    await db.query(`
      select lethe.manage_table('w.notes', 'north'), lethe.manage_table('w.marks', 'north');
      select lethe.set_link('w.notes', on_purge => 'with parent'),
        lethe.set_link('w.marks', 'w.events', '{event,at}', '{id,at}')`)
    expect(await cycle()).toBe('complete')
    expect(await fates()).toEqual({
      'w.y2010': 'rows that others refer to',
      'w.y2011': 'rows that others refer to',
    })
    expect(await one('select count(*) from w.notes')).toBe(0)
    expect(await one(`select array_agg(id) from w.y2011`)).toEqual([9])
  })

  it('a foreign table among the partitions, which leaves the whole without a key to manage it by', async () => {
    await db.query(`
      create table w.mixed (id int not null, at date not null) partition by range (at);
      create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere;
      create foreign table w.far partition of w.mixed for values from ('2012-01-01') to ('2013-01-01') server nowhere;
      create table w.near partition of w.mixed for values from ('2013-01-01') to ('2014-01-01')`)
    expect(
      (await refusal(db.query(`select lethe.manage_table('w.mixed', 'north', partitions => 'drop')`))).code,
    ).toBe('LE201')
    expect(
      await db.query(
        `select lethe_private.host_name(partition) as name from lethe_private.whole_partitions('w.mixed'::regclass)`,
      ),
    ).toEqual([{ name: 'w.near' }])
    await db.query('drop foreign data wrapper nowhere cascade')
  })

  it('an event trigger that refuses: the rows are deleted, and nothing is half done', async () => {
    await db.query(`
      create function w.refuse() returns event_trigger language plpgsql as $$ begin
        if current_user = 'lethe_dropper' then raise exception 'no drop here, %', current_user; end if; end $$;
      create event trigger refuse on sql_drop execute function w.refuse()`)
    try {
      await manage()
      expect(await cycle()).toBe('complete')
      expect(await fates()).toEqual({ 'w.y2010': 'P0001', 'w.y2011': 'P0001' })
      expect(await one('select count(*) from w.events')).toBe(50)
    } finally {
      await db.query('drop event trigger refuse')
    }
  })
})

describe('rights', () => {
  it("are the owner's role, granted to lethe_dropper; without it rows are deleted and the grant is named", async () => {
    await manage()
    const missing = await db.query<{ object: string; need: string; remedy: string }>(
      'select * from lethe.missing_rights()',
    )
    const grant = missing.find(({ need }) => need.startsWith('lethe_dropper'))!
    expect(grant).toMatchObject({ object: 'w.events', need: `lethe_dropper: the rights of owner ${HOST}` })
    for (const { remedy } of missing.filter((right) => right !== grant)) await db.query(remedy)
    expect(
      await db.query(`select step from lethe.preview('w.events', 'north') where step ~ 'y2010'`),
    ).toEqual([{ step: 'partitions: drop w.y2010 (row by row: lethe.missing_rights has the grant)' }])
    expect(await runCycle(db, 'north')).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': '42501', 'w.y2011': '42501' })
    expect(await one('select count(*) from w.events')).toBe(50)
    await db.query(grant.remedy)
    expect(await db.query('select * from lethe.missing_rights()')).toEqual([])
  })

  it('of a superuser are never asked for', async () => {
    await db.query(`alter table w.events owner to current_user`)
    await manage()
    const remedies = await db.query<{ remedy: string }>(
      `select remedy from lethe.missing_rights() where need ~ 'dropper'`,
    )
    expect(remedies.map(({ remedy }) => remedy)).toContainEqual(expect.stringMatching(/^-- .*superuser/))
    const superuser = await one('select quote_ident(current_user)')
    for (const { remedy } of remedies) expect(remedy).not.toContain(`grant ${superuser} to`)
    await grantMissing(db)
  })

  it('of lethe_dropper are over nothing of Lethe, and lethe_sweeper has not become an owner', async () => {
    await manage()
    await grantMissing(db)
    expect(await one(`select pg_has_role('lethe_sweeper', '${HOST}', 'member')`)).toBe(false)
    expect(
      await db.query(`
        select c.relname from pg_class as c where c.relnamespace in ('lethe'::regnamespace, 'lethe_private'::regnamespace) and c.relkind in ('r', 'v')
          and has_table_privilege('lethe_dropper', c.oid, 'select, insert, update, delete')`),
    ).toEqual([])
    expect(await db.query(`select proname from pg_proc where proowner = 'lethe_dropper'::regrole`)).toEqual([
      { proname: 'as_dropper' },
    ])
  })

  it('are used by nobody else: a function that has been altered is refused', async () => {
    await manage()
    await grantMissing(db)
    await db.query(`alter function lethe_private.as_dropper(text) security invoker`)
    expect(await runCycle(db, 'north')).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': 'LE505', 'w.y2011': 'LE505' })
    await db.query(`alter function lethe_private.as_dropper(text) security definer`)
  })

  it('cannot be used by a worker directly', async () => {
    const worker = await db.asRole('lethe_worker')
    expect((await refusal(worker.query(`select lethe_private.as_dropper('drop table w.y2010')`))).code).toBe(
      '42501',
    )
  })
})

describe('the policy', () => {
  it('refuses the option by name on a table without partitions, and a word it does not know', async () => {
    await db.query(`create table w.plain (id int primary key, at date)`)
    expect(
      await refusal(db.query(`select lethe.manage_table('w.plain', 'north', partitions => 'drop')`)),
    ).toMatchObject({
      code: 'LE204',
      message: 'table w.plain is not partitioned, so it has no partition to drop',
    })
    expect(
      await refusal(db.query(`select lethe.manage_table('w.events', 'north', partitions => 'truncate')`)),
    ).toMatchObject({
      code: 'LE106',
    })
    await db.query(`select lethe.manage_table('w.plain', 'north', partitions => 'delete')`)
  })

  it('is applied from a document and exported to it', async () => {
    const document = {
      version: 1,
      controllers: {
        north: { time_zone: 'Europe/Paris', reference: 'n' },
        south: { time_zone: 'Asia/Kolkata', reference: 's' },
      },
      tables: {
        'w.events': {
          controller: { column: 'owner' },
          since: 'at',
          purge: { after: 'P1Y' },
          partitions: 'detach concurrently',
        },
      },
    }
    await db.query('select lethe.apply_policy($1)', [JSON.stringify(document)])
    expect(await one(`select lethe.export_policy() #>> '{tables,w.events,partitions}'`)).toBe(
      'detach concurrently',
    )
    expect(await db.query('select lethe.apply_policy(lethe.export_policy())')).toEqual([])
  })

  it('shows the statements, in the order in which they are run', async () => {
    await manage()
    await grantMissing(db)
    expect(
      await db.query(`select step, statement from lethe.preview('w.events', 'north') where step ~ 'y201'`),
    ).toEqual([
      {
        step: 'partitions: drop w.y2010',
        statement:
          'lock table w.y2010 in exclusive mode;\nlock table only w.events in access exclusive mode;\ndrop table w.y2010',
      },
      {
        step: 'partitions: drop w.y2011',
        statement:
          'lock table w.y2011 in exclusive mode;\nlock table only w.events in access exclusive mode;\ndrop table w.y2011',
      },
    ])
  })

  it('may change between the first look and the drop: then the partition stays', async () => {
    await manage()
    await grantMissing(db)
    const step = await listed()
    await db.query(`select lethe.set_rule('w.events', 'purge', 'P90Y', since => '{at}')`)
    expect(await toTheEnd(step)).toBe('done')
    expect(await partitions()).toEqual(ALL)
    expect(await one('select count(*) from w.events')).toBe(550)
  })
})

/** An open cycle that has looked at the partitions once. */
async function listed(): Promise<(client?: pg.Client) => Promise<string>> {
  const [row] = await db.query<{ cycle: number; table_id: number }>(`
    select s.cycle, m.id as table_id from lethe.start_cycle('north') as s (cycle), lethe.managed_tables as m where m.table_name = 'events'`)
  const step = async (client?: pg.Client): Promise<string> =>
    (
      await rowsOf<{ state: string }>(client ?? db, 'select (lethe.sweep_step($1, $2)).state', [
        row!.cycle,
        row!.table_id,
      ])
    )[0]!.state
  expect(await step()).toBe('discovered')
  return step
}

async function toTheEnd(step: () => Promise<string>): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const state = await step()
    if (['done', 'failed'].includes(state)) return state
  }
  throw new Error('the table is never done')
}

const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms))

describe('between the first look and the drop', () => {
  beforeEach(async () => {
    await db.query('alter table w.events add column seen date; update w.events set seen = at')
    await db.query(`
      select lethe.manage_table('w.events', controller_column => 'owner', partitions => 'drop');
      select lethe.set_rule('w.events', 'purge', 'P1Y', since => '{at,seen}')`)
    await grantMissing(db)
  })

  it('a row that is inserted keeps the partition', async () => {
    const step = await listed()
    await db.query(`insert into w.events values (777, 'n', '2010-07-07', 'new', current_date)`)
    expect(await toTheEnd(step)).toBe('done')
    expect(await one('select array_agg(id) from w.y2010')).toEqual([777])
  })

  it('a row whose INSERT is not committed yet is waited for, and keeps the partition', async () => {
    const step = await listed()
    const app = await db.connect()
    await app.query('begin')
    await app.query(`insert into w.events values (777, 'n', '2010-07-07', 'new', current_date)`)
    const waiting = step()
    await pause(300)
    await app.query('commit')
    expect(await waiting).toBe('swept')
    expect(await toTheEnd(step)).toBe('done')
    expect(await one('select array_agg(id) from w.y2010')).toEqual([777])
  })

  it('a hold that is placed keeps the partition', async () => {
    const step = await listed()
    await hold('[8, "2010-01-09"]')
    expect(await toTheEnd(step)).toBe('done')
    expect(await one('select array_agg(id) from w.y2010')).toEqual([8])
  })

  it('a view that is made, or the partition renamed, leads to DELETE', async () => {
    const step = await listed()
    await db.query(`alter table w.y2010 rename to old_one; create view w.v as select id from w.y2011`)
    expect(await toTheEnd(step)).toBe('done')
    expect(await one('select count(*) from w.events')).toBe(50)
    expect(
      await one(
        `select array_agg(relid::text order by relid::text) from pg_partition_tree('w.events') where isleaf`,
      ),
    ).toContain('w.y2011')
  })

  it.each([
    ['the partition', 'y2010'],
    ['the table', 'events'],
  ])('a lock on %s that is held for long is not waited for: retry, and rows at last', async (_, name) => {
    await db.query(
      `update lethe.settings set lock_timeout = '100 milliseconds', attempts_max = 2; drop table w.y2011`,
    )
    const step = await listed()
    const app = await db.connect()
    await app.query('begin')
    await app.query(`select from w.${name} limit 1`)
    if (name === 'y2010') await app.query(`update w.y2010 set note = 'mine' where id = 1`)
    expect(await step()).toBe('retry')
    expect(await step()).toBe('swept')
    expect(await fates()).toEqual({ 'w.y2010': '55P03' })
    expect(await one('select count(*) from w.y2010')).toBe(300)
    await app.query('commit')
    await app.end()
    expect(await toTheEnd(step)).toBe('done')
    expect(await one('select count(*) from w.events')).toBe(50)
  })

  it('rows of the partition can be read, and other partitions written, while it is read for the drop', async () => {
    const step = await listed()
    const sweeper = await db.connect()
    await sweeper.query('begin')
    // The parent is held by a reader, so that the step stays between its two locks.
    const reader = await db.connect()
    await reader.query('begin; select count(*) from w.events')
    const waiting = step(sweeper)
    await pause(50)
    const app = await db.connect()
    await app.query(`set statement_timeout = '5s'`)
    expect((await app.query('select count(*)::int as n from w.y2010')).rows).toEqual([{ n: 300 }])
    expect(await waiting).toBe('retry')
    await sweeper.query('commit')
    await app.query(`insert into w.events values (1, 'n', current_date, 'x', current_date) `)
    await reader.query('commit')
    expect(await toTheEnd(step)).toBe('done')
    expect(await partitions()).toEqual(['w.other', 'w.y2012', 'w.y2020'])
  })

  it('a backend that is terminated in the midst leaves the partition and no evidence, and the next step goes on', async () => {
    const step = await listed()
    const victim = await db.connect()
    const [{ pid }] = (await victim.query('select pg_backend_pid() as pid')).rows as [{ pid: number }]
    const reader = await db.connect()
    await reader.query('begin; select count(*) from w.events')
    const dying = step(victim).then(
      () => 'lived',
      () => 'died',
    )
    await pause(150)
    await db.query(`select pg_terminate_backend(${pid})`)
    expect(await dying).toBe('died')
    await reader.query('commit')
    expect(
      await one(
        `select count(*) from lethe.evidence_batches where cycle_id = (select max(id) from lethe.cycles)`,
      ),
    ).toBe(0)
    expect(await partitions()).toEqual(ALL)
    expect(await toTheEnd(step)).toBe('done')
    expect(await partitions()).toEqual(['w.other', 'w.y2012', 'w.y2020'])
    expect(
      await one(
        `select sum(rows_done) from lethe.evidence_batches where cycle_id = (select max(id) from lethe.cycles)`,
      ),
    ).toBe(500)
  })
})

describe('with an application at work', () => {
  it('no row that was committed is ever lost, and none that is due is left', async () => {
    await db.query(`
      alter table w.events add column seen date; update w.events set seen = at;
      insert into w.events select i, 'n', date '2010-01-01' + i % 360, 'n', '2010-06-06' from generate_series(1001, 9000) as i;
      select lethe.manage_table('w.events', controller_column => 'owner', partitions => 'drop');
      select lethe.set_rule('w.events', 'purge', 'P1Y', since => '{at,seen}')`)
    await grantMissing(db)
    let running = true
    const kept: number[] = []
    const refused: string[] = []
    const app = async (n: number): Promise<void> => {
      const client = await db.connect()
      for (let i = 0; running && i < 400; i++) {
        const id = n * 100_000 + i
        // Straight into the partitions that are going: young by their second clock. Once one is gone, the default takes them.
        await client
          .query(`insert into w.events values ($1, 'n', date '2010-01-01' + $2::int, 'app', current_date)`, [
            id,
            i % 700,
          ])
          .then(
            () => kept.push(id),
            (error: { code: string }) => refused.push(error.code),
          )
        await pause(2)
      }
    }
    const apps = [app(1), app(2)]
    const runner = await db.connect()
    await pause(30)
    for (let i = 0; i < 3; i++) await runner.query(`call lethe.run_cycle('north')`)
    running = false
    await Promise.all(apps)
    expect(refused).toEqual([])
    const there = new Set(
      (await db.query<{ id: number }>('select id from w.events where id >= 100000')).map((row) => row.id),
    )
    expect(kept.filter((id) => !there.has(id))).toEqual([])
    expect(kept.length).toBeGreaterThan(20)
    expect(await runCycle(db, 'north')).toBe('complete')
    expect(
      await one(
        `select count(*) from w.events where greatest(at, seen) < current_date - interval '13 months'`,
      ),
    ).toBe(0)
  })

  it('its transaction is never the one that a deadlock ends', async () => {
    await manage()
    await grantMissing(db)
    const step = await listed()
    const app = await db.connect()
    await app.query(`begin; select count(*) from w.events`)
    const waiting = step()
    await pause(100)
    // Holds the parent, and now waits for the partition, while the step waits for the parent.
    await app.query(`update w.events set note = 'changed' where at < '2011-01-01'`)
    expect(await waiting).toBe('retry')
    await app.query('commit')
    expect(await toTheEnd(step)).toBe('done')
    expect(await one('select count(*) from w.events')).toBe(50)
  })
})

describe('detach concurrently', () => {
  beforeEach(async () => {
    await db.query(`
      drop table w.other; alter table w.events add column seen date; update w.events set seen = at;
      select lethe.manage_table('w.events', controller_column => 'owner', partitions => 'detach concurrently');
      select lethe.set_rule('w.events', 'purge', 'P1Y', since => '{at,seen}')`)
    await grantMissing(db)
  })

  /** A driver of a login that may become lethe_dropper. */
  async function driver(): Promise<pg.Client> {
    const client = await (await db.asRole('lethe_worker', 'lethe_dropper')).connect()
    await client.query(`set role lethe_worker`)
    await client.query(`set lethe.driver_detaches = 'on'`)
    return client
  }
  const ids = async (): Promise<[number, number]> => {
    const [row] = await db.query<{ cycle: number; id: number }>(
      `select max(c.id) as cycle, (select id from lethe.managed_tables) as id from lethe.cycles as c`,
    )
    return [row!.cycle, row!.id]
  }
  /** PostgreSQL leaves the bound behind as a CHECK when it has detached concurrently, and only then. */
  const bounds = `select count(*) from pg_constraint where contype = 'c' and conrelid in (select c.oid from pg_class as c where c.relname ~ '^y201')`

  it('is run at the top level by the driver, and read again before it counts as done', async () => {
    const login = await db.asRole('lethe_worker', 'lethe_dropper')
    const [result] = await drive({ databaseUrl: login.url, controller: 'north' })
    expect(result!.state).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': 'detached', 'w.y2011': 'detached' })
    expect(await partitions()).toEqual(['w.y2012', 'w.y2020'])
    expect(await one(bounds)).toBe(2)
    expect(await evidence()).toMatchObject({ due: 500, done: 500, left_over: 0 })
  })

  it.each([
    ['a login that may not become lethe_dropper', ['lethe_worker'], ''],
    [
      'a default partition, beside which PostgreSQL refuses it',
      ['lethe_worker', 'lethe_dropper'],
      `set role ${HOST}; create table w.other partition of w.events default; reset role`,
    ],
  ])('falls back to a plain detach with %s', async (_, roles, before) => {
    await db.query(before)
    const login = await db.asRole(...roles)
    const [result] = await drive({ databaseUrl: login.url, controller: 'north' })
    expect(result!.state).toBe('complete')
    expect(await fates()).toEqual({ 'w.y2010': 'detached', 'w.y2011': 'detached' })
    expect(await one(bounds)).toBe(0)
  })

  it('a row that is written before PostgreSQL has detached it brings the partition back', async () => {
    const step = await listed()
    const client = await driver()
    expect(await step(client)).toBe('detach')
    await db.query(`insert into w.events values (777, 'n', '2010-07-07', 'new', current_date)`)
    await detachPartition(client, ...(await ids()))
    expect(await one(`select relispartition from pg_class where oid = 'w.y2010'::regclass`)).toBe(false)
    expect(await step(client)).toBe('swept')
    expect(await fates()).toMatchObject({ 'w.y2010': 'rows that stay' })
    expect(await db.query('select from lethe.detached_partitions')).toEqual([])
    expect(await toTheEnd(step)).toBe('done')
    expect(await one('select array_agg(id) from w.y2010')).toEqual([777])
    expect(await one('select count(*) from w.events')).toBe(51)
  })

  it('that was cut off half way is finished by the next step, whoever drives it', async () => {
    const step = await listed()
    const client = await driver()
    expect(await step(client)).toBe('detach')
    const reader = await db.connect()
    await reader.query('begin; select count(*) from w.events')
    await client.query(`reset role; set role lethe_dropper; set statement_timeout = '300ms'`)
    const failure = await refusal(client.query('alter table w.events detach partition w.y2010 concurrently'))
    expect(failure.code).toBe('57014')
    await reader.query('commit')
    expect(await one(`select inhdetachpending from pg_inherits where inhrelid = 'w.y2010'::regclass`)).toBe(
      true,
    )
    expect(await toTheEnd(step)).toBe('done')
    expect(await fates()).toEqual({ 'w.y2010': 'detached', 'w.y2011': 'detached' })
    expect(await evidence()).toBeUndefined()
    expect(await one(`select rows from lethe.detached_partitions where table_name = 'w.y2010'`)).toBe(300)
  })

  it('that nobody ran is a plain detach in the next step', async () => {
    const step = await listed()
    const client = await driver()
    expect(await step(client)).toBe('detach')
    expect(await toTheEnd(step)).toBe('done')
    expect(await fates()).toEqual({ 'w.y2010': 'detached', 'w.y2011': 'detached' })
  })
})

describe('whatever the data, the end is the same as row by row', () => {
  it('in rows, and in figures', async () => {
    let wholes = 0
    await db.query(`
      set role ${HOST};
      create table w.notes (id int primary key, event int, at date, foreign key (event, at) references w.events);
      create index on w.notes (event, at); reset role;
      alter table w.events add column seen date`)
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            day: fc.integer({ min: 0, max: 8 * 365 }),
            owner: fc.constantFrom('n', 'n', 'n', 'n', 'n', 's'),
            seen: fc.constantFrom('same', 'same', 'same', 'same', 'now', 'null'),
            held: fc.integer({ min: 0, max: 15 }).map((n) => n === 0),
            child: fc.integer({ min: 0, max: 15 }).map((n) => n === 0),
          }),
          { minLength: 1, maxLength: 40 },
        ),
        fc.constantFrom('drop', 'detach'),
        async (rows, how) => {
          const client = await db.connect()
          const ends: unknown[] = []
          let whole = 0
          for (const partitions of ['delete', how]) {
            await client.query('begin')
            await client.query('truncate w.events, w.notes')
            for (const quarter of [2014, 2015, 2016, 2017, 2018, 2019])
              await client.query(
                `create table w.q${quarter} partition of w.events for values from ('${quarter}-01-01') to ('${quarter + 1}-01-01'); alter table w.q${quarter} owner to ${HOST}`,
              )
            await client.query(
              `insert into w.events select (r ->> 'id')::int, r ->> 'owner', date '2013-06-01' + (r ->> 'day')::int, '',
                 case r ->> 'seen' when 'same' then date '2013-06-01' + (r ->> 'day')::int when 'now' then current_date end
               from jsonb_array_elements($1) as r`,
              [JSON.stringify(rows.map((row, id) => ({ id, ...row })))],
            )
            await client.query(
              `insert into w.notes select (r ->> 'id')::int, (r ->> 'id')::int, date '2013-06-01' + (r ->> 'day')::int
               from jsonb_array_elements($1) as r where (r ->> 'child')::boolean`,
              [JSON.stringify(rows.map((row, id) => ({ id, ...row })))],
            )
            await client.query(
              `select lethe.manage_table('w.events', controller_column => 'owner', partitions => '${partitions}');
               select lethe.set_rule('w.events', 'purge', 'P5Y', since => '{seen}')`,
            )
            await client.query(
              `
              with h as (insert into lethe.holds (reason) values ('trial') returning id)
              insert into lethe_private.held_keys (hold_id, table_id, key)
              select h.id, m.id, jsonb_build_array(e.id, e.at)::text from h, lethe.managed_tables as m, w.events as e
              where e.id = any ($1)`,
              [rows.flatMap((row, id) => (row.held ? [id] : []))],
            )
            await grantMissing(client)
            const state = await runCycle(client, 'north')
            const [end] = await rowsOf(
              client,
              `
              select (select jsonb_agg(to_jsonb(e) order by e.id) from w.events as e) as rows,
                (select jsonb_agg(to_jsonb(v) - 'cycle_id' - 'table_id') from lethe.evidence as v where v.cycle_id = (select max(id) from lethe.cycles)) as evidence,
                (select sum(b.rows_done) from lethe.evidence_batches as b where b.cycle_id = (select max(id) from lethe.cycles)) as done`,
            )
            const [gone] = await rowsOf<{ n: number }>(
              client,
              `select count(*)::int as n from lethe.partition_purges where how in ('dropped', 'detached') and cycle_id = (select max(id) from lethe.cycles)`,
            )
            whole += gone!.n
            ends.push({ state, ...end })
            await client.query('rollback')
          }
          await client.end()
          wholes += whole
          expect(ends[1]).toEqual(ends[0])
        },
      ),
      { numRuns: 12, seed: 7 },
    )
    expect(wholes).toBeGreaterThan(10)
  }, 240_000)
})
