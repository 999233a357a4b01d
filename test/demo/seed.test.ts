import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seed } from '../../src/demo/seed.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'

const TODAY = '2026-11-23'
const CONTACTS = 2_000

let one: TestDatabase
let other: TestDatabase

beforeAll(async () => {
  one = await createDatabase({ template: 'empty' })
  other = await createDatabase({ template: 'empty' })
  await seed({ databaseUrl: one.installer.url, contacts: CONTACTS, today: TODAY })
  await seed({ databaseUrl: other.installer.url, contacts: CONTACTS, today: TODAY })
})

afterAll(async () => {
  await one?.drop()
  await other?.drop()
})

const tablesOf = `
  select c.relname as name
  from pg_class as c
  where c.relnamespace = 'audience'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  order by 1`

/** Rows and a checksum over all of them, per table. */
async function checksums(db: TestDatabase): Promise<Record<string, string>> {
  const tables = await db.query<{ name: string }>(tablesOf)
  const sums: Record<string, string> = {}
  for (const { name } of tables) {
    const [row] = await db.query<{ rows: number; sum: string }>(
      `select count(*) as rows, md5(string_agg(t::text, e'\\n' order by t::text)) as sum from audience.${name} as t`,
    )
    sums[name] = `${row!.rows} ${row!.sum}`
  }
  return sums
}

/** The one number that a query counts. */
async function count(text: string): Promise<number> {
  const [row] = await one.query<{ count: number }>(`select count(*) from ${text}`)
  return row!.count
}

describe('the seed', () => {
  it('makes the same rows in any database', async () => {
    const sums = await checksums(one)
    expect(Object.keys(sums)).toHaveLength(11)
    expect(await checksums(other)).toEqual(sums)
  })

  it('makes other people from another seed, and the same ones at another size', async () => {
    const small = await createDatabase({ template: 'empty' })
    try {
      await seed({ databaseUrl: small.installer.url, contacts: 100, today: TODAY })
      const first = 'select email from audience.contacts where id between 49 and 99 order by id'
      expect(await small.query(first)).toEqual(await one.query(first))
      await small.installer.query('drop schema audience cascade')
      await seed({ databaseUrl: small.installer.url, contacts: 100, today: TODAY, seed: 2 })
      expect(await small.query(first)).not.toEqual(await one.query(first))
    } finally {
      await small.drop()
    }
  })

  it('leaves the schema as schema.sql made it: indexes, foreign keys checked, sequences up to date', async () => {
    const { readFile } = await import('node:fs/promises')
    const { SCHEMA_FILE } = await import('../../src/demo/seed.ts')
    const plain = await createDatabase({ template: 'empty' })
    const shape = `
      select conrelid::regclass::text as "on", conname::text as name, pg_get_constraintdef(oid) as is, convalidated as ok
      from pg_constraint where connamespace = 'audience'::regnamespace
      union all
      select indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid
      from pg_index join pg_class as c on c.oid = indexrelid where c.relnamespace = 'audience'::regnamespace
      order by 1, 2, 3`
    try {
      await plain.installer.query(await readFile(SCHEMA_FILE, 'utf8'))
      expect(await one.query(shape)).toEqual(await plain.query(shape))
    } finally {
      await plain.drop()
    }
    await one.query(`insert into audience.contacts (publisher_id, email) values (1, 'next@example.org')`)
    await one.query(`delete from audience.contacts where email = 'next@example.org'`)
  })

  it('gives every foreign key an index and every table a comment', async () => {
    expect(
      await one.query(`
      select k.conrelid::regclass::text as "table", k.conname
      from pg_constraint as k
      where k.connamespace = 'audience'::regnamespace and k.contype = 'f' and k.conparentid = 0
        and not exists (
          select from pg_index as i
          where i.indrelid = k.conrelid
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)`),
    ).toEqual([])
    const tables = await one.query<{ name: string }>(
      `${tablesOf.replace('c.relname as name', 'c.relname as name, obj_description(c.oid) as comment')}`,
    )
    for (const table of tables) expect(table).toMatchObject({ comment: expect.any(String) })
  })

  it('tells its progress, step by step', async () => {
    const db = await createDatabase({ template: 'empty' })
    const steps: string[] = []
    try {
      await seed({
        databaseUrl: db.installer.url,
        contacts: 100,
        onProgress: ({ step, stepsDone, stepsTotal }) => steps.push(`${stepsDone}/${stepsTotal} ${step}`),
      })
    } finally {
      await db.drop()
    }
    expect(steps[0]).toBe('0/13 publishers')
    expect(steps.at(-1)).toBe('13/13 done')
  })

  it('refuses a schema audience that is there already, and leaves it alone', async () => {
    const before = await checksums(one)
    const refused = await refusal(seed({ databaseUrl: one.installer.url, contacts: 100 }))
    expect(refused).toMatchObject({
      code: 'LE606',
      message: 'the database already has a schema named audience',
    })
    expect(await checksums(one)).toEqual(before)
  })

  it.each([99, 0, -1, 1.5, Number.NaN, 50_000_001])('refuses to make %s contacts', async (contacts) => {
    expect(await refusal(seed({ databaseUrl: other.installer.url, contacts }))).toMatchObject({
      code: 'LE607',
    })
  })

  it.each(['today', '2026-13-01', '23.11.2026'])('refuses %s for a day', async (today) => {
    expect(await refusal(seed({ databaseUrl: other.installer.url, contacts: 100, today }))).toMatchObject({
      code: 'LE607',
    })
  })
})

describe('the demo holds', () => {
  it.each([
    // The last day kept, and the day before it, at their first and last instants, in both time zones.
    [
      'rows on the edge of three years',
      8,
      `audience.contacts as c join audience.publishers as p on p.id = c.publisher_id
      where c.crm_reference like 'case:%instant%'
        and (c.last_activity_at at time zone p.time_zone)::date in ('2023-11-23', '2023-11-22')
        and (c.last_activity_at at time zone p.time_zone)::time in ('00:00', '23:59:59.999999')`,
    ],
    [
      'bills on the edge of ten and of five years',
      8,
      `audience.invoices where issued_on in ('2016-11-23', '2016-11-22', '2021-11-23', '2021-11-22') and number like 'EDGE-%'`,
    ],
    [
      'rows that arrived late',
      2,
      `audience.contacts where created_at >= '2026-11-22' and last_activity_at < '2016-11-23'`,
    ],
    [
      'four-byte names',
      1,
      `audience.contacts where octet_length(convert_to("familyName", 'UTF8')) = 4 and length("familyName") = 1`,
    ],
    ['accented names', 100, `audience.contacts where given_name ~ '[éèãçôü]'`],
    [
      'backslashes, quotes and tabs',
      2,
      `audience.contacts where email like 'back\\\\slash"%' and given_name like e'A\\\\\\\\b\\t%'`,
    ],
    ['e-mails of the longest length', 1, `audience.contacts where length(email) = 254`],
    ['empty names', 1, `audience.contacts where given_name = ''`],
    ['null clocks', 10, 'audience.contacts where last_activity_at is null'],
    ['clocks of -infinity', 1, `audience.contacts where last_activity_at = '-infinity'`],
    ['clocks of infinity', 1, `audience.contacts where last_activity_at = 'infinity'`],
    ['sentinel clocks', 10, `audience.subscriptions where ends_on = '9999-12-31'`],
    [
      'shared addresses',
      10,
      `(select from audience.contacts where address_id is not null group by address_id having count(*) > 1) as s`,
    ],
    ['references to oneself', 10, 'audience.contacts where referred_by is not null'],
    [
      'copied e-mails',
      100,
      'audience.newsletter_events as e join audience.contacts as c on c.id = e.contact_id where e.email = c.email',
    ],
    [
      'copied e-mails in another case',
      10,
      'audience.newsletter_events as e join audience.contacts as c on c.id = e.contact_id where e.email <> c.email and lower(e.email) = lower(c.email)',
    ],
    [
      'people known to both publishers, in another case',
      2,
      'audience.contacts as a join audience.contacts as b on lower(a.email) = lower(b.email) and a.email <> b.email and a.publisher_id < b.publisher_id',
    ],
    ['events of nobody', 2, 'audience.newsletter_events where contact_id is null'],
    ['events in the default partition', 4, 'audience.newsletter_events_default'],
    [
      'values that look anonymized',
      2,
      `audience.contacts where birthday = '1970-01-01' and last_ip = '10.1.2.0'`,
    ],
    ['notes that quote other people', 1, `audience.support_notes where body like '%neighbour@example.com%'`],
    ['open notes', 2, 'audience.support_notes where closed_at is null'],
    [
      'consents with an infinite clock',
      4,
      `audience.consents where given_at = '-infinity' or withdrawn_at = 'infinity'`,
    ],
    [
      'an address used on either side of midnight',
      2,
      `audience.addresses where last_used_at = '2021-11-23 02:00'`,
    ],
  ])('%s (at least %i)', async (_, atLeast, text) => {
    expect(await count(text)).toBeGreaterThanOrEqual(atLeast)
  })

  it('rows that are due for each publisher, and many more that are not', async () => {
    for (const publisher of [1, 2]) {
      const all = await count(`audience.contacts where publisher_id = ${publisher}`)
      const due = await count(
        `audience.contacts where publisher_id = ${publisher} and last_activity_at < '2023-11-22'`,
      )
      expect(due / all).toBeGreaterThan(0.1)
      expect(due / all).toBeLessThan(0.25)
    }
  })
})
