/** Rows about what readers ordered: subscriptions, deliveries, invoices and their lines. */
import { copyLine } from './copy.ts'
import { NORTH, SOUTH, TITLES } from './names.ts'
import { AWKWARD_CONTACTS, type Readers } from './readers.ts'
import { awkward, numbers, type TableRows } from './rows.ts'

const SALT = {
  subscriptions: 200,
  open: 201,
  term: 202,
  title: 203,
  copiedEmail: 204,
  gift: 205,
  shipped: 206,
  returned: 207,
  invoiceDelay: 210,
  lines: 211,
}

/** Those tables, for `copy`. */
export function orderTables(people: Readers): TableRows[] {
  return [
    {
      table: 'subscriptions',
      columns: [
        'publisher_id',
        'number',
        'contact_id',
        'title_id',
        'delivery_email',
        'gift_message',
        'starts_on',
        'ends_on',
      ],
      lines: subscriptions(people),
    },
    {
      table: 'deliveries',
      columns: ['publisher_id', 'subscription_number', 'issue_on', 'shipped_to', 'returned'],
      lines: deliveries(people),
    },
    {
      table: 'invoices',
      columns: [
        'id',
        'publisher_id',
        'contact_id',
        'number',
        'issued_on',
        'billing_name',
        'billing_email',
        'total',
      ],
      lines: invoices(people),
    },
    {
      table: 'invoice_lines',
      columns: ['invoice_id', 'line_number', 'publisher_id', 'title_id', 'description', 'amount'],
      lines: invoiceLines(people),
    },
  ]
}

/** A subscription: number (of its publisher), contact, first and last day as ages. */
interface Subscription {
  n: number
  number: number
  starts: number
  ends: number | null
}

function* subscriptionsOf(people: Readers, n: number): Iterable<Subscription> {
  const bought = people.bought(n)
  if (bought === null) return
  const seen = people.activity(n)
  const active = typeof seen === 'number' && seen < 1095
  for (let i = 0; i <= (people.draw.happens(n, SALT.subscriptions, 20) ? 1 : 0); i++) {
    const starts = bought + i * 500
    const open = active && people.draw.happens(n, SALT.open + i * 50, 55)
    yield {
      n,
      number: n * 2 + i,
      starts,
      ends: open ? null : starts - people.draw.between(n, SALT.term + i * 50, 90, 730),
    }
  }
}

function* allSubscriptions(people: Readers): Iterable<Subscription> {
  for (const { n, made } of awkward(people)) {
    if (made.openSubscription) yield { n, number: n * 2, starts: 3000, ends: null }
  }
  for (const n of numbers(people)) yield* subscriptionsOf(people, n)
}

function* subscriptions(people: Readers): Iterable<string> {
  const { draw, calendar } = people
  for (const { n, number, starts, ends } of allSubscriptions(people)) {
    const region = people.region(n)
    yield copyLine([
      region.publisher,
      number,
      n,
      draw.pick(number, SALT.title, region.titles),
      draw.happens(number, SALT.copiedEmail, 40) ? people.email(n) : null,
      draw.happens(number, SALT.gift, 8) ? `Happy birthday! From ${people.name(n)}` : null,
      calendar.day(starts),
      ends === null ? '9999-12-31' : calendar.day(ends),
    ])
  }
}

function* deliveries(people: Readers): Iterable<string> {
  const { draw, calendar } = people
  for (const { n, number, starts } of allSubscriptions(people)) {
    const [street, postcode, city] = people.place(n)
    // The first two issues, as far as they were printed by now.
    for (const age of [starts - 7, starts - 37]) {
      if (age < 1) continue
      const label = draw.happens(number, SALT.shipped, 80)
        ? `${people.name(n)}, ${street}, ${postcode} ${city}`
        : null
      yield copyLine([
        people.region(n).publisher,
        number,
        calendar.day(age),
        label,
        draw.happens(number, SALT.returned + age, 2) ? 't' : 'f',
      ])
    }
  }
}

/** An invoice: its id, contact and age. */
function* allInvoices(people: Readers): Iterable<{ id: number; n: number; age: number }> {
  const firstId = AWKWARD_CONTACTS * 2
  for (const { n, made } of awkward(people)) {
    if (made.invoiceAge !== undefined) yield { id: n, n, age: made.invoiceAge }
  }
  for (const n of numbers(people)) {
    for (const { number, starts } of subscriptionsOf(people, n)) {
      // A few are sent again years later, after the contact's last purchase: they keep the contact.
      const late = people.draw.happens(number, SALT.invoiceDelay, 3)
        ? people.draw.between(number, SALT.invoiceDelay + 1, 200, 2500)
        : 0
      yield { id: firstId + number, n, age: Math.max(1, starts - late) }
    }
  }
}

function* invoices(people: Readers): Iterable<string> {
  const { calendar, draw } = people
  for (const { id, n, age } of allInvoices(people)) {
    const issued = calendar.day(age)
    const email = draw.happens(id, SALT.copiedEmail + 1, 85) ? people.email(n) : null
    yield copyLine([
      id,
      people.region(n).publisher,
      n,
      `${issued.slice(0, 4)}-${id}`,
      issued,
      people.name(n),
      email,
      price(people, n, id),
    ])
  }
  // Bills of one reader on the very edge of the ten and of the five years.
  for (const [i, [years, before]] of (
    [
      [10, 0],
      [10, 1],
      [5, 0],
      [5, 1],
    ] as const
  ).entries()) {
    for (const [r, region] of [NORTH, SOUTH].entries()) {
      const id = AWKWARD_CONTACTS + 1 + i * 2 + r
      yield copyLine([
        id,
        region.publisher,
        2 * 20 - 1 + r,
        `EDGE-${id}`,
        calendar.yearsBefore(years, before),
        'Ann Edge',
        null,
        '10.00',
      ])
    }
  }
}

function price(people: Readers, n: number, id: number): string {
  const title = TITLES.find(
    ([number]) => number === people.draw.pick(id, SALT.title, people.region(n).titles),
  )!
  return title[4]
}

function* invoiceLines(people: Readers): Iterable<string> {
  for (const { id, n } of allInvoices(people)) {
    const region = people.region(n)
    const total = price(people, n, id)
    const title = people.draw.pick(id, SALT.title, region.titles)
    yield copyLine([id, 1, region.publisher, title, `Subscription, for ${people.name(n)}`, total])
    if (people.draw.happens(id, SALT.lines, 50))
      yield copyLine([id, 2, region.publisher, null, 'Postage', '0.00'])
  }
}
