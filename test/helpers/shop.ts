/**
 * A small shop for the engine's tests, with every kind of reference, and the same shop as the oracle
 * sees it. Two controllers in two time zones share its tables.
 *
 * ```
 * customers ─ referrer_id → customers     keep      (chains and circles)
 * orders    ─ customer_id → customers     keep
 * lines     ─ order_id    → orders        with parent, by the foreign key's own cascade
 * parcels   ─ order_id    → orders        with parent, by a statement of the engine
 * gifts     ─ order_id, n → lines         keep, although the foreign key would cascade
 * tickets   ─ customer_id → customers     unlink
 * teams ⇄ members                         unlink one way, keep the other
 * ```
 */
import { formatDay, formatDelay, parseDay } from '../oracle/calendar.ts'
import { keyFromInnerPad, pseudonymEmail } from '../oracle/masks.ts'
import {
  type Controller,
  type Held,
  MASKED,
  type Row,
  type State,
  type Table,
  type Term,
} from '../oracle/model.ts'
import { rowsOf, type Session } from './engine.ts'

export const SHOP_SQL = `
  create schema shop;
  create table shop.customers (
    id int primary key, owner int not null, email varchar(80) not null unique, phone text, last_at timestamptz, seen date,
    status text, referrer_id int references shop.customers);
  create index on shop.customers (referrer_id);
  create table shop.orders (
    id int primary key, owner int not null, customer_id int not null references shop.customers, placed date, address text);
  create index on shop.orders (customer_id);
  create table shop.lines (
    id int primary key, owner int not null, order_id int not null references shop.orders on delete cascade, n int not null,
    shipped timestamp, label text, unique (order_id, n));
  create table shop.parcels (id int primary key, owner int not null, order_id int not null references shop.orders);
  create index on shop.parcels (order_id);
  create table shop.gifts (
    id int primary key, owner int not null, order_id int, n int, given date,
    foreign key (order_id, n) references shop.lines (order_id, n) on delete cascade);
  create index on shop.gifts (order_id, n);
  create table shop.tickets (
    id int primary key, owner int not null, customer_id int references shop.customers on delete cascade, opened timestamp, body text);
  create index on shop.tickets (customer_id);
  create table shop.teams (id int primary key, owner int not null, lead_id int, at date);
  create table shop.members (id int primary key, owner int not null, team_id int references shop.teams, at date);
  alter table shop.teams add foreign key (lead_id) references shop.members;
  create index on shop.teams (lead_id);
  create index on shop.members (team_id);`

const years = (n: number): { months: number; days: number } => ({ months: 12 * n, days: 0 })

const TERMS: Record<string, Term[]> = {
  email: [
    {
      purpose: 'marketing',
      after: years(3),
      since: ['last_at'],
      when: (row) => (row.status === null ? null : row.status === 'a'),
    },
    { purpose: 'billing', after: years(1), since: ['last_at', 'seen'] },
    { purpose: 'billing', controller: 'south', after: years(2), since: ['last_at'] },
  ],
  phone: [{ after: years(2), since: ['last_at'] }],
  customers: [{ after: years(5), since: ['last_at', 'seen'] }],
  orders: [{ after: years(4), since: ['placed'] }],
  ordersToArchive: [{ after: years(2), since: ['placed'] }],
  address: [{ after: { months: 18, days: 3 }, since: ['placed'] }],
  label: [{ after: years(1), since: ['shipped'] }],
  gifts: [{ after: years(4), since: ['given'] }],
  tickets: [{ after: years(6), since: ['opened'] }],
  body: [{ after: years(1), since: ['opened'] }],
  teams: [{ after: years(2), since: ['at'] }],
}

const CUSTOMERS = { columns: ['customer_id'], to: 'shop.customers', toColumns: ['id'] }
const ORDERS = {
  columns: ['order_id'],
  to: 'shop.orders',
  toColumns: ['id'],
  onPurge: 'with parent' as const,
}
const owned = { key: 'id', controllerOf: (row: Row): string => (row.owner === 1 ? 'north' : 'south') }

export const SHOP: Table[] = [
  {
    ...owned,
    name: 'shop.customers',
    clocks: { last_at: 'timestamptz', seen: 'date' },
    sentinels: ['1900-01-01', '9999-12-31'],
    masks: { email: TERMS.email!, phone: TERMS.phone! },
    archived: ['phone'],
    purge: TERMS.customers!,
    references: [{ columns: ['referrer_id'], to: 'shop.customers', toColumns: ['id'], onPurge: 'keep' }],
  },
  {
    ...owned,
    name: 'shop.orders',
    clocks: { placed: 'date' },
    masks: { address: TERMS.address! },
    archive: TERMS.ordersToArchive!,
    purge: TERMS.orders!,
    references: [{ ...CUSTOMERS, onPurge: 'keep' }],
  },
  {
    ...owned,
    name: 'shop.lines',
    clocks: { shipped: 'timestamp' },
    zone: 'Asia/Tokyo',
    masks: { label: TERMS.label! },
    references: [ORDERS],
  },
  { ...owned, name: 'shop.parcels', references: [ORDERS] },
  {
    ...owned,
    name: 'shop.gifts',
    clocks: { given: 'date' },
    purge: TERMS.gifts!,
    references: [
      { columns: ['order_id', 'n'], to: 'shop.lines', toColumns: ['order_id', 'n'], onPurge: 'keep' },
    ],
  },
  {
    ...owned,
    name: 'shop.tickets',
    clocks: { opened: 'timestamp' },
    masks: { body: TERMS.body! },
    purge: TERMS.tickets!,
    references: [{ ...CUSTOMERS, onPurge: 'unlink' }],
  },
  {
    ...owned,
    name: 'shop.teams',
    clocks: { at: 'date' },
    purge: TERMS.teams!,
    references: [{ columns: ['lead_id'], to: 'shop.members', toColumns: ['id'], onPurge: 'unlink' }],
  },
  {
    ...owned,
    name: 'shop.members',
    clocks: { at: 'date' },
    purge: TERMS.teams!,
    references: [{ columns: ['team_id'], to: 'shop.teams', toColumns: ['id'], onPurge: 'keep' }],
  },
]

const WHEN = { marketing: "status = 'a'" } as Record<string, string>

function termsAsPolicy(terms: Term[], using: string | undefined, controller?: string): unknown {
  return terms
    .filter((term) => term.controller === controller)
    .map((term) => ({
      after: formatDelay(term.after),
      since: term.since,
      purpose: term.purpose,
      using,
      when: term.when && WHEN[term.purpose!],
    }))
}

function tableAsPolicy(table: Table): Record<string, unknown> {
  const columns = Object.fromEntries(
    Object.entries(table.masks ?? {}).map(([column, terms]) => [
      column,
      column === 'email'
        ? { anonymize: termsAsPolicy(terms, 'pseudonym_email') }
        : {
            [column === 'phone' ? 'archive' : 'purge']: termsAsPolicy(
              terms,
              column === 'phone' ? 'suppress' : undefined,
            ),
          },
    ]),
  )
  const [reference] = table.references ?? []
  return {
    controller: { column: 'owner' },
    columns,
    time_zone: table.zone,
    sentinels: table.sentinels,
    archive: table.archive && termsAsPolicy(table.archive, undefined),
    purge: table.purge && termsAsPolicy(table.purge, undefined),
    with: reference?.onPurge === 'with parent' ? 'parent' : undefined,
    unlink: reference?.onPurge === 'unlink' ? reference.columns : undefined,
  }
}

export const SHOP_POLICY = {
  version: 1,
  controllers: {
    north: { time_zone: 'America/St_Johns', reference: '1' },
    south: { time_zone: 'Pacific/Apia', reference: '2' },
  },
  tables: Object.fromEntries(SHOP.map((table) => [table.name, tableAsPolicy(table)])),
  overrides: {
    south: {
      'shop.customers': {
        columns: { email: { anonymize: termsAsPolicy(TERMS.email!, 'pseudonym_email', 'south') } },
      },
    },
  },
}

export const shopControllers = (today: string): Controller[] => [
  { name: 'north', zone: 'America/St_Johns', today: parseDay(today) },
  { name: 'south', zone: 'Pacific/Apia', today: parseDay(today) },
]

/** A small generator of the same numbers for the same seed. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below)
  }
}

/** Rows of a shop; the clocks lie up to ten years before `today`, many on the very days that decide. */
export function shopRows(seed: number, customers: number, today: string): State {
  const below = randomNumbers(seed)
  const chance = (percent: number): boolean => below(100) < percent
  const pick = <T>(list: T[]): T => list[below(list.length)]!
  const date = (): string | null => {
    if (chance(5)) return pick([null, 'infinity', '-infinity'])
    const back = chance(30) ? pick([1, 2, 4, 5, 6]) * 365.25 + below(7) - 3 : below(3650)
    return formatDay(Math.floor(parseDay(today) - back))
  }
  const time = (): string => pick(['00:00:00', '23:59:59', '12:00:00', '02:30:00', '11:30:00'])
  const moment = (zone: string): string | null => {
    const text = chance(4) ? pick(['1900-01-01', '9999-12-31']) : date()
    return text === null || text.endsWith('infinity')
      ? text
      : `${text}${zone === '' ? ' ' : 'T'}${time()}${zone}`
  }
  const owner = (): number => 1 + below(2)
  const list = (n: number, make: (id: number) => Row): Row[] =>
    Array.from({ length: n }, (_, i) => make(i + 1))
  /** Mostly the same controller as the parent's. */
  const like = (parent: Row): number => (chance(95) ? (parent.owner as number) : owner())

  const people = list(customers, (id) => ({
    id,
    owner: owner(),
    email: `Person.${id}@example.org`,
    phone: chance(80) ? `+1 ${id}` : null,
    last_at: moment('Z'),
    seen: chance(60) ? date() : null,
    status: pick(['a', 'b', null]),
    referrer_id: null,
  }))
  for (const row of people) if (chance(30)) row.referrer_id = pick(people).id
  const orders = list(customers >> 1, (id) => {
    const customer = pick(people)
    return {
      id,
      owner: like(customer),
      customer_id: customer.id,
      placed: date(),
      address: chance(80) ? `Road ${id}` : null,
    }
  })
  const lines = list(orders.length, (id) => {
    const order = pick(orders)
    return { id, owner: like(order), order_id: order.id, n: id, shipped: moment(''), label: `label ${id}` }
  })
  return {
    'shop.customers': people,
    'shop.orders': orders,
    'shop.lines': lines,
    'shop.parcels': list(orders.length >> 2, (id) => {
      const order = pick(orders)
      return { id, owner: like(order), order_id: order.id }
    }),
    'shop.gifts': list(lines.length >> 2, (id) => {
      const line = pick(lines)
      return { id, owner: like(line), order_id: line.order_id, n: line.n, given: date() }
    }),
    'shop.tickets': list(customers >> 1, (id) => {
      const customer = pick(people)
      return {
        id,
        owner: like(customer),
        customer_id: chance(90) ? customer.id : null,
        opened: moment(''),
        body: `help ${id}`,
      }
    }),
    ...circles(),
  }

  function circles(): State {
    const members: Row[] = list(customers >> 2, (id) => ({ id, owner: owner(), team_id: null, at: date() }))
    const teams: Row[] = list(customers >> 3, (id) => ({
      id,
      owner: owner(),
      lead_id: chance(80) ? pick(members).id : null,
      at: date(),
    }))
    for (const row of members) if (chance(70)) row.team_id = pick(teams).id
    return { 'shop.teams': teams, 'shop.members': members }
  }
}

/** Empties the tables and fills them; foreign keys are looked away from, since rows come in any order. */
export async function loadShop(session: Session, state: State): Promise<void> {
  await session.query(`truncate ${Object.keys(state).join(', ')}`)
  await session.query(`set session_replication_role = replica`)
  for (const [name, rows] of Object.entries(state)) {
    await session.query(`insert into ${name} select * from jsonb_populate_recordset(null::${name}, $1)`, [
      JSON.stringify(rows),
    ])
  }
  await session.query(`set session_replication_role = origin`)
}

/** Puts rows under a hold. */
export async function holdRows(session: Session, held: Held): Promise<void> {
  await session.query(`insert into lethe.holds (reason) values ('a test')`)
  await session.query(
    `
    insert into lethe_private.held_keys (hold_id, table_id, key)
    select (select max(id) from lethe.holds), m.id, split_part(k, '/', 2)
    from unnest($1::text[]) as k join lethe.managed_tables as m on m.schema_name || '.' || m.table_name = split_part(k, '/', 1)`,
    [[...held]],
  )
}

/** A random few of the rows. */
export function someHeld(seed: number, state: State, percent: number): Held {
  const below = randomNumbers(seed)
  return new Set(
    Object.entries(state).flatMap(([name, rows]) =>
      rows.filter(() => below(100) < percent).map((row) => `${name}/${row.id}`),
    ),
  )
}

/** What of each row is compared: everything but the clocks' spelling. */
export type Seen = Record<string, Record<string, unknown>>

export async function readShop(session: Session): Promise<Seen> {
  const seen: Seen = {}
  for (const table of SHOP) {
    const rows = await rowsOf<{ key: string; row: Row }>(
      session,
      `select id::text as key, to_jsonb(t) as row from ${table.name} as t`,
    )
    for (const { key, row } of rows) seen[`${table.name}/${key}`] = compared(table, row)
    Object.assign(seen, await readArchive(session, table))
  }
  return seen
}

/** What is in the archive of a table, read as one who may. */
async function readArchive(session: Session, table: Table): Promise<Seen> {
  const mirrors = await rowsOf<{ name: string; kind: string }>(
    session,
    `select m.name, m.kind from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id
     where t.schema_name || '.' || t.table_name = $1`,
    [table.name],
  )
  const seen: Seen = {}
  for (const { name, kind } of mirrors) {
    for (const { row } of await rowsOf<{ row: Row }>(
      session,
      `select to_jsonb(m) as row from lethe_archive.${name} as m`,
    )) {
      const { lethe$root_table: _, lethe$root: root, ...rest } = row
      const values = Object.fromEntries(
        Object.entries(rest).filter(([column]) => !column.startsWith('lethe$')),
      )
      if (kind === 'rows')
        seen[`archive:${table.name}/${row.lethe$key}`] = { ...compared(table, values), $root: root }
      else seen[`values:${table.name}/${row.lethe$key}`] = archivedValues(table, values)
    }
  }
  return seen
}

const archivedValues = (table: Table, row: Row): Row =>
  Object.fromEntries((table.archived ?? []).map((column) => [column, row[column]]))

/** The oracle's state in the same form. */
export async function expectedShop(session: Session, before: State, after: State): Promise<Seen> {
  const keys = await rowsOf<{ name: string; pad: Buffer }>(
    session,
    `
    select c.name, k.inner_pad as pad from lethe_private.controller_keys as k join lethe.controllers as c on c.id = k.controller_id`,
  )
  const seen: Seen = {}
  for (const table of SHOP) {
    const originals = new Map(before[table.name]!.map((row) => [row[table.key], row]))
    for (const row of after[`values:${table.name}`] ?? [])
      seen[`values:${table.name}/${row[table.key]}`] = archivedValues(table, row)
    for (const row of after[`archive:${table.name}`] ?? []) {
      const values = Object.fromEntries(
        Object.entries(row).map(([column, value]) => [column, value === MASKED ? null : value]),
      )
      const root = String(row.$root).split('/')[1]
      seen[`archive:${table.name}/${row[table.key]}`] = { ...compared(table, values), $root: root }
    }
    for (const row of after[table.name]!) {
      const values = Object.fromEntries(
        Object.entries(row).map(([column, value]) => {
          if (value !== MASKED) return [column, value]
          if (column !== 'email') return [column, null]
          const pad = keys.find(({ name }) => name === table.controllerOf(row))!.pad
          return [
            column,
            pseudonymEmail(originals.get(row[table.key])!.email as string, keyFromInnerPad(pad)),
          ]
        }),
      )
      seen[`${table.name}/${row[table.key]}`] = compared(table, values)
    }
  }
  return seen
}

function compared(table: Table, row: Row): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([column]) => !(column in (table.clocks ?? {}))))
}

/** Rows that differ between two readings, gone ones included. */
export function differing(before: Seen, after: Seen): string[] {
  return Object.keys(before).filter(
    (key) => JSON.stringify(sorted(before[key])) !== JSON.stringify(sorted(after[key])),
  )
}

const sorted = (row: Record<string, unknown> | undefined): unknown =>
  row && Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))

/** Only what differs, so that a failure can be read. */
export function disagreement(
  expected: Seen,
  found: Seen,
): Record<string, { expected: unknown; found: unknown }> {
  const keys = new Set([...Object.keys(expected), ...Object.keys(found)])
  return Object.fromEntries(
    [...keys]
      .filter((key) => JSON.stringify(sorted(expected[key])) !== JSON.stringify(sorted(found[key])))
      .map((key) => [key, { expected: expected[key], found: found[key] }]),
  )
}
