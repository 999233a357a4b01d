/**
 * Where and how somebody's identifiers stay behind, as the oracle knows it: spellings that are the person, spellings that
 * are somebody else, and columns of every kind to put them into. Shares nothing with the scan but the promise.
 */
import fc from 'fast-check'

/** Something a person is called by. */
export interface Identifier {
  kind: 'email' | 'phone' | 'name'
  value: string
}

/** JSON as an encoder writes it that keeps to ASCII. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const digits = (phone: string): string => phone.replace(/\D/g, '').slice(-9)
const pairs = (phone: string, sign: string): string => `0${digits(phone)}`.match(/../g)!.join(sign)

type Spelling = (value: string) => string

const anywhere: Record<string, Spelling> = {
  plain: (v) => v,
  'in a sentence': (v) => `Wrote to ${v}, no answer.`,
  'upper case': (v) => v.toUpperCase(),
  'a line of CSV': (v) => `17;"${v}";2024-02-29`,
  JSON: (v) => JSON.stringify({ note: `Hello\n${v}\tbye` }),
  'JSON in ASCII': (v) => asciiJson({ deep: [[v]] }),
  'JSON in JSON': (v) => JSON.stringify({ payload: JSON.stringify({ to: v, text: `\n${v}` }) }),
  'a URL': (v) => `https://example.net/?q=${encodeURIComponent(v)}&page=2`,
  HTML: (v) => `<td>&nbsp;${v.replace(/[^\0-\x7f]/g, (c) => `&#${c.codePointAt(0)};`)}</td>`,
}

/** What is the person. */
export const SPELLINGS: Record<Identifier['kind'], Record<string, Spelling>> = {
  email: {
    ...anywhere,
    mailto: (v) => `mailto:${v}`,
    'with a name': (v) => `"Some Body" <${v}>`,
    'encoded twice': (v) => `next=${encodeURIComponent(`/a?mail=${encodeURIComponent(v)}`)}`,
    'an entity': (v) => `&lt;${v.replace('@', '&#64;')}&gt;`,
    'another entity': (v) => v.replace('@', '&commat;'),
    'an escape': (v) => `{"m":"${v.replace('@', '\\u0040')}"}`,
    'a file': (v) => `/uploads/${v}.pdf`,
  },
  phone: {
    plain: (v) => v,
    'in a sentence': (v) => `Call ${v}.`,
    'in pairs': (v) => `tel. ${pairs(v, '.')} (home)`,
    'with spaces': (v) => pairs(v, ' '),
    'with no-break spaces': (v) => pairs(v, '\u00a0'),
    'with its country': (v) => `+33${digits(v)}`,
    'with 00': (v) => `0033 ${digits(v)}`,
    'with (0)': (v) => `+33 (0)${digits(v)}`,
    'in a URL': (v) => `https://example.net/?tel=${encodeURIComponent(`+33 ${digits(v)}`)}`,
    'between other numbers': (v) => `12 ${pairs(v, ' ')} 7`,
  },
  name: {
    ...anywhere,
    'two spaces': (v) => v.replace(' ', '  '),
    'a form': (v) => `q=${v.split(' ').map(encodeURIComponent).join('+')}`,
    underscored: (v) => `_${v}_`,
  },
}

/** What is somebody else. */
export const OTHERS: Record<Identifier['kind'], Record<string, Spelling>> = {
  email: {
    'a longer mailbox': (v) => `jo${v}`,
    'a first name in front': (v) => `mary.${v}`,
    'a tag in front': (v) => `see+${v}`,
    'another top level': (v) => `${v}x`,
    'another country': (v) => `${v}.uk`,
    'another domain': (v) => v.replace('@', '@elsewhere.'),
    'the mailbox alone': (v) => v.split('@')[0]!,
    'spaces for signs': (v) => v.replace(/[^a-z0-9]/gi, ' '),
  },
  phone: {
    'another last digit': (v) => v.slice(0, -1) + ((Number(v.at(-1)) + 1) % 10),
    'a number that goes on': (v) => `${digits(v)}4`,
    'the end of a long number': (v) => `9999999${digits(v)}`,
    'half of it': (v) => digits(v).slice(0, 6),
  },
  name: {
    'a longer name': (v) => `${v}ssen`,
    'a longer first name': (v) => `x${v}`,
    'the other way round': (v) => v.split(' ').reverse().join(', '),
    'a word between': (v) => v.replace(' ', ' von '),
  },
}

const word = (letters: string, minLength = 5): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...letters), minLength, maxLength: 9 })
const LATIN = 'abcdefghijklmnopqrstuvwxyz'

/** Identifiers that no other text has by chance. */
export const identifier: fc.Arbitrary<Identifier> = fc.oneof(
  fc
    .tuple(
      word(`${LATIN}é`),
      fc.constantFrom('.', '_', '-', '+', "'"),
      word(LATIN),
      fc.boolean(),
      word(LATIN),
    )
    .map(([a, sign, b, upper, domain]) => {
      const value = `${a}${sign}${b}@${domain}.example`
      return { kind: 'email' as const, value: upper ? value.toUpperCase() : value }
    }),
  fc
    .string({ unit: fc.constantFrom(...'0123456789'), minLength: 8, maxLength: 8 })
    .chain((rest) =>
      fc.constantFrom(
        `+33 6${rest}`,
        `06${rest}`,
        `0033 6 ${rest}`,
        `06.${rest.slice(0, 4)}.${rest.slice(4)}`,
      ),
    )
    .map((value) => ({ kind: 'phone' as const, value })),
  fc.tuple(word(`${LATIN}éüß`), word(LATIN)).map((words) => ({
    kind: 'name' as const,
    value: words.map((w) => w[0]!.toUpperCase() + w.slice(1)).join(' '),
  })),
)

/** A column and the SQL that puts a text ($1) into it. */
export const COLUMNS: Record<string, { type: string; put: string }> = {
  Plain: { type: 'text', put: '$1' },
  short: { type: 'varchar(900)', put: '$1' },
  padded: { type: 'char(900)', put: '$1' },
  folded: { type: 'public.citext', put: '$1::text::public.citext' },
  'C sorted': { type: 'text collate "C"', put: '$1' },
  nick: { type: '"Hid".nick', put: '$1' },
  json_text: { type: 'json', put: `json_build_object('a', json_build_array(1, $1::text))` },
  "jsonb'value": { type: 'jsonb', put: `jsonb_build_array(jsonb_build_object('a', $1::text))` },
  jsonb_key: { type: 'jsonb', put: 'jsonb_build_object($1::text, 1)' },
  list: { type: 'text[]', put: `array[['x', $1], ['y', 'z']]` },
  nicks: { type: '"Hid".nick[]', put: `array[$1]::"Hid".nick[]` },
  pairs: { type: 'public.hstore', put: `public.hstore('who', $1)` },
  pair_key: { type: 'public.hstore', put: `public.hstore($1, 'x')` },
  bytes: { type: 'bytea', put: `convert_to($1, 'UTF8')` },
  part: { type: '"Hid".part', put: `row(1, $1)::"Hid".part` },
}
