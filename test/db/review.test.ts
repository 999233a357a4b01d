/** What a DBA who trusts nothing found, each case once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, serverVersion, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, grantMissing, runCycle } from '../helpers/engine.ts'

const OLD = `'2010-01-01'`

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(
    `select lethe.set_controller('north', 'Europe/Paris', 'n'); select lethe.set_controller('east', 'Asia/Tokyo', 'e');
    create schema w;`,
  )
})
afterAll(() => db.drop())

const one = async (text: string): Promise<unknown> => Object.values((await db.query(text))[0]!)[0]

const releaseHolds = () => db.query('update lethe.holds set released_at = now() where released_at is null')

/** Runs the cycle of north, then releases every hold and forgets every table. */
async function cycle(): Promise<string> {
  await grantMissing(db)
  const state = await runCycle(db, 'north')
  await releaseHolds()
  await db.query(
    `select lethe.unmanage_table(format('%I.%I', schema_name, table_name)) from lethe.managed_tables`,
  )
  return state
}

/** Places a hold on one row. */
const hold = (table: string, key: string): string => `
  with h as (insert into lethe.holds (reason) values ('trial') returning id)
  insert into lethe_private.held_keys (hold_id, table_id, key)
  select h.id, m.id, '${key}' from h, lethe.managed_tables as m where format('%I.%I', m.schema_name, m.table_name) = '${table}'`

describe('a purge takes nothing along that was not declared', () => {
  it('through a foreign key to one partition, or to a child table', async () => {
    await db.query(`
      create table w.events (id int, at date not null, primary key (id, at)) partition by range (at);
      create table w.events_old partition of w.events for values from ('2000-01-01') to ('2022-01-01');
      create table w.receipts (id int primary key, event int, at date, foreign key (event, at) references w.events_old on delete cascade);
      create index on w.receipts (event, at);
      create table w.base (id int primary key, at date);
      create table w.sub (primary key (id)) inherits (w.base);
      create table w.sub_notes (id int primary key, sub int references w.sub on delete cascade);
      create index on w.sub_notes (sub);
      insert into w.events select i, ${OLD} from generate_series(1, 3) as i;
      insert into w.receipts values (1, 1, ${OLD});
      insert into w.sub values (1, ${OLD}), (2, ${OLD});
      insert into w.sub_notes values (1, 1);
      select lethe.manage_table('w.events', 'north'), lethe.manage_table('w.base', 'north');
      select lethe.set_rule('w.events', 'purge', 'P1Y', since => '{at}'), lethe.set_rule('w.base', 'purge', 'P1Y', since => '{at}')`)
    expect(await cycle()).toBe('complete')
    expect(await one('select count(*) from w.receipts')).toBe(1)
    expect(await one('select count(*) from w.sub_notes')).toBe(1)
    expect(await one('select array_agg(id) from w.events')).toEqual([1])
    expect(await one('select array_agg(id) from w.base')).toEqual([1])
  })

  it('through a foreign key that came after the cycle had begun', async () => {
    await db.query(`
      create table w.docs (id int primary key, at date);
      insert into w.docs select i, ${OLD} from generate_series(1, 3) as i;
      select lethe.manage_table('w.docs', 'north');
      select lethe.set_rule('w.docs', 'purge', 'P1Y', since => '{at}')`)
    await grantMissing(db)
    await db.query(`
      select lethe.start_cycle('north');
      create table w.doc_notes (id int primary key, doc int references w.docs on delete cascade);
      create index on w.doc_notes (doc);
      insert into w.doc_notes values (1, 1)`)
    expect(await cycle()).toBe('complete')
    expect(await one('select count(*) from w.doc_notes')).toBe(1)
    expect(await one('select array_agg(id) from w.docs')).toEqual([1])
  })

  it('that belongs to another controller, and changes none of its rows', async () => {
    await db.query(`
      create table w.patients (id int primary key, site text, at date);
      create table w.visits (id int primary key, site text, patient int references w.patients on delete cascade);
      create table w.calls (id int primary key, site text, patient int references w.patients);
      create index on w.visits (patient); create index on w.calls (patient);
      insert into w.patients select i, 'n', ${OLD} from generate_series(1, 6) as i;
      insert into w.visits values (1, 'n', 1), (2, 'e', 2), (3, null, 3);
      insert into w.calls values (4, 'n', 4), (5, 'e', 5);
      select lethe.manage_table(t, controller_column => 'site') from unnest('{w.patients,w.visits,w.calls}'::text[]) as t;
      select lethe.set_rule('w.patients', 'purge', 'P1Y', since => '{at}');
      select lethe.set_link('w.visits', on_purge => 'with parent'), lethe.set_link('w.calls', on_purge => 'unlink')`)
    await grantMissing(db)
    expect(
      await db.query(
        `select due, kept_by_child from lethe.plan(controller_name => 'north') where rule = 'purge'`,
      ),
    ).toEqual([{ due: 6, kept_by_child: 3 }])
    expect(await cycle()).toBe('complete')
    expect(await one('select array_agg(id order by id) from w.patients')).toEqual([2, 3, 5])
    expect(await one('select array_agg(id order by id) from w.visits')).toEqual([2, 3])
    expect(await one('select array_agg(patient order by id) from w.calls')).toEqual([null, 5])
  })

  it("and a reference of a table to itself is not cut in a row that is held or not the controller's", async () => {
    await db.query(`
      create table w.staff (id int primary key, site text, boss int references w.staff, at date);
      create index on w.staff (boss);
      insert into w.staff values (1, 'n', null, ${OLD}), (2, 'n', 1, now()), (3, 'n', null, ${OLD}), (4, 'e', 3, now()),
        (5, 'n', null, ${OLD}), (6, 'n', 5, now());
      select lethe.manage_table('w.staff', controller_column => 'site');
      select lethe.set_rule('w.staff', 'purge', 'P1Y', since => '{at}');
      select lethe.set_link('w.staff', 'w.staff', on_purge => 'unlink');
      ${hold('w.staff', '2')}`)
    expect(await cycle()).toBe('complete')
    expect(await one(`select string_agg(concat_ws('>', id, boss), ' ' order by id) from w.staff`)).toBe(
      '1 2>1 3 4>3 6',
    )
  })
})

describe('a foreign key that is not enforced', () => {
  it('cascades nothing by itself where it is not enforced: rows declared with their parent go all the same', async () => {
    // Before 18 every foreign key is enforced, and its cascade does the work.
    const enforced = serverVersion() < 18 ? '' : 'not enforced'
    await db.query(`
      create table w.trips (id int primary key, at date);
      create table w.stops (id int primary key, trip int references w.trips on delete cascade ${enforced});
      create index on w.stops (trip);
      insert into w.trips values (1, ${OLD}), (2, now()); insert into w.stops values (1, 1), (2, 2);
      select lethe.manage_table('w.trips', 'north'), lethe.manage_table('w.stops', 'north');
      select lethe.set_rule('w.trips', 'purge', 'P1Y', since => '{at}');
      select lethe.set_link('w.stops', on_purge => 'with parent')`)
    expect(await cycle()).toBe('complete')
    expect(await one('select array_agg(id) from w.stops')).toEqual([2])
  })
})

describe('a unique index under which nulls are equal', () => {
  it.each(['anonymize', 'purge'])('refuses a rule that makes nulls: %s (LE306)', async (action) => {
    await db.query(`
      create table if not exists w.lone (id int primary key, phone text unique nulls not distinct, at date);
      select lethe.manage_table('w.lone', 'north')`)
    await expect(
      refusal(
        db.query(`select lethe.set_rule('w.lone', $1, 'P1Y', 'phone', '{at}', $2)`, [
          action,
          action === 'purge' ? null : 'suppress',
        ]),
      ),
    ).resolves.toMatchObject({ code: 'LE306' })
    await db.query(`select lethe.unmanage_table('w.lone')`)
  })
})

describe('a lock', () => {
  it('on a row that would go along leaves its parent, and fails neither the other rows nor the table', async () => {
    await db.query(`
      create table w.bills (id int primary key, at date, note text);
      create table w.bill_lines (id int primary key, bill int references w.bills on delete cascade);
      create index on w.bill_lines (bill);
      insert into w.bills select i, ${OLD}, 'x' from generate_series(1, 40) as i;
      insert into w.bill_lines select i, i from generate_series(1, 40) as i;
      select lethe.manage_table('w.bills', 'north'), lethe.manage_table('w.bill_lines', 'north');
      select lethe.set_rule('w.bills', 'purge', 'P1Y', since => '{at}');
      select lethe.set_rule('w.bills', 'anonymize', 'P3M', 'note', '{at}', 'suppress');
      select lethe.set_link('w.bill_lines', on_purge => 'with parent');
      update lethe.settings set lock_timeout = '100 ms'`)
    const session = await db.connect()
    await session.query('begin')
    await session.query('select from w.bill_lines where id = 17 for update')
    expect(await cycle()).toBe('incomplete')
    await session.query('rollback')
    expect(await db.query('select id, note from w.bills')).toEqual([{ id: 17, note: null }])
    expect(
      await one(`select skipped_why from lethe.evidence where table_name = 'w.bills' and rule = 'purge'`),
    ).toEqual({ '55P03': 1 })
    await db.query(`update lethe.settings set lock_timeout = default`)
  })
})

describe('a batch that is interrupted', () => {
  it('by a cancel says nothing of the row a trigger was at, and the session gives its lock back when it goes on', async () => {
    await db.query(`
      create table w.slow (id int primary key, email text, at date);
      insert into w.slow values (1, 'zelda@people.example', ${OLD});
      create function w.dawdle() returns trigger language plpgsql as $$ begin
        execute format('select pg_sleep(%s), %L', case when current_setting('statement_timeout') = '0' then 0 else 30 end, old.email);
        return new;
      end $$;
      create trigger dawdle before update on w.slow for each row execute function w.dawdle();
      select lethe.manage_table('w.slow', 'north');
      select lethe.set_rule('w.slow', 'anonymize', 'P1Y', 'email', '{at}', 'suppress')`)
    await grantMissing(db)
    const session = await db.connect()
    await session.query(`set statement_timeout = '1500ms'`)
    const error = await refusal(session.query(`call lethe.run_cycle('north')`))
    expect(error).toMatchObject({ code: '57014' })
    expect(JSON.stringify(error)).not.toContain('zelda')
    await session.query(`set statement_timeout = 0`)
    await session.query(`call lethe.run_cycle('north')`)
    expect(
      (await session.query(`select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`))
        .rowCount,
    ).toBe(0)
    expect(await one('select email from w.slow')).toBeNull()
    await db.query(`select lethe.unmanage_table('w.slow')`)
  })

  it('by a failed ASSERT of a trigger skips that row alone', async () => {
    await db.query(`
      create table w.sure (id int primary key, email text, at date);
      insert into w.sure select i, 'x', ${OLD} from generate_series(1, 5) as i;
      create function w.insist() returns trigger language plpgsql as $$ begin assert new.id <> 3, old.email; return new; end $$;
      create trigger insist before update on w.sure for each row execute function w.insist();
      select lethe.manage_table('w.sure', 'north');
      select lethe.set_rule('w.sure', 'anonymize', 'P1Y', 'email', '{at}', 'suppress')`)
    expect(await cycle()).toBe('incomplete')
    expect(await one('select array_agg(id) from w.sure where email is not null')).toEqual([3])
  })
})

describe('a trigger that changes a setting', () => {
  it.each(['transaction_read_only', 'default_transaction_read_only'])(
    '%s fails its table (LE504) and not the cycle',
    async (setting) => {
      await db.query(`
      drop table if exists w.rigged, w.fine cascade;
      create table w.rigged (id int primary key, email text, at date); create table w.fine (like w.rigged including all);
      insert into w.rigged values (1, 'x', ${OLD}); insert into w.fine values (1, 'x', ${OLD});
      create or replace function w.rig() returns trigger language plpgsql as $$ begin perform set_config('${setting}', 'on', false); return null; end $$;
      create trigger rig after update on w.rigged for each row execute function w.rig();
      select lethe.manage_table(t, 'north'), lethe.set_rule(t, 'anonymize', 'P1Y', 'email', '{at}', 'suppress') from unnest('{w.rigged,w.fine}'::text[]) as t`)
      expect(await cycle()).toBe('incomplete')
      expect(
        await one(
          `select failure ->> 'sqlstate' from lethe.cycle_tables where table_name = 'w.rigged' order by cycle_id desc limit 1`,
        ),
      ).toBe('LE504')
      expect(await one('select email from w.fine')).toBeNull()
    },
  )
})

describe('a predicate that fails on some row', () => {
  it('tells an officer who plans nothing of the row, whosever it is', async () => {
    await db.query(`
      create table w.mixed (id int primary key, site text, email text, at date);
      insert into w.mixed values (1, 'n', 'zelda@people.example', ${OLD}), (2, 'e', '7', ${OLD});
      select lethe.manage_table('w.mixed', controller_column => 'site')`)
    const officer = await db.asRole('lethe_officer')
    await db.query(`select lethe.add_member($1, 'east')`, [
      (await officer.query<{ u: string }>('select session_user as u'))[0]!.u,
    ])
    await officer.query(`select lethe.set_rule('w.mixed', 'purge', 'P1Y', since => '{at}', "when" => 'email::int > 0', controller => 'east');
      select lethe.set_rule('w.mixed', 'anonymize', 'P3M', 'email', '{at}', 'scrub', "when" => 'email::int > 0', controller => 'east')`)
    await db.query(
      `select lethe.set_rule('w.mixed', 'purge', 'P1Y', since => '{at}', "when" => 'email::int > 0', controller => 'north')`,
    )
    await grantMissing(db)
    for (const look of [`lethe.plan()`, `lethe.already_masked('w.mixed')`]) {
      const error = await officer.query(`select * from ${look}`).catch((reason: unknown) => reason)
      expect(JSON.stringify(error) + String(error)).not.toContain('zelda')
    }
    const error = await refusal(db.query(`select * from lethe.plan(controller_name => 'north')`))
    expect(error).toMatchObject({ code: '22P02' })
    expect(JSON.stringify(error) + String(error)).not.toContain('zelda')
    await db.query(`select lethe.unmanage_table('w.mixed')`)
  })
})

describe('rights', () => {
  it("on the schema of a column's type are asked for before the night", async () => {
    await db.query(`
      create schema kinds; create type kinds.mood as enum ('good', 'bad');
      create table w.moods (id int primary key, mood kinds.mood, at date);
      select lethe.manage_table('w.moods', 'north');
      select lethe.set_rule('w.moods', 'anonymize', 'P1Y', 'mood', '{at}', 'constant', '{"value": "bad"}')`)
    expect(await db.query(`select remedy from lethe.missing_rights() where object = 'schema kinds'`)).toEqual(
      [{ remedy: 'grant usage on schema kinds to lethe_sweeper' }],
    )
    await db.query(`insert into w.moods values (1, 'good', ${OLD})`)
    expect(await cycle()).toBe('complete')
    expect(await one('select mood from w.moods')).toBe('bad')
  })
})

describe('whose rows they are', () => {
  it('a column that would cut one reference to another does not mix two controllers up', async () => {
    await db.query(`
      select lethe.set_controller('long', 'UTC', 'nn');
      create table w.cut (id int primary key, site varchar(1), at date);
      insert into w.cut values (1, 'n', ${OLD});
      select lethe.manage_table('w.cut', controller_column => 'site');
      select lethe.set_rule('w.cut', 'purge', 'P1Y', since => '{at}')`)
    await grantMissing(db)
    expect(
      await db.query(`select controller, due from lethe.plan() where rule = 'purge' and due > 0`),
    ).toEqual([{ controller: 'north', due: 1 }])
    await db.query(`select lethe.unmanage_table('w.cut')`)
  })

  it('a column that holds two references as one value is refused (LE203)', async () => {
    await db.query(`
      create collation w.folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      select lethe.set_controller('upper', 'UTC', 'N');
      create table w.folded (id int primary key, site text collate w.folding, at date)`)
    await expect(
      refusal(db.query(`select lethe.manage_table('w.folded', controller_column => 'site')`)),
    ).resolves.toMatchObject({ code: 'LE203' })
  })
})

describe('code of the host', () => {
  beforeAll(async () => {
    await db.query(`
      create schema evil; grant usage on schema evil to public;
      create table evil.loot (who text); grant insert on evil.loot to public;
      create function evil.take() returns void language plpgsql as $$ begin insert into evil.loot values (current_user); end $$;
      create function evil.f(text) returns boolean language plpgsql immutable as $$ begin perform evil.take(); return true; end $$;
      create domain evil.d as text check (evil.f(value));
      create table evil.t (id int primary key, c evil.d, cs evil.d[], x text, at date);
      select lethe.manage_table('evil.t', 'east')`)
  })

  it.each([
    ['a function', `evil.f('x')`],
    ['a quoted function', `"evil" . "f"('x')`],
    ['a literal of an array of domains', `'{x}'::evil.d[] is not null`],
    ['a column whose literals run it', `cs = '{x}'`],
  ])('is not run by a predicate: %s (LE303)', async (_, predicate) => {
    const officer = await db.asRole('lethe_officer')
    await db.query(`select lethe.add_member($1, 'east')`, [
      (await officer.query<{ u: string }>('select session_user as u'))[0]!.u,
    ])
    const set = `select lethe.set_rule('evil.t', 'purge', 'P1Y', since => '{at}', "when" => $1, controller => 'east')`
    await expect(refusal(officer.query(set, [predicate]))).resolves.toMatchObject({ code: 'LE303' })
    const session = await officer.connect()
    await session.query('create domain pg_temp.sly as text check (evil.f(value))')
    await expect(refusal(session.query(set, [`'{x}'::sly[] is not null`]))).resolves.toMatchObject({
      code: 'LE303',
    })
    expect(await one('select count(*) from evil.loot')).toBe(0)
  })

  it('runs as lethe_sweeper where a type of its own has to be asked', async () => {
    await db.query(`
      grant usage on schema evil to lethe_sweeper;
      select lethe.set_rule('evil.t', 'anonymize', 'P1Y', 'c', since => '{at}', method => 'constant', parameters => '{"value": "x"}');
      select lethe.unmanage_table('evil.t');
      select lethe.manage_table('evil.t', controller_column => 'c');
      select lethe.unmanage_table('evil.t')`)
    expect(
      await one(
        `select coalesce(string_agg(distinct who, ','), 'nobody') from evil.loot where who <> 'lethe_sweeper'`,
      ),
    ).toBe('nobody')
  })
})

describe('settings of a session', () => {
  it('do not change the key by which a hold finds its row', async () => {
    await db.query(`
      create table w.blobs (id bytea primary key, at date); create table w.spans (id interval, n float8, at date, primary key (id, n));
      insert into w.blobs values ('\\x01ff', ${OLD}); insert into w.spans values ('1 day 2 hours', 0.1, ${OLD});
      select lethe.manage_table(t, 'north'), lethe.set_rule(t, 'purge', 'P1Y', since => '{at}') from unnest('{w.blobs,w.spans}'::text[]) as t;
      ${hold('w.blobs', '\\x01ff')};
      ${hold('w.spans', '["1 day 02:00:00", 0.1]')}`)
    await grantMissing(db)
    const session = await db.connect()
    await session.query(
      `set bytea_output = escape; set intervalstyle = iso_8601; set extra_float_digits = -10`,
    )
    expect(await runCycle(session, 'north')).toBe('complete')
    expect(await one('select count(*) from w.blobs')).toBe(1)
    expect(await one('select count(*) from w.spans')).toBe(1)
    await releaseHolds()
    await db.query(`select lethe.unmanage_table(t) from unnest('{w.blobs,w.spans}'::text[]) as t`)
  })

  it('standard_conforming_strings = off: a predicate with a backslash means what it meant', async () => {
    await db.query(`
      create table w.files (id int primary key, path text, at date);
      insert into w.files values (1, 'C:\\new', ${OLD}), (2, E'C:\\new', ${OLD}), (3, 'x', ${OLD});
      select lethe.manage_table('w.files', 'north')`)
    await db.query(`select lethe.set_rule('w.files', 'purge', 'P1Y', since => '{at}', "when" => $1)`, [
      `path = 'C:\\new' or path = 'it''s'`,
    ])
    await grantMissing(db)
    const session = await db.connect()
    await session.query('set standard_conforming_strings = off; set escape_string_warning = off')
    expect(await runCycle(session, 'north')).toBe('complete')
    expect(await one('select array_agg(id order by id) from w.files')).toEqual([2, 3])
    await db.query(`select lethe.unmanage_table('w.files')`)
  })

  it.each(['repeatable read', 'serializable'])(
    'isolation %s: a batch is refused (LE405), and run_cycle sets its own',
    async (level) => {
      await db.query(`
      create table if not exists w.plain (id int primary key, at date);
      insert into w.plain values (1, ${OLD});
      select lethe.manage_table('w.plain', 'north');
      select lethe.set_rule('w.plain', 'purge', 'P1Y', since => '{at}')`)
      await grantMissing(db)
      const session = await db.connect()
      await session.query(`set default_transaction_isolation = '${level}'`)
      await expect(
        refusal(session.query(`select lethe.sweep_step(lethe.start_cycle('north'), 1)`)),
      ).resolves.toMatchObject({ code: 'LE405' })
      await session.query(`call lethe.run_cycle('north')`)
      expect(await one('select count(*) from w.plain')).toBe(0)
      await db.query(`select lethe.unmanage_table('w.plain')`)
    },
  )
})

describe('what stands outside the rules', () => {
  it('a method cannot call a function of somebody who could become lethe_owner by it (LE502)', async () => {
    const stranger = await db.asRole()
    const { user } = (await stranger.query<{ user: string }>('select current_user as user'))[0]!
    await db.query(`create schema theirs authorization ${user}`)
    await stranger.query(
      `create function theirs.mask(t text) returns text language plpgsql immutable as $$begin return '*'; end$$`,
    )
    const register = `select lethe.register_method('theirs', 'theirs.mask({value})', '{value} = ''*''', '{text}', 'anonymous')`
    expect(await refusal(db.query(register))).toMatchObject({ code: 'LE502' })
    await db.query(
      `alter function theirs.mask(text) owner to lethe_owner; grant usage on schema theirs to lethe_owner;
      alter schema theirs owner to lethe_owner`,
    )
    await db.query(register)
    expect(await one(`select count(*) from lethe.methods where name = 'theirs'`)).toBe(1)
  })

  it('rows whose controller column names no controller are counted', async () => {
    await db.query(`
      create table w.strays (id int primary key, site text, at date);
      insert into w.strays values (1, null, ${OLD}), (2, 'nobody', ${OLD}), (3, 'n', ${OLD});
      select lethe.manage_table('w.strays', controller_column => 'site');
      select lethe.set_rule('w.strays', 'purge', 'P1Y', since => '{at}')`)
    await grantMissing(db)
    expect(await db.query('select * from lethe.ownerless_rows()')).toEqual([
      { table_name: 'w.strays', ownerless_rows: 2 },
    ])
    expect(await cycle()).toBe('complete')
    expect(await one('select array_agg(id order by id) from w.strays')).toEqual([1, 2])
  })

  it('no setting of the session spares a rule its checks (LE314)', async () => {
    await db.query(`
      create table w.twice (id int primary key, v text, at date);
      select lethe.manage_table('w.twice', 'north');
      select lethe.set_rule('w.twice', 'anonymize', 'P1Y', 'v', '{at}', 'suppress', purpose => 'a')`)
    expect(
      await refusal(
        db.query(
          `set lethe.applying = 'on'; select lethe.set_rule('w.twice', 'anonymize', 'P2Y', 'v', '{at}', 'pseudonym', purpose => 'b')`,
        ),
      ),
    ).toMatchObject({ code: 'LE314' })
    await cycle()
  })
})
