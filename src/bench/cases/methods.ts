/**
 * Each mask over many values, against an expression that a DBA would write for
 * the same effect, short and empty values included. PostgreSQL opens Lethe's up, or else they would take
 * 1.7 to 9 times as long; what is left is the price of leaving masked values alone and of malformed ones.
 * The result is the worst of them; all are told on the way.
 */
import type pg from 'pg'
import { formatTable } from '../../cli/output.ts'
import { median, timed } from '../measure.ts'
import type { Fill } from '../server.ts'
import type { Case, Measured } from '../types.ts'

/** A method on one column of `bench.values`. */
interface Line {
  method: string
  column: string
  parameters?: Record<string, string | number | boolean>
  /** The same by hand; $1 and $2 are the key's pads. */
  hand: string
}

/** What one line took. */
interface Found extends Measured {
  line: Line
  baselineSeconds: number
}

/** Enough to measure one expression by; there are more than thirty of them. */
const VALUES_MAX = 100_000

/** A column for each kind of value, none of them masked yet. */
function fillValues(rows: number): Fill {
  return async (database) => {
    await database.query(`
      create schema bench;
      create table bench.values as
      select
        'Nachname ' || i % 30011 as name,
        'person' || i || '@mail-' || i % 97 || '.example' as email,
        '+33 6 ' || lpad((i % 100000000)::text, 8, '0') as phone,
        lpad((1 + i % 90)::text, 2, '9') || lpad((i % 1000)::text, 3, '1') as postcode,
        'FR76' || lpad(i::text, 23, '3') as iban,
        '7' || lpad(i::text, 13, '3') as siret,
        'https://user' || i || ':pw@www.example.com/account/' || i || '?token=' || md5(i::text) as url,
        'Mozilla/5.0 (X11; Linux x86_64; rv:' || 90 + i % 40 || '.0) Gecko/20100101 Firefox/128.0' as agent,
        'Called on ' || i || ' from +33 6 12 34 56 78, answered to person' || i || '@mail.example' as note,
        array['tag ' || i, 'other'] as list,
        jsonb_build_object('phone', '06' || i, 'plan', 'year', 'address', jsonb_build_object('street', 'rue ' || i, 'city', 'Lyon')) as document,
        gen_random_uuid() as id,
        i as number,
        decode(md5(i::text), 'hex') as bytes,
        date '1940-01-02' + (i % 25000)::int as day,
        timestamp '2020-01-01 00:00:01' + i * interval '17 seconds' as moment,
        daterange(date '2000-01-02' + (i % 5000)::int, date '2015-01-02' + (i % 5000)::int) as period,
        i + 0.5 as amount,
        i / 7.0::float8 as latitude,
        ('10.' || i % 250 || '.' || i % 241 || '.' || 1 + i % 239)::inet as ip,
        ('08:00:2b:' || lpad(to_hex(i % 256), 2, '0') || ':01:02')::macaddr as mac
      from generate_series(1, ${rows}::bigint) as i`)
  }
}

const hmac = (text: string): string =>
  `encode(sha256($2 || sha256($1 || convert_to(${text}, 'UTF8'))), 'hex')`
const digits = (text: string): string => `translate(${hmac(text)}, 'abcdef', '012345')`

const LINES: readonly Line[] = [
  { method: 'suppress', column: 'name', hand: 'null::text' },
  { method: 'constant', column: 'name', parameters: { value: 'gone' }, hand: `'gone'` },
  {
    method: 'partial',
    column: 'name',
    hand: `case when length(name) < 2 then repeat('*', length(name)) else left(name, 1) || repeat('*', length(name) - 1) end`,
  },
  {
    method: 'partial_email',
    column: 'email',
    hand: `case when email not like '_%@_%.%' or email like '%@%@%' then repeat('*', length(email)) else case when strpos(email, '@') < 3 then '*' else left(email, 1) || repeat('*', strpos(email, '@') - 2) end || '@' || repeat('*', length(email) - strpos(email, '@') - length(split_part(email, '.', -1)) - 1) || '.' || split_part(email, '.', -1) end`,
  },
  {
    method: 'partial_number',
    column: 'phone',
    hand: `case when length(phone) < 4 then repeat('*', length(phone)) else left(phone, 2) end || regexp_replace(substr(phone, 3), '[^ ().+/*-]', '*', 'g')`,
  },
  {
    method: 'truncate',
    column: 'name',
    hand: `case when length(name) < 2 then '.' else left(name, 1) || '.' end`,
  },
  {
    method: 'shape',
    column: 'phone',
    hand: `regexp_replace(regexp_replace(regexp_replace(phone, '[1-9]', '0', 'g'), '[A-Z]', 'X', 'g'), '[a-z]', 'x', 'g')`,
  },
  {
    method: 'scrub',
    column: 'note',
    hand: String.raw`regexp_replace(regexp_replace(note, '\S*@\S*', '[email]', 'g'), '[0-9]([0-9 ().+/-]*[0-9])?', '[number]', 'g')`,
  },
  { method: 'redact_elements', column: 'list', hand: `array_fill('*'::text, array[cardinality(list)])` },
  {
    method: 'jsonb_remove',
    column: 'document',
    parameters: { paths: 'phone,address.street' },
    hand: `document #- '{phone}' #- '{address,street}'`,
  },
  {
    method: 'jsonb_keep',
    column: 'document',
    parameters: { keys: 'plan,language' },
    hand: `jsonb_strip_nulls(jsonb_build_object('plan', document -> 'plan', 'language', document -> 'language'))`,
  },
  {
    method: 'jsonb_redact',
    column: 'document',
    hand: String.raw`replace(replace(regexp_replace(document::text, '("[^"]*":)|"[^"]*"|[0-9]+', '\1#', 'g'), ':#', ':'), '#', '"*"')::jsonb`,
  },
  { method: 'pseudonym', column: 'name', hand: `'p-' || left(${hmac('name')}, 32)` },
  { method: 'pseudonym_email', column: 'email', hand: `left(${hmac('email')}, 32) || '@anonymized.invalid'` },
  {
    method: 'pseudonym_mailbox',
    column: 'email',
    hand: `left(${hmac('email')}, 32) || case when email like '%_@_%' and email not like '%@%@%' then '@' || split_part(email, '@', 2) || '.anonymized.invalid' else '@anonymized.invalid' end`,
  },
  {
    method: 'pseudonym_uuid',
    column: 'id',
    hand: `overlay(left(${hmac('id::text')}, 32) placing '8e7e8e7e' from 13 for 8)::uuid`,
  },
  {
    method: 'pseudonym_number',
    column: 'number',
    hand: `(('x' || left(${hmac('number::text')}, 16))::bit(64)::bigint & 4611686018427387903) - 9223372036854775807 - 1`,
  },
  {
    method: 'pseudonym_bytea',
    column: 'bytes',
    hand: String.raw`'\x6c657468653a'::bytea || sha256($2 || sha256($1 || bytes))`,
  },
  { method: 'pseudonym_digits', column: 'siret', hand: `left('000' || ${digits('siret')}, length(siret))` },
  {
    method: 'pseudonym_iban',
    column: 'iban',
    hand: `left(case when iban ~ '^[A-Z][A-Z]' then left(iban, 2) else 'ZZ' end || '00' || ${digits('iban')}, length(replace(iban, ' ', '')))`,
  },
  {
    method: 'pseudonym_name',
    column: 'name',
    hand: `(lethe.pseudonym_names('given_name', 'en'))[1 + get_byte(sha256($2 || sha256($1 || convert_to(name, 'UTF8'))), 0) % 32] || '*'`,
  },
  { method: 'generalize_date', column: 'day', hand: `date_trunc('year', day)::date` },
  { method: 'generalize_time', column: 'moment', hand: `date_trunc('day', moment)` },
  {
    method: 'generalize_period',
    column: 'period',
    hand: `daterange(date_trunc('year', lower(period))::date, date_trunc('year', upper(period))::date, '[]')`,
  },
  {
    method: 'month_day',
    column: 'day',
    hand: `make_date(1604, extract(month from day)::int, extract(day from day)::int)`,
  },
  { method: 'generalize_number', column: 'number', hand: 'number - number % 10' },
  { method: 'generalize_number', column: 'amount', hand: 'amount - amount % 10' },
  { method: 'generalize_coordinates', column: 'latitude', hand: 'trunc(latitude::numeric, 1)::float8' },
  {
    method: 'generalize_postcode',
    column: 'postcode',
    hand: `left(postcode, 2) || translate(substr(postcode, 3), '123456789ABCDEFGHIJKLMNOPQRSTUVWYZabcdefghijklmnopqrstuvwyz', '000000000XXXXXXXXXXXXXXXXXXXXXXXXXxxxxxxxxxxxxxxxxxxxxxxxxxx')`,
  },
  { method: 'generalize_ip', column: 'ip', hand: 'network(set_masklen(ip, 24))' },
  { method: 'generalize_mac', column: 'mac', hand: 'trunc(mac)' },
  {
    method: 'generalize_url',
    column: 'url',
    hand: String.raw`regexp_replace(url, '^([a-z]+://)(?:[^/]*@)?([^/?#]+).*$', '\1\2')`,
  },
  {
    method: 'generalize_user_agent',
    column: 'agent',
    hand: `case when agent ~* 'bot|crawl|spider|slurp|curl|wget|python|java/' then 'bot' when agent like '%Edg%' then 'Edge' when agent like '%OPR/%' then 'Opera' when agent like '%Firefox/%' then 'Firefox' when agent like '%Chrome/%' then 'Chrome' when agent like '%Safari/%' then 'Safari' else 'other' end`,
  },
]

/** The worst of all masks. */
export const methodMasks: Case = {
  name: 'methods',
  title: 'the worst of all masks | its expression by hand',
  includes: 'one pass over the values with the mask in a select, no parallel workers; each method apart',
  unit: 'ratio',
  target: 1.15,
  run: async ({ server, size, repetitions, progress }) => {
    const template = await server.template('values', fillValues(Math.min(size.contacts, VALUES_MAX)))
    const database = await server.connect(template)
    try {
      await database.query('set max_parallel_workers_per_gather = 0')
      const found: Found[] = []
      for (const line of LINES) {
        progress(`${line.method} over ${line.column}`)
        found.push(await measure(database, line, repetitions))
      }
      found.sort((a, b) => ratioOf(b) - ratioOf(a))
      progress(`\n${tableOf(found)}`)
      return found[0]!
    } finally {
      await database.end()
    }
  },
}

const ratioOf = ({ seconds, baselineSeconds }: Found): number => seconds / baselineSeconds

function tableOf(found: readonly Found[]): string {
  return formatTable(
    found.map((one) => ({
      method: one.line.method,
      over: one.line.column,
      'ours, s': one.seconds.toFixed(3),
      'by hand, s': one.baselineSeconds.toFixed(3),
      ratio: ratioOf(one).toFixed(2),
    })),
  )
}

const PADS = [Buffer.alloc(64, 0x36), Buffer.alloc(64, 0x5c)]

async function measure(database: pg.Client, line: Line, repetitions: number): Promise<Found> {
  const ours = await maskOf(database, line)
  await assertSame(database, line, ours)
  const seconds: Record<'ours' | 'hand', number[]> = { ours: [], hand: [] }
  for (let round = 0; round <= repetitions; round++) {
    for (const [side, sql] of [
      ['ours', ours],
      ['hand', line.hand],
    ] as const) {
      const took = await timed(() => database.query(over(sql), PADS))
      if (round > 0) seconds[side].push(took) // the first round warms up
    }
  }
  return { line, seconds: median(seconds.ours), baselineSeconds: median(seconds.hand) }
}

/** Both pads are named whether the mask takes them or not: a parameter without a type is an error. */
const over = (sql: string): string =>
  `select count(num_nulls(${sql})) from bench.values where ($1::bytea || $2::bytea) is not null`

/** The mask as a cycle would write it, over the bare column. */
async function maskOf(database: pg.Client, { method, column, parameters = {} }: Line): Promise<string> {
  const { rows } = await database.query<{ sql: string }>(
    `select replace(replace(lethe_private.method_sql(m.mask, 'values', h, m, $3), '$2, $3', '$1, $2'), '::text', '') as sql
     from lethe.methods as m, lethe_private.host_columns as h
     where m.name = $1 and h.relation = 'bench.values'::regclass and h.name = $2`,
    [method, column, parameters],
  )
  return rows[0]!.sql
}

/** @throws Error when the two make different values: then they are not the same work. */
async function assertSame(database: pg.Client, { method, column, hand }: Line, ours: string): Promise<void> {
  const { rows } = await database.query<{ differs: boolean }>(
    `select exists (select from bench.values where (${ours})::text is distinct from (${hand})::text and ($1::bytea || $2::bytea) is not null) as differs`,
    PADS,
  )
  if (rows[0]!.differs) throw new Error(`${method} over ${column} and its expression by hand differ`)
}
