/** A shop for music, as Chinook has it, with two controllers in its tables: what an erasure does, and what it refuses. */
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy, grantMissing, rowsOf } from '../helpers/engine.ts'
import { openErasure } from '../helpers/erasure.ts'
import {
  approvedErasure,
  approveErasure,
  certify,
  changed,
  execute,
  type Outcome,
  readTables,
  requestState,
} from '../helpers/executions.ts'
import { MUSIC_KEPT, MUSIC_SQL, musicPolicy, MUSIC_TABLES as TABLES } from '../helpers/music.ts'

let plain: TestDatabase
let keeping: TestDatabase
beforeAll(async () => {
  for (const kept of [false, true]) {
    const db = await createDatabase()
    await db.query(MUSIC_SQL)
    await applyPolicy(db, musicPolicy(kept ? MUSIC_KEPT : {}))
    if (kept) keeping = db
    else plain = db
  }
})
afterAll(async () => {
  await plain?.drop()
  await keeping?.drop()
})

/** In a transaction that is rolled back. */
async function undone(db: TestDatabase, work: (session: pg.Client) => Promise<void>): Promise<void> {
  const session = await db.connect()
  await session.query('begin')
  try {
    await work(session)
  } finally {
    await session.query('rollback')
    await session.end()
  }
}

const figures = (outcome: Outcome, part: keyof Outcome): unknown =>
  Object.fromEntries(outcome[part].map(({ table, rows }) => [table, rows]))

describe('an erasure', () => {
  it('takes every row of the person, cuts what mentions them, and leaves all others byte for byte as they were', async () => {
    await undone(plain, async (session) => {
      const before = await readTables(session, TABLES)
      const request = await approvedErasure(session, 'customer', 'north', '6')
      expect(await execute(session, request)).toBe('executed')
      const after = await readTables(session, TABLES)

      const { outcome } = await requestState(session, request)
      const theirs = changed(before, after)
      expect(figures(outcome, 'erased')).toEqual({
        'music.customers': 1,
        'music.invoices': 7,
        'music.lines': theirs.filter((key) => key.startsWith('music.lines')).length,
        'music.Letters': 2,
      })
      expect(figures(outcome, 'cut')).toEqual({ 'music.tickets': 2 })
      const gone = theirs.filter((key) => !(key in after))
      expect(gone).toHaveLength(theirs.length - 2)
      expect(JSON.stringify(after)).not.toContain('c6@example.org')
      for (const key of theirs.filter((changedKey) => changedKey in after))
        expect(after[key]).toEqual({ ...(before[key] as object), customer_id: null })
      for (const key of gone) expect(JSON.stringify(before[key])).toMatch(/"owner": ?1/)
      expect(await certify(session, request)).toBe('completed')
      expect(await rowsOf(session, 'select from lethe_private.request_roots')).toEqual([])
    })
  })

  it('keeps what a law keeps, takes the person out of what that refers to, and takes the rest', async () => {
    await undone(keeping, async (session) => {
      const before = await readTables(session, TABLES)
      const request = await approvedErasure(session, 'customer', 'south', '7')
      expect(await execute(session, request)).toBe('executed')
      const after = await readTables(session, TABLES)
      const { outcome, completes_on } = await requestState(session, request)
      const invoices = await rowsOf<{ kept: boolean; until: string; lines: number }>(
        session,
        `select (i.invoiced_on + interval '10 years')::date::text as until from music.invoices as i where customer_id = 7 order by 1`,
      )
      expect(outcome.retained.filter(({ table }) => table === 'music.invoices')).toEqual(
        expect.arrayContaining([
          {
            table: 'music.invoices',
            place: 'live',
            rows: expect.any(Number),
            basis: 'Code de commerce L123-22',
            until: invoices[0]!.until,
          },
        ]),
      )
      const [{ day }] = (await rowsOf<{ day: string }>(
        session,
        `select (date '${invoices[0]!.until}' + 1)::text as day`,
      )) as [{ day: string }]
      expect(completes_on).toBe(day)
      expect(after['music.customers/7']).toMatchObject({
        id: 7,
        owner: 2,
        company: null,
        birth: '0001-01-01',
        support_rep_id: 3,
        first_name: expect.stringMatching(/^p-[0-9a-f]{32}$/),
        email: expect.stringMatching(/^[^@]+@anonymized\.invalid$/),
        greeting: expect.stringMatching(/^Dear p-/),
      })
      expect(figures(outcome, 'erased')).toEqual({
        'music.invoices': 2,
        'music.lines': expect.any(Number),
        'music.Letters': 2,
      })
      expect(Object.keys(after).filter((key) => key.startsWith('music.invoices'))).toHaveLength(418)
      expect(
        changed(before, after).filter((key) => key in after && !key.startsWith('music.tickets')),
      ).toEqual(['music.customers/7'])
      expect(await certify(session, request)).toBe('blocked')
    })
  })

  it('is refused unless it is approved, and done once it is', async () => {
    await undone(plain, async (session) => {
      const request = await approvedErasure(session, 'customer', 'north', '8')
      await session.query(
        `update lethe.requests set state = 'planned', approved_at = null, approved_by = null where id = ${request}; savepoint s`,
      )
      await expect(refusal(execute(session, request))).resolves.toMatchObject({ code: 'LE431' })
      await session.query(
        `rollback to s; update lethe.requests set state = 'approved', approved_at = now(), approved_by = 'x' where id = ${request}`,
      )
      expect(await execute(session, request)).toBe('executed')
    })
  })

  it('asks again when a row came since the plan was approved, and takes it then', async () => {
    await undone(plain, async (session) => {
      const request = await approvedErasure(session, 'customer', 'north', '10')
      await session.query(`insert into music.tickets values (9000, 1, 10, 'new')`)
      const before = await readTables(session, TABLES)
      expect(await execute(session, request)).toBe('planned')
      expect(changed(before, await readTables(session, TABLES))).toEqual([])
      await session.query(
        `update lethe.requests set state = 'approved', approved_at = now(), approved_by = 'x' where id = ${request}`,
      )
      expect(await execute(session, request)).toBe('executed')
      expect((await readTables(session, TABLES))['music.tickets/9000']).toMatchObject({ customer_id: null })
    })
  })

  it('remembers the latest day of rows that go, for a clock of somebody else who stays', async () => {
    await undone(plain, async (session) => {
      await session.query(`
        update music.customers set birth = '2020-02-29' where id = 6;
        select lethe.set_rule('music.employees', 'purge', 'P90Y', since => array['max(customers.birth)'])`)
      await grantMissing(session)
      const request = await approvedErasure(session, 'customer', 'north', '6')
      expect(await execute(session, request)).toBe('executed')
      expect(
        await rowsOf(session, `select parent_key, last_day::text from lethe_private.last_events`),
      ).toEqual([{ parent_key: '2', last_day: '2020-02-29' }])
    })
  })

  it('does not ask again because a term has ended meanwhile', async () => {
    await undone(keeping, async (session) => {
      await session.query(
        `update music.invoices set invoiced_on = (current_date - interval '10 years')::date where customer_id = 11`,
      )
      const request = await approvedErasure(session, 'customer', 'south', '11')
      // As if it had been planned and approved the day before: the mark is that of the rows as they were decided then.
      await session.query(`
        update lethe.requests as r set plan = jsonb_set(r.plan, '{day}', to_jsonb((lethe_private.today(c.time_zone) - 5)::text)),
          plan_mark = lethe_private.plan_mark(lethe_private.decide(
            lethe_private.reach(s, c, array['11'], false), s, c, lethe_private.today(c.time_zone) - 5), c)
        from lethe.controllers as c, lethe.subject_types as s where c.id = r.controller_id and r.id = ${request}`)
      expect(await execute(session, request)).toBe('executed')
    })
  })
})

/** What is put in the way, why it is refused, what takes it away, and where the sentence has to point. */
const OBSTACLES: [name: string, sql: string, code: string, names: RegExp, repair: string][] = [
  [
    'a trigger that keeps a history',
    `create table music.history (old jsonb);
     create function music.keep() returns trigger language plpgsql as $$ begin insert into music.history values (to_jsonb(old)); return null; end $$;
     create trigger keep after delete or update on music.customers for each row execute function music.keep();
     grant insert on music.history to lethe_sweeper`,
    'LE434',
    /music\.history \(1 inserted\)/,
    'drop trigger keep on music.customers',
  ],
  [
    'a trigger that deletes rows of others',
    `create function music.tidy() returns trigger language plpgsql as $$ begin delete from music.tickets where id in (1, 3); return null; end $$;
     create trigger tidy after delete on music.lines for each statement execute function music.tidy();
     grant delete on music.tickets to lethe_sweeper`,
    'LE434',
    /music\.tickets \(2 deleted\)/,
    'drop trigger tidy on music.lines',
  ],
  [
    'a trigger that swallows the DELETE',
    `create function music.stay() returns trigger language plpgsql as $$ begin return null; end $$;
     create trigger stay before delete on music."Letters" for each row execute function music.stay()`,
    'LE435',
    /music\.Letters, rows left: 2/,
    'drop trigger stay on music."Letters"',
  ],
  [
    'a trigger that puts the row back',
    `create function music.back() returns trigger language plpgsql as $$ begin insert into music."Letters" select (old).*; return null; end $$;
     create trigger back after delete on music."Letters" for each row execute function music.back();
     grant insert on music."Letters" to lethe_sweeper`,
    'LE434',
    /music\."Letters" \(2 inserted\)/,
    'drop trigger back on music."Letters"',
  ],
  [
    'a trigger that takes a cut back',
    `create function music.same() returns trigger language plpgsql as $$ begin new.customer_id := old.customer_id; return new; end $$;
     create trigger same before update on music.tickets for each row execute function music.same()`,
    'LE433',
    /23503|LE435/,
    'drop trigger same on music.tickets',
  ],
  [
    'a trigger that quotes the row it refuses',
    `create function music.loud() returns trigger language plpgsql as $$ begin raise exception 'never: %', old; end $$;
     create trigger loud before delete on music.customers for each row execute function music.loud()`,
    'LE433',
    /SQLSTATE P0001/,
    'drop trigger loud on music.customers',
  ],
  [
    'a deferred constraint trigger',
    `create function music.late() returns trigger language plpgsql as $$ begin raise exception using errcode = '23514', constraint = 'late_check', message = old.email; end $$;
     create constraint trigger late after delete on music.customers deferrable initially deferred for each row execute function music.late()`,
    'LE433',
    /SQLSTATE 23514, constraint late_check/,
    'drop trigger late on music.customers',
  ],
]

describe('an erasure that cannot be done as planned', () => {
  it.each(OBSTACLES)(
    'is refused by name, nothing half done, and done without it: %s',
    async (_, sql, code, names, repair) => {
      await undone(plain, async (session) => {
        await session.query(sql)
        const request = await approvedErasure(session, 'customer', 'north', '12')
        const before = await readTables(session, TABLES)
        await session.query('savepoint s')
        const refused = await refusal(execute(session, request))
        expect(refused).toMatchObject({ code })
        expect(refused.message).toMatch(names)
        expect(JSON.stringify({ ...refused })).not.toMatch(/c12@|First 12|Road 12/)
        await session.query('rollback to s')
        expect(changed(before, await readTables(session, TABLES))).toEqual([])
        await session.query(repair)
        expect(await execute(session, request)).toBe('executed')
        expect(JSON.stringify(await readTables(session, TABLES))).not.toContain('c12@example.org')
      })
    },
  )

  it('goes back to be planned when a cascade into rows of others has come since, with the refusal in the plan', async () => {
    await undone(plain, async (session) => {
      const request = await approvedErasure(session, 'customer', 'north', '14')
      await session.query(`
        create table music.fans (id int primary key, customer_id int references music.customers on delete cascade, of_whom text);
        insert into music.fans values (1, 14, 'somebody else''s');
        grant select, delete on music.fans to lethe_sweeper`)
      expect(await execute(session, request)).toBe('planned')
      const [{ refusals }] = (await rowsOf(
        session,
        `select plan -> 'refusals' as refusals from lethe.requests where id = ${request}`,
      )) as [{ refusals: { object: string }[] }]
      expect(refusals.map(({ object }) => object)).toEqual([expect.stringContaining('music.fans')])
      expect(await rowsOf(session, 'select from music.fans')).toHaveLength(1)
    })
  })

  it('takes a tombstone back that a trigger gave its name again', async () => {
    await undone(keeping, async (session) => {
      await session.query(`
        create function music.same() returns trigger language plpgsql as $$ begin new.first_name := old.first_name; return new; end $$;
        create trigger same before update on music.customers for each row execute function music.same()`)
      const request = await approvedErasure(session, 'customer', 'south', '13')
      await session.query('savepoint s')
      const refused = await refusal(execute(session, request))
      expect(refused).toMatchObject({ code: 'LE435' })
      expect(refused.message).toContain('music.customers, column first_name: 1')
      await session.query('rollback to s; drop trigger same on music.customers')
      expect(await execute(session, request)).toBe('executed')
    })
  })

  it('is refused where nothing could stand in the place of a value that may not be null, until a rule says what', async () => {
    await undone(keeping, async (session) => {
      await session.query(`
        create type music.mood as enum ('good', 'bad');
        alter table music.customers add column mood music.mood not null default 'good';
        grant update (mood) on music.customers to lethe_sweeper;
        select lethe.set_column('music.customers', 'mood', 'quasi-identifier')`)
      const request = await openErasure(session, 'customer', ['15'], 'south')
      // Said before anybody agrees to what could not be done.
      expect((await approveErasure(session, request)).refusals).toEqual([
        expect.objectContaining({ code: 'LE437', object: 'music.customers', rows: 1 }),
      ])
      expect(await execute(session, request)).toBe('planned')
      await session.query(
        `select lethe.set_rule('music.customers', 'anonymize', 'P90Y', 'mood', array['birth'], 'constant', '{"value": "bad"}')`,
      )
      expect((await approveErasure(session, request)).refusals).toEqual([])
      expect(await execute(session, request)).toBe('executed')
      expect((await readTables(session, TABLES))['music.customers/15']).toMatchObject({ mood: 'bad' })
    })
  })
})

describe('circles and other shapes', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await createDatabase()
    await db.query(`
      create extension if not exists citext;
      create schema "Odd Shop";
      create domain "Odd Shop".mail as text not null check (value like '%@%');
      create type "Odd Shop".colour as enum ('red', 'green');
      create table "Odd Shop"."People" (
        "Id" uuid not null, colour "Odd Shop".colour not null, mail "Odd Shop".mail, nick citext unique, team int not null, primary key ("Id", colour));
      create table "Odd Shop".teams (id int primary key, lead uuid not null, lead_colour "Odd Shop".colour not null,
        foreign key (lead, lead_colour) references "Odd Shop"."People" ("Id", colour) on delete restrict);
      alter table "Odd Shop"."People" add constraint in_team foreign key (team) references "Odd Shop".teams deferrable initially deferred;
      create table "Odd Shop".events (at timestamptz not null, person uuid, colour "Odd Shop".colour, note text, primary key (at, person)) partition by range (at);
      create table "Odd Shop".events_old partition of "Odd Shop".events for values from (minvalue) to ('2025-01-01');
      create table "Odd Shop".events_new partition of "Odd Shop".events for values from ('2025-01-01') to (maxvalue);
      create table "Odd Shop".posts (nick citext not null, n int not null, text text, primary key (nick, n));
      begin;
      set constraints all deferred;
      insert into "Odd Shop"."People" select ('00000000-0000-0000-0000-00000000000' || i)::uuid, 'red', 'p' || i || '@example.org', 'Nick' || i, i from generate_series(1, 4) as i;
      insert into "Odd Shop".teams select i, ('00000000-0000-0000-0000-00000000000' || i)::uuid, 'red' from generate_series(1, 4) as i;
      commit;
      insert into "Odd Shop".events select timestamptz '2024-12-28 12:00Z' + n * interval '1 day', ('00000000-0000-0000-0000-00000000000' || i)::uuid, 'red', 'seen ' || i
      from generate_series(1, 4) as i, generate_series(1, 6) as n;
      insert into "Odd Shop".posts select upper('nick' || i), n, 'post' from generate_series(1, 4) as i, generate_series(1, 3) as n`)
    await applyPolicy(db, {
      version: 1,
      controllers: { north: { time_zone: 'Europe/Paris' } },
      subjects: {
        person: {
          table: 'Odd Shop.People',
          identifiers: ['mail'],
          links: {
            'Odd Shop.teams': { kind: 'own' },
            'Odd Shop.events': {
              kind: 'own',
              to: 'Odd Shop.People',
              columns: { person: 'Id', colour: 'colour' },
            },
            'Odd Shop.posts': { kind: 'own', to: 'Odd Shop.People', columns: { nick: 'nick' } },
          },
        },
      },
      tables: Object.fromEntries(
        ['People', 'teams', 'events', 'posts'].map((name) => [
          `Odd Shop.${name}`,
          { controller: { constant: 'north' } },
        ]),
      ),
    })
    await grantMissing(db)
  })
  afterAll(() => db?.drop())

  it('deletes a circle of NOT NULL and RESTRICT references, composite, domain, enum and citext keys, and rows of partitions', async () => {
    const tables = {
      '"Odd Shop"."People"': '"Id"',
      '"Odd Shop".teams': 'id',
      '"Odd Shop".events': 'at::text || person',
      '"Odd Shop".posts': 'nick || n',
    }
    const before = await readTables(db, tables)
    const request = await approvedErasure(
      db,
      'person',
      'north',
      '["00000000-0000-0000-0000-000000000002", "red"]',
    )
    expect(await execute(db, request)).toBe('executed')
    const after = await readTables(db, tables)
    const gone = changed(before, after)
    expect(gone).toHaveLength(1 + 1 + 6 + 3)
    for (const key of gone) {
      expect(after[key]).toBeUndefined()
      expect(JSON.stringify(before[key])).toMatch(/0000002|"nick":"NICK2"/)
    }
    expect(figures((await requestState(db, request)).outcome, 'erased')).toEqual({
      'Odd Shop.People': 1,
      'Odd Shop.teams': 1,
      'Odd Shop.events': 6,
      'Odd Shop.posts': 3,
    })
  })
})

describe('rows that come meanwhile', () => {
  let request: number
  beforeEach(async () => {
    await plain.query(`
      create or replace function music.wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(4711); return null; end $$;
      create or replace trigger wait after delete on music.lines for each statement execute function music.wait()`)
  })
  afterAll(() => plain.query('drop trigger wait on music.lines'))

  /** Does something while an erasure stands still in the midst of its DELETE. */
  async function meanwhile(work: (other: pg.Client) => Promise<void>): Promise<PromiseSettledResult<string>> {
    const gate = await plain.connect()
    await gate.query('select pg_advisory_lock(4711)')
    const session = await plain.connect()
    const executed = execute(session, request)
    const settled = Promise.allSettled([executed])
    for (;;) {
      const [row] = await rowsOf<{ n: number }>(
        gate,
        `select count(*)::int as n from pg_locks where locktype = 'advisory' and objid = 4711 and not granted`,
      )
      if (row!.n > 0) break
    }
    await work(gate)
    await gate.query('select pg_advisory_unlock(4711)')
    const [result] = await settled
    await session.end()
    await gate.end()
    return result!
  }

  it('by a link without a foreign key undo the erasure, which takes them when it is tried again', async () => {
    request = await approvedErasure(plain, 'customer', 'north', '20')
    const before = await readTables(plain, TABLES)
    const result = await meanwhile(async (gate) => {
      await gate.query(`insert into music."Letters" values ('c20@example.org', 77, 1, 'late')`)
    })
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { code: 'LE436', message: expect.stringContaining('music.Letters (sent_to): 1') },
    })
    expect(changed(before, await readTables(plain, TABLES))).toEqual(['music."Letters"/c20@example.org77'])
    expect(await execute(plain, request)).toBe('planned')
    await plain.query(
      `update lethe.requests set state = 'approved', approved_at = now(), approved_by = 'x' where id = ${request}`,
    )
    expect(await execute(plain, request)).toBe('executed')
    expect(JSON.stringify(await readTables(plain, TABLES))).not.toContain('c20@example.org')
  })

  it('by a foreign key wait for the erasure, and then have nothing to refer to', async () => {
    request = await approvedErasure(plain, 'customer', 'north', '22')
    let late: Promise<unknown> = Promise.resolve()
    const other = await plain.connect()
    const result = await meanwhile(async (gate) => {
      late = refusal(other.query(`insert into music.invoices values (9999, 1, 22, current_date, 'late')`))
      for (;;) {
        const [row] = await rowsOf<{ n: number }>(
          gate,
          `select count(*)::int as n from pg_locks where locktype = 'transactionid' and not granted`,
        )
        if (row!.n > 0) break
      }
    })
    expect(result).toEqual({ status: 'fulfilled', value: 'executed' })
    await expect(late).resolves.toMatchObject({ code: '23503' })
    await other.end()
  })
})
