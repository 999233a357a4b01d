/**
 * What every finding of `lethe.check()` has to show: on a database where all is decided it is silent, a violation
 * makes it speak, a repair makes it silent again, and so does a waiver, until its day has passed.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from './database.ts'
import { applyPolicy } from './engine.ts'

/** A finding as `lethe.check()` returns it. */
export interface Found {
  code: string
  severity: string
  object: string
  sentence: string
  remedy: string
}

/** One way to break a rule of the check, and to mend it. */
export interface Trial {
  code: string
  /** What the finding is about. */
  object: string
  /** Part of the sentence. */
  says: RegExp
  /** Statements, or work that needs the database. */
  violation: string | ((db: TestDatabase) => Promise<unknown>)
  repair: string | ((db: TestDatabase) => Promise<unknown>)
}

/** The host's tables: two controllers in two time zones, people and their orders. */
const DESK = `
  create schema desk;
  create table desk.people (
    id bigint generated always as identity primary key, owner int not null, email text, "fullName" text, born int,
    label text generated always as (email || ' ' || "fullName") stored, seen date
  );
  create table desk.orders (
    id bigint generated always as identity primary key, owner int not null, person_id bigint references desk.people,
    country text, placed date, note text
  );
  create index on desk.orders (person_id);
  insert into desk.people (owner, email, "fullName", born, seen)
    select 1 + n % 2, 'p' || n || '@example.org', 'P ' || n, 1980, current_date from generate_series(1, 40) as n;
  insert into desk.orders (owner, person_id, country, placed, note)
    select owner, id, 'FR', current_date, 'n' from desk.people`

/** All that there is to decide over them. */
export const DESK_POLICY = {
  version: 1,
  controllers: {
    north: { time_zone: 'America/St_Johns', reference: '1' },
    south: { time_zone: 'Pacific/Apia', reference: '2' },
  },
  subjects: {
    person: {
      table: 'desk.people',
      identifiers: ['email'],
      links: { 'desk.orders': { kind: 'own' } },
    },
  },
  tables: {
    'desk.people': {
      controller: { column: 'owner' },
      since: 'seen',
      columns: {
        email: { category: 'contact' },
        fullName: { category: 'direct identifier' },
        born: { category: 'quasi-identifier' },
        seen: { category: 'content' },
      },
      purge: { after: 'P3Y' },
    },
    'desk.orders': {
      controller: { column: 'owner' },
      since: 'placed',
      columns: {
        country: { category: 'not personal' },
        placed: { category: 'not personal' },
        note: { category: 'content' },
      },
      purge: { after: 'P3Y' },
    },
  },
}

/** A database with the desk on which everything is decided. */
export async function createDesk(): Promise<TestDatabase> {
  const db = await createDatabase()
  await db.query(DESK)
  await applyPolicy(db, DESK_POLICY)
  return db
}

/** What a check finds; of one code, if one is given. Notes name limits that every database has, and are left out. */
export async function findings(
  db: TestDatabase,
  code?: string,
  { readData = true }: { readData?: boolean } = {},
): Promise<Found[]> {
  const found = await db.query<Found & Record<string, unknown>>('select * from lethe.check($1)', [readData])
  return found.filter((finding) => (code === undefined ? finding.severity !== 'note' : finding.code === code))
}

/** Puts guards on a table, as its owner would. */
export async function guard(db: TestDatabase, table: string): Promise<void> {
  for (const { statement } of await db.query<{ statement: string }>(
    'select statement from lethe.guard_sql($1)',
    [table],
  ))
    await db.query(statement)
}

/** Makes a suite of a trial; its database is given to further tests. */
export function provesItself({ code, object, says, violation, repair }: Trial): () => TestDatabase {
  let db: TestDatabase
  const run = async (work: Trial['repair']): Promise<unknown> =>
    typeof work === 'string' ? db.query(work) : work(db)
  const ofObject = async (wanted: string): Promise<Found[]> =>
    (await findings(db, wanted)).filter((finding) => finding.object === object)

  beforeAll(async () => {
    db = await createDesk()
  })
  afterAll(() => db.drop())

  it('is silent where all is decided', async () => {
    expect(await findings(db)).toEqual([])
    expect((await findings(db, code)).map((finding) => finding.object)).not.toContain(object)
  })

  it('names what violates it', async () => {
    await run(violation)
    const [row] = await db.query('select severity from lethe.checks where code = $1', [code])
    expect(await ofObject(code)).toEqual([
      {
        code,
        severity: row!.severity,
        object,
        sentence: expect.stringMatching(says),
        remedy: expect.stringMatching(/\w/),
      },
    ])
  })

  it('is silent under a waiver until its day has passed', async () => {
    await db.query(`select lethe.waive($1, $2, current_date + 10, 'until the next release')`, [code, object])
    expect(await ofObject(code)).toEqual([])
    // Its last day is today for whichever controller is furthest ahead, and is kept whole.
    await db.query(`update lethe.waivers set until = (now() at time zone 'Pacific/Apia')::date`)
    expect(await ofObject(code)).toEqual([])
    await db.query(`update lethe.waivers set until = (now() at time zone 'Pacific/Apia')::date - 1`)
    expect(await ofObject(code)).toHaveLength(1)
    expect((await findings(db, 'expired-waiver')).map((finding) => finding.object)).toEqual([
      `${code} ${object}`,
    ])
    await db.query('select lethe.withdraw_waiver($1, $2)', [code, object])
    expect(await findings(db, 'expired-waiver')).toEqual([])
  })

  it('is silent after the repair', async () => {
    await run(repair)
    expect(await ofObject(code)).toEqual([])
  })
  return () => db
}
