/** The archive survives what happens to its source: columns come, go, change their names and their types. */
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, rowsOf, runCycle } from '../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    create schema files;
    create type files.mood as enum ('calm', 'cross');
    create table files.cases (id int primary key, closed date);
    create table files.pages (case_id int not null references files.cases on delete cascade, n int, primary key (case_id, n));`)
  await applyPolicy(db, {
    version: 1,
    controllers: { north: { time_zone: 'Europe/Paris' } },
    tables: {
      'files.cases': { since: 'closed', archive: { after: 'P1Y' }, purge: { after: 'P90Y' } },
      'files.pages': { with: 'parent' },
    },
  })
  await db.query('grant insert on all tables in schema files to lethe_sweeper')
})
afterAll(() => db.drop())

type Table = 'cases' | 'pages'
interface Column {
  name: string
  /** Index into TYPES. */
  type: number
}

/** Each can be altered to the next, and its values read the same as text. */
const TYPES = ['smallint', 'int', 'bigint', 'numeric', 'varchar(20)', 'text']
const FIRST_TYPES = [0, 1, 3, 4, 5]

/** Columns beside the keys, by a number that stays with each; values of archived rows by that number. */
class World {
  readonly client: pg.Client
  readonly columns: Record<Table, Map<number, Column>> = { cases: new Map(), pages: new Map() }
  /** `cases/7` → the number of each column that had a value → that value as text. */
  readonly archived = new Map<string, Map<number, string>>()
  private count = 0
  private nextId = 1

  constructor(client: pg.Client) {
    this.client = client
  }

  async add(table: Table, choice: number): Promise<void> {
    const column = { name: this.freeName(table, choice), type: FIRST_TYPES[choice % FIRST_TYPES.length]! }
    await this.client.query(
      `alter table files.${table} add ${column.name} ${TYPES[column.type]} ${choice % 3 === 0 ? "default '5'" : ''}`,
    )
    this.columns[table].set(this.count, column)
  }

  async drop(table: Table, choice: number): Promise<void> {
    const picked = this.pick(table, choice)
    if (!picked) return
    await this.client.query(`alter table files.${table} drop ${picked[1].name}`)
    this.columns[table].delete(picked[0])
  }

  /** To a new name, to one that was another column's, or two columns to each other's. */
  async rename(table: Table, choice: number): Promise<void> {
    const picked = this.pick(table, choice)
    const other = this.pick(table, choice + 1)
    if (!picked || !other) return
    const [column, second] = [picked[1], other[1]]
    if (choice % 2 === 0 && column !== second) {
      await this.client.query(`
        alter table files.${table} rename ${column.name} to swap;
        alter table files.${table} rename ${second.name} to ${column.name};
        alter table files.${table} rename swap to ${second.name}`)
      ;[column.name, second.name] = [second.name, column.name]
      return
    }
    const free = `c${1 + (choice % 4)}`
    const name = [...this.columns[table].values()].some((one) => one.name === free)
      ? `r${++this.count}`
      : free
    await this.client.query(`alter table files.${table} rename ${column.name} to ${name}`)
    column.name = name
  }

  async retype(table: Table, choice: number): Promise<void> {
    const column = this.pick(table, choice)?.[1]
    if (!column || column.type === TYPES.length - 1) return
    column.type++
    await this.client.query(`alter table files.${table} alter ${column.name} type ${TYPES[column.type]}`)
  }

  async insert(choice: number): Promise<void> {
    for (let i = 0; i < 1 + (choice % 3); i++) {
      const id = this.nextId++
      await this.put('cases', { id: String(id), closed: `'2019-01-0${1 + (choice % 9)}'` }, choice + i)
      for (let n = 1; n <= choice % 3; n++)
        await this.put('pages', { case_id: String(id), n: String(n) }, choice + n)
    }
  }

  private async put(table: Table, values: Record<string, string>, choice: number): Promise<void> {
    for (const [number, column] of this.columns[table])
      if ((choice + number) % 4 !== 0) values[column.name] = `'${(choice * 7 + number) % 1000}'`
    await this.client.query(
      `insert into files.${table} (${Object.keys(values).join(', ')}) values (${Object.values(values).join(', ')})`,
    )
  }

  async cycle(): Promise<void> {
    const before = new Map([...(await this.read('cases')), ...(await this.read('pages'))])
    expect(await runCycle(this.client, 'north', '2021-06-01')).toBe('complete')
    for (const key of [...(await this.read('cases')), ...(await this.read('pages'))]) before.delete(key[0])
    for (const [key, row] of before) this.archived.set(key, row)
  }

  /** Live rows in the form of {@link archived}. */
  private async read(table: Table): Promise<Map<string, Map<number, string>>> {
    const rows = await rowsOf<Record<string, string | null>>(
      this.client,
      `select ${table === 'cases' ? 'id::text' : "case_id || '.' || n"} as key${[...this.columns[table]].map(([number, column]) => `, ${column.name}::text as v${number}`).join('')} from files.${table}`,
    )
    return new Map(
      rows.map(({ key, ...values }) => [
        `${table}/${key}`,
        new Map(
          Object.entries(values)
            .filter(([, value]) => value !== null)
            .map(([name, value]) => [Number(name.slice(1)), value!]),
        ),
      ]),
    )
  }

  /** Everything that was archived is there; after a cycle, under the names that its columns have now. */
  async check(byName: boolean): Promise<void> {
    const found = new Map<string, { values: string[]; named: Record<string, string> }>()
    for (const mirror of await rowsOf<{ name: string; table: Table }>(
      this.client,
      `select m.name, t.table_name as table from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id`,
    ))
      for (const { row } of await rowsOf<{ row: Record<string, unknown> }>(
        this.client,
        `select to_jsonb(m) as row from lethe_archive.${mirror.name} as m`,
      )) {
        const { id, closed: _, case_id, n, ...rest } = row
        const named = Object.fromEntries(
          Object.entries(rest)
            .filter(([column, value]) => !column.startsWith('lethe$') && value !== null)
            .map(([column, value]) => [column, String(value)]),
        )
        found.set(`${mirror.table}/${mirror.table === 'cases' ? id : `${case_id}.${n}`}`, {
          values: Object.values(named).sort(),
          named,
        })
      }
    expect([...found.keys()].sort()).toEqual([...this.archived.keys()].sort())
    for (const [key, values] of this.archived) {
      expect({ key, values: found.get(key)!.values }).toEqual({ key, values: [...values.values()].sort() })
      const columns = this.columns[key.split('/')[0] as Table]
      for (const [number, value] of values) {
        const column = columns.get(number)
        if (byName && column)
          expect({ key, [column.name]: found.get(key)!.named[column.name] }).toEqual({
            key,
            [column.name]: value,
          })
      }
    }
  }

  /** Comes back as it was; or, where a column with a value is gone, not at all. */
  async restore(choice: number): Promise<void> {
    const keys = [...this.archived.keys()].filter((key) => key.startsWith('cases/'))
    if (keys.length === 0) return
    const id = keys[choice % keys.length]!.slice(6)
    const record = [...this.archived].filter(
      ([key]) => key === `cases/${id}` || key.startsWith(`pages/${id}.`),
    )
    const lost = record.some(([key, values]) =>
      [...values.keys()].some((number) => !this.columns[key.split('/')[0] as Table].has(number)),
    )
    await this.client.query('savepoint restoring')
    const attempt = this.client.query(
      `select lethe.open_archive('a test', 'files.cases', $1, restore => true)`,
      [id],
    )
    if (lost) {
      expect((await refusal(attempt)).code).toBe('LE902')
      await this.client.query('rollback to restoring')
      return
    }
    await attempt
    const live = new Map([...(await this.read('cases')), ...(await this.read('pages'))])
    for (const [key, values] of record) {
      expect(Object.fromEntries(live.get(key)!)).toMatchObject(Object.fromEntries(values))
      this.archived.delete(key)
    }
  }

  /** One of a few, so that a name comes back that another column had. */
  private freeName(table: Table, choice: number): string {
    const name = `c${1 + (choice % 4)}`
    this.count++
    return [...this.columns[table].values()].some((one) => one.name === name) ? `n${this.count}` : name
  }

  private pick(table: Table, choice: number): [number, Column] | undefined {
    const list = [...this.columns[table]]
    return list[choice % Math.max(list.length, 1)]
  }
}

const step = fc.record({
  what: fc.constantFrom(
    'add',
    'add',
    'drop',
    'rename',
    'rename',
    'retype',
    'insert',
    'insert',
    'cycle',
    'restore',
  ),
  table: fc.constantFrom<Table>('cases', 'pages'),
  choice: fc.nat(1000),
})

describe('the archive', () => {
  it('keeps every value through whatever is done to the columns of its tables, and gives it back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 22 }), async (steps) => {
        const client = await db.connect()
        await client.query('begin')
        try {
          const world = new World(client)
          await world.add('cases', 1)
          await world.add('pages', 2)
          await world.insert(5)
          for (const { what, table, choice } of steps) {
            if (what === 'insert' || what === 'restore') await world[what](choice)
            else if (what === 'cycle') await world.cycle()
            else await world[what as 'add' | 'drop' | 'rename' | 'retype'](table, choice)
            if (what === 'cycle' || what === 'restore') await world.check(what === 'cycle')
          }
          await world.cycle()
          await world.check(true)
        } finally {
          await client.query('rollback')
          await client.end()
        }
      }),
      { seed: 11, numRuns: 25, endOnFailure: true },
    )
  }, 240_000)

  it('loses no value of a column that is added between the search and the batch', async () => {
    const client = await db.connect()
    await client.query(`insert into files.cases select i, '2019-01-01' from generate_series(1, 5) as i`)
    const [row] = await rowsOf<{ cycle: number; id: number }>(
      client,
      `select lethe.start_cycle('north', '2021-06-01') as cycle, (select id from lethe.managed_tables where table_name = 'cases') as id`,
    )
    const sweep = async (): Promise<string> =>
      (
        await rowsOf<{ state: string }>(client, 'select (lethe.sweep_step($1, $2)).state', [
          row!.cycle,
          row!.id,
        ])
      )[0]!.state
    // Purge is searched first, then what is to be archived.
    expect(await sweep()).toBe('discovered')
    expect(await sweep()).toBe('discovered')
    await client.query(`alter table files.cases add late text default 'just in time'`)
    for (let i = 0; i < 20 && (await sweep()) !== 'done'; i++);
    const mirrors = await rowsOf<{ name: string }>(
      client,
      `select name from lethe_private.mirrors where name ~ 'cases' order by id desc`,
    )
    expect(
      await rowsOf(client, `select count(late)::int as n from lethe_archive.${mirrors[0]!.name}`),
    ).toEqual([{ n: 5 }])
  })

  it('follows a table that is renamed', async () => {
    const client = await db.connect()
    await client.query('begin')
    await client.query(`insert into files.cases select i, '2019-01-01' from generate_series(21, 22) as i`)
    expect(await runCycle(client, 'north', '2021-06-01')).toBe('complete')
    await client.query('alter table files.cases rename to dossiers')
    await client.query('select lethe.apply_policy($1)', [
      JSON.stringify({
        version: 1,
        controllers: { north: { time_zone: 'Europe/Paris' } },
        tables: {
          'files.dossiers': { since: 'closed', archive: { after: 'P1Y' }, purge: { after: 'P2Y' } },
          'files.pages': { with: 'parent' },
        },
      }),
    ])
    const rows = await rowsOf(client, `select from lethe.open_archive('a test', 'files.dossiers', '21')`)
    expect(rows).toHaveLength(1)
    expect(await runCycle(client, 'north', '2021-06-01')).toBe('complete')
    expect(
      (await refusal(client.query(`select from lethe.open_archive('a test', 'files.dossiers', '21')`))).code,
    ).toBe('LE901')
    await client.query('rollback')
  })

  it('refuses tables that others inherit from (LE316)', async () => {
    const client = await db.connect()
    await client.query('begin')
    await client.query('create table files.sealed_cases (seal text) inherits (files.cases)')
    expect(
      await refusal(
        client.query(`select lethe.set_rule('files.cases', 'archive', 'P2Y', since => '{closed}')`),
      ),
    ).toMatchObject({
      code: 'LE316',
      message: 'rows of files.cases cannot be archived: files.sealed_cases inherits from it',
    })
    await client.query('rollback')
  })

  it('depends on nothing of the host: its types and columns can be dropped', async () => {
    const client = await db.connect()
    await client.query(`
      alter table files.cases add mood files.mood default 'cross';
      insert into files.cases select i, '2019-01-01' from generate_series(11, 12) as i;
      update lethe.cycles set state = 'incomplete', finished_at = now() where state = 'open'`)
    expect(await runCycle(client, 'north', '2021-06-01')).toBe('complete')
    await client.query('alter table files.cases drop mood; drop type files.mood; drop table files.pages')
    const rows = await rowsOf<{ content: { mood: string } }>(
      client,
      `select content from lethe.open_archive('a test', 'files.cases', '11')`,
    )
    expect(rows.map(({ content }) => content.mood)).toEqual(['cross'])
  })
})
