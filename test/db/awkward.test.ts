/** Shapes met in real schemas: each is handled, or refused by name when the policy is set. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, fingerprint, grantMissing, runCycle } from '../helpers/engine.ts'
import { looksMasked } from '../oracle/masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
})
afterAll(() => db.drop())

type Tables = Record<string, unknown>
const policy = (tables: Tables): unknown => ({
  version: 1,
  controllers: { north: { time_zone: 'Europe/Paris' } },
  tables,
})
const apply = (tables: Tables): Promise<void> => applyPolicy(db, policy(tables))
const refused = (tables: Tables): Promise<{ code: string; message: string }> =>
  refusal(db.query('select lethe.apply_policy($1)', [JSON.stringify(policy(tables))]))
const cycle = (): Promise<string> => runCycle(db, 'north')
/** Runs a cycle and says what failed, if anything did. */
async function complete(): Promise<void> {
  const state = await cycle()
  const why = await db.query(
    `select table_name, state, failure, skipped from lethe.cycle_tables where state <> 'verified' and cycle_id = (select max(id) from lethe.cycles)`,
  )
  expect({ state, why }).toEqual({ state: 'complete', why: [] })
}
const one = async (text: string): Promise<unknown> => Object.values((await db.query(text))[0]!)[0]
const list = async (text: string): Promise<unknown[]> =>
  (await db.query(text)).map((row) => Object.values(row)[0])
/** Rule figures of the last cycle. */
const evidence = (rule: string): Promise<Record<string, number>[]> =>
  db.query(
    `select due, done, kept_by_child, skipped, left_over from lethe.evidence where cycle_id = (select max(id) from lethe.cycles) and rule = $1 and due + kept_by_child > 0`,
    [rule],
  )

const OLD = `'2015-01-01'`
const purge = { after: 'P5Y' }
const gone = (column: string): Tables => ({ [column]: { purge: { after: 'P1Y' } } })

describe('partitions', () => {
  beforeAll(() =>
    db.query(`
    create schema parts;
    create table parts.events (id int not null, at date not null, kind text not null, who text, n int) partition by range (at);
    create table parts.y2015 partition of parts.events for values from ('2015-01-01') to ('2016-01-01') partition by list (kind);
    create table parts.y2015_a partition of parts.y2015 for values in ('a');
    create table parts.y2015_rest partition of parts.y2015 default;
    create table parts.y2026 (n int, who text, kind text not null, id int not null, at date not null);
    alter table parts.events attach partition parts.y2026 for values from ('2026-01-01') to ('2027-01-01');
    create table parts.others partition of parts.events default;
    alter table parts.events add primary key (id, at, kind);
    insert into parts.events select i, '2015-06-01', case i % 2 when 0 then 'a' else 'b' end, 'x', i from generate_series(1, 100) as i;
    insert into parts.events select i, '2026-06-01', 'a', 'x', i from generate_series(101, 150) as i;
    insert into parts.events select i, '2023-06-01', 'a', 'x', i from generate_series(151, 200) as i;
    create table parts.notes (id int primary key, event_id int, event_at date, event_kind text, foreign key (event_id, event_at, event_kind) references parts.events);
    create index on parts.notes (event_id, event_at, event_kind);
    insert into parts.notes values (1, 10, '2015-06-01', 'a');`),
  )

  it('at every level are read and swept as one table, through a parent or a leaf of another column order', async () => {
    await db.query('update lethe.settings set batch_rows = 7')
    await apply({ 'parts.events': { since: 'at', columns: gone('who'), purge } })
    await complete()
    expect(
      await db.query(
        `select at::text, count(*)::int as n, count(who)::int as who from parts.events group by at order by at`,
      ),
    ).toEqual([
      { at: '2015-06-01', n: 1, who: 0 },
      { at: '2023-06-01', n: 50, who: 0 },
      { at: '2026-06-01', n: 50, who: 50 },
    ])
    expect(await evidence('purge')).toEqual([
      { due: 100, done: 99, kept_by_child: 1, skipped: 0, left_over: 0 },
    ])
    await db.query('update lethe.settings set batch_rows = 5000')
  })

  it('are refused one by one (LE202), and a rule on the partition key of any level is refused (LE308)', async () => {
    expect(await refused({ 'parts.y2026': { since: 'at', purge } })).toMatchObject({
      code: 'LE202',
      message: expect.stringContaining('parts.events'),
    })
    for (const column of ['at', 'kind']) {
      expect(
        await refused({
          'parts.events': {
            since: 'at',
            columns: { [column]: { anonymize: { after: 'P1Y', using: { method: 'constant', value: 'b' } } } },
          },
        }),
      ).toMatchObject({ code: expect.stringMatching(/^LE3(08|16|04)$/) })
    }
  })

  it('of which one lacks the foreign key its siblings have are refused by its name (LE313), until it has it', async () => {
    await db.query(`
      create table parts.people (id int primary key, at date);
      create table parts.logs (id int, person_id int, at date) partition by range (at);
      create table parts.logs_1 partition of parts.logs for values from ('2015-01-01') to ('2016-01-01');
      create table parts.logs_2 partition of parts.logs for values from ('2016-01-01') to ('2017-01-01');
      alter table parts.logs_1 add foreign key (person_id) references parts.people;
      create index on parts.logs_1 (person_id); create index on parts.logs_2 (person_id);`)
    const tables = { 'parts.people': { since: 'at', purge } }
    expect(await refused(tables)).toMatchObject({
      code: 'LE313',
      message: expect.stringContaining('parts.logs_2'),
    })
    await db.query('alter table parts.logs_2 add foreign key (person_id) references parts.people')
    await apply(tables)
  })
})

describe('references', () => {
  it("in a circle (users ⇄ organisations) and cascades into other people's rows: nothing goes that was not declared", async () => {
    await db.query(`
      create schema circle;
      create table circle.organisations (id int primary key, owner_id int, at date);
      create table circle.users (id int primary key, organisation_id int references circle.organisations on delete cascade, at date);
      alter table circle.organisations add foreign key (owner_id) references circle.users on delete cascade;
      create table circle.documents (id int primary key, user_id int references circle.users on delete cascade, organisation_id int references circle.organisations on delete cascade);
      create index on circle.organisations (owner_id); create index on circle.users (organisation_id);
      create index on circle.documents (user_id); create index on circle.documents (organisation_id);
      insert into circle.organisations values (1, null, ${OLD}), (2, null, ${OLD});
      insert into circle.users values (1, 1, ${OLD}), (2, 1, now()), (3, 2, ${OLD}), (4, null, ${OLD});
      update circle.organisations set owner_id = 1 where id = 1; update circle.organisations set owner_id = 3 where id = 2;
      insert into circle.documents values (1, 2, 1);`)
    const before = await fingerprint(db, 'circle.organisations', 'circle.documents')
    const tables = { 'circle.users': { since: 'at', purge }, 'circle.organisations': { since: 'at', purge } }
    await apply(tables)
    await complete()
    expect(await list('select id from circle.users order by id')).toEqual([1, 2, 3])
    expect(await fingerprint(db, 'circle.organisations', 'circle.documents')).toBe(before)

    await apply({ ...tables, 'circle.organisations': { since: 'at', purge, unlink: 'owner_id' } })
    await complete()
    expect(await list('select id from circle.users order by id')).toEqual([2])
    expect(await db.query('select id, owner_id from circle.organisations')).toEqual([
      { id: 1, owner_id: null },
    ])
    expect(await one('select count(*) from circle.documents')).toBe(1)
  })

  it('of one address shared by a customer, a shop and its staff: it stays until the last of them has left', async () => {
    await db.query(`
      create schema shared;
      create table shared.addresses (id int primary key, at date);
      create table shared.customers (id int primary key, address_id int references shared.addresses, at date);
      create table shared.shops (id int primary key, address_id int references shared.addresses on delete cascade);
      create table shared.staff (id int primary key, address_id int references shared.addresses on delete set null);
      create index on shared.customers (address_id); create index on shared.shops (address_id); create index on shared.staff (address_id);
      insert into shared.addresses select i, ${OLD} from generate_series(1, 4) as i;
      insert into shared.customers values (1, 1, ${OLD}), (2, 2, ${OLD}), (3, 3, now());
      insert into shared.shops values (1, 2); insert into shared.staff values (1, 4);`)
    await apply({ 'shared.addresses': { since: 'at', purge }, 'shared.customers': { since: 'at', purge } })
    await complete()
    expect(await list('select id from shared.addresses order by id')).toEqual([2, 3, 4])
    expect(await list('select address_id from shared.staff')).toEqual([4])
  })

  it('that are not valid, composite, to a unique key, initially deferred, or two to one table', async () => {
    await db.query(`
      create schema odd;
      create table odd.people (id int primary key, code text not null, realm int not null, at date, unique (code, realm));
      create table odd.loose (id int primary key, person_id int);
      alter table odd.loose add foreign key (person_id) references odd.people not valid;
      create table odd.paired (id int primary key, code text, realm int, foreign key (code, realm) references odd.people (code, realm) on update cascade on delete set null);
      create table odd.late (id int primary key, person_id int references odd.people deferrable initially deferred);
      create table odd.messages (id int primary key, sender_id int references odd.people, receiver_id int references odd.people);
      create index on odd.loose (person_id); create index on odd.paired (realm, code); create index on odd.late (person_id);
      create index on odd.messages (sender_id); create index on odd.messages (receiver_id);
      insert into odd.people select i, 'c' || i, 1, ${OLD} from generate_series(1, 6) as i;
      insert into odd.loose values (1, 1); insert into odd.paired values (1, 'c2', 1); insert into odd.late values (1, 3);
      insert into odd.messages values (1, 4, 5), (2, null, 6), (3, 5, 4);`)
    const people = { 'odd.people': { since: 'at', purge, key: 'id' } }
    await apply(people)
    const before = await fingerprint(db, 'odd.people', 'odd.messages')
    await complete()
    expect(await fingerprint(db, 'odd.people', 'odd.messages')).toBe(before)
    expect(await evidence('purge')).toEqual([{ due: 6, done: 0, kept_by_child: 6, skipped: 0, left_over: 0 }])

    const owned = { controller: { constant: 'north' } }
    expect(await refused({ ...people, 'odd.messages': { ...owned, with: 'parent' } })).toMatchObject({
      code: 'LE106',
      message: expect.stringContaining('more than one'),
    })
    await apply(people)
    await db.query(`
      select lethe.manage_table('odd.paired', 'north'); select lethe.set_link('odd.paired', on_purge => 'unlink');
      select lethe.manage_table('odd.late', 'north'); select lethe.set_link('odd.late', on_purge => 'with parent');
      select lethe.manage_table('odd.messages', 'north');
      select lethe.set_link('odd.messages', columns => '{sender_id}', on_purge => 'with parent');
      select lethe.set_link('odd.messages', columns => '{receiver_id}', on_purge => 'unlink');`)
    await grantMissing(db)
    await complete()
    expect(await list('select id from odd.people')).toEqual([1])
    expect(await db.query('select * from odd.paired')).toEqual([{ id: 1, code: null, realm: null }])
    expect(await db.query('select count(*) from odd.late')).toEqual([{ count: 0 }])
    expect(await db.query('select * from odd.messages')).toEqual([
      { id: 2, sender_id: null, receiver_id: null },
    ])
    expect(
      await refused({
        'odd.people': { since: 'at', columns: { code: { anonymize: { after: 'P1Y', using: 'pseudonym' } } } },
      }),
    ).toMatchObject({ code: 'LE309' })
  })

  it('over a type with an equality of its own (citext) are followed as the foreign key follows them, or refused (LE315)', async () => {
    if ((await db.query(`select from pg_available_extensions where name = 'citext'`)).length === 0) return
    await db.query(`
      create schema ci;
      create schema ci_types;
      create extension citext with schema ci_types;
      create table ci.people (email ci_types.citext primary key, at date);
      create table ci.posts (id int primary key, author ci_types.citext references ci.people on delete cascade);
      create index on ci.posts (author);
      insert into ci.people values ('Ann@x.org', ${OLD}), ('bob@x.org', ${OLD});
      insert into ci.posts values (1, 'ANN@X.ORG');
      grant usage on schema ci_types to lethe_sweeper;`)
    expect(await refused({ 'ci.people': { since: 'at', purge } })).toMatchObject({
      code: 'LE315',
      message: expect.stringContaining('ci_types'),
    })
    await apply({ 'ci.people': { since: 'at', purge, search_path: 'ci_types, pg_temp' } })
    await complete()
    expect(await list('select email::text from ci.people')).toEqual(['Ann@x.org'])
    expect(await one('select count(*) from ci.posts')).toBe(1)
    await db.query('drop table ci.posts, ci.people; drop extension citext')
  })

  it('without a foreign key (a varchar, a record_type and record_id) hold once they are declared, and need an index (LE310)', async () => {
    await db.query(`
      create schema bare;
      create table bare.people (id int primary key, email varchar(80) not null unique, at date);
      create table bare.letters (id int primary key, to_email varchar(80));
      create table bare.remarks (id int primary key, record_type text, record_id int);
      insert into bare.people select i, i || '@x', ${OLD} from generate_series(1, 4) as i;
      insert into bare.letters values (1, '1@x'); insert into bare.remarks values (1, 'Person', 2), (2, 'Invoice', 3);`)
    const owned = { controller: { constant: 'north' } }
    const link = (columns: string): Promise<unknown> => db.query(columns)
    await apply({ 'bare.people': { since: 'at', purge }, 'bare.letters': owned, 'bare.remarks': owned })
    expect(await refusal(link(`select lethe.set_link('bare.letters')`))).toMatchObject({ code: 'LE106' })
    await link(`select lethe.set_link('bare.letters', 'bare.people', '{to_email}', '{email}')`)
    expect(
      await refusal(link(`select lethe.set_rule('bare.people', 'purge', 'P6Y', since => '{at}')`)),
    ).toMatchObject({ code: 'LE310', message: expect.stringContaining('to_email') })
    await db.query('create index on bare.letters (to_email); create index on bare.remarks (record_id)')
    // Lethe knows no record_type: a remark on anything of the same number keeps the person, which errs on the safe side.
    await link(`select lethe.set_link('bare.remarks', 'bare.people', '{record_id}', '{id}')`)
    await link(`select lethe.set_rule('bare.people', 'purge', 'P6Y', since => '{at}')`)
    await grantMissing(db)
    await complete()
    expect(await list('select id from bare.people order by id')).toEqual([1, 2, 3])
  })
})

describe('unique values', () => {
  beforeAll(() =>
    db.query(`
    create schema uniq;
    create table uniq.users (id int primary key, email varchar(60) not null unique, nick varchar(12), at date);
    create unique index on uniq.users (lower(email)); create unique index on uniq.users (lower(nick)) where nick <> '';
    insert into uniq.users select i, 'Person' || i || '@Example.org', 'nick' || i, ${OLD} from generate_series(1, 400) as i;
    create table uniq.accounts (id int primary key, email text not null, verified boolean not null, at date, unique (email, verified));
    insert into uniq.accounts select i, 'p' || i / 2 || '@x', i % 2 = 0, ${OLD} from generate_series(2, 101) as i`),
  )
  const rule = (column: string, using: unknown): Tables => ({
    'uniq.users': { since: 'at', columns: { [column]: { anonymize: { after: 'P1Y', using } } } },
  })

  it('that are NOT NULL and unique also in lower case: what would fail at night is refused by day', async () => {
    expect(await refused(rule('email', 'suppress'))).toMatchObject({ code: 'LE305' })
    expect(await refused({ 'uniq.users': { since: 'at', columns: gone('email') } })).toMatchObject({
      code: 'LE305',
    })
    expect(await refused(rule('email', { method: 'constant', value: 'x@y' }))).toMatchObject({
      code: 'LE306',
      message: expect.stringContaining('lower'),
    })
    expect(await refused(rule('nick', { method: 'partial', keep_start: 1, keep_end: 0 }))).toMatchObject({
      code: 'LE306',
    })
    expect(await refused(rule('nick', 'pseudonym'))).toMatchObject({ code: 'LE307' })
    await apply(rule('email', 'pseudonym_email'))
    await complete()
    const emails = await list('select email from uniq.users')
    expect(new Set(emails).size).toBe(400)
    expect(emails.every(looksMasked)).toBe(true)
  })

  it('two accounts of one address, one verified and one not, stay two accounts of one address', async () => {
    await apply({
      'uniq.accounts': {
        since: 'at',
        columns: { email: { anonymize: { after: 'P1Y', using: 'pseudonym_email' } } },
      },
    })
    await complete()
    expect(
      await db.query('select count(distinct email)::int as emails, count(*)::int as n from uniq.accounts'),
    ).toEqual([{ emails: 50, n: 100 }])
  })
})

describe('inheritance', () => {
  it('children are swept through their parent and counted once; alone they are refused (LE202)', async () => {
    await db.query(`
      create schema heirs;
      create table heirs.people (id int primary key, name text, at date);
      create table heirs.staff (salary int, primary key (id)) inherits (heirs.people);
      create table heirs.bosses (car text, primary key (id)) inherits (heirs.staff);
      insert into heirs.people values (1, 'a', ${OLD}); insert into heirs.staff values (2, 'b', ${OLD}, 1), (3, 'c', now(), 1); insert into heirs.bosses values (4, 'd', '2024-01-01', 1, 'x');`)
    expect(await refused({ 'heirs.staff': { since: 'at', purge } })).toMatchObject({ code: 'LE202' })
    await apply({ 'heirs.people': { since: 'at', columns: gone('name'), purge } })
    expect(await db.query(`select rule, due from lethe.plan() order by rule`)).toEqual([
      { rule: 'name: purge', due: 1 },
      { rule: 'purge', due: 2 },
      { rule: 'rows', due: 3 },
    ])
    await complete()
    expect(await db.query('select id, name from heirs.people order by id')).toEqual([
      { id: 3, name: 'c' },
      { id: 4, name: null },
    ])
    expect(await evidence('purge')).toEqual([{ due: 2, done: 2, kept_by_child: 0, skipped: 0, left_over: 0 }])
  })
})

describe('triggers and rules', () => {
  it('a trigger that works only under its own search path fails the table loudly, and works once the path is declared', async () => {
    await db.query(`
      create schema pathy; create schema "Path Two";
      create table pathy.people (id int primary key, name text, at date);
      create table "Path Two".counts (n int); insert into "Path Two".counts values (0);
      create function pathy.count() returns trigger language plpgsql as $$ begin update counts set n = n + 1; return new; end $$;
      create trigger t after update on pathy.people for each row execute function pathy.count();
      insert into pathy.people values (1, 'x', ${OLD}), (2, 'y', ${OLD});
      grant usage on schema "Path Two" to lethe_sweeper; grant select, update on "Path Two".counts to lethe_sweeper;`)
    await apply({ 'pathy.people': { since: 'at', columns: gone('name') } })
    expect(await cycle()).toBe('incomplete')
    expect(
      await one(`select failure ->> 'sqlstate' from lethe.cycle_tables order by cycle_id desc limit 1`),
    ).toBe('42P01')
    await apply({
      'pathy.people': { since: 'at', columns: gone('name'), search_path: 'pathy, "Path Two", pg_temp' },
    })
    await complete()
    expect(await one('select n from "Path Two".counts')).toBe(2)
    expect(await refused({ 'pathy.people': { search_path: 'pathy, nowhere', since: 'at' } })).toMatchObject({
      code: 'LE106',
      message: expect.stringContaining('nowhere'),
    })
  })

  it("a trigger that writes the old name into a history table needs the host's grant; without it the cycle is incomplete and nothing is half done", async () => {
    await db.query(`
      create schema past;
      create table past.people (id int primary key, name text, at date);
      create table past.history (person_id int, name text, at date default current_date);
      create function past.keep() returns trigger language plpgsql as $$ begin insert into past.history values (old.id, old.name); return coalesce(new, old); end $$;
      create trigger keep before update or delete on past.people for each row execute function past.keep();
      insert into past.people select i, 'n' || i, ${OLD} from generate_series(1, 10) as i;`)
    await apply({ 'past.people': { since: 'at', columns: gone('name') } })
    expect(await cycle()).toBe('incomplete')
    expect(
      await db.query(
        'select count(name)::int as names, (select count(*)::int from past.history) as kept from past.people',
      ),
    ).toEqual([{ names: 10, kept: 0 }])
    await db.query('grant insert on past.history to lethe_sweeper')
    await complete()
    expect(
      await db.query(
        'select count(name)::int as names, (select count(*)::int from past.history) as kept from past.people',
      ),
    ).toEqual([{ names: 0, kept: 10 }])
  })

  it('rows that come into being because others are deleted are no trouble', async () => {
    await db.query(`
      create schema born;
      create table born.people (id int primary key, at date);
      create table born.tombs (id int primary key, at date);
      create function born.bury() returns trigger language plpgsql as $$ begin insert into born.tombs values (old.id, old.at); return null; end $$;
      create trigger bury after delete on born.people for each row execute function born.bury();
      insert into born.people select i, ${OLD} from generate_series(1, 10) as i; grant insert on born.tombs to lethe_sweeper`)
    await apply({ 'born.people': { since: 'at', purge }, 'born.tombs': { since: 'at', purge } })
    expect(['complete', 'incomplete']).toContain(await cycle())
    await complete()
    expect(await db.query('select from born.people union all select from born.tombs')).toEqual([])
  })

  it('a rule that turns DELETE or UPDATE into something else is refused by its name (LE311), until it is disabled', async () => {
    await db.query(`
      create schema ruled;
      create table ruled.people (id int primary key, name text, at date, deleted boolean default false);
      create rule soft_delete as on delete to ruled.people do instead update ruled.people set deleted = true where id = old.id;
      create rule no_update as on update to ruled.people where new.deleted do instead nothing;
      insert into ruled.people values (1, 'x', ${OLD})`)
    expect(await refused({ 'ruled.people': { since: 'at', purge } })).toMatchObject({
      code: 'LE311',
      message: expect.stringContaining('soft_delete'),
    })
    expect(await refused({ 'ruled.people': { since: 'at', columns: gone('name') } })).toMatchObject({
      code: 'LE311',
      message: expect.stringContaining('no_update'),
    })
    await db.query('drop rule soft_delete on ruled.people; drop rule no_update on ruled.people')
    await apply({ 'ruled.people': { since: 'at', purge } })
    await complete()
  })

  it('a rule that is made after the policy was set cannot turn what is left into "0 left"', async () => {
    await db.query(`
      create schema later; create table later.people (id int primary key, at date); insert into later.people values (1, ${OLD})`)
    await apply({ 'later.people': { since: 'at', purge } })
    await db.query(`create rule quiet as on delete to later.people do instead nothing`)
    expect(await cycle()).toBe('incomplete')
    expect(await one('select count(*) from later.people')).toBe(1)
  })

  it('a trigger that restarts the clock is refused (LE312), unless it spares lethe_sweeper', async () => {
    await db.query(`
      create schema young;
      create table young.people (id int primary key, name text, "updatedAt" timestamptz);
      create function young.touch() returns trigger language plpgsql as $$ begin NEW."updatedAt" := now(); return new; end $$;
      create trigger touch before update on young.people for each row execute function young.touch();`)
    const tables = { 'young.people': { since: 'updatedAt', columns: gone('name') } }
    expect(await refused(tables)).toMatchObject({ code: 'LE312', message: expect.stringContaining('touch') })
    await db.query(`
      drop trigger touch on young.people;
      create trigger touch before update on young.people for each row when (current_user <> 'lethe_sweeper') execute function young.touch();
      insert into young.people values (1, 'x', ${OLD})`)
    await apply(tables)
    await complete()
    expect(await db.query(`select name, "updatedAt" < '2016-01-01' as old from young.people`)).toEqual([
      { name: null, old: true },
    ])
  })

  it('a CHECK that refuses some rows: they stand aside, named by it, and the others go', async () => {
    await db.query(`
      create schema checked;
      create table checked.people (id int primary key, name text, vip boolean, at date, constraint vip_has_name check (not vip or name is not null));
      insert into checked.people select i, 'n', i % 10 = 0, ${OLD} from generate_series(1, 95) as i`)
    await apply({ 'checked.people': { since: 'at', columns: gone('name') } })
    expect(await cycle()).toBe('incomplete')
    expect(await evidence('name: purge')).toEqual([
      { due: 95, done: 86, kept_by_child: 0, skipped: 9, left_over: 9 },
    ])
    expect(await one(`select skipped_why::text from lethe.evidence order by cycle_id desc limit 1`)).toBe(
      '{"23514 vip_has_name": 9}',
    )
  })
})

describe('columns and keys', () => {
  it('generated, identity and key columns are refused (LE308, LE316); what a generated one is made from may be masked', async () => {
    await db.query(`
      create schema made;
      create table made.people (id int generated always as identity primary key, number int generated by default as identity, name text,
        loud text generated always as (upper(name)) stored, at date);
      insert into made.people (name, at) select 'n' || i, ${OLD} from generate_series(1, 5) as i`)
    for (const column of ['loud', 'number'])
      expect(await refused({ 'made.people': { since: 'at', columns: gone(column) } })).toMatchObject({
        code: 'LE308',
      })
    expect(
      await refused({
        'made.people': {
          since: 'at',
          columns: { id: { anonymize: { after: 'P1Y', using: { method: 'generalize_number', width: 10 } } } },
        },
      }),
    ).toMatchObject({ code: expect.stringMatching(/LE3(08|16)/) })
    await apply({ 'made.people': { since: 'at', columns: gone('name') } })
    await complete()
    expect(await one('select count(loud) from made.people')).toBe(0)
  })

  it('a table that nothing identifies, a view, a temporary table and what is not there are refused by name', async () => {
    await db.query(`
      create schema keyless; create table keyless.t (id int, code text unique, at date); create view keyless.v as select * from keyless.t;
      create materialized view keyless.m as select * from keyless.t; create unique index on keyless.t (id) where id > 0;
      create unlogged table keyless.ok (code text not null unique, at date, name text); insert into keyless.ok values ('a''"\\', ${OLD}, 'x')`)
    for (const name of ['keyless.t', 'keyless.v', 'keyless.m'])
      expect(await refused({ [name]: { since: 'at' } })).toMatchObject({
        code: 'LE201',
        message: expect.stringContaining(name),
      })
    expect(await refused({ 'keyless.gone': { since: 'at' } })).toMatchObject({ code: 'LE102' })
    expect(await refused({ 'keyless.ok': { since: 'at', key: ['name'] } })).toMatchObject({ code: 'LE201' })
    expect(await refused({ 'lethe.rules': { since: 'at' } })).toMatchObject({ code: 'LE201' })
    await apply({ 'keyless.ok': { since: 'at', columns: gone('name') } })
    await complete()
    expect(await one('select key_columns::text from lethe.managed_tables')).toBe('{code}')
  })

  it('keys of text, uuid, several columns, dates and times: rows are found, swept, and held by them', async () => {
    await db.query(`
      create schema keys;
      create table keys.texts (k text collate "C" primary key, v text, at date);
      create table keys.uuids (k uuid primary key, v text, at date);
      create table keys.several ("K1" text, k2 date, k3 timestamptz, k4 numeric, v text, at date, primary key ("K1", k2, k3, k4));
      insert into keys.texts values ('a,b', 'v', ${OLD}), ('a', 'v', ${OLD}), ('', 'v', ${OLD}), ('é"\\', 'v', ${OLD});
      insert into keys.uuids select gen_random_uuid(), 'v', ${OLD} from generate_series(1, 3);
      insert into keys.several values ('x', '2020-01-01', '2020-01-01 00:00+02', 1.50, 'v', ${OLD}), ('y', '2020-01-01', '2020-01-01 00:00+02', 1.5, 'v', ${OLD})`)
    await apply(
      Object.fromEntries(
        ['texts', 'uuids', 'several'].map((name) => [`keys.${name}`, { since: 'at', columns: gone('v') }]),
      ),
    )
    await db.query(`
      insert into lethe.holds (reason) values ('keys');
      insert into lethe_private.held_keys select h.id, m.id, k from lethe.holds as h, lethe.managed_tables as m,
        lateral (values ('texts', 'é"\\'), ('uuids', (select min(k::text) from keys.uuids)), ('several', '["x", "2020-01-01", "2019-12-31T22:00:00", 1.50]')) as x (t, k)
      where m.table_name = x.t`)
    const client = await db.connect()
    await client.query(`set datestyle = 'German'; set timezone = 'Asia/Tokyo'`)
    expect(await runCycle(client, 'north')).toBe('complete')
    expect(await list('select k from keys.texts where v is not null')).toEqual(['é"\\'])
    expect(await one('select count(*) from keys.uuids where v is not null')).toBe(1)
    expect(await list('select "K1" from keys.several where v is not null')).toEqual(['x'])
    await db.query('update lethe.holds set released_at = now()')
  })

  it('domains, enums, arrays, JSON, bytea and citext', async () => {
    const citext = (await one(`select count(*) from pg_available_extensions where name = 'citext'`)) === 1
    await db.query(`
      create schema kinds;
      ${citext ? 'create extension citext with schema kinds;' : ''}
      create domain kinds.address as varchar(60) check (value ~ '@') not null;
      create domain kinds.short as text check (length(value) < 5);
      create type kinds.mood as enum ('sad', 'happy');
      create table kinds.people (id int primary key, email kinds.address, nick kinds.short, mood kinds.mood, tags text[], doc jsonb, photo bytea,
        ci ${citext ? 'kinds.citext' : 'text'}, born date, ip inet, gone_1 int, at date);
      alter table kinds.people drop column gone_1;
      insert into kinds.people select i, i || '@x.org', 'ab', 'sad', '{a,b}', '{"a": 1}', '\\x00ff', 'Me@X.org', '1980-05-17', '10.1.2.3', ${OLD} from generate_series(1, 20) as i;
      grant usage on schema kinds to lethe_owner, lethe_sweeper`)
    const masked = (using: unknown): Tables => ({ anonymize: { after: 'P1Y', using } })
    expect(
      await refused({ 'kinds.people': { since: 'at', columns: { email: masked('suppress') } } }),
    ).toMatchObject({ code: 'LE305' })
    expect(
      await refused({ 'kinds.people': { since: 'at', columns: { doc: masked('pseudonym') } } }),
    ).toMatchObject({ code: 'LE304' })
    await apply({
      'kinds.people': {
        since: 'at',
        columns: {
          email: masked('pseudonym_email'),
          nick: masked({ method: 'partial', keep_start: 1, keep_end: 0 }),
          ...gone('mood'),
          ...gone('tags'),
          ...gone('doc'),
          ...gone('photo'),
          ci: masked('pseudonym_email'),
          born: masked({ method: 'generalize_date', to: 'year' }),
          ip: masked('generalize_ip'),
        },
      },
    })
    await complete()
    expect(
      await db.query(`
      select distinct nick, mood, tags, doc, photo, born::text, ip::text, email ~ '^[0-9a-f]+@anonymized' as email, ci::text ~ '^[0-9a-f]+@anonymized' as ci from kinds.people`),
    ).toEqual([
      {
        nick: 'a*',
        mood: null,
        tags: null,
        doc: null,
        photo: null,
        born: '1980-01-01',
        ip: expect.stringMatching(/^10\.1\.2\.0/),
        email: true,
        ci: true,
      },
    ])
    expect(await one('select count(distinct email) from kinds.people')).toBe(20)
  })

  it('sentinel rows that must never be touched are left by a predicate, and sentinel clocks by declaration', async () => {
    await db.query(`
      create schema guard; create table guard.people (id int primary key, name text, at date);
      insert into guard.people values (0, 'system', ${OLD}), (1, 'x', ${OLD}), (2, 'y', '1900-01-01'), (3, 'z', '9999-12-31')`)
    const before = await fingerprint(db, '(select tableoid, ctid, xmin, * from guard.people where id <> 1)')
    await apply({
      'guard.people': {
        sentinels: ['1900-01-01', '9999-12-31'],
        since: 'at',
        purge: { after: 'P5Y', when: 'id > 0' },
      },
    })
    await complete()
    expect(await fingerprint(db, '(select tableoid, ctid, xmin, * from guard.people where id <> 1)')).toBe(
      before,
    )
    expect(await list('select id from guard.people order by id')).toEqual([0, 2, 3])
  })
})

describe('names', () => {
  it("every identifier in need of quotes, and columns named like the engine's own", async () => {
    const q = (name: string): string => `"${name.replaceAll('"', '""')}"`
    const schema = q('Übel.Schema "x"')
    const own = [
      'c',
      'p',
      's',
      'k1',
      'd',
      'x',
      'h',
      'key',
      'r1',
      'r2',
      'tid',
      'version',
      'picked',
      'acted',
      'due',
      'stays',
      'target',
      'tids',
      'facts',
      'fk',
      'ref',
      'refs',
      'rows',
      'held',
      'kept',
      'gone',
      'alias',
    ]
    const strange = [
      'select',
      'Mixed Case',
      `quo"te'`,
      'ünï',
      '$1',
      '{from}',
      '{here}',
      '%s',
      '{value}',
      'back\\slash',
    ]
    const columns = [...own, ...strange]
    await db.query(`
      create schema ${schema};
      create table ${schema}.${q('C')} (${q('I D')} int, ${q('lang')} text, ${q('at')} date, ${q('self')} int, ${columns.map((name) => `${q(name)} text default 'v'`).join(', ')}, primary key (${q('I D')}));
      alter table ${schema}.${q('C')} add foreign key (${q('self')}) references ${schema}.${q('C')}; create index on ${schema}.${q('C')} (${q('self')});
      create table ${schema}.${q('k1')} (${q('c')} int references ${schema}.${q('C')}, ${q('tid')} int primary key, ${q('key')} date); create index on ${schema}.${q('k1')} (${q('c')});
      create table ${schema}.${q('picked')} (${q('p')} int primary key, ${q('s')} int references ${schema}.${q('C')}); create index on ${schema}.${q('picked')} (${q('s')});
      insert into ${schema}.${q('C')} (${q('I D')}, ${q('at')}, ${q('self')}) select i, case when i < 50 then date ${OLD} else date '2024-01-01' end, nullif(i - 1, 0) from generate_series(1, 60) as i;
      update ${schema}.${q('C')} set ${q('self')} = null where ${q('I D')} in (50, 20);
      insert into ${schema}.${q('k1')} values (20, 1, now()), (30, 2, ${OLD}); insert into ${schema}.${q('picked')} values (1, 40);`)
    const quoted = (table: string): string => `${schema}.${q(table)}`
    await apply({
      [quoted('C')]: {
        since: 'at',
        purge: { after: 'P5Y', when: `${q('c')} = 'v' and ${q('Mixed Case')} is not null` },
        columns: Object.fromEntries(
          columns.map((column, i) => [
            column,
            i % 2
              ? { purge: { after: 'P1Y', when: `${q('k1')} = 'v' or ${q('k1')} is null` } }
              : { anonymize: { after: 'P1Y', using: { method: 'partial', keep_start: 0, keep_end: 0 } } },
          ]),
        ),
      },
      [quoted('k1')]: { since: 'key', purge },
      [quoted('picked')]: { controller: { constant: 'north' }, unlink: 's' },
    })
    await complete()
    expect(await list(`select ${q('I D')} from ${schema}.${q('C')} order by 1`)).toEqual([
      20,
      ...Array.from({ length: 11 }, (_, i) => i + 50),
    ])
    expect(await db.query(`select * from ${schema}.${q('picked')}`)).toEqual([{ p: 1, s: null }])
    const [row] = await db.query(`select * from ${schema}.${q('C')} where ${q('I D')} = 55`)
    columns.forEach((column, i) => {
      expect({ column, value: row![column] }).toEqual({ column, value: i % 2 ? null : '*' })
    })
    const before = await fingerprint(db, `${schema}.${q('C')}`)
    await complete()
    expect(await fingerprint(db, `${schema}.${q('C')}`)).toBe(before)
    expect((await db.query(`select statement from lethe.preview($1)`, [quoted('C')])).length).toBeGreaterThan(
      5,
    )
    await db.query('select lethe.apply_policy(lethe.export_policy())')
    await complete()
  })

  it('of 63 characters, and a table of 300 columns with 290 rules', async () => {
    const long = 'n'.repeat(63)
    await db.query(`
      create schema ${long}; create table ${long}.${long} (${long} int primary key, at date, ${Array.from({ length: 298 }, (_, i) => `column_${i} text default 'v${i}'`).join(', ')});
      insert into ${long}.${long} select i, case i % 2 when 0 then date ${OLD} else now() end from generate_series(1, 20) as i`)
    await apply({
      [`${long}.${long}`]: {
        since: 'at',
        columns: Object.fromEntries(
          Array.from({ length: 290 }, (_, i) => [
            `column_${i}`,
            i % 2
              ? { purge: { after: `P${1 + (i % 3)}Y` } }
              : { anonymize: { after: 'P1Y', using: { method: 'partial', keep_start: 0, keep_end: 0 } } },
          ]),
        ),
      },
    })
    await complete()
    expect(
      await db.query(
        `select count(column_1)::int as purged, count(*) filter (where column_2 = '**')::int as masked, count(column_291)::int as kept from ${long}.${long}`,
      ),
    ).toEqual([{ purged: 10, masked: 10, kept: 20 }])
  })
})
