/** Random clubs of two controllers, whose members are forgotten one by one, several at once, and in one call: against the oracle. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy, rowsOf, type Session } from '../helpers/engine.ts'
import { approvedErasure, execute } from '../helpers/executions.ts'
import { randomNumbers } from '../helpers/shop.ts'
import { formatDay, parseDay } from '../oracle/calendar.ts'
import { type Club, forget, REPLACED, type Row } from '../oracle/erasure_outcome.ts'

const CONTROLLERS = [
  { name: 'north', owner: 1, timeZone: 'America/St_Johns' },
  { name: 'south', owner: 2, timeZone: 'Pacific/Auckland' },
]
const TABLES = ['households', 'members', 'accounts', 'entries', 'messages', 'reviews', 'badges'] as const

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema club;
    create table club.households (id int primary key, owner int not null, street text);
    create table club.members (
      id int primary key, owner int not null, name text, email text not null unique,
      sponsor_id int references club.members, home_id int references club.households);
    create index on club.members (sponsor_id);
    create index on club.members (home_id);
    create table club.accounts (id int primary key, owner int not null, member_id int not null references club.members on delete cascade, opened date);
    create index on club.accounts (member_id);
    create table club.entries (id int primary key, owner int not null, account_id int not null references club.accounts, text text);
    create index on club.entries (account_id);
    create table club.messages (id int primary key, owner int not null, from_id int not null references club.members, to_id int references club.members on delete set null, body text);
    create index on club.messages (from_id);
    create index on club.messages (to_id);
    create table club.reviews (id int primary key, owner int not null, reviewer_id int not null references club.members on delete cascade, body text);
    create index on club.reviews (reviewer_id);
    create table club.badges (id int primary key, owner int not null, email text);
    create index on club.badges (email)`)
  const table = { controller: { column: 'owner' } }
  await applyPolicy(db, {
    version: 1,
    controllers: Object.fromEntries(
      CONTROLLERS.map(({ name, owner, timeZone }) => [
        name,
        { time_zone: timeZone, reference: String(owner) },
      ]),
    ),
    subjects: {
      member: {
        table: 'club.members',
        identifiers: ['email'],
        links: {
          'club.members': { kind: 'mention' },
          'club.households': { kind: 'share', to: 'club.members', columns: { id: 'home_id' } },
          'club.accounts': { kind: 'own', on_erasure: { retain: 'P5Y', since: 'opened', basis: 'a law' } },
          'club.entries': { kind: 'own', with: 'parent' },
          'club.messages': [
            { kind: 'share', to: 'club.members', columns: { from_id: 'id' } },
            { kind: 'share', to: 'club.members', columns: { to_id: 'id' } },
          ],
          'club.reviews': { kind: 'mention' },
          'club.badges': { kind: 'own', to: 'club.members', columns: { email: 'email' } },
        },
      },
    },
    tables: {
      'club.members': {
        ...table,
        columns: { name: { category: 'direct identifier' }, email: { category: 'contact' } },
      },
      'club.households': { ...table, columns: { street: { category: 'contact' } } },
      ...Object.fromEntries(TABLES.slice(2).map((name) => [`club.${name}`, table])),
    },
  })
})
afterAll(() => db.drop())

/** Members refer to members, homes and accounts of their own controller alone. */
function randomClub(seed: number, size: number, today: string): Club {
  const below = randomNumbers(seed)
  const list = (n: number, make: (id: number, owner: number) => Row): Row[] =>
    Array.from({ length: n }, (_, i) => ({ ...make(i + 1, 1 + (i % 2)) }))
  const day = (): string | null =>
    below(8) === 0 ? null : formatDay(parseDay(today) - (below(3) === 0 ? 1826 + below(5) - 2 : below(3650)))
  /** A row of the same owner: ids alternate. */
  const one = (owner: number): number => owner + 2 * below(Math.max(1, size >> 1))
  const maybe = (owner: number): number | null => (below(3) === 0 ? null : one(owner))
  const even = 2 * Math.max(1, size >> 1)
  return {
    households: list(even, (id, owner) => ({ id, owner, street: `Road ${id}` })),
    members: list(even, (id, owner) => ({
      id,
      owner,
      name: `Name ${id}`,
      email: `m${id}@example.org`,
      sponsor_id: maybe(owner),
      home_id: maybe(owner),
    })),
    accounts: list(even, (id, owner) => ({ id, owner, member_id: one(owner), opened: day() })),
    entries: list(2 * even, (id, owner) => ({ id, owner, account_id: one(owner), text: `entry ${id}` })),
    messages: list(even, (id, owner) => ({
      id,
      owner,
      from_id: one(owner),
      to_id: maybe(owner),
      body: `hello ${id}`,
    })),
    reviews: list(size >> 2, (id, owner) => ({ id, owner, reviewer_id: one(owner), body: `good ${id}` })),
    badges: list(even, (id, owner) => ({ id, owner, email: `m${one(owner)}@example.org` })),
  }
}

async function load(session: Session, club: Club): Promise<void> {
  await session.query('set session_replication_role = replica')
  for (const name of TABLES) {
    await session.query(
      `insert into club.${name} select * from jsonb_populate_recordset(null::club.${name}, $1)`,
      [JSON.stringify(club[name])],
    )
  }
  await session.query('set session_replication_role = origin')
}

async function read(session: Session): Promise<Club> {
  const club = {} as Club
  for (const name of TABLES) {
    const rows = await rowsOf<{ row: Row }>(
      session,
      `select to_jsonb(t) as row from club.${name} as t order by id`,
    )
    club[name] = rows.map(({ row }) => row)
  }
  for (const row of club.members)
    if (/^[^@]+@anonymized\.invalid$/.test(String(row.email))) row.email = REPLACED
  return club
}

const scenario = fc.record({
  seed: fc.integer(),
  size: fc.integer({ min: 4, max: 24 }),
  roots: fc.integer({ min: 1, max: 3 }),
})

it('leaves the database as the oracle says, whoever is forgotten, in whatever order', async () => {
  const seen = { tombs: 0, kept: 0, cut: 0, planned: 0, together: 0 }
  const session = await db.connect()
  await fc.assert(
    fc.asyncProperty(scenario, async ({ seed, size, roots }) => {
      const below = randomNumbers(seed + 3)
      await session.query('begin')
      try {
        const days = await rowsOf<{ name: string; today: string }>(
          session,
          `select name, lethe_private.today(time_zone)::text as today from lethe.controllers order by name`,
        )
        let club = randomClub(seed, size, days[0]!.today)
        await load(session, club)
        for (const [n, { name, owner }] of CONTROLLERS.entries()) {
          const today = days[n]!.today
          const pick = (): number => owner + 2 * below(Math.max(1, size >> 1))
          const people = new Set(Array.from({ length: roots }, pick))
          const request = await approvedErasure(session, 'member', name, ...[...people].map(String))
          expect(await execute(session, request)).toBe('executed')
          club = forget(club, people, today)
          expect(await read(session)).toEqual(club)

          // Then others, in one call. Of two whose plans meet, the second may have to be approved again.
          const others = [...new Set(Array.from({ length: 3 }, pick))].filter((id) =>
            club.members.some((row) => row.id === id && row.email !== REPLACED),
          )
          const requests: number[] = []
          for (const id of others) {
            requests.push(await approvedErasure(session, 'member', name, String(id)))
          }
          const states = await rowsOf<{ state: string }>(
            session,
            'select * from lethe.execute_requests($1)',
            [requests],
          )
          for (const [i, { state }] of states.entries()) {
            expect(['executed', 'planned']).toContain(state)
            if (state === 'executed') club = forget(club, new Set([others[i]!]), today)
            else seen.planned++
          }
          if (states.length > 1 && states.every(({ state }) => state === 'executed')) seen.together++
          expect(await read(session)).toEqual(club)
        }
        seen.tombs += club.members.filter(({ email }) => email === REPLACED).length
        seen.kept += club.accounts.length
        seen.cut += club.messages.filter(({ to_id }) => to_id === null).length
      } finally {
        await session.query('rollback')
      }
    }),
    // The first few are large enough for everything that is counted below to come up.
    {
      numRuns: 12,
      examples: [1, 2, 3, 4].map((seed): [{ seed: number; size: number; roots: number }] => [
        { seed, size: 24, roots: 2 },
      ]),
    },
  )
  await session.end()
  expect(Object.entries(seen).filter(([, figure]) => figure === 0)).toEqual([])
})
