/**
 * What each of Lethe's own methods is tried on: a column type for each type it names, any value of it,
 * and originals as people have them, which its recogniser must not take for masked.
 */
import fc from 'fast-check'
import { anyText } from './masks.ts'

/** One method on one type of column. */
export interface Trial {
  method: string
  type: string
  parameters?: Record<string, string | number | boolean>
  values: fc.Arbitrary<string>
  originals: readonly string[]
}

const days = fc
  .date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString().replace('Z', '').replace('T', ' '))
const anyDate = fc.oneof(
  days.map((text) => text.slice(0, 10)),
  fc.constantFrom(
    'infinity',
    '-infinity',
    '5874897-12-31',
    '4714-11-24 BC',
    '0001-01-01',
    '2024-02-29',
    '1604-02-29',
  ),
)
const anyTimestamp = fc.oneof(
  days,
  fc.constantFrom(
    'infinity',
    '-infinity',
    '294276-12-31 00:00:00',
    '4714-11-24 00:00:00 BC',
    '0001-01-01 00:00:00',
    '2024-02-29 23:59:59.999999',
  ),
)
const rangeOf = (bounds: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    fc
      .tuple(bounds, bounds, fc.constantFrom('[', '('), fc.constantFrom(']', ')'), fc.nat(9))
      .map(([one, two, open, close, chance]) => {
        const [lower, upper] = [one, two].toSorted(byTime)
        return `${open}${chance === 0 ? '' : `"${lower}"`},${chance === 1 ? '' : `"${upper}"`}${close}`
      }),
    fc.constantFrom('empty', '(,)'),
  )

/** Sorts what rangeOf writes: PostgreSQL refuses ranges that end before they begin. */
function byTime(a: string, b: string): number {
  const rank = (text: string): number => {
    if (text.endsWith('infinity')) return text.startsWith('-') ? -Infinity : Number.MAX_VALUE
    const [year, month, day] = text.split(/[- ]/).map(Number)
    return text.endsWith('BC') ? -year! : year! * 1e4 + month! * 100 + day!
  }
  return Math.sign(rank(a) - rank(b)) || (a < b ? -1 : a > b ? 1 : 0)
}

const integers = (bits: number): fc.Arbitrary<string> => {
  const edge = 2n ** BigInt(bits - 1)
  return fc.bigInt({ min: -edge, max: edge - 1n }).map(String)
}
const floats = (options: fc.DoubleConstraints): fc.Arbitrary<string> =>
  fc.oneof(fc.double(options), fc.double({ min: -180, max: 180 })).map((value) => String(value + 0))
const anyReal = fc.oneof(
  fc.float().map((value) => String(value + 0)),
  fc.float({ min: -180, max: 180 }).map((value) => String(value + 0)),
)
const anyNumeric = fc.oneof(
  floats({}),
  fc.tuple(integers(64), fc.nat(10 ** 9)).map(([whole, rest]) => `${whole}.${rest}`),
)
const anyJson = fc.oneof(
  fc.json({ maxDepth: 4, stringUnit: 'grapheme' }).map((text) => text.replaceAll('\\u0000', '')),
  fc.constantFrom(
    '{}',
    '[]',
    'null',
    '"x"',
    '"*"',
    '0',
    '0.00',
    '-1.50',
    'true',
    '{"a": "b\\"c\\\\", "d\\":": "e"}',
    '{"a\\\\": "b", "": "c"}',
    '{"phone": "06", "address": {"street": {"x": 1}, "city": "Lyon"}, "plan": "year"}',
    '{"address": [{"street": "rue X"}], "phone": null}',
    '{"address": "12 rue X"}',
    '{"address": null}',
    '["phone", "plan"]',
    '{"a": {"b": {"c": {"d": 1, "e": 2}}}}',
    '{"a": {"b": [1]}}',
    '{"a": "1:2, \\"3\\": 4", "5": -0.10}',
  ),
)
const anyMac = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((all) => [...all].map((byte) => byte.toString(16).padStart(2, '0')).join(':'))
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`),
  fc.constantFrom('\\x', `\\x6c657468653a${'00'.repeat(32)}`, `\\x6c657468653a${'00'.repeat(31)}`),
)
const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
const anyList = fc.oneof(
  fc
    .array(fc.oneof(anyText.filter((text) => text.length < 100).map(quoted), fc.constant('NULL')), {
      maxLength: 5,
    })
    .map((all) => `{${all}}`),
  fc.constantFrom('{}', '{*}', '{*,NULL}', '{NULL}', '{{a,b},{c,d}}', '[5:6]={a,b}'),
)
const anyAddress = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom('0.0.0.0', '::', '255.255.255.255', '::ffff:192.0.2.1'),
)

const withAny = (...more: fc.Arbitrary<string>[]): fc.Arbitrary<string> => fc.oneof(anyText, ...more)
const emails = fc.oneof(
  fc.emailAddress(),
  fc.constantFrom(
    'a@b',
    'bob@example.com',
    'b@@c.d',
    'a b@c d.e',
    '@x.fr',
    'x@',
    'x@.',
    'x@.fr',
    'x@y.',
    '*@*.fr',
    `${'x'.repeat(64)}@${'d'.repeat(60)}.${'e'.repeat(60)}.com`,
    'é@é.fr',
    '01234567@x y.anonymized.invalid',
  ),
)
const phones = fc
  .array(fc.constantFrom('0', '6', '12', ' ', '+33', '(', ')', '-', '.', '/', '*', 'é', 'x'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''))
const urls = fc.oneof(
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.constantFrom(
    'http://a@b@c/',
    'http://a@',
    'https://bob:pw@example.com:8080/x?y=z#u',
    'http://[::1]:80/x',
    'http:///x',
    '/account?mail=bob@example.com',
    'mailto:bob@example.com',
    'http://a b@c',
    'javascript://%0abob',
    'HTTP://EXAMPLE.COM',
    'https://é.fr/',
    'https://x\\y@z/',
  ),
)
const digits = fc
  .array(fc.constantFrom('0', '0', '1', '7', '9', ' '), { maxLength: 20 })
  .map((all) => all.join(''))

const NAMES = ['Dupont', 'Anne-Marie', 'O’Brien', 'Ng', 'Камилла', 'José', 'X Æ A-12']
const EMAILS = ['bob@example.com', 'anne.martin@mail.example.fr', 'x@y.example']
const PHONES = ['+33 6 12 34 56 78', '0612345678', '+1 (555) 010-9999']
const POSTCODES = ['75011', 'SW1A 1AA', '01310-100', '10001-1234', '1012 AB', 'K1A 0B1']
const IBANS = ['FR1420041010050500013M02606', 'DE89370400440532013000', 'GB29 NWBK 6016 1331 9268 19']
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
  'curl/8.5.0',
]
const URLS = ['https://bob:pw@example.com/a/b?c=d#e', 'http://example.com/account/17', '/relative?mail=x']
const DATES = ['1987-05-06', '2000-02-29', '1604-05-06', '2024-12-31']
const TIMES = DATES.map((date) => `${date} 13:14:15.16`)
const DOCUMENTS = [
  '{"phone": "0612345678", "plan": "year", "age": 17}',
  '{"address": {"street": "rue X"}, "n": [1, "a"]}',
]

const TEXTS = ['text', 'varchar(60)', 'char(60)']
const on = (
  method: string,
  types: readonly string[],
  values: fc.Arbitrary<string>,
  originals: readonly string[],
  parameters?: Trial['parameters'],
): Trial[] => types.map((type) => ({ method, type, values, originals, parameters }))

/** Every method on every type it takes (category letters by the types columns usually have). */
export const TRIALS: readonly Trial[] = [
  ...on('suppress', ['date', 'text', 'jsonb', 'boolean'], anyDate, []),
  ...on('constant', ['text', 'varchar(60)', 'char(60)'], anyText, NAMES, { value: 'gone' }),
  ...on('partial', TEXTS, anyText, NAMES),
  ...on('partial', ['text'], anyText, PHONES, { keep_start: 2, keep_end: 2 }),
  ...on('partial_email', TEXTS, withAny(emails), EMAILS),
  ...on('partial_email', ['text'], withAny(emails), EMAILS, { keep_start: 0, keep_domain: true }),
  ...on('partial_number', TEXTS, withAny(phones), PHONES),
  ...on('partial_number', ['text'], withAny(phones), PHONES, { keep_start: 0, keep_end: 3 }),
  ...on('truncate', TEXTS, anyText, NAMES),
  ...on('truncate', ['text'], anyText, NAMES, { keep: 0 }),
  ...on('shape', TEXTS, anyText, [...NAMES, 'AB-123-CD']),
  ...on('scrub', TEXTS, anyText, [...EMAILS, ...PHONES]),
  ...on('redact_elements', ['text[]', 'varchar(500)[]'], anyList, ['{bob,anne}', '{a,*}', '{NULL}']),
  ...on('jsonb_remove', ['jsonb'], anyJson, DOCUMENTS, { paths: 'phone,address.street,a.b.c.d,n' }),
  ...on('jsonb_keep', ['jsonb'], anyJson, DOCUMENTS, { keys: 'plan,language' }),
  ...on('jsonb_redact', ['jsonb'], anyJson, DOCUMENTS),
  ...on('pseudonym', TEXTS, anyText, NAMES),
  ...on('pseudonym_email', TEXTS, withAny(emails), EMAILS),
  ...on('pseudonym_mailbox', ['text', 'varchar(90)', 'char(90)'], withAny(emails), EMAILS),
  ...on('pseudonym_uuid', ['uuid'], fc.uuid(), ['8c1f0f0e-5a3b-4c1d-9e2f-0123456789ab']),
  ...on('pseudonym_number', ['bigint'], integers(64), ['0', '-1', '123456789012345']),
  ...on('pseudonym_bytea', ['bytea'], anyBytes, ['\\x', '\\x00ff', `\\x${'ab'.repeat(38)}`]),
  ...on('pseudonym_digits', TEXTS, withAny(digits), [...PHONES, '73282932000074', '4111111111111111', '01']),
  ...on('pseudonym_iban', TEXTS, withAny(digits), [...IBANS, 'nothing']),
  ...on('pseudonym_name', TEXTS, anyText, ['Camille', 'Alex', ...NAMES]),
  ...on('pseudonym_name', ['text'], anyText, ['Villeneuve', ...NAMES], { kind: 'city', locale: 'fr' }),
  ...on('generalize_date', ['date'], anyDate, DATES),
  ...on('generalize_date', ['date'], anyDate, DATES, { to: 'quarter' }),
  ...on('generalize_date', ['date'], anyDate, DATES, { to: 'month' }),
  ...on('generalize_date', ['date'], anyDate, DATES, { to: 'age_band', width: 7 }),
  ...on('generalize_date', ['timestamp', 'timestamptz'], anyTimestamp, TIMES),
  ...on('generalize_date', ['timestamp', 'timestamptz'], anyTimestamp, TIMES, { to: 'quarter' }),
  ...on('generalize_time', ['timestamp', 'timestamptz'], anyTimestamp, TIMES),
  ...on('generalize_time', ['timestamp', 'timestamptz'], anyTimestamp, TIMES, { to: 'hour' }),
  ...on('generalize_time', ['timestamp', 'timestamptz'], anyTimestamp, TIMES, { to: 'week' }),
  ...on('generalize_period', ['daterange'], rangeOf(anyDate.filter((text) => text !== '5874897-12-31')), [
    '[1987-05-06,1987-06-07)',
    '[2024-01-02,)',
  ]),
  ...on('generalize_period', ['tsrange', 'tstzrange'], rangeOf(anyTimestamp), ['[1987-05-06,1987-06-07)'], {
    to: 'month',
  }),
  ...on('month_day', ['date'], anyDate, ['1987-05-06', '2000-02-29', '1904-05-06', '2004-02-29']),
  ...on('generalize_number', ['smallint'], integers(16), ['7', '-123']),
  ...on('generalize_number', ['int'], integers(32), ['7', '-123']),
  ...on('generalize_number', ['bigint'], integers(64), ['7', '-123']),
  ...on(
    'generalize_number',
    ['numeric(40,9)'],
    fc.tuple(integers(64), fc.nat(10 ** 9 - 1)).map((all) => all.join('.')),
    ['7', '10.5'],
  ),
  ...on('generalize_number', ['real'], anyReal, ['7', '10.5']),
  ...on('generalize_number', ['double precision'], floats({}), ['7', '10.5']),
  ...on('generalize_coordinates', ['numeric'], anyNumeric, ['48.8566', '-2.35']),
  ...on('generalize_coordinates', ['real'], anyReal, ['48.8566', '-2.35'], { decimals: 0 }),
  ...on('generalize_coordinates', ['double precision'], floats({}), ['48.8566', '-2.35']),
  ...on('generalize_coordinates', ['double precision'], floats({}), ['48.85661234'], { decimals: 6 }),
  ...on(
    'generalize_coordinates',
    ['point'],
    fc.tuple(floats({}), floats({})).map((pair) => `(${pair})`),
    ['(48.8566,2.3522)', '(48.8,2.35)'],
    { decimals: 1 },
  ),
  ...on('generalize_postcode', TEXTS, withAny(digits), POSTCODES),
  ...on('generalize_postcode', ['text'], withAny(digits), POSTCODES, { keep: 4 }),
  ...on('generalize_ip', ['inet', 'cidr'], anyAddress, ['10.1.2.3', '2001:db8:1:2::1']),
  ...on('generalize_ip', TEXTS, withAny(anyAddress), ['10.1.2.3', '2001:db8:1:2::1']),
  ...on('generalize_mac', ['macaddr'], anyMac(6), ['08:00:2b:01:02:03']),
  ...on('generalize_mac', ['macaddr8'], anyMac(8), ['08:00:2b:01:02:03:04:05']),
  ...on('generalize_url', TEXTS, withAny(urls), URLS),
  ...on(
    'generalize_user_agent',
    TEXTS,
    withAny(fc.constantFrom(...AGENTS, 'Firefox', 'Bot', 'Googlebot/2.1')),
    AGENTS,
  ),
]
