/** What the methods make of values that somebody worked out by hand. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

it.each([
  // The first characters of mailbox and domain
  [`lethe.partial_email('bob@example.com', 1, false)`, 'b**@*******.com'],
  [`lethe.partial_email('bob@example.com', 1, true)`, 'b**@example.com'],
  [`lethe.partial_email('b@example.co.uk', 1, false)`, '*@**********.uk'],
  [`lethe.partial_email('bob@localhost', 2, false)`, '***@*********'],
  [`lethe.partial_email('bob', 1, true)`, '***'],
  [`lethe.partial_email('bob@x@y.fr', 1, true)`, '**********'],
  [`lethe.partial_email('@x.fr', 1, true)`, '*****'],
  [`lethe.partial_email('', 1, true)`, ''],
  // Separators stay
  [`lethe.partial_number('+33 6 12 34 56 78', 3, 0)`, '+33 * ** ** ** **'],
  [`lethe.partial_number('4111-1111-1111-1111', 0, 4)`, '****-****-****-1111'],
  [`lethe.partial_number('(01) 23', 4, 0)`, '(**) **'],
  [`lethe.partial_number('bob', 0, 0)`, '***'],
  // Initials
  [`lethe.truncate('Dupont', 1, null)`, 'D.'],
  [`lethe.truncate('Dupont', 3, 2)`, 'D.'],
  [`lethe.truncate('Dupont', 3, 1)`, '.'],
  [`lethe.truncate('D', 1, null)`, '.'],
  [`lethe.truncate('\u{1F600}\u{1F601}', 1, null)`, '\u{1F600}.'],
  // Shapes and postal codes
  [`lethe.shape('AB-123-cd', 0)`, 'XX-000-xx'],
  [`lethe.shape('Élodie 2', 0)`, 'xxxxxx 0'],
  [`lethe.shape('75011', 2)`, '75000'],
  [`lethe.shape('SW1A 1AA', 2)`, 'SW0X 0XX'],
  [`lethe.shape('01310-100', 3)`, '01300-000'],
  [`lethe.shape('10001-1234', 3)`, '10000-0000'],
  [`lethe.shape('75', 2)`, '00'],
  [`lethe.shape('', 2)`, ''],
  // Dates, times, ranges
  [`lethe.generalize_date(date '1987-05-06', 'quarter', 1)::text`, '1987-04-01'],
  [`lethe.generalize_date(date '1987-12-31', 'quarter', 1)::text`, '1987-10-01'],
  [`lethe.generalize_date(date '0044-03-15 BC', 'quarter', 1)::text`, '0001-01-01'],
  [`lethe.generalize_date(timestamp '1987-05-06 07:08', 'quarter', 1)::text`, '1987-04-01 00:00:00'],
  [`lethe.generalize_time(timestamp '2024-02-29 23:59:59.9', 'hour')::text`, '2024-02-29 23:00:00'],
  [`lethe.generalize_time(timestamp '2024-02-29 23:59:59.9', 'day')::text`, '2024-02-29 00:00:00'],
  [`lethe.generalize_time(timestamp '2024-02-29 23:59:59.9', 'week')::text`, '2024-02-26 00:00:00'],
  [`lethe.month_day(date '1996-02-29')::text`, '1604-02-29'],
  [`lethe.month_day(date '2001-12-31')::text`, '1604-12-31'],
  [`lethe.generalize_period(daterange '[1987-05-06,1988-06-07)', 'year')::text`, '[1987-01-01,1988-01-02)'],
  [`lethe.generalize_period(daterange '[1987-05-06,)', 'month')::text`, '[1987-05-01,)'],
  [`lethe.generalize_period(daterange 'empty', 'month')::text`, 'empty'],
  // Numbers and networks
  [`lethe.generalize_coordinates(48.8566::float8, 1)::text`, '48.8'],
  [`lethe.generalize_coordinates(-2.3522::float8, 2)::text`, '-2.35'],
  [`lethe.generalize_coordinates(point '(48.8566,2.3522)', 0)::text`, '(48,2)'],
  [`trunc(macaddr '08:00:2b:01:02:03')::text`, '08:00:2b:00:00:00'],
  // Web addresses and browsers
  [`lethe.generalize_url('https://bob:pw@example.com:8080/x?y=z#u')`, 'https://example.com:8080'],
  [`lethe.generalize_url('http://a@b@c/')`, 'http://c'],
  [`lethe.generalize_url('http://bob@')`, ''],
  [`lethe.generalize_url('/account?mail=bob@example.com')`, ''],
  [`lethe.generalize_url('mailto:bob@example.com')`, ''],
  [`lethe.generalize_url('http://[2001:db8::1]:80/x')`, 'http://[2001:db8::1]:80'],
  [`lethe.generalize_user_agent('Mozilla/5.0 (X11) Gecko/20100101 Firefox/128.0', null)`, 'Firefox'],
  [`lethe.generalize_user_agent('Mozilla/5.0 Chrome/126 Safari/537.36 Edg/126', null)`, 'Edge'],
  [`lethe.generalize_user_agent('Mozilla/5.0 Chrome/126 Safari/537.36', null)`, 'Chrome'],
  [`lethe.generalize_user_agent('Googlebot/2.1', null)`, 'bot'],
  [`lethe.generalize_user_agent('Bob''s own', 20)`, 'other'],
  [`lethe.generalize_user_agent('Googlebot/2.1', 6)`, ''],
  // Lists and documents
  [`lethe.redact_elements('{bob,NULL,anne}')::text`, '{*,*,*}'],
  [`lethe.redact_elements('{}')::text`, '{}'],
  [
    `lethe.jsonb_remove('{"phone": 1, "address": {"street": "x", "city": "y"}}', 'phone,address.street')::text`,
    '{"address": {"city": "y"}}',
  ],
  [`lethe.jsonb_remove('{"address": [{"street": "x"}], "n": 1}', 'address.street')::text`, '{"n": 1}'],
  [`lethe.jsonb_remove('{"address": "rue X"}', 'address.street')::text`, '{}'],
  [`lethe.jsonb_remove('{"address": null}', 'address.street')::text`, '{"address": null}'],
  [`lethe.jsonb_remove('["phone"]', 'phone')::text`, '{}'],
  [
    `lethe.jsonb_remove('{"a": {"b": {"c": {"d": 1, "e": 2}}}}', 'a.b.c.d')::text`,
    '{"a": {"b": {"c": {"e": 2}}}}',
  ],
  [
    `lethe.jsonb_keep('{"plan": "year", "phone": 1, "n": null}', 'plan,n')::text`,
    '{"n": null, "plan": "year"}',
  ],
  [`lethe.jsonb_keep('"plan"', 'plan')::text`, '{}'],
  [
    `lethe.jsonb_redact('{"a": "b\\"c\\\\", "d\\":": ["x", 1, -2.50, true, null], "5": {}}')::text`,
    '{"5": {}, "a": "*", "d\\":": ["*", 0, 0, true, null]}',
  ],
  [`lethe.jsonb_redact('"x"')::text`, '"*"'],
  [`lethe.jsonb_redact('-17.5')::text`, '0'],
])('%s', async (call, expected) => {
  const [row] = await db.query(`select ${call} as masked`)
  expect(row!.masked).toBe(expected)
})

const KEY = `'\\x36'::bytea, '\\x5c'::bytea`

it.each([
  [
    `lethe.pseudonym_mailbox('bob@example.com', ${KEY}, null)`,
    /^[0-9a-f]{32}@example\.com\.anonymized\.invalid$/,
  ],
  [
    `lethe.pseudonym_mailbox('bob@example.com', ${KEY}, 52)`,
    /^[0-9a-f]{21}@example\.com\.anonymized\.invalid$/,
  ],
  [`lethe.pseudonym_mailbox('bob@example.com', ${KEY}, 50)`, /^[0-9a-f]{31}@anonymized\.invalid$/],
  [`lethe.pseudonym_mailbox('bob', ${KEY}, null)`, /^[0-9a-f]{32}@anonymized\.invalid$/],
  [`lethe.pseudonym_number(17, ${KEY})::text`, /^-[4-9]\d{18}$/],
  [`lethe.pseudonym_digits('73282932000074', ${KEY})`, /^000\d{11}$/],
  [`lethe.pseudonym_digits('12', ${KEY})`, /^00$/],
  [`lethe.pseudonym_iban('FR14 2004 1010 0505 0001 3M02 606', ${KEY}, null)`, /^FR00\d{23}$/],
  [`lethe.pseudonym_iban('FR1420041010050500013M02606', ${KEY}, 20)`, /^FR00\d{16}$/],
  [`lethe.pseudonym_iban('?', ${KEY}, null)`, /^ZZ00\d{11}$/],
  [`lethe.pseudonym_name('Bob', ${KEY}, 'given_name', 'fr')`, /^[A-Z][a-z]+\*$/],
  [`encode(lethe.pseudonym_bytea('\\x00', ${KEY}), 'hex')`, /^6c657468653a[0-9a-f]{64}$/],
])('%s', async (call, shape) => {
  const [row] = await db.query(`select ${call} as masked`)
  expect(row!.masked).toMatch(shape)
})

it('picks every name of each list, and none longer than the length it asks for', async () => {
  const [row] = await db.query(`
    select count(*) as lists, min(cardinality(names)) as shortest, max(cardinality(names)) as longest,
      max(length(name)) + 1 as length_min, count(distinct (kind, locale, name)) as names
    from unnest('{given_name,family_name,city,company}'::text[]) as kind,
      unnest('{fr,en}'::text[]) as locale,
      lateral (select lethe.pseudonym_names(kind, locale) as names) as l, unnest(names) as name`)
  expect(row).toMatchObject({ shortest: 32, longest: 32, names: 256 })
  const [method] = await db.query(`select length_min from lethe.methods where name = 'pseudonym_name'`)
  expect(row!.length_min).toBe(method!.length_min)
  const [picked] = await db.query(`
    select count(distinct lethe.pseudonym_name(n::text, ${KEY}, 'city', 'en')) as n from generate_series(1, 2000) as n`)
  expect(picked!.n).toBe(32)
})
