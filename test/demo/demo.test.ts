import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { POLICY_FILE, seedDemo } from '../../src/demo/demo.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
let ranOn: { north: string; south: string }

/** Contacts as they were before the cycle, by case and publisher. */
const before = new Map<string, { email: string; given_name: string }>()

beforeAll(async () => {
  db = await createDatabase()
  // The day on which the northern contacts lie on the edge; in the south it may still be the day before.
  const [today] = await db.query<{ north: string; south: string }>(`
    select (now() at time zone 'Europe/Paris')::date as north, (now() at time zone 'America/Sao_Paulo')::date as south`)
  ranOn = today!
  await seedDemo({ databaseUrl: db.installer.url, contacts: 1_000, today: ranOn.north })
  for (const row of await db.query<{ id: number; email: string; given_name: string }>(
    'select id, email, given_name from audience.contacts where id <= 48',
  )) {
    before.set(String(row.id), row)
  }
  await db.installer.query('call lethe.run_cycle()')
})

afterAll(async () => {
  await db?.drop()
})

/** The contact of a case, after the cycle; undefined: purged. Cases are in pairs, north first. */
async function contact(caseNumber: number, south = false) {
  const id = 2 * caseNumber - (south ? 0 : 1)
  const [row] = await db.query<{
    email: string
    given_name: string
    familyName: string
    referred_by: number | null
    address_id: string | null
    full_name: string
  }>('select * from audience.contacts where id = $1', [id])
  return row && { ...row, was: before.get(String(id))! }
}

describe('one cycle over the demo', () => {
  it('is complete for both publishers, leaves nothing over and skips nothing', async () => {
    expect(await db.query(`select distinct state from lethe.cycles`)).toEqual([{ state: 'complete' }])
    expect(
      await db.query(`select table_name, rule from lethe.evidence where left_over <> 0 or skipped <> 0`),
    ).toEqual([])
    const [done] = await db.query<{ rules: number }>(
      `select count(*) as rules from lethe.evidence where done > 0`,
    )
    expect(done!.rules).toBeGreaterThan(50)
  })

  it('leaves the last day kept, at its first and its last instant, and masks the day before', async () => {
    for (const kept of [1, 3]) {
      const row = await contact(kept)
      expect(row!.email).toBe(row!.was.email)
      expect(row!.given_name).toBe('Ann')
    }
    for (const due of [2, 4]) {
      const row = await contact(due)
      expect(row!.email).toMatch(/^[0-9a-f]+@anonymized\.invalid$/)
      expect(row!.given_name).toBe('A**')
      expect(row!.full_name).toBe('A** (former reader)')
    }
  })

  it('counts days in each publisher’s own zone', async () => {
    // For names the same three years hold in the south, whose day may be the same or the one before.
    const sameDay = ranOn.north === ranOn.south
    expect((await contact(2, true))!.given_name).toBe(sameDay ? 'A**' : 'Ann')
    expect((await contact(1, true))!.given_name).toBe('Ann')
  })

  it('lets an override shorten one controller’s term', async () => {
    const masked = (publisher: number) => `
      select count(*) as n from audience.contacts
      where publisher_id = ${publisher} and status <> 'unsubscribed' and last_purchase_on is null
        and last_activity_at between now() - interval '35 months' and now() - interval '25 months'
        and email ~ '@anonymized\\.invalid$'`
    expect(await db.query(masked(1))).toEqual([{ n: 0 }])
    expect((await db.query<{ n: number }>(masked(2)))[0]!.n).toBeGreaterThan(5)
  })

  it.each([
    [7, 'null'],
    [8, '-infinity'],
    [9, 'infinity'],
    [10, 'of a purpose that does not apply'],
  ])('never acts on clock %i (%s)', async (number) => {
    for (const south of [false, true]) {
      const row = await contact(number, south)
      expect(row!.email).toBe(row!.was.email)
    }
  })

  it('finds what arrived late, and masks or purges hostile values', async () => {
    for (const gone of [11, 12, 13, 15, 16]) expect(await contact(gone)).toBeUndefined()
    expect((await contact(14))!.given_name).toBe('A***')
  })

  it('purges by the latest of two clocks', async () => {
    expect(await contact(17)).toBeDefined()
    expect(await contact(18)).toBeUndefined()
  })

  it('keeps a contact whom an invoice, a note or a subscription keeps, and masks it', async () => {
    for (const kept of [19, 20, 21]) {
      const row = await contact(kept)
      expect(row!.email).toMatch(/@anonymized\.invalid$/)
      expect(row!.familyName).toBe('(former reader)')
    }
  })

  it('unlinks whom a purged reader brought, and keeps the address that one of two left', async () => {
    expect(await contact(22)).toBeUndefined()
    expect(await contact(24)).toBeUndefined()
    const stays = await contact(23)
    expect(stays!.referred_by).toBeNull()
    expect(await db.query('select from audience.addresses where id = $1', [stays!.address_id])).toHaveLength(
      1,
    )
  })

  it('takes lines with their bill, and by the day', async () => {
    const [mirrors] = await db.query<{ bills: string; lines: string }>(`
      select min(m.name) filter (where t.table_name = 'invoices') as bills, min(m.name) filter (where t.table_name = 'invoice_lines') as lines
      from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id`)
    const edges = await db.query<{ number: string }>(`
      select number from audience.invoices where number like 'EDGE-%'
      union all select number from lethe_archive.${mirrors!.bills} where number like 'EDGE-%' order by 1`)
    // Ten years in the north (49, 51), five in the south (50 to 56), where the day may be the one before.
    const south = ranOn.north === ranOn.south ? ['EDGE-54'] : ['EDGE-54', 'EDGE-56']
    expect(edges.map(({ number }) => number)).toEqual(['EDGE-49', 'EDGE-53', 'EDGE-55', ...south].sort())
    expect(
      await db.query(
        `select from audience.invoice_lines as l where not exists (select from audience.invoices as i where i.id = l.invoice_id)`,
      ),
    ).toEqual([])
    const [kept] = await db.query<{ bills: number; lone: number; lines: number }>(`
      select (select count(*) from lethe_archive.${mirrors!.bills}) as bills,
        (select count(*) from lethe_archive.${mirrors!.bills} as b where number !~ '^EDGE-' and not exists (select from lethe_archive.${mirrors!.lines} as l where l.invoice_id = b.id)) as lone,
        (select count(*) from lethe_archive.${mirrors!.lines} as l where not exists (select from lethe_archive.${mirrors!.bills} as b where b.id = l.invoice_id)) as lines`)
    expect(kept!.bills).toBeGreaterThan(100)
    expect(kept).toMatchObject({ lone: 0, lines: 0 })
  })

  it('run again changes nothing, byte for byte', async () => {
    const sum = `
      select md5(string_agg(t, '' order by t)) as sum from (
        select c::text as t from audience.contacts as c union all select a::text from audience.addresses as a
        union all select s::text from audience.subscriptions as s union all select i::text from audience.invoices as i
        union all select e::text from audience.newsletter_events as e union all select n::text from audience.support_notes as n
        union all select o::text from audience.consents as o union all select d::text from audience.deliveries as d) as rows`
    const was = await db.query(sum)
    await db.installer.query('call lethe.run_cycle()')
    expect(await db.query(sum)).toEqual(was)
  })
})

describe('lethe seed', () => {
  it('refuses where there is a policy already, and leaves it', async () => {
    const refused = await refusal(seedDemo({ databaseUrl: db.installer.url, contacts: 100 }))
    expect(refused).toMatchObject({
      code: 'LE606',
      message: 'the database already has a policy, which the demo would replace',
    })
  })

  it('says that Lethe is not installed before it makes anything', async () => {
    const empty = await createDatabase({ template: 'empty' })
    try {
      const outcome = await lethe(['seed', '--contacts', '100'], { databaseUrl: empty.installer.url })
      expect(outcome).toMatchObject({ code: 2, stdout: '' })
      expect(outcome.stderr).toContain('hint: run lethe init')
      expect(await empty.query(`select from pg_namespace where nspname = 'audience'`)).toEqual([])
    } finally {
      await empty.drop()
    }
  })

  it('makes the schema and puts the policy in force; --json gives a line a table', async () => {
    const fresh = await createDatabase()
    try {
      const outcome = await lethe(['seed', '--contacts', '100', '--json'], {
        databaseUrl: fresh.installer.url,
      })
      expect(outcome.code, outcome.stderr).toBe(0)
      expect(outcome.rows()).toContainEqual({ table: 'audience.contacts', rows: 100 })
      expect(await fresh.query('select from lethe.missing_rights()')).toEqual([])
      const again = await lethe(['policy', 'apply', POLICY_FILE, '--json'], {
        databaseUrl: fresh.installer.url,
      })
      expect(again.rows()).toMatchObject([{ changes: [], missing: [] }])
    } finally {
      await fresh.drop()
    }
  })

  it.each([
    ['--contacts', '12.5'],
    ['--contacts', 'many'],
    ['--seed', '-1'],
  ])('refuses %s %s in a sentence', async (option, value) => {
    const outcome = await lethe(['seed', `${option}=${value}`], { databaseUrl: db.installer.url })
    expect(outcome).toMatchObject({ code: 2 })
    expect(outcome.stderr).toContain(`${option} is not a whole number`)
  })
})
