/** Rows about the readers themselves: addresses, contacts, consents, support notes. */
import { timeOfDay } from './calendar.ts'
import { copyLine } from './copy.ts'
import { AGENTS, NOTES } from './names.ts'
import { type ContactRow, ip4, type Readers } from './readers.ts'
import { awkward, numbers, type TableRows } from './rows.ts'

const SALT = {
  consents: 230,
  givenAge: 231,
  withdrawn: 232,
  proof: 233,
  note: 240,
  noteAge: 241,
  noteText: 242,
  noteId: 243,
  writer: 244,
}

const CONTACT_COLUMNS = [
  'id',
  'publisher_id',
  'address_id',
  'referred_by',
  'status',
  'email',
  'given_name',
  'familyName',
  'phone',
  'birthday',
  'crm_reference',
  'tracking_id',
  'last_ip',
  'spent_total',
  'profile',
  'created_at',
  'last_activity_at',
  'last_purchase_on',
] as const satisfies readonly (keyof ContactRow)[]

/** Those tables, for `copy`. */
export function personTables(people: Readers): TableRows[] {
  return [
    {
      table: 'addresses',
      columns: [
        'id',
        'publisher_id',
        'street',
        'postcode',
        'city',
        'country',
        'latitude',
        'longitude',
        'last_used_at',
      ],
      lines: addresses(people),
    },
    { table: 'contacts', columns: CONTACT_COLUMNS, lines: contacts(people) },
    {
      table: 'consents',
      columns: ['contact_id', 'purpose', 'publisher_id', 'given_at', 'withdrawn_at', 'proof_ip', 'wording'],
      lines: consents(people),
    },
    {
      table: 'support_notes',
      columns: ['id', 'publisher_id', 'contact_id', 'written_by', 'body', 'opened_at', 'closed_at'],
      lines: supportNotes(people),
    },
  ]
}

function* contacts(people: Readers): Iterable<string> {
  const line = (row: ContactRow): string => copyLine(CONTACT_COLUMNS.map((column) => row[column]))
  for (const { n, previous, made, region, zone } of awkward(people)) {
    const home = made.sharesPreviousAddress ? previous : made.address ? n : null
    yield line({
      ...people.row(n),
      last_purchase_on: null,
      status: 'lapsed',
      given_name: 'Ann',
      crm_reference: `case:${made.name}`,
      address_id: home === null ? null : people.addressId(home),
      ...made.columns(zone, { own: n, previous }, region),
    })
  }
  for (const n of numbers(people)) yield line(people.row(n))
}

function* addresses(people: Readers): Iterable<string> {
  const { calendar } = people
  const line = (n: number, lastUsed: string | null): string =>
    copyLine([people.addressId(n), people.region(n).publisher, ...people.place(n), lastUsed])
  for (const { n, made } of awkward(people)) {
    if (made.address) yield line(n, `${calendar.day(20)} 10:00:00`)
  }
  // Nobody lives here any more, and the street is kept five years. Two o'clock in Paris is still the day
  // before in São Paulo: on the same Paris day one of the two is due and the other is not.
  for (const n of [1, 2]) yield line(n, `${calendar.yearsBefore(5)} 02:00:00`)
  for (const n of numbers(people)) {
    if (people.household(n) !== n) continue
    const ages = [people.activity(n), people.household(n + 1) === n ? people.activity(n + 1) : null]
    const seen = ages.filter((age) => typeof age === 'number')
    yield line(n, seen.length === 0 ? null : `${calendar.day(Math.min(...seen))} ${timeOfDay(n % 86_400)}`)
  }
}

function* consents(people: Readers): Iterable<string> {
  const { draw, calendar } = people
  for (const { n, made } of awkward(people)) {
    if (!made.name.startsWith('clock')) continue
    const at =
      made.name === 'clock -infinity'
        ? '-infinity'
        : `${calendar.yearsBefore(1, 1)} 00:00:00 ${people.region(n).timeZone}`
    yield copyLine([
      n,
      'newsletter',
      people.region(n).publisher,
      at,
      made.name === 'clock infinity' ? 'infinity' : null,
      ip4(draw.bits(n, SALT.proof)),
      '2016-1',
    ])
  }
  for (const n of numbers(people)) {
    for (const [i, purpose] of ['newsletter', 'partner_offers', 'profiling'].entries()) {
      if (!draw.happens(n, SALT.consents + i * 300, [40, 12, 6][i]!)) continue
      const given = draw.between(n, SALT.givenAge + i * 300, 30, 3500)
      const withdrawn = draw.happens(n, SALT.withdrawn + i * 300, 15) ? Math.max(1, given - 400) : null
      yield copyLine([
        n,
        purpose,
        people.region(n).publisher,
        `${calendar.day(given)} 12:00:00+00`,
        withdrawn === null || withdrawn > given ? null : `${calendar.day(withdrawn)} 18:30:00+00`,
        ip4(draw.bits(n, SALT.proof + i * 300)),
        `${calendar.day(given).slice(0, 4)}-1`,
      ])
    }
  }
}

function* supportNotes(people: Readers): Iterable<string> {
  const { draw, calendar } = people
  const note = (n: number, opened: number, closed: number | null): string => {
    const text = draw
      .pick(n, SALT.noteText, NOTES)
      .replace('{name}', people.name(n))
      .replace('{email}', people.email(n))
      .replace('{phone}', `${people.region(n).phonePrefix}${String(n % 10_000).padStart(4, '0')}`)
    return copyLine([
      draw.uuid(n, SALT.noteId),
      people.region(n).publisher,
      n,
      draw.pick(n, SALT.writer, AGENTS),
      text,
      `${calendar.day(opened)} 09:00:00+00`,
      closed === null ? null : `${calendar.day(closed)} 17:00:00+00`,
    ])
  }
  for (const { n, made } of awkward(people)) {
    if (made.openNote) yield note(n, 4100, null)
  }
  for (const n of numbers(people)) {
    if (!draw.happens(n, SALT.note, 12)) continue
    const opened = draw.between(n, SALT.noteAge, 3, 3000)
    yield note(
      n,
      opened,
      draw.happens(n, SALT.noteAge + 1, 5)
        ? null
        : Math.max(1, opened - draw.between(n, SALT.noteAge + 2, 0, 20)),
    )
  }
}
