/** What a statutory minimum may say, what it binds beyond one table's own columns, and who may see and change it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, grantMissing, rowsOf, runCycle } from '../helpers/engine.ts'

let db: TestDatabase
let north: Login
const LAW = 'Code de commerce L123-22'

beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    create schema host;
    create type host.state as enum ('open', 'closed');
    create domain host.checked_state as host.state check (value is not null);
    create table host."Accounts" (
      "Zone" text, code uuid, opened timestamptz not null, owner int not null,
      "Closed On" date, "E-mail" text, iban text, state host.checked_state, "text" host.checked_state,
      primary key ("Zone", code, opened));
    create table host.bills ("Zone" text, code uuid, opened timestamptz, owner int not null, issued date, amount numeric,
      id int generated always as identity primary key,
      foreign key ("Zone", code, opened) references host."Accounts");
    create index on host.bills ("Zone", code, opened);
    create table host.lines (id int primary key, owner int not null, bill_id int references host.bills on delete cascade, label text, at date);
    create index on host.lines (bill_id);
    create table host.log (id int, owner int not null, at date not null, said text, primary key (id, at)) partition by range (at);
    create table host.log_2010 partition of host.log for values from ('2010-01-01') to ('2011-01-01');
    create table host.log_2024 partition of host.log for values from ('2024-01-01') to ('2025-01-01');
    do $$ begin
      if not exists (select from pg_roles where rolname = 'lethe_test_keeper') then create role lethe_test_keeper; end if;
    end $$;
    grant create, usage on schema host to lethe_test_keeper;
    alter table host.log owner to lethe_test_keeper;
    alter table host.log_2010 owner to lethe_test_keeper;
    alter table host.log_2024 owner to lethe_test_keeper;
    grant usage on schema host to lethe_owner, lethe_sweeper`)
  north = await db.asRole('lethe_officer')
  await db.query(`select lethe.apply_policy($1)`, [JSON.stringify({ version: 1, controllers: CONTROLLERS })])
  await db.query(`select lethe.add_member($1, 'north')`, [
    (await north.query<{ name: string }>('select session_user::text as name'))[0]!.name,
  ])
})
afterAll(() => db.drop())

const CONTROLLERS = {
  north: { time_zone: 'Europe/Paris', reference: '1' },
  south: { time_zone: 'Pacific/Auckland', reference: '2' },
}
const OWNED = { controller: { column: 'owner' } }
const bills = (rest: object): unknown => policy({ 'host.bills': { ...OWNED, since: 'issued', ...rest } })
const policy = (tables: object, overrides?: object): unknown => ({
  version: 1,
  controllers: CONTROLLERS,
  tables,
  overrides,
})
const apply = (document: unknown): Promise<unknown> =>
  db.query('select * from lethe.apply_policy($1)', [JSON.stringify(document)])

const minimum = (rest: object = {}): object => ({ after: 'P10Y', since: 'issued', basis: LAW, ...rest })

describe('a minimum', () => {
  it('comes back from an export as it was written, and applying that changes nothing', async () => {
    const document = policy(
      {
        'host.bills': {
          ...OWNED,
          since: 'issued',
          purge: { after: 'P3Y' },
          minimum: [
            minimum({ basis: 'A', when: 'amount > 0' }),
            minimum({ basis: 'B', after: 'P6Y', since: ['issued', 'opened'] }),
          ],
          columns: { amount: { purge: { after: 'P1Y' }, minimum: minimum({ after: 'P2Y' }) } },
        },
      },
      { south: { 'host.bills': { minimum: minimum({ basis: 'A', when: 'amount > 0', after: 'P12Y' }) } } },
    )
    await apply(document)
    const [row] = await rowsOf<{
      exported: { tables: Record<string, Record<string, unknown>>; overrides: object }
    }>(db, 'select lethe.export_policy() as exported')
    const { exported } = row!
    expect(exported.tables['host.bills']).toMatchObject({
      minimum: [
        { basis: 'A', after: 'P10Y', since: 'issued', when: 'amount > 0' },
        { basis: 'B', after: 'P6Y', since: ['issued', 'opened'] },
      ],
      columns: { amount: { minimum: { basis: LAW, after: 'P2Y', since: 'issued' } } },
    })
    expect(exported.overrides).toEqual({
      south: {
        'host.bills': { minimum: { basis: 'A', after: 'P12Y', since: 'issued', when: 'amount > 0' } },
      },
    })
    expect(await apply(exported)).toEqual([])
    expect(await apply(bills({ purge: { after: 'P3Y' } }))).not.toEqual([])
    expect(await rowsOf(db, `select action from lethe.rules where action = 'minimum'`)).toEqual([])
  })

  it('that has gone leaves the very statements there were before it, and one of a single controller never touches the others', async () => {
    await apply(bills({ purge: { after: 'P3Y' }, columns: { amount: { purge: { after: 'P1Y' } } } }))
    const statements = (controller: string): Promise<unknown[]> =>
      rowsOf(db, 'select step, statement from lethe.preview($1, $2)', ['host.bills', controller])
    const before = { north: await statements('north'), south: await statements('south') }
    await db.query(`select lethe.set_minimum('host.bills', 'P10Y', '{issued}', $1, controller => 'south')`, [
      LAW,
    ])
    expect(await statements('north')).toEqual(before.north)
    expect(await statements('south')).not.toEqual(before.south)
    await db.query(`select lethe.drop_minimum('host.bills', $1, controller => 'south')`, [LAW])
    expect(await statements('south')).toEqual(before.south)
  })

  it('is refused without a law, as it would be a purpose (LE317)', async () => {
    for (const basis of [undefined, '', ' ']) {
      const refused = await refusal(apply(bills({ purge: { after: 'P3Y' }, minimum: minimum({ basis }) })))
      expect(refused).toMatchObject({ code: 'LE317', detail: 'at /tables/host.bills/minimum' })
      expect(refused.message).toBe('a minimum on host.bills names no law')
    }
    await apply(bills({ purge: { after: 'P3Y' }, minimum: minimum() }))
  })

  it('is refused twice of one basis in a document, where the second would silently replace the first (LE317)', async () => {
    const two = (second: string): unknown =>
      bills({
        purge: { after: 'P3Y' },
        minimum: [minimum(), minimum({ after: 'P5Y', since: 'opened', basis: second })],
      })
    const refused = await refusal(apply(two(LAW)))
    expect(refused).toMatchObject({ code: 'LE317', detail: 'at /tables/host.bills/minimum/1' })
    await apply(two(`${LAW}, opening`))
  })

  it('takes no purpose and no method (LE106)', async () => {
    for (const key of ['purpose', 'using'])
      expect(
        await refusal(apply(bills({ purge: { after: 'P3Y' }, minimum: minimum({ [key]: 'x' }) }))),
      ).toMatchObject({
        code: 'LE106',
      })
  })

  it('of all controllers can be lengthened by one of them, not shortened, and is not its to take back', async () => {
    await apply(bills({ purge: { after: 'P3Y' }, minimum: minimum() }))
    const own = (after: string): Promise<unknown> =>
      north.query(`select lethe.set_minimum('host.bills', $2, '{issued}', $1, controller => 'north')`, [
        LAW,
        after,
      ])
    const refused = await refusal(own('P9Y'))
    expect(refused).toMatchObject({ code: 'LE317' })
    expect(refused.message).toContain('controller north cannot shorten the minimum')
    await own('P12Y')
    expect(await refusal(north.query(`select lethe.drop_minimum('host.bills', $1)`, [LAW]))).toMatchObject({
      code: 'LE502',
    })
    expect(
      await refusal(north.query(`select lethe.set_minimum('host.bills', 'P1Y', '{issued}', $1)`, [LAW])),
    ).toMatchObject({ code: 'LE502' })
    expect(
      await refusal(north.query(`select lethe.drop_rule('host.bills', 'minimum', null, $1)`, [LAW])),
    ).toMatchObject({ code: 'LE502' })
    await north.query(`select lethe.drop_minimum('host.bills', $1, controller => 'north')`, [LAW])
    await db.query(`select lethe.drop_minimum('host.bills', $1)`, [LAW])
    expect(await refusal(db.query(`select lethe.drop_minimum('host.bills', $1)`, [LAW]))).toMatchObject({
      code: 'LE107',
    })
  })

  it('does not count by a column that a rule it does not bind may rewrite (LE317)', async () => {
    const refused = await refusal(
      apply(
        bills({
          columns: {
            amount: { purge: { after: 'P1Y' }, minimum: minimum() },
            issued: { purge: { after: 'P2Y', since: 'opened' } },
          },
        }),
      ),
    )
    expect(refused).toMatchObject({ code: 'LE317' })
    expect(refused.message).toContain('counts by column issued, which a rule rewrites (purge)')
    await apply(
      bills({
        columns: {
          amount: { purge: { after: 'P1Y' } },
          issued: { purge: { after: 'P2Y', since: 'opened' } },
        },
        minimum: minimum(),
      }),
    )
  })

  it('on a column is refused where the row goes before, as it would keep nothing (LE317)', async () => {
    const rule = { columns: { amount: { purge: { after: 'P1Y' }, minimum: minimum() } } }
    const refused = await refusal(apply(bills({ ...rule, purge: { after: 'P5Y' } })))
    expect(refused).toMatchObject({ code: 'LE317' })
    expect(refused.message).toContain('is longer than its rows live: they are purged after P5Y')
    await apply(bills({ ...rule, purge: { after: 'P11Y' } }))
  })

  it('that puts a rule off until the row goes as well is refused with both names (LE317), as is what it never lets come (LE316)', async () => {
    const refused = await refusal(
      apply(
        bills({
          columns: { amount: { purge: { after: 'P1Y' } } },
          purge: { after: 'P5Y' },
          minimum: minimum(),
        }),
      ),
    )
    expect(refused).toMatchObject({ code: 'LE317' })
    expect(refused.message).toBe(
      `minimum '${LAW}' puts off rule "amount: purge" on host.bills until "purge" comes first or at once`,
    )
    await apply(
      bills({
        columns: { amount: { purge: { after: 'P1Y' } } },
        purge: { after: 'P12Y' },
        minimum: minimum(),
      }),
    )
    // The move to the archive is not put off: with the purge after ten years it makes sense after five.
    const archive = { archive: { after: 'P5Y' }, purge: { after: 'P3Y' } }
    expect(await refusal(apply(bills(archive)))).toMatchObject({ code: 'LE316' })
    await apply(bills({ ...archive, minimum: minimum() }))
    expect(await refusal(apply(bills({ ...archive, minimum: minimum({ after: 'P4Y' }) })))).toMatchObject({
      code: 'LE316',
    })
  })

  it('on rows that go with their parent belongs to the parent, whichever is said first (LE317)', async () => {
    const tables = (onLines: object, onBills: object): unknown =>
      policy({
        'host.bills': { ...OWNED, purge: { after: 'P3Y', since: 'issued' }, ...onBills },
        'host.lines': { ...OWNED, with: 'parent', ...onLines },
      })
    const refused = await refusal(apply(tables({ minimum: minimum({ since: 'at' }) }, {})))
    expect(refused).toMatchObject({ code: 'LE317' })
    expect(refused.hint).toContain('put the minimum on host.bills')
    await apply(tables({ with: undefined, minimum: minimum({ since: 'at' }) }, {}))
    expect(
      await refusal(db.query(`select lethe.set_link('host.lines', on_purge => 'with parent')`)),
    ).toMatchObject({ code: 'LE317' })
    // One document that moves the minimum to the parent is taken, although the old one still stands when it is read.
    await apply(tables({}, { minimum: minimum() }))
  })

  it('keeps whom a row belonged to, so that nothing unlinks it meanwhile, whichever is said first (LE317)', async () => {
    const tables = (onLines: object): unknown =>
      policy({
        'host.bills': { ...OWNED, purge: { after: 'P3Y', since: 'issued' } },
        'host.lines': { ...OWNED, ...onLines },
      })
    const refused = await refusal(apply(tables({ unlink: ['bill_id'], minimum: minimum({ since: 'at' }) })))
    expect(refused).toMatchObject({ code: 'LE317' })
    expect(refused.message).toContain('bill_id of host.lines is set to null when a row of host.bills goes')
    await apply(tables({ minimum: minimum({ since: 'at', when: 'bill_id is not null' }) }))
    expect(
      await refusal(db.query(`select lethe.set_link('host.lines', on_purge => 'unlink')`)),
    ).toMatchObject({ code: 'LE317' })
  })

  it('by an own clock that is not there is refused as any clock is (LE103, LE302, LE303)', async () => {
    for (const [rest, code] of [
      [{ since: 'nowhere' }, 'LE103'],
      [{ since: 'amount' }, 'LE302'],
      [{ when: 'issued < now()' }, 'LE303'],
      [{ after: '10 years' }, 'LE301'],
    ] as const)
      expect(await refusal(apply(bills({ purge: { after: 'P3Y' }, minimum: minimum(rest) })))).toMatchObject({
        code,
      })
  })
})

const KEY = (n: number): string => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`

describe('a minimum over other rows', () => {
  it('keeps an account and its e-mail ten years after its last bill, also when the bills have gone, and nobody without a bill', async () => {
    await db.query('truncate host."Accounts" cascade')
    await applyPolicy(
      db,
      policy({
        'host.Accounts': {
          ...OWNED,
          since: 'Closed On',
          columns: { 'E-mail': { anonymize: { after: 'P1Y', using: { method: 'constant', value: '-' } } } },
          purge: { after: 'P2Y' },
          minimum: { after: 'P10Y', since: 'max(bills.issued)', basis: LAW },
        },
        'host.bills': { ...OWNED, purge: { after: 'P6Y', since: 'issued' } },
      }),
    )
    // 1: last bill 2014-02-28, 2: 2014-03-01, 3: none, 4: 2005, 5: of the other controller's only
    await db.query(`
      insert into host."Accounts" ("Zone", code, opened, owner, "Closed On", "E-mail", state, "text")
      select 'É"x', ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, '2001-01-01 00:30+02', 1, '2010-01-01', 'a@b', 'open', 'open'
      from generate_series(1, 5) as n;
      insert into host.bills ("Zone", code, opened, owner, issued)
      select 'É"x', ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, '2001-01-01 00:30+02', o, d
      from (values (1, 1, date '2014-02-28'), (1, 1, '2012-01-01'), (2, 1, '2014-03-01'), (4, 1, '2005-01-01'), (5, 2, 'infinity')) as b (n, o, d)`)
    const left = async (): Promise<number[]> =>
      (
        await rowsOf<{ n: number }>(
          db,
          `select right(code::text, 3)::int as n from host."Accounts" where "E-mail" = 'a@b' order by 1`,
        )
      ).map(({ n }) => n)
    // The bills of 1, 2 and 4 go in 2020 and before; what is remembered of them binds on. 5 is kept by a row that refers to it.
    expect(await runCycle(db, 'north', '2024-02-28')).toBe('complete')
    expect(await rowsOf(db, 'select count(*)::int as bills from host.bills where owner = 1')).toEqual([
      { bills: 0 },
    ])
    expect(await left()).toEqual([1, 2])
    const key = `["É\\"x", "${KEY(2)}", "2000-12-31T22:30:00"]`
    const said = await rowsOf<{ rule: string; due_on: string; decides: string; sentence: string }>(
      db,
      `select rule, due_on::text, decides, sentence from lethe.explain_row('host.Accounts', $1, '2024-02-28')`,
      [key],
    )
    expect(said).toMatchObject([
      { rule: 'E-mail: anonymize', due_on: '2024-03-02', decides: LAW },
      { rule: 'purge', due_on: '2024-03-02', decides: LAW },
    ])
    expect(said[0]!.sentence).toBe(
      `anonymize E-mail: the term without a purpose ended on 2011-01-01, ${LAW} keeps it until 2024-03-01; due from 2024-03-02.`,
    )
    expect(await runCycle(db, 'north', '2024-02-29')).toBe('complete')
    expect(await left()).toEqual([2])
    await runCycle(db, 'north', '2024-03-01')
    expect(await left()).toEqual([2])
    await runCycle(db, 'north', '2024-03-02')
    expect(await left()).toEqual([])
    expect(
      await rowsOf(
        db,
        `select sentence from lethe.effective_rules('host.Accounts', 'north') where column_name is null`,
      ),
    ).toEqual([
      {
        sentence: `a row of host.Accounts is purged two years after Closed On; never before ten years after the latest issued of host.bills (${LAW}).`,
      },
    ])
  })
})

describe('a minimum on a partitioned table', () => {
  it('keeps a partition whole that would have been dropped', async () => {
    const table = (rest: object): unknown =>
      policy({
        'host.log': {
          controller: { constant: 'north' },
          since: 'at',
          partitions: 'drop',
          purge: { after: 'P2Y' },
          ...rest,
        },
      })
    await db.query(`insert into host.log select n, 1, '2010-05-05', 'x' from generate_series(1, 50) as n`)
    await applyPolicy(db, table({ minimum: { after: 'P15Y', basis: LAW } }))
    await grantMissing(db)
    await runCycle(db, 'north', '2025-05-05')
    expect(await rowsOf(db, 'select count(*)::int as n from host.log')).toEqual([{ n: 50 }])
    await runCycle(db, 'north', '2025-05-06')
    expect(
      await rowsOf(
        db,
        `select to_regclass('host.log_2010')::text as there, to_regclass('host.log_2024')::text as next`,
      ),
    ).toEqual([{ there: null, next: 'host.log_2024' }])
  })
})

describe('a predicate over a domain over an enumeration', () => {
  it('is read, and runs, by name and also where the column is named like a word of SQL', async () => {
    await db.query('truncate host."Accounts" cascade')
    await applyPolicy(
      db,
      policy({
        'host.Accounts': {
          ...OWNED,
          since: 'Closed On',
          columns: {
            iban: {
              purge: {
                after: 'P1Y',
                when: `state = 'closed' and "text" in ('open', 'closed') and iban <> 'state'`,
              },
            },
          },
          minimum: { after: 'P5Y', when: `state <> 'open'`, basis: LAW },
        },
      }),
    )
    await db.query(`
      insert into host."Accounts" values
        ('a', '${KEY(1)}', '2001-01-01', 1, '2010-01-01', null, 'x', 'closed', 'open'),
        ('a', '${KEY(2)}', '2001-01-01', 1, '2010-01-01', null, 'x', 'open', 'open'),
        ('a', '${KEY(3)}', '2001-01-01', 1, '2020-01-01', null, 'x', 'closed', 'closed')`)
    expect(await runCycle(db, 'north', '2022-01-01')).toBe('complete')
    expect(
      await rowsOf(db, `select right(code::text, 1) as n from host."Accounts" where iban is null`),
    ).toEqual([{ n: '1' }])
    // The second serves no purpose: a finding, and left alone.
    expect(
      await db.query(
        `select column_name, action, rows, unclocked from lethe.unpurposed('host.Accounts', 'north')`,
      ),
    ).toEqual([{ column_name: 'iban', action: 'purge', rows: 1, unclocked: 0 }])
  })
})

describe('what holds is shown to', () => {
  it('officers and auditors of the controller alone', async () => {
    await applyPolicy(
      db,
      policy(
        { 'host.bills': { ...OWNED, since: 'issued', purge: { after: 'P3Y' }, minimum: minimum() } },
        { south: { 'host.bills': { purge: { after: 'P4Y' } } } },
      ),
    )
    await db.query('truncate host.bills cascade')
    await db.query(
      `insert into host.bills (owner, issued) values (1, '2020-01-01'), (2, '2020-01-01'), (1, null)`,
    )
    const [{ mine, theirs }] = (await rowsOf(
      db,
      'select min(id) filter (where owner = 1) as mine, min(id) filter (where owner = 2) as theirs from host.bills',
    )) as [{ mine: number; theirs: number }]
    expect(await rowsOf(north, 'select distinct controller from lethe.effective_rules()')).toEqual([
      { controller: 'north' },
    ])
    expect(await north.query('select controller, rows, unclocked from lethe.unpurposed()')).toEqual([
      { controller: 'north', rows: 1, unclocked: 1 },
    ])
    expect(
      await rowsOf(north, `select controller, due_on::text from lethe.explain_row('host.bills', $1)`, [
        String(mine),
      ]),
    ).toEqual([{ controller: 'north', due_on: '2030-01-02' }])
    for (const key of [String(theirs), '0', 'secret@example.org', '[1, 2]']) {
      const refused = await refusal(north.query(`select * from lethe.explain_row('host.bills', $1)`, [key]))
      expect(refused).toMatchObject({ code: 'LE318', hint: 'the key is the value of id' })
      expect(refused.message).not.toContain('secret')
    }
    expect(
      await rowsOf(db, `select controller, sentence from lethe.effective_rules('host.bills', 'south')`),
    ).toEqual([
      {
        controller: 'south',
        sentence: `a row of host.bills is purged four years after issued; south's own term replaces the default, three years after issued; never before ten years after issued (${LAW}).`,
      },
    ])
    const auditor = await db.asRole('lethe_auditor')
    expect(await rowsOf(auditor, 'select * from lethe.effective_rules()')).toEqual([])
    expect(await refusal(auditor.query(`select lethe.explain_row('host.bills', '1')`))).toMatchObject({
      code: '42501',
    })
  })

  it('of rows in the archive as well', async () => {
    await applyPolicy(
      db,
      policy({
        'host.bills': {
          ...OWNED,
          since: 'issued',
          archive: { after: 'P1Y' },
          purge: { after: 'P3Y' },
          minimum: minimum(),
        },
      }),
    )
    await db.query('truncate host.bills cascade')
    await db.query(`insert into host.bills (owner, issued) values (1, '2020-01-01')`)
    const [{ key }] = (await rowsOf(db, 'select id::text as key from host.bills')) as [{ key: string }]
    await grantMissing(db)
    await runCycle(db, 'north', '2024-01-01')
    expect(await rowsOf(db, 'select from host.bills')).toEqual([])
    expect(
      await rowsOf(
        db,
        `select place, rule, due_on::text, held, sentence from lethe.explain_row('host.bills', $1)`,
        [key],
      ),
    ).toEqual([
      {
        place: 'archive',
        rule: 'purge',
        due_on: '2030-01-02',
        held: false,
        sentence: `purge: the term without a purpose ended on 2023-01-01, ${LAW} keeps it until 2030-01-01; due from 2030-01-02.`,
      },
    ])
    await db.query(`insert into host.bills (owner, issued) values (1, '2020-01-01')`)
  })

  it('with the hold on the whole table', async () => {
    await db.query(`
      with h as (insert into lethe.holds (reason, ends_on) values ('a dispute', '2099-01-01') returning id)
      insert into lethe_private.held_keys (hold_id, table_id, key)
      select h.id, m.id, null from h, lethe.managed_tables as m where m.table_name = 'bills'`)
    const [line] = await rowsOf<{ sentence: string; holds: unknown }>(
      db,
      `select sentence, holds from lethe.effective_rules('host.bills', 'north')`,
    )
    expect(line!.sentence).toMatch(/; nothing of it is touched under hold \d+ until 2099-01-01\.$/)
    expect(line!.holds).toMatchObject([{ ends_on: '2099-01-01' }])
    const [said] = await rowsOf<{ held: boolean; sentence: string }>(
      db,
      `select held, sentence from lethe.explain_row('host.bills', (select min(id)::text from host.bills), '2031-01-01')`,
    )
    expect(said).toMatchObject({ held: true })
    expect(said!.sentence).toMatch(/; due since 2030-01-02, held\.$/)
  })
})
