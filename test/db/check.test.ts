/** What holds for `lethe.check()` as a whole. Each finding has a test of its own in checks/. */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDesk, DESK_POLICY, findings } from '../helpers/check.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, rowsOf, runCycle } from '../helpers/engine.ts'
import { type Category, type Decision, type Table, undecided } from '../oracle/coverage.ts'

describe('every finding', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await createDatabase()
  })
  afterAll(() => db.drop())

  const stems = (folder: string, ending: string): string[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith(ending) && name !== 'README.md')
      .map((name) => name.slice(0, -ending.length))
      .sort()

  it('has a page in docs/checks, a line in its index, and a test', async () => {
    const codes = (await db.query<{ code: string }>('select code from lethe.checks order by code')).map(
      ({ code }) => code,
    )
    expect(stems('docs/checks', '.md')).toEqual(codes)
    expect(stems('test/db/checks', '.test.ts')).toEqual(codes)
    const index = readFileSync('docs/checks/README.md', 'utf8')
    expect(codes.filter((code) => !index.includes(`[${code}](${code}.md)`))).toEqual([])
  })

  it('stands in the index with its severity and what it is about', async () => {
    const index = readFileSync('docs/checks/README.md', 'utf8')
    for (const { code, severity, about } of await db.query<{ code: string; severity: string; about: string }>(
      'select code, severity, about from lethe.checks',
    ))
      expect(index).toContain(`| [${code}](${code}.md) | ${severity} | ${about} |`)
  })

  it('says on its page what violates it, why, and how it is repaired', () => {
    for (const stem of stems('docs/checks', '.md')) {
      const page = readFileSync(`docs/checks/${stem}.md`, 'utf8')
      expect(page, stem).toMatch(
        new RegExp(`^# ${stem}\n[^]*\n\\*\\*Why\\.\\*\\*[^]*\n\\*\\*Repair\\.\\*\\*`),
      )
    }
  })
})

describe('the demo', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await createDatabase({ template: 'audience' })
    await addCycleRunner(db)
  })
  afterAll(() => db.drop())

  it('is clean, before a cycle and after', async () => {
    expect(await findings(db)).toEqual([])
    for (const controller of ['north', 'south']) expect(await runCycle(db, controller)).toBe('complete')
    const after = await findings(db)
    expect(after.filter(({ severity }) => severity === 'error')).toEqual([])
  })

  it('does not stay so when a migration adds a column, a table, a view or a foreign key', async () => {
    await db.query(`
      alter table audience.deliveries add column "signedBy" text;
      create table audience.complaints (id int primary key, contact_id bigint references audience.contacts);
      create index on audience.complaints (contact_id);
      create view audience.birthdays as select birthday from audience.contacts;
      alter table audience.invoices add column payer_id bigint references audience.contacts;
      create index on audience.invoices (payer_id)`)
    const errors = (await findings(db, undefined, { readData: false })).map(
      ({ code, object }) => `${code} ${object}`,
    )
    expect(errors).toEqual([
      'unmanaged-table audience.complaints',
      'unclassified-column audience.deliveries."signedBy"',
      'undecided-link audience.invoices(payer_id)',
      'undecided-view audience.birthdays',
    ])
  })
})

describe('lethe.check', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await createDatabase()
  })
  afterAll(() => db.drop())

  it('has nothing to check without a policy, and does not call that clean (LE622)', async () => {
    expect(await refusal(db.query('select * from lethe.check()'))).toMatchObject({ code: 'LE622' })
  })

  it('is for who acts for all controllers (LE502): figures of one are not shown to another', async () => {
    const desk = await createDesk()
    try {
      const officer = await desk.asRole('lethe_officer')
      await desk.query(`select lethe.add_member($1, 'north')`, [new URL(officer.url).username])
      expect(await refusal(officer.query('select * from lethe.check()'))).toMatchObject({ code: 'LE502' })
      expect((await refusal((await desk.asRole()).query('select * from lethe.check()'))).code).toMatch(
        /LE502|42501/,
      )
      await desk.query(`grant lethe_owner to ${new URL(officer.url).username}`)
      expect(
        (await officer.query('select * from lethe.check()')).filter(({ severity }) => severity !== 'note'),
      ).toEqual([])
    } finally {
      await desk.drop()
    }
  })

  it('is not led astray by a big schema of mixed names, partitions and cycles of references', async () => {
    await db.query(`
      create schema "Big Firm";
      create table "Big Firm"."Staff" (id bigint generated always as identity primary key, "E-Mail" text, boss bigint);
      do $do$
      begin
        for i in 1..60 loop
          execute format('create table "Big Firm"."T %s" (id bigint generated always as identity primary key, "Val""ue" text, up bigint references "Big Firm".%I)',
            i, case when i % 7 = 1 then 'Staff' else 'T ' || (i - 1) end);
          execute format('create index on "Big Firm"."T %s" (up)', i);
        end loop;
      end
      $do$;
      alter table "Big Firm"."Staff" add foreign key (boss) references "Big Firm"."T 60";
      create index on "Big Firm"."Staff" (boss);
      select lethe.set_controller('firm', 'Asia/Tokyo');
      select lethe.manage_table('Big Firm.Staff');
      select lethe.set_subject_type('staff', 'Big Firm.Staff')`)
    const found = await findings(db)
    expect(found.filter(({ code }) => code === 'unmanaged-table')).toHaveLength(60)
    await db.query(`
      do $do$
      begin
        for i in 1..60 loop perform lethe.manage_table('Big Firm.T ' || i); end loop;
      end
      $do$`)
    const managed = await findings(db)
    expect(managed.filter(({ code }) => code === 'unclassified-column')).toHaveLength(61)
    expect(managed.filter(({ code }) => code === 'undecided-link').map(({ object }) => object)).toContain(
      '"Big Firm"."Staff"(boss)',
    )
    expect(managed.filter(({ code }) => code === 'undecided-link')).toHaveLength(61)
  })
})

describe('waivers', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await createDesk()
  })
  afterAll(() => db.drop())
  const waive = (...values: unknown[]) => db.query('select lethe.waive($1, $2, $3, $4)', values)

  it.each([
    ['LE112', 'no-such-finding', 'desk.people', '2999-01-01', 'why'],
    ['LE621', 'undecided-view', '', '2999-01-01', 'why'],
    ['LE621', 'undecided-view', 'desk.v', '2020-01-01', 'why'],
    ['LE621', 'undecided-view', 'desk.v', 'infinity', 'why'],
    ['LE621', 'undecided-view', 'desk.v', null, 'why'],
    ['LE621', 'undecided-view', 'desk.v', '2999-01-01', ' '],
    ['LE621', 'expired-waiver', 'desk.v', '2999-01-01', 'why'],
  ])('cannot be (%s): %s, %s, %s, %s', async (code, ...values) => {
    expect(await refusal(waive(...values))).toMatchObject({ code, hint: expect.stringMatching(/\w/) })
  })

  it('can be where all of it is said, and keep who, when and why', async () => {
    const officer = await db.asRole('lethe_officer', 'lethe_owner')
    await officer.query(`select lethe.waive('undecided-view', 'desk.v', '2999-01-01', 'why')`)
    const login = new URL(officer.url).username
    expect(await db.query('select code, object, until, reason, by from lethe.waivers')).toEqual([
      { code: 'undecided-view', object: 'desk.v', until: '2999-01-01', reason: 'why', by: login },
    ])
    await officer.query(`select lethe.withdraw_waiver('undecided-view', 'desk.v', 'not needed')`)
    expect(
      await db.query(
        `select by, reason, before is null as added from lethe.policy_changes where object = 'waivers' order by id`,
      ),
    ).toEqual([
      { by: login, reason: 'why', added: true },
      { by: login, reason: 'not needed', added: false },
    ])
    expect(
      await refusal(officer.query(`select lethe.withdraw_waiver('undecided-view', 'desk.v')`)),
    ).toMatchObject({
      code: 'LE112',
    })
  })

  it('are for who may change the policy of all (LE502)', async () => {
    const officer = await db.asRole('lethe_officer')
    expect(
      await refusal(officer.query(`select lethe.waive('undecided-view', 'desk.v', '2999-01-01', 'why')`)),
    ).toMatchObject({ code: 'LE502' })
  })

  it('stand in the policy file with views and claims, and export → apply changes nothing', async () => {
    await db.query(`
      create view desk."Mailing" as select email from desk.people;
      create view desk.by_year as select born, count(*) as people, count(email) as readers from desk.people group by born`)
    const policy = {
      ...DESK_POLICY,
      tables: {
        ...DESK_POLICY.tables,
        'desk.people': {
          ...DESK_POLICY.tables['desk.people'],
          columns: {
            ...DESK_POLICY.tables['desk.people'].columns,
            email: {
              category: 'contact',
              claim: 'anonymous',
              anonymize: { after: 'P1Y', using: 'suppress' },
            },
          },
        },
      },
      views: {
        'desk.Mailing': { shows: 'people' },
        'desk.by_year': { shows: 'figures', counts: ['people', 'readers'] },
      },
      waivers: [
        { finding: 'undecided-view', object: 'desk.old', until: '2020-01-01', reason: 'ran out' },
        { finding: 'undecided-view', object: 'desk.v', until: '2999-01-01', reason: 'why' },
      ],
    }
    const apply = (document: unknown) =>
      db.query('select * from lethe.apply_policy($1)', [JSON.stringify(document)])
    await apply(policy)
    const [exported] = await db.query<{ policy: typeof policy }>('select lethe.export_policy() as policy')
    expect(exported!.policy).toMatchObject({ views: policy.views, waivers: policy.waivers })
    expect(exported!.policy.tables['desk.people'].columns.email).toMatchObject({ claim: 'anonymous' })
    expect(await apply(exported!.policy)).toEqual([])
    await apply(DESK_POLICY)
    expect(
      await db.query(
        'select (select count(*) from lethe.waivers) + (select count(*) from lethe.managed_views) as left',
      ),
    ).toEqual([{ left: 0 }])
  })

  it('that are wrong in a file are refused with their place in it', async () => {
    const apply = (part: unknown) =>
      refusal(
        db.query('select lethe.apply_policy($1)', [JSON.stringify({ ...DESK_POLICY, ...(part as object) })]),
      )
    expect(
      await apply({ waivers: [{ finding: 'nonsense', object: 'x', until: '2999-01-01', reason: 'why' }] }),
    ).toMatchObject({ code: 'LE112', detail: 'at /waivers/0' })
    expect(await apply({ views: { 'desk.people': { shows: 'people' } } })).toMatchObject({
      code: 'LE106',
      detail: 'at /views/desk.people',
    })
  })
})

describe('no column escapes', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await createDatabase()
    await db.query(
      `select lethe.set_controller('north', 'America/St_Johns'), lethe.set_controller('south', 'Pacific/Apia')`,
    )
  })
  afterAll(() => db.drop())

  const category = fc.constantFrom<Category[]>(undefined, 'content', 'technical', 'not personal')
  const schemas = fc.integer({ min: 1, max: 7 }).chain((size) =>
    fc
      .array(
        fc.record<Table>({
          managed: fc.boolean(),
          columns: fc.array(category, { maxLength: 2 }),
          references: fc.array(
            fc.record({
              to: fc.nat({ max: size - 1 }),
              decision: fc.constantFrom<Decision[]>('none', 'own', 'ignore', 'unlink'),
              category,
            }),
            { maxLength: 2 },
          ),
        }),
        { minLength: size, maxLength: size },
      )
      .map(([root, ...others]) => [{ ...root!, managed: true }, ...others]),
  )

  /** The schema and its policy, as statements. Every other table is the one controller's, the rest the other's. */
  function statements(tables: Table[]): string {
    const created = tables.map(({ columns }, t) => {
      const list = [
        'id bigint generated always as identity primary key',
        ...columns.map((_, c) => `c${c} text`),
      ]
      return `create table t.t${t} (${list.join(', ')})`
    })
    const referring = tables.flatMap(({ references }, t) =>
      references.map(
        ({ to }, r) =>
          `alter table t.t${t} add column r${r} bigint references t.t${to}; create index on t.t${t} (r${r})`,
      ),
    )
    const managed = tables.flatMap((table, t) =>
      table.managed ? [`select lethe.manage_table('t.t${t}', '${t % 2 === 0 ? 'north' : 'south'}')`] : [],
    )
    const decided = tables.flatMap((table, t) =>
      !table.managed
        ? []
        : [
            ...table.columns.map((category, c) => [category, `c${c}`]),
            ...table.references.map(({ category }, r) => [category, `r${r}`]),
          ].flatMap(([category, name]) =>
            category ? [`select lethe.set_column('t.t${t}', '${name}', '${category}')`] : [],
          ),
    )
    const linked = tables.flatMap((table, t) =>
      table.references.flatMap(({ to, decision }, r) =>
        !table.managed || !tables[to]!.managed || decision === 'none'
          ? []
          : [
              `select lethe.set_link('t.t${t}', 't.t${to}', array['r${r}'], ${
                decision === 'unlink' ? `on_purge => 'unlink'` : `subject => 'person', kind => '${decision}'`
              })`,
            ],
      ),
    )
    return [
      'create schema t',
      ...created,
      ...referring,
      ...managed,
      `select lethe.set_subject_type('person', 't.t0')`,
      ...decided,
      ...linked,
    ].join(';\n')
  }

  it('whatever the tables, their references and what was decided on them', async () => {
    const session = await db.connect()
    await fc.assert(
      fc.asyncProperty(schemas, async (tables) => {
        await session.query('begin')
        try {
          await session.query(statements(tables))
          const found = await rowsOf<{ code: string; object: string }>(
            session,
            `select code, object from lethe.check(false) where code in ('unmanaged-table', 'unclassified-column', 'undecided-link')`,
          )
          expect(found.map(({ code, object }) => `${code} ${object.replace('t.t', 't')}`).sort()).toEqual(
            undecided(tables).sort(),
          )
        } finally {
          await session.query('rollback')
        }
      }),
      { numRuns: 60 },
    )
  })
})
