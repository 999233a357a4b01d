/**
 * Chance without state: every draw is a hash of what is drawn (a seed, a row's number, a salt), so any
 * row can be made alone, in any order, and comes out the same on every machine.
 */

/** Draws for one seed. */
export interface Chance {
  /** A whole number of 32 bits. */
  bits(row: number, salt: number): number
  /** A whole number from `low` to `high`, both included. */
  between(row: number, salt: number, low: number, high: number): number
  /** True in `percent` of a hundred rows. */
  happens(row: number, salt: number, percent: number): boolean
  /** One of a list. */
  pick<T>(row: number, salt: number, from: readonly T[]): T
  /** A version 4 UUID. */
  uuid(row: number, salt: number): string
}

/** murmur3's finalizer: every bit of the input moves every bit of the output. */
function mix(n: number): number {
  let h = n
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The draws of a seed. */
export function chance(seed: number): Chance {
  const start = mix(seed ^ 0x9e3779b9)
  const bits = (row: number, salt: number): number => mix(mix(row ^ start) ^ Math.imul(salt + 1, 0x27d4eb2f))
  const hex = (row: number, salt: number): string => bits(row, salt).toString(16).padStart(8, '0')

  return {
    bits,
    between: (row, salt, low, high) => low + (bits(row, salt) % (high - low + 1)),
    happens: (row, salt, percent) => bits(row, salt) < percent * 42949672.96,
    pick: (row, salt, from) => from[bits(row, salt) % from.length]!,
    uuid(row, salt) {
      const s = hex(row, salt) + hex(row, salt + 1000) + hex(row, salt + 2000) + hex(row, salt + 3000)
      const variant = '89ab'[bits(row, salt + 4000) & 3]
      return `${s.slice(0, 8)}-${s.slice(8, 12)}-4${s.slice(13, 16)}-${variant}${s.slice(17, 20)}-${s.slice(20)}`
    },
  }
}
