/**
 * Calendar arithmetic of the oracle: days counted since 1970-01-01, months clamped, local days by the
 * time zone data of JavaScript. It shares no code with the engine, and no SQL.
 */

/** A day, as the number of days since 1970-01-01. */
export type Day = number

/** A delay of whole days or more. Months are added first and clamped, then days. */
export interface Delay {
  months: number
  days: number
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

const monthLengths = (year: number): number[] => [
  31,
  isLeap(year) ? 29 : 28,
  31,
  30,
  31,
  30,
  31,
  31,
  30,
  31,
  30,
  31,
]

const leapsBefore = (year: number): number =>
  Math.floor((year - 1) / 4) - Math.floor((year - 1) / 100) + Math.floor((year - 1) / 400)

/** Month is 1 to 12. */
export function dayOf(year: number, month: number, dayOfMonth: number): Day {
  const yearStart = (year - 1970) * 365 + leapsBefore(year) - leapsBefore(1970)
  const before = monthLengths(year)
    .slice(0, month - 1)
    .reduce((sum, length) => sum + length, 0)
  return yearStart + before + dayOfMonth - 1
}

/** The inverse of {@link dayOf}. */
export function civil(day: Day): [year: number, month: number, dayOfMonth: number] {
  let year = 1970 + Math.floor(day / 365.2425)
  while (dayOf(year, 1, 1) > day) year--
  while (dayOf(year + 1, 1, 1) <= day) year++
  let rest = day - dayOf(year, 1, 1)
  let month = 1
  for (const length of monthLengths(year)) {
    if (rest < length) break
    rest -= length
    month++
  }
  return [year, month, rest + 1]
}

/** `2026-11-23` as a day. */
export function parseDay(text: string): Day {
  const [year, month, dayOfMonth] = text.split('-').map(Number)
  return dayOf(year!, month!, dayOfMonth!)
}

/** A day as `2026-11-23`. */
export function formatDay(day: Day): string {
  const [year, month, dayOfMonth] = civil(day)
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(dayOfMonth).padStart(2, '0')}`
}

/** 31 January + 1 month is the last day of February. */
export function addDelay(day: Day, delay: Delay): Day {
  const [year, month, dayOfMonth] = civil(day)
  const months = year * 12 + month - 1 + delay.months
  const newYear = Math.floor(months / 12)
  const newMonth = (months % 12) + 1
  return dayOf(newYear, newMonth, Math.min(dayOfMonth, monthLengths(newYear)[newMonth - 1]!)) + delay.days
}

/** A delay as ISO 8601 writes it. */
export function formatDelay({ months, days }: Delay): string {
  const years = Math.floor(months / 12)
  return `P${years ? `${years}Y` : ''}${months % 12 ? `${months % 12}M` : ''}${days ? `${days}D` : ''}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** What a clock on the wall shows at an instant, as milliseconds since 1970-01-01 on that wall. */
export function wallTime(instant: number, zone: string): number {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(zone, format)
  }
  const parts = Object.fromEntries(
    format.formatToParts(instant).map((part) => [part.type, Number(part.value)]),
  )
  const seconds = parts.hour! * 3600 + parts.minute! * 60 + parts.second!
  return (
    dayOf(parts.year!, parts.month!, parts.day!) * 86_400_000 +
    seconds * 1000 +
    (((instant % 1000) + 1000) % 1000)
  )
}

/** The day that a wall in this zone shows at an instant. */
export const localDay = (instant: number, zone: string): Day =>
  Math.floor(wallTime(instant, zone) / 86_400_000)

/**
 * The instant at which a wall shows a time. A time that is skipped is read by the clock before the
 * change, a time that comes twice is its second coming: so does PostgreSQL.
 */
export function instantOf(wall: number, zone: string): number {
  const offsetAt = (instant: number): number => wallTime(instant, zone) - instant
  const before = offsetAt(wall - 26 * 3_600_000)
  const after = offsetAt(wall + 26 * 3_600_000)
  const candidates = [wall - after, wall - before].filter((instant) => wallTime(instant, zone) === wall)
  return candidates.length > 0 ? Math.max(...candidates) : wall - before
}
