/**
 * The contacts made by hand: each is a case that retention gets wrong somewhere, once for each publisher,
 * that is in each time zone. `lethe seed` puts them in whatever the size; tests look for them by name.
 */
import type { Calendar } from './calendar.ts'
import type { ContactRow } from './readers.ts'

/** What makes a case, and what hangs on its contact. Ages are in days before today. */
export interface AwkwardCase {
  /** Found again in contacts.crm_reference as `case:` and this. */
  name: string
  /** What differs from an ordinary contact. `zone` is the publisher's. */
  columns(zone: string, ids: { own: number; previous: number }, region: 0 | 1): Partial<ContactRow>
  invoiceAge?: number
  openNote?: boolean
  openSubscription?: boolean
  /** Lives at the address of the same publisher's previous case. */
  sharesPreviousAddress?: boolean
  address?: boolean
}

/** The cases, in the order of their contacts: case k has the numbers 2k - 1 (north) and 2k (south). */
export function awkwardCases(calendar: Calendar): AwkwardCase[] {
  const keptUntilToday = calendar.yearsBefore(3)
  const dayBefore = calendar.yearsBefore(3, 1)
  const long = { last_activity_at: `${calendar.day(11 * 366)} 10:00:00+00`, last_purchase_on: null }
  const recent = { last_activity_at: `${calendar.day(20)} 10:00:00+00` }

  return [
    // A period ends with its last day: due at the first midnight after it.
    {
      name: 'last instant of the last day kept',
      columns: (zone) => ({ last_activity_at: `${keptUntilToday} 23:59:59.999999 ${zone}` }),
    },
    {
      name: 'last instant of the day before',
      columns: (zone) => ({ last_activity_at: `${dayBefore} 23:59:59.999999 ${zone}` }),
    },
    {
      name: 'first instant of the last day kept',
      columns: (zone) => ({ last_activity_at: `${keptUntilToday} 00:00:00 ${zone}` }),
    },
    {
      name: 'first instant of the day before',
      columns: (zone) => ({ last_activity_at: `${dayBefore} 00:00:00 ${zone}` }),
    },
    { name: 'leap day', columns: (zone) => ({ last_activity_at: `2020-02-29 12:00:00 ${zone}` }) },
    {
      name: 'hour that came twice',
      columns: (zone, _, region) => ({
        last_activity_at: region === 0 ? `2021-10-31 02:30:00 ${zone}` : `2018-02-17 23:30:00 ${zone}`,
      }),
    },

    // Clocks that say nothing.
    { name: 'clock null', columns: () => ({ last_activity_at: null }) },
    { name: 'clock -infinity', columns: () => ({ last_activity_at: '-infinity' }) },
    { name: 'clock infinity', columns: () => ({ last_activity_at: 'infinity' }) },
    { name: 'no purpose applies', columns: () => ({ last_activity_at: null, status: 'unsubscribed' }) },

    // Arrived yesterday with an old clock: whoever only looks at what is new misses it.
    { name: 'arrived late', columns: () => ({ ...long, created_at: `${calendar.day(1)} 08:00:00+00` }) },

    // Values that masks trip over, or that look masked and are not.
    {
      name: 'four-byte and one-letter names',
      columns: () => ({ ...long, given_name: '𠮷', familyName: '𝒜' }),
    },
    {
      name: 'backslash, quote and tab',
      columns: (_, { own }) => ({
        ...long,
        given_name: 'A\\b\t"c"',
        familyName: "'; --",
        email: `back\\slash"${own}@example.org`,
      }),
    },
    {
      name: 'looks anonymized',
      columns: () => ({
        last_activity_at: `${calendar.day(1500)} 10:00:00+00`,
        birthday: '1970-01-01',
        spent_total: '300.00',
        last_ip: '10.1.2.0',
        given_name: 'A***',
      }),
    },
    {
      name: 'same address in another case',
      columns: (_, __, region) => ({
        ...long,
        email: region === 0 ? 'ann.twice@example.org' : 'Ann.Twice@Example.org',
      }),
    },
    {
      name: 'longest address',
      columns: (_, { own }) => ({
        ...long,
        email: `${'x'.repeat(235)}.${String(own).padStart(2, '0')}@example.example`,
      }),
    },

    // The row's own term, and who keeps it nevertheless.
    {
      name: 'bought on the last day kept',
      columns: () => ({ ...long, last_purchase_on: calendar.yearsBefore(10) }),
    },
    {
      name: 'bought on the day before',
      columns: () => ({ ...long, last_purchase_on: calendar.yearsBefore(10, 1) }),
    },
    { name: 'kept by an invoice', columns: () => long, invoiceAge: 400 },
    { name: 'kept by a note', columns: () => long, openNote: true },
    { name: 'kept by a subscription', columns: () => long, openSubscription: true },
    // The last three are neighbours in this list because they point at each other.
    { name: 'referred somebody', columns: () => long },
    {
      name: 'referred by somebody long gone',
      columns: (_, { previous }) => ({ ...recent, referred_by: previous }),
      address: true,
    },
    { name: 'left a shared address', columns: () => long, sharesPreviousAddress: true },
  ]
}
