import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lethe, type Outcome, type RunOptions } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
let contact: { id: number; email: string; controller: string }
beforeAll(async () => {
  db = await createDatabase({ template: 'audience' })
  await db.query('grant usage on schema audience to lethe_owner')
  ;[contact] = (await db.query<typeof contact>(`
    select c.id, c.email::text, k.name as controller from audience.contacts as c
    join lethe.controllers as k on k.reference = c.publisher_id::text
    join audience.subscriptions as s on s.contact_id = c.id
    where c.email is not null and not lethe.is_pseudonym_email(c.email::text) order by c.id limit 1`)) as [
    typeof contact,
  ]
})
afterAll(() => db.drop())

const hold = (args: string[], options: RunOptions = {}): Promise<Outcome> =>
  lethe(['hold', ...args], { databaseUrl: db.url, ...options })

describe('lethe hold', () => {
  it('holds a person whose address never stands on the command line, says what that reaches, lists it without naming anybody, and releases it', async () => {
    const placed = await hold(
      [
        'person',
        'contact',
        '--identifier',
        '-',
        '--reason',
        'case 12',
        '--controller',
        contact.controller,
        '--until',
        '2999-12-31',
        '--json',
      ],
      { input: `${contact.email}\n` },
    )
    expect({ code: placed.code, stderr: placed.stderr }).toEqual({ code: 0, stderr: '' })
    const [{ id, tables }] = placed.rows() as [
      { id: number; tables: { table: string; live: number; archived: number }[] },
    ]
    expect(tables.find(({ table }) => table === 'audience.contacts')!.live).toBeGreaterThanOrEqual(1)
    expect(tables.find(({ table }) => table === 'audience.subscriptions')!.live).toBeGreaterThanOrEqual(1)

    const listed = await hold(['list', '--json'])
    expect(listed.rows()).toMatchObject([
      { id, state: 'in force', kind: 'person', reason: 'case 12', until: '2999-12-31' },
    ])
    const shown = await hold(['show', String(id)])
    expect(shown.code).toBe(0)
    for (const { stdout, stderr } of [placed, listed, shown])
      expect(stdout + stderr).not.toContain(contact.email)

    expect(await hold(['release', String(id), '--reason', 'closed', '--json'])).toMatchObject({ code: 0 })
    expect((await hold([])).stdout).toContain('Nothing is held.')
    expect((await hold(['list', '--released', '--json'])).rows()).toMatchObject([
      { id, state: 'released', release_reason: 'closed' },
    ])
  })

  it('holds rows and tables, and passes on what the database refuses', async () => {
    const rows = await hold([
      'rows',
      'audience.contacts',
      'id < 10',
      '--reason',
      'case',
      '--controller',
      contact.controller,
      '--json',
    ])
    expect(rows.code).toBe(0)
    expect(
      (await hold(['table', 'audience.consents', '--reason', 'case', '--controller', contact.controller]))
        .code,
    ).toBe(0)
    expect((await hold([])).stdout).toMatch(/audience\.contacts where id < 10/)
    for (const [args, code] of [
      [
        ['rows', 'audience.contacts', 'id < now()', '--reason', 'case', '--controller', contact.controller],
        'LE303',
      ],
      [['table', 'audience.consents', '--reason', 'case'], 'LE407'],
      [['release', '4711', '--reason', 'x'], 'LE110'],
      [['person', 'contact', '--reason', 'x'], 'LE607'],
      [['guard'], 'LE607'],
    ] as const) {
      const refused = await hold([...args, '--json'])
      expect({ args, code: refused.code, error: JSON.parse(refused.stderr).error.code }).toEqual({
        args,
        code: 2,
        error: code,
      })
    }
  })

  it('prints guards, and runs them only when it is told to; findings end with 1 until then', async () => {
    const printed = await hold(['guard', 'audience.contacts', '--json'])
    expect(printed.code).toBe(0)
    expect(printed.rows().every(({ run }) => run === false)).toBe(true)
    expect(await db.query(`select from pg_trigger where tgname ~ '^lethe_guard'`)).toEqual([])
    const found = await hold(['findings', '--json'])
    expect(found.code).toBe(1)
    expect(found.rows().map(({ finding, object }) => `${finding} ${object}`)).toEqual([
      'unguarded audience.consents',
      'unguarded audience.contacts',
    ])
    for (const table of ['audience.contacts', 'audience.consents'])
      expect((await hold(['guard', table, '--create'])).code).toBe(0)
    expect(await hold(['findings'])).toMatchObject({ code: 0 })
  })

  it('has doctor list guards and policies: what is missing by choice without, what is broken with exit code 1', async () => {
    const doctor = async (...args: string[]): Promise<Outcome> =>
      lethe(['doctor', ...args], { databaseUrl: db.url })
    const [controller] = await db.query<{ id: number }>('select id from lethe.controllers where name = $1', [
      contact.controller,
    ])
    await db.query(
      `with r as (
         insert into lethe.requests (controller_id, kind, subject, due_on, state) values ($1, 'restriction', 'contact', current_date, 'executed') returning id
       ), h as (insert into lethe.holds (controller_id, reason, kind, request_id) select $1, 'a test', 'keys', id from r returning id)
       insert into lethe_private.held_keys (hold_id, table_id, key)
       select h.id, m.id, $2 from h cross join lethe.managed_tables as m where (m.schema_name, m.table_name) = ('audience', 'contacts')`,
      [controller!.id, String(contact.id)],
    )
    const chosen = await doctor()
    expect(chosen.code).toBe(0)
    expect(chosen.stdout).toMatch(/not hidden +audience\.contacts has restricted rows/)
    expect(chosen.stdout).toContain(`select lethe.restriction_sql('audience.contacts')`)

    await db.query('alter table audience.consents disable trigger lethe_guard')
    const broken = await doctor('--json')
    expect(broken.code).toBe(1)
    expect(broken.rows()).toContainEqual({
      finding: 'guard missing',
      object: 'audience.consents',
      sentence:
        'audience.consents has rows under a hold, and its guard against DELETE and UPDATE is missing, disabled or altered',
      remedy: 'lethe hold guard audience.consents',
    })
    expect((await hold(['guard', 'audience.consents', '--create'])).code).toBe(0)
    expect((await doctor()).code).toBe(0)
    await db.query('update lethe.holds set released_at = now() where request_id is not null')
    expect((await doctor('--json')).rows()).not.toContainEqual(
      expect.objectContaining({ finding: expect.anything() }),
    )
  })

  it('puts up event triggers, and takes guards off again', async () => {
    expect((await hold(['guard', '--events', '--create'])).code).toBe(0)
    expect((await hold(['guard', 'audience.contacts', '--drop', '--create', '--json'])).rows()).toEqual([
      { statement: 'drop trigger lethe_guard on audience.contacts', run: true },
      { statement: 'drop trigger lethe_guard_truncate on audience.contacts', run: true },
    ])
  })
})
