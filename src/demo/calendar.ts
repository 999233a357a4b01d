/** Days as text, counted back from the demo's "today", so that the demo always has rows that are due. */

const OLDEST_AGE = 6000
const FUTURE_DAYS = 1500

/** Days around one "today". An age is a number of days before it; negative: after. */
export interface Calendar {
  today: string
  /** `YYYY-MM-DD`, that many days before today. */
  day(age: number): string
  /** A day so many calendar years before another one: 29 February becomes the 28th, as PostgreSQL has it. */
  yearsBefore(years: number, age?: number): string
}

/** Days around `today`, an ISO date. */
export function calendar(today: string): Calendar {
  const start = Date.parse(`${today}T00:00:00Z`)
  const iso = (age: number): string => new Date(start - age * 86_400_000).toISOString().slice(0, 10)
  // Looked up millions of times, made once.
  const days = Array.from({ length: OLDEST_AGE + FUTURE_DAYS }, (_, i) => iso(i - FUTURE_DAYS))

  return {
    today,
    day: (age) => days[age + FUTURE_DAYS] ?? iso(age),
    yearsBefore(years, age = 0) {
      const [year, month, day] = iso(age).split('-').map(Number) as [number, number, number]
      const last = new Date(Date.UTC(year - years, month, 0)).getUTCDate()
      return new Date(Date.UTC(year - years, month - 1, Math.min(day, last))).toISOString().slice(0, 10)
    },
  }
}

/** A time of day, from a number of seconds. */
export function timeOfDay(seconds: number): string {
  const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`)
  return `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}
