/**
 * Erasures on awkward tables, each in a database of its own: done right, or refused by name, or listed; never silent.
 * Whatever comes of it, rows whose `who` is somebody else stay as they are.
 */
import { describe, expect, it } from 'vitest'
import { createDatabase } from '../helpers/database.ts'
import { applyPolicy, grantMissing, rowsOf } from '../helpers/engine.ts'
import { createOwnDatabase, type OwnDatabase } from '../helpers/own-database.ts'

/** What triggers do they do as lethe_sweeper: a right that it lacks would refuse them before anybody looks. */
const PEOPLE = `create schema h; grant usage on schema h to lethe_sweeper; alter default privileges in schema h grant insert on tables to lethe_sweeper;
  create table h.people (id int primary key, who text not null, email text, name text);
  insert into h.people values (1, 'me', 'me@example.org', 'Me Myself'), (2, 'other', 'other@example.org', 'Other One');`
const ORDERS = `create table h.orders (id int primary key, person_id int, who text not null);
  insert into h.orders values (11, 1, 'me'), (12, 1, 'me'), (21, 2, 'other');`
const ROOT = {
  controller: { constant: 'north' },
  columns: { name: { category: 'direct identifier' }, email: { category: 'contact' } },
}
const OWN = { 'h.orders': { kind: 'own', to: 'h.people', columns: { person_id: 'id' } } }

interface Case {
  what: string
  sql: string
  /** Besides the root. */
  links?: Record<string, unknown>
  identifiers?: string[]
  key?: string
  /** Done; or the codes of the plan's refusals; or the SQLSTATE of the execution. */
  ends: 'executed' | string[] | string
  /** What is left whose `who` is the person. */
  left?: number
  /** It takes BYPASSRLS for lethe_sweeper, a role of the whole server. */
  ownServer?: true
}

const history = `create table h.history (was text);`

const CASES: Case[] = [
  {
    what: 'a row that a trigger puts back under another key',
    sql: `${PEOPLE} create function h.back() returns trigger language plpgsql as $$ begin insert into h.people values (old.id + 1000, old.who, old.email, old.name); return null; end $$;
      create trigger back after delete on h.people for each row execute function h.back();`,
    ends: 'LE434',
    left: 1,
  },
  {
    what: 'a row that a trigger moves to another key instead of having it deleted',
    sql: `${PEOPLE} create function h.back() returns trigger language plpgsql as $$ begin update h.people set id = id + 1000 where id = old.id; return null; end $$;
      create trigger back before delete on h.people for each row when (old.id < 1000) execute function h.back();`,
    ends: 'LE434',
    left: 1,
  },
  {
    what: 'a deferred constraint trigger that puts it back at COMMIT',
    sql: `${PEOPLE} create function h.back() returns trigger language plpgsql as $$ begin insert into h.people values (old.*); return null; end $$;
      create constraint trigger back after delete on h.people deferrable initially deferred for each row execute function h.back();`,
    ends: 'LE434',
    left: 1,
  },
  {
    what: 'a trigger that lets somebody else’s row go in its place',
    sql: `${PEOPLE} create function h.back() returns trigger language plpgsql as $$ begin if old.id = 1 then delete from h.people where id = 2; return null; end if; return old; end $$;
      create trigger back before delete on h.people for each row execute function h.back();`,
    ends: 'LE434',
    left: 1,
  },
  {
    what: 'a statement trigger that keeps a history',
    sql: `${PEOPLE} ${history} create function h.keep() returns trigger language plpgsql as $$ begin insert into h.history select email from gone; return null; end $$;
      create trigger keep after delete on h.people referencing old table as gone for each statement execute function h.keep();`,
    ends: 'LE434',
    left: 1,
  },
  {
    what: 'a trigger that is enabled always',
    sql: `${PEOPLE} ${history} create function h.keep() returns trigger language plpgsql as $$ begin insert into h.history values (old.email); return old; end $$;
      create trigger keep before delete on h.people for each row execute function h.keep(); alter table h.people enable always trigger keep;`,
    ends: 'LE434',
    left: 1,
  },
  {
    what: 'a trigger that is enabled on replicas alone',
    sql: `${PEOPLE} ${history} create function h.keep() returns trigger language plpgsql as $$ begin insert into h.history values (old.email); return old; end $$;
      create trigger keep before delete on h.people for each row execute function h.keep(); alter table h.people enable replica trigger keep;`,
    ends: 'executed',
  },
  {
    what: 'a trigger that gives orders to somebody else before the person goes',
    sql: `${PEOPLE} ${ORDERS} create function h.give() returns trigger language plpgsql as $$ begin update h.orders set person_id = 2 where person_id = old.id; return old; end $$;
      create trigger give before delete on h.people for each row execute function h.give();`,
    links: OWN,
    ends: 'LE4',
    left: 3,
  },
  {
    what: 'SET DEFAULT to somebody else, in a table that nobody declared',
    sql: `${PEOPLE} create table h.logins (id int primary key, person_id int default 2 references h.people on delete set default, who text); insert into h.logins values (1, 1, 'me');
      create index on h.logins (person_id); grant select on h.logins to lethe_sweeper;`,
    ends: ['LE423'],
    left: 2,
  },
  {
    what: 'a tree of people: whom the person has recruited, by a cascade',
    sql: `${PEOPLE} alter table h.people add recruiter int references h.people on delete cascade; create index on h.people (recruiter); update h.people set recruiter = 1 where id = 2;`,
    ends: ['LE423'],
    left: 1,
  },
  {
    what: 'the same tree, declared a mention',
    sql: `${PEOPLE} alter table h.people add recruiter int references h.people on delete cascade; create index on h.people (recruiter); update h.people set recruiter = 1 where id = 2;`,
    links: { 'h.people': { kind: 'mention', to: 'h.people', columns: { recruiter: 'id' } } },
    ends: 'executed',
  },
  {
    what: 'inheritance: a child table has somebody else under the same key',
    sql: `${PEOPLE} create table h.staff (badge text) inherits (h.people); insert into h.staff values (1, 'other', 'staff@example.org', 'Staff', 'b1');
      grant select, update, delete on h.staff to lethe_sweeper;`,
    ends: 'LE434',
    left: 1,
  },
  {
    what: 'inheritance: orders of a child table with keys of its own, not to be deleted by the parent’s',
    sql: `${PEOPLE} ${ORDERS} create table h.rush (fee int) inherits (h.orders); insert into h.rush values (11, 2, 'other', 5), (31, 1, 'me', 5);
      grant select, update, delete on h.rush to lethe_sweeper;`,
    links: OWN,
    ends: 'LE434',
    left: 4,
  },
  {
    what: 'a foreign key to a unique column that is no key, with ON UPDATE CASCADE',
    sql: `${PEOPLE} alter table h.people add code text unique; update h.people set code = 'c' || id;
      create table h.orders (id int primary key, code text references h.people (code) on update cascade on delete cascade, who text not null);
      create index on h.orders (code); insert into h.orders values (11, 'c1', 'me'), (21, 'c2', 'other');`,
    links: { 'h.orders': { kind: 'own', to: 'h.people', columns: { code: 'code' } } },
    ends: 'executed',
  },
  {
    what: 'MATCH FULL, and NULLs in a link of two columns',
    sql: `create schema h; create table h.people (a int, b int, who text not null, email text, name text, primary key (a, b));
      insert into h.people values (1, 1, 'me', 'me@example.org', 'Me'), (1, 2, 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, a int, b int, who text not null, foreign key (a, b) references h.people match full);
      create index on h.orders (a, b); insert into h.orders values (11, 1, 1, 'me'), (21, 1, 2, 'other'), (22, null, null, 'other');
      create table h.notes (id int primary key, a int, b int, who text not null); create index on h.notes (a, b);
      insert into h.notes values (11, 1, 1, 'me'), (21, 1, null, 'other'), (22, null, 1, 'other'), (23, null, null, 'other');`,
    links: {
      'h.orders': { kind: 'own', to: 'h.people', columns: { a: 'a', b: 'b' } },
      'h.notes': { kind: 'own', to: 'h.people', columns: { a: 'a', b: 'b' } },
    },
    key: '[1, 1]',
    ends: 'executed',
  },
  {
    what: 'numeric keys: 1.0 is 1, and 1.5 is not',
    sql: `create schema h; create table h.people (id numeric primary key, who text not null, email text, name text);
      insert into h.people values (1.0, 'me', 'me@example.org', 'Me'), (1.5, 'other', 'other@example.org', 'Other');
      create table h.orders (id numeric primary key, person_id numeric, who text not null); create index on h.orders (person_id);
      insert into h.orders values (11.00, 1, 'me'), (12, 1.000, 'me'), (21, 1.5, 'other');`,
    links: OWN,
    key: '1.0',
    ends: 'executed',
  },
  {
    what: 'uuid keys',
    sql: `create schema h; create table h.people (id uuid primary key, who text not null, email text, name text);
      insert into h.people values ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'me', 'me@example.org', 'Me'), ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, person_id uuid references h.people, who text not null); create index on h.orders (person_id);
      insert into h.orders values (11, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'me'), (21, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'other');`,
    links: OWN,
    key: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    ends: 'executed',
  },
  {
    what: 'an e-mail address as the key',
    sql: `create schema h; create table h.people (id text primary key, who text not null, email text, name text);
      insert into h.people values ('me"o''x@example.org', 'me', 'me@example.org', 'Me'), ('other@example.org', 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, person_id text references h.people, who text not null); create index on h.orders (person_id);
      insert into h.orders values (11, 'me"o''x@example.org', 'me'), (21, 'other@example.org', 'other');`,
    links: OWN,
    key: 'me"o\'x@example.org',
    ends: 'executed',
  },
  {
    what: 'a key that is a word which JSON knows',
    sql: `create schema h; create table h.people (id varchar(9) primary key, who text not null, email text, name text);
      insert into h.people values ('null', 'me', 'me@example.org', 'Me'), ('true', 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, person_id varchar(9) references h.people, who text not null); create index on h.orders (person_id);
      insert into h.orders values (11, 'null', 'me'), (21, 'true', 'other');`,
    links: OWN,
    key: 'null',
    ends: 'executed',
  },
  {
    what: 'a day as the key',
    sql: `create schema h; create table h.people (id date primary key, who text not null, email text, name text);
      insert into h.people values ('2020-02-29', 'me', 'me@example.org', 'Me'), ('2020-03-01', 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, person_id date references h.people, who text not null); create index on h.orders (person_id);
      insert into h.orders values (11, '2020-02-29', 'me'), (21, '2020-03-01', 'other');`,
    links: OWN,
    key: '["2020-02-29"]',
    ends: 'executed',
  },
  {
    what: 'a moment as the key',
    sql: `create schema h; create table h.people (id timestamptz primary key, who text not null, email text, name text);
      insert into h.people values ('2020-02-29 12:00+02', 'me', 'me@example.org', 'Me'), ('2020-02-29 12:00+00', 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, person_id timestamptz references h.people, who text not null); create index on h.orders (person_id);
      insert into h.orders values (11, '2020-02-29 12:00+02', 'me'), (21, '2020-02-29 12:00+00', 'other');`,
    links: OWN,
    key: '["2020-02-29T10:00:00"]',
    ends: 'executed',
  },
  {
    what: 'char(n) keys, padded, referred to by text without the blanks',
    sql: `create schema h; create table h.people (id char(6) primary key, who text not null, email text, name text);
      insert into h.people values ('a', 'me', 'me@example.org', 'Me'), ('ab', 'other', 'other@example.org', 'Other');
      create table h.orders (id char(4) primary key, person_id char(9), who text not null); create index on h.orders (person_id);
      insert into h.orders values ('x', 'a', 'me'), ('y', 'ab', 'other');`,
    links: OWN,
    key: 'a',
    ends: 'executed',
  },
  {
    what: 'char(n) referred to by varchar, without the blanks',
    sql: `create schema h; create table h.people (id char(6) primary key, who text not null, email text, name text);
      insert into h.people values ('a', 'me', 'me@example.org', 'Me'), ('A', 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, person_id varchar(9), who text not null); create index on h.orders (person_id);
      insert into h.orders values (11, 'a', 'me'), (21, 'A', 'other');`,
    links: OWN,
    key: 'a',
    ends: 'executed',
  },
  {
    what: 'a collation that knows no case: equal, and written in two ways',
    sql: `create schema h; create collation h.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table h.people (id int primary key, code text collate h.ci unique, who text not null, email text, name text);
      insert into h.people values (1, 'ada', 'me', 'me@example.org', 'Me'), (2, 'eve', 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, code text collate h.ci references h.people (code), who text not null); create index on h.orders (code);
      insert into h.orders values (11, 'ada', 'me'), (12, 'ADA', 'me'), (21, 'eve', 'other');`,
    links: { 'h.orders': { kind: 'own', to: 'h.people', columns: { code: 'code' } } },
    ends: 'LE421',
    left: 3,
  },
  {
    what: 'a day that refers to a moment',
    sql: `create schema h; create table h.people (id timestamp primary key, who text not null, email text, name text);
      insert into h.people values ('2020-02-29', 'me', 'me@example.org', 'Me'), ('2020-03-01', 'other', 'other@example.org', 'Other');
      create table h.orders (id int primary key, person_id date, who text not null); create index on h.orders (person_id);
      insert into h.orders values (11, '2020-02-29', 'me'), (21, '2020-03-01', 'other');`,
    links: OWN,
    key: '["2020-02-29T00:00:00"]',
    ends: 'LE421',
    left: 2,
  },
  {
    what: 'generated columns and identity always',
    sql: `create schema h; create table h.people (id int generated always as identity primary key, who text not null, email text, name text,
        tag text generated always as (lower(email)) stored unique);
      insert into h.people (who, email, name) values ('me', 'Me@example.org', 'Me'), ('other', 'other@example.org', 'Other');
      create table h.orders (id int generated always as identity primary key, tag text, who text not null); create index on h.orders (tag);
      insert into h.orders (tag, who) values ('me@example.org', 'me'), ('other@example.org', 'other');`,
    links: { 'h.orders': { kind: 'own', to: 'h.people', columns: { tag: 'tag' } } },
    ends: 'executed',
  },
  {
    what: 'row security that is forced',
    sql: `${PEOPLE} alter table h.people enable row level security; alter table h.people force row level security; create policy nobody on h.people using (false);`,
    ends: 'executed',
    ownServer: true,
  },
  {
    what: 'a rule that turns DELETE into something else',
    sql: `${PEOPLE} create rule soft as on delete to h.people do instead update h.people set name = name || '!' where id = old.id;`,
    ends: ['LE426'],
    left: 1,
  },
  {
    what: 'partitions between which rows move when they change',
    sql: `${PEOPLE} create table h.orders (id int, person_id int, who text not null, at date, primary key (id, at)) partition by range (at);
      create table h.orders_old partition of h.orders for values from ('2020-01-01') to ('2025-01-01');
      create table h.orders_new partition of h.orders for values from ('2025-01-01') to ('2035-01-01'); create index on h.orders (person_id);
      insert into h.orders values (11, 1, 'me', '2021-01-01'), (12, 1, 'me', '2026-01-01'), (21, 2, 'other', '2021-01-01');
      update h.orders set at = '2026-02-01' where id = 11;`,
    links: OWN,
    ends: 'executed',
  },
  {
    what: 'rows that are not counted',
    sql: `${PEOPLE} ${history}`,
    ends: 'LE434',
    left: 1,
  },
]

async function made({ sql, links = {}, identifiers = ['email'], ownServer }: Case): Promise<OwnDatabase> {
  const db = await (ownServer ? createOwnDatabase() : createDatabase())
  await db.query(sql)
  const tables = Object.keys(links).filter((name) => name !== 'h.people')
  await applyPolicy(db, {
    version: 1,
    controllers: { north: { time_zone: 'America/St_Johns' }, south: { time_zone: 'Pacific/Apia' } },
    subjects: { person: { table: 'h.people', identifiers, links } },
    tables: {
      'h.people': ROOT,
      ...Object.fromEntries(tables.map((name) => [name, { controller: { constant: 'north' } }])),
    },
  })
  await grantMissing(db)
  return db
}

/** Every row of the schema that says whose it is, as it is stored. */
async function rowsIn(db: OwnDatabase): Promise<{ who: string; row: string }[]> {
  const tables = await rowsOf<{ name: string }>(
    db,
    `select c.oid::regclass::text as name from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attname = 'who'
     where c.relnamespace = 'h'::regnamespace and c.relkind = 'r' order by 1`,
  )
  const rows: { who: string; row: string }[] = []
  for (const { name } of tables)
    rows.push(
      ...(await rowsOf<{ who: string; row: string }>(
        db,
        `select t.who, '${name} ' || t::text as row from only ${name} as t order by 2`,
      )),
    )
  return rows
}

async function erase(db: OwnDatabase, key: string): Promise<{ ended: string | string[]; failure: unknown }> {
  const tried = async <Value>(text: string, values: unknown[]): Promise<Value | string> => {
    try {
      return (await rowsOf<{ it: Value }>(db, text, values))[0]!.it
    } catch (error) {
      return String((error as { code: unknown }).code)
    }
  }
  const id = await tried<string>(
    `select lethe.open_request('erasure', 'person', key => $1, controller => 'north') as it`,
    [key],
  )
  if (/^LE/.test(id)) return { ended: id, failure: null }
  const plan = await tried<{ refusals: { code: string }[] }>('select lethe.plan_request($1) as it', [id])
  if (typeof plan === 'string') return { ended: plan, failure: null }
  if (plan.refusals.length > 0)
    return { ended: [...new Set(plan.refusals.map(({ code }) => code))], failure: null }
  await db.query('select lethe.approve_request($1)', [id])
  return { ended: await tried<string>('select lethe.execute_request($1) as it', [id]), failure: id }
}

describe('an erasure on awkward tables', () => {
  it.each(CASES)('$what', async (one) => {
    const db = await made(one)
    try {
      if (one.what === 'rows that are not counted') await db.query('set track_counts = off')
      const before = await rowsIn(db)
      const { ended } = await erase(db, one.key ?? '1')
      const after = await rowsIn(db)
      if (typeof one.ends === 'string' && one.ends !== 'executed')
        expect(ended).toMatch(new RegExp(`^${one.ends}`))
      else expect(ended).toEqual(one.ends)
      expect(after.filter(({ who }) => who === 'me')).toHaveLength(one.left ?? 0)
      const others = (rows: { who: string; row: string }[]): string[] =>
        rows.filter(({ who }) => who === 'other').map(({ row }) => row)
      // Of somebody else's row the reference alone may have gone.
      if (one.what === 'the same tree, declared a mention')
        expect(others(after)).toEqual(others(before).map((row) => row.replace(/,1\)$/, ',)')))
      else expect(others(after)).toEqual(others(before))
      if (ended !== 'executed') expect(after).toEqual(before)
    } finally {
      await db.drop()
    }
  })
})
