/**
 * A club that is backed up and put back, for the tests of the ledger: `CREATE DATABASE … TEMPLATE` is the backup and the
 * restore. Members of two controllers in two time zones; names in need of quotes; some share an address with nobody.
 */
import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { executeLedgered } from '../../src/ledger/execute.ts'
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts'
import { applyPolicy, rowsOf, type Session } from './engine.ts'
import { INSTALLER, redirect, TEMPLATE_LETHE } from './server.ts'

export const NORTH = 1
export const SOUTH = 2

const POLICY = {
  version: 1,
  controllers: {
    north: { time_zone: 'America/St_Johns', reference: '1' },
    south: { time_zone: 'Pacific/Apia', reference: '2' },
  },
  subjects: {
    member: {
      table: 'club.Members',
      identifiers: ['e-Mail', 'phone'],
      links: { 'club.notes': { kind: 'own' } },
    },
  },
  tables: {
    'club.Members': {
      controller: { column: 'owner' },
      columns: {
        'e-Mail': { category: 'contact', anonymize: { after: 'P3Y', since: 'at', using: 'pseudonym_email' } },
        phone: { category: 'contact', archive: { after: 'P1Y', since: 'at', using: 'suppress' } },
      },
      archive: { after: 'P5Y', since: 'at' },
      purge: { after: 'P10Y', since: 'at' },
    },
    'club.notes': { controller: { column: 'owner' }, with: 'parent' },
  },
}

/** Members 1 to `north` are north's, the `south` after them south's. */
const SQL = `
  create schema club;
  create table club."Members" (
    id int primary key, owner int not null, at date default current_date, "e-Mail" varchar(200), phone text);
  create table club.notes (
    id int generated always as identity primary key, owner int not null,
    member_id int not null references club."Members", body text);
  create index on club.notes (member_id)`

/** One database of the club. */
export interface Copy {
  name: string
  /** Connection string of a login that is no superuser, and member of lethe_owner. */
  url: string
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
}

/** The club, its backups and its ledger. */
export interface Restorable extends Copy {
  ledger: Ledger
  /** The environment of a command that uses the ledger. */
  env: Record<string, string>
  /** A copy as it is now. */
  copy(from?: Copy): Promise<Copy>
  /** Another, empty ledger. */
  newLedger(): Promise<Ledger>
  /** A ledger as it is now, with the same keys. */
  copyLedger(from: Ledger): Promise<Ledger>
  drop(): Promise<void>
}

/** @param template - of the database. */
export async function createRestorable({ north = 60, south = 20 } = {}): Promise<Restorable> {
  const { adminUrl } = inject('server')
  const home = await mkdtemp(join(tmpdir(), 'lethe-restore-'))
  const prefix = `lethe_test_${randomBytes(5).toString('hex')}`
  const made: string[] = []
  const admin = async (text: string): Promise<void> => {
    const client = new pg.Client(adminUrl)
    await client.connect()
    await client.query(text).finally(() => client.end())
  }
  const copy = async (from?: Copy): Promise<Copy> => {
    const name = `${prefix}_${made.length}`
    made.push(name)
    const template = from?.name ?? (made.length === 1 ? TEMPLATE_LETHE : made[0])
    await admin(`create database ${name} template ${template}`)
    await admin(`grant create on database ${name} to ${INSTALLER}`)
    return makeCopy(name, adminUrl)
  }
  let ledgers = 0
  const newLedger = async (): Promise<Ledger> => {
    ledgers += 1
    const folder = join(home, `ledger${ledgers}`)
    await mkdir(folder)
    return openLedger({ folder, keyFile: join(home, `keys${ledgers}.json`), term: 'P1Y' })
  }
  const first = await copy()
  const client = new pg.Client(redirect(adminUrl, { database: first.name }))
  await client.connect()
  await client.query(SQL)
  await applyPolicy(client, POLICY)
  await client.query(
    `grant usage on schema club to lethe_owner, lethe_sweeper;
     grant select, insert, update, delete on club."Members", club.notes to lethe_sweeper`,
  )
  await client.query(
    `insert into club."Members" select i, 1 + (i > $1::int)::int, current_date - i % 300, 'Person.' || i || '@example.org', '+33 6 ' || (10000000 + i)
     from generate_series(1, $1::int + $2::int) as i`,
    [north, south],
  )
  await client.query(
    `insert into club.notes (owner, member_id, body) select m.owner, m.id, 'note ' || n from club."Members" as m, generate_series(1, 2) as n`,
  )
  await client.end()
  const ledger = await newLedger()
  return {
    ...first,
    ledger,
    env: { LETHE_LEDGER: ledger.folder, LETHE_LEDGER_KEYS: ledger.keys.path },
    copy,
    newLedger,
    async copyLedger(from) {
      const folder = `${from.folder}.copy`
      await cp(from.folder, folder, { recursive: true })
      return openLedger({ folder, keyFile: from.keys.path, term: 'P1Y' })
    },
    async drop() {
      for (const name of made) await admin(`drop database if exists ${name} with (force)`)
      await rm(home, { recursive: true })
    },
  }
}

/** Connections are closed after each use, so that a copy can be made at any time. */
function makeCopy(name: string, adminUrl: string): Copy {
  return {
    name,
    url: redirect(adminUrl, { database: name, login: INSTALLER }),
    async query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]) {
      const client = new pg.Client(redirect(adminUrl, { database: name }))
      await client.connect()
      try {
        const result: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query<Row>(text, values)
        return (Array.isArray(result) ? result.at(-1)! : result).rows
      } finally {
        await client.end()
      }
    },
  }
}

/** A request of a member, opened by key, planned and approved. */
export async function approved(
  session: Session,
  key: number,
  { kind = 'erasure', controller = 'north' } = {},
): Promise<number> {
  const [row] = await rowsOf<{ id: string }>(
    session,
    `select lethe.open_request($3, 'member', key => $1::text, controller => $2) as id`,
    [key, controller, kind],
  )
  if (kind === 'erasure') await session.query('select lethe.plan_request($1)', [row!.id])
  await session.query('select lethe.approve_request($1)', [row!.id])
  return Number(row!.id)
}

/** Calls `work` with a connection of the installer, a member of lethe_owner. */
export async function connected<Result>(
  { url }: Copy,
  work: (session: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Forgets members, with the ledger. @returns their requests. */
export function forget(copy: Copy, ledger: Ledger, keys: number[], controller = 'north'): Promise<number[]> {
  return connected(copy, async (session) => {
    const requests: number[] = []
    for (const key of keys) {
      const request = await approved(session, key, { controller })
      await executeLedgered(session, request, { ledger })
      requests.push(request)
    }
    return requests
  })
}

/** Who is in the club: keys. */
export const members = async (copy: Copy): Promise<number[]> =>
  (await copy.query<{ id: number }>('select id from club."Members" order by id')).map(({ id }) => id)

/** Everything in the host's tables. */
export const contents = (copy: Copy): Promise<unknown[]> =>
  copy.query(
    `select 'member' as kind, to_jsonb(m)::text as row from club."Members" as m
     union all select 'note', to_jsonb(n)::text from club.notes as n order by 1, 2`,
  )
