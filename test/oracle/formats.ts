/**
 * What minimised formats are, told again without SQL: whether a text is in one, and what a richer one becomes. Written
 * from the formats' descriptions; null is a text that cannot be read.
 */

/** The parameters a format was declared with. */
export type Parameters = Record<string, number>

/** One format over values written as text. */
export interface FormatOracle {
  knows(value: string, parameters: Parameters): boolean
  reduce(value: string, parameters: Parameters): string | null
}

const DAYS_MAX = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
/** The white space of the C locale; JavaScript's has more. */
const trimmed = (value: string): string => value.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')

const isMonthDay = (month: string, day: string): boolean =>
  /^\d\d$/.test(month) &&
  /^\d\d$/.test(day) &&
  Number(day) >= 1 &&
  Number(day) <= (DAYS_MAX[Number(month) - 1] ?? 0)

/** `1987-05-06`, and whatever follows a T or a blank. */
function readDay(value: string): { year: string; month: string; day: string } | null {
  const text = value.replace(/^[ \t\n\v\f\r]+/, '')
  const [year = '', month = '', day = ''] = text.slice(0, 10).split('-')
  const rest = text.slice(10)
  if (!/^\d{4}$/.test(year) || !/^\d\d$/.test(month) || !/^\d\d$/.test(day)) return null
  return trimmed(rest) === '' || rest.startsWith('T') || rest.startsWith(' ') ? { year, month, day } : null
}

const monthDay: FormatOracle = {
  knows: (value) =>
    value.length === 7 &&
    value.startsWith('--') &&
    value[4] === '-' &&
    isMonthDay(value.slice(2, 4), value.slice(5)),
  reduce(value) {
    const day = readDay(value)
    return day && isMonthDay(day.month, day.day) ? `--${day.month}-${day.day}` : null
  },
}

const isMonth = (text: string): boolean =>
  /^\d{4}-\d\d$/.test(text) && Number(text.slice(5)) >= 1 && Number(text.slice(5)) <= 12

const month: FormatOracle = {
  knows: isMonth,
  reduce(value) {
    const day = readDay(value)
    const text = day ? `${day.year}-${day.month}` : trimmed(value)
    return isMonth(text) ? text : null
  },
}

const year: FormatOracle = {
  knows: (value) => /^\d{4}$/.test(value),
  reduce(value) {
    const text = readDay(value)?.year ?? trimmed(value).replace(/^(\d{4})-\d\d$/, '$1')
    return /^\d{4}$/.test(text) ? text : null
  },
}

const bandOf = (age: number, width: number): string => {
  const from = age - (age % width)
  return age >= 90 ? '90+' : `${from}-${from + width - 1}`
}

const ageBand: FormatOracle = {
  knows: (value, { width }) => Array.from({ length: 91 }, (_, age) => bandOf(age, width!)).includes(value),
  reduce(value, { width }) {
    return /^\d{1,3}$/.test(trimmed(value)) ? bandOf(Number(trimmed(value)), width!) : null
  },
}

const postcodePrefix: FormatOracle = {
  knows: (value, { keep }) => value.length <= keep! && /^[0-9A-Z]*$/.test(value),
  reduce(value, { keep }) {
    const core = trimmed(value)
    if (!/^[0-9A-Za-z][0-9A-Za-z -]*$/.test(core) || core.length > 11) return null
    return core.toUpperCase().replaceAll(/[ -]/g, '').slice(0, keep!)
  },
}

const phonePrefix: FormatOracle = {
  knows: (value, { keep }) => /^\+?\d*$/.test(value) && value.replace('+', '').length <= keep!,
  reduce(value, { keep }) {
    const core = trimmed(value)
    const plus = core.startsWith('+') ? '+' : ''
    const body = core.slice(plus.length)
    if (body.length > 40 || !/^[0-9 ()./-]+$/.test(body)) return null
    const digits = body.replaceAll(/\D/g, '')
    return digits === '' ? null : plus + digits.slice(0, keep!)
  },
}

function readV4(text: string): bigint | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return null
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
}

function readV6(text: string): bigint | null {
  const halves = text.split('::')
  if (halves.length > 2 || (text.match(/:/g) ?? []).length > 7) return null
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const count = groups.flat().length
  if (!groups.flat().every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  if (halves.length === 1 ? count !== 8 : count > 7) return null
  const zeros = Array.from({ length: 8 - count }, () => '0')
  return [...groups[0]!, ...zeros, ...(groups[1] ?? [])].reduce(
    (sum, group) => (sum << 16n) | BigInt(`0x${group}`),
    0n,
  )
}

const masked = (address: bigint, bits: number, length: number): bigint =>
  (address >> BigInt(length - bits)) << BigInt(length - bits)

function writeV6(address: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  )
  while (groups.at(-1) === '0') groups.pop()
  return `${groups.join(':')}::`
}

const writeV4 = (address: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => ((address >> shift) & 255n).toString()).join('.')

/** v6 keeps 48 bits at the most, so that a network always ends in zeros. */
function network(value: string, { v4, v6 }: Parameters): string | null {
  const plain = readV4(value) ?? (/^::ffff:/i.test(value) ? readV4(value.slice(7)) : null)
  if (plain !== null) return writeV4(masked(plain, v4!, 32))
  const wide = readV6(value)
  return wide === null ? null : writeV6(masked(wide, v6!, 128))
}

const ipPrefix: FormatOracle = {
  knows: (value, parameters) => value === '' || value === network(value, parameters),
  reduce: network,
}

const emailHash: FormatOracle = { knows: (value) => /^[0-9a-f]{64}$/.test(value), reduce: () => null }

/** The formats over text, by name. */
export const TEXT_FORMATS: Record<string, FormatOracle> = {
  month_day: monthDay,
  month,
  year,
  age_band: ageBand,
  postcode_prefix: postcodePrefix,
  phone_prefix: phonePrefix,
  ip_prefix: ipPrefix,
  email_hash: emailHash,
}

const dateOf = (value: string): [string, string, string] => value.split('-') as [string, string, string]

/** The formats over days from 0001-01-01 to 9999-12-31, and over whole numbers, both written as text. */
export const OTHER_FORMATS: Record<string, FormatOracle> = {
  'month_day date': {
    knows: (value) => value.startsWith('1604-'),
    reduce: (value) => `1604-${value.slice(5)}`,
  },
  'month date': { knows: (value) => value.endsWith('-01'), reduce: (value) => `${value.slice(0, 7)}-01` },
  'year date': { knows: (value) => value.endsWith('-01-01'), reduce: (value) => `${dateOf(value)[0]}-01-01` },
  'year integer': { knows: (value) => Number(value) >= 1 && Number(value) <= 9999, reduce: () => null },
  'age_band integer': {
    knows: (value, { width }) => Number(value) >= 0 && Number(value) <= 90 && Number(value) % width! === 0,
    reduce(value, { width }) {
      const age = Number(value)
      if (age < 0 || age > 150) return null
      return String(Math.min(age, 90) - (Math.min(age, 90) % width!))
    },
  },
}
