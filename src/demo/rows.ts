/** What the makers of rows share: the kind of thing they make, and the contacts they make it for. */
import { awkwardCases } from './awkward.ts'
import { AWKWARD_CONTACTS, type Readers } from './readers.ts'

/** One table to fill. */
export interface TableRows {
  table: string
  columns: readonly string[]
  lines: Iterable<string>
}

/** Numbers of the contacts made at random. */
export function* numbers({ contacts }: Readers): Iterable<number> {
  for (let n = AWKWARD_CONTACTS + 1; n <= contacts; n++) yield n
}

/** The hand-made contacts: number, case, and the number of the same publisher's previous one. */
export function* awkward(people: Readers) {
  for (const [k, made] of awkwardCases(people.calendar).entries()) {
    for (const region of [0, 1] as const) {
      const n = 2 * k + 1 + region
      yield { n, previous: n - 2, made, region, zone: people.region(n).timeZone }
    }
  }
}
