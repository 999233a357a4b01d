/**
 * Who the demo's readers are: everything about a contact, made from its number alone, so that other
 * tables can copy an e-mail or a name without looking it up.
 *
 * Glossary: an *age* is a number of days before the demo's today; a *clock* is null, an infinity or an age.
 */
import { type Calendar, timeOfDay } from './calendar.ts'
import { type Chance, chance } from './chance.ts'
import { INTERESTS, NORTH, type Region, SOUTH } from './names.ts'

/** Contacts 1 to this one are made by hand: see awkward.ts. */
export const AWKWARD_CONTACTS = 48

/** Most of the demo's contacts are made at random: these are the draws they need. */
const SALT = {
  given: 1,
  family: 2,
  domain: 3,
  emailCase: 4,
  twin: 5,
  activity: 6,
  activityAge: 7,
  activityTime: 8,
  bought: 9,
  boughtAge: 10,
  status: 11,
  phone: 12,
  birthday: 13,
  crm: 14,
  tracking: 15,
  ip: 16,
  spent: 17,
  profile: 18,
  created: 19,
  address: 20,
  household: 21,
  addressId: 22,
  street: 23,
  city: 24,
  referrer: 25,
  nameless: 26,
}

/** A day so many days ago, or what a clock says instead. */
export type Clock = number | null | '-infinity' | 'infinity'

/** A row of audience.contacts, by column. */
export interface ContactRow {
  id: number
  publisher_id: number
  address_id: string | null
  referred_by: number | null
  status: string
  email: string
  given_name: string | null
  familyName: string | null
  phone: string | null
  birthday: string | null
  crm_reference: string | null
  tracking_id: string
  last_ip: string | null
  spent_total: string
  profile: string
  created_at: string
  last_activity_at: string | null
  last_purchase_on: string | null
}

/** The people of one seed and one today. */
export interface Readers {
  readonly draw: Chance
  readonly calendar: Calendar
  readonly contacts: number
  region(n: number): Region
  email(n: number): string
  name(n: number): string
  activity(n: number): Clock
  /** Age of the last purchase; null: never bought anything. */
  bought(n: number): number | null
  /** The contact in whose row's name the address stands, or null: no address known. */
  household(n: number): number | null
  addressId(n: number): string
  /** Street, postcode, city, country, latitude and longitude. */
  place(n: number): [string, string, string, string, string, string]
  row(n: number): ContactRow
}

/** Three in five read the northern publisher's titles, hand-made contacts turn by turn. */
export function regionOf(n: number): Region {
  if (n <= AWKWARD_CONTACTS) return n % 2 === 1 ? NORTH : SOUTH
  return n % 5 < 3 ? NORTH : SOUTH
}

/** Letters a mail server of 1982 would take. */
function slug(name: string): string {
  const plain = name
    .normalize('NFD')
    .replace(/[^a-zA-Z]/g, '')
    .toLowerCase()
  return plain === '' ? 'x' : plain
}

const slugs = new Map(
  [NORTH, SOUTH].flatMap((r) => [...r.given, ...r.family]).map((name) => [name, slug(name)]),
)

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()))
}

/** The readers of a seed. */
export function readers(seed: number, calendar: Calendar, contacts: number): Readers {
  const draw = chance(seed)
  const { between, happens, pick } = draw
  const given = (n: number): string => pick(n, SALT.given, regionOf(n).given)
  const family = (n: number): string => pick(n, SALT.family, regionOf(n).family)

  function email(n: number): string {
    // Somebody known to both publishers, who typed the address in another way there.
    if (n % 5 === 3 && n - 1 > AWKWARD_CONTACTS && happens(n, SALT.twin, 4)) return swapCase(email(n - 1))
    const address = `${slugs.get(given(n))}.${slugs.get(family(n))}.${n}@example.${pick(n, SALT.domain, ['org', 'net', 'com'])}`
    return happens(n, SALT.emailCase, 5) ? address[0]!.toUpperCase() + address.slice(1) : address
  }

  // About a sixth were last seen more than three years ago, a twentieth more than ten.
  function activity(n: number): Clock {
    const share = between(n, SALT.activity, 0, 999)
    if (share < 820) return between(n, SALT.activityAge, 1, 1090)
    if (share < 930) return between(n, SALT.activityAge, 1100, 3640)
    if (share < 975) return between(n, SALT.activityAge, 3660, 4600)
    if (share < 993) return null
    return share < 997 ? '-infinity' : 'infinity'
  }

  function bought(n: number): number | null {
    if (!happens(n, SALT.bought, 55)) return null
    const seen = activity(n)
    return Math.max(1, (typeof seen === 'number' ? seen : 400) + between(n, SALT.boughtAge, -60, 900))
  }

  // Numbers 0 and 1 as well as 3 and 4 of each five may live together: both read the same publisher.
  function household(n: number): number | null {
    if (!happens(n, SALT.address, 70)) return null
    const shares = (n % 5 === 1 || n % 5 === 4) && happens(n, SALT.household, 60)
    return shares && n - 1 > AWKWARD_CONTACTS && happens(n - 1, SALT.address, 70) ? n - 1 : n
  }

  function place(n: number): [string, string, string, string, string, string] {
    const region = regionOf(n)
    const [city, postcode, latitude, longitude] = pick(n, SALT.city, region.cities)
    const apart = (salt: number): number => between(n, salt, -9000, 9000) / 100_000
    return [
      `${between(n, SALT.street + 100, 1, 199)} ${pick(n, SALT.street, region.streets)}`,
      postcode + String(between(n, SALT.city + 100, 0, 99)).padStart(2, '0'),
      city,
      region.country,
      (latitude + apart(SALT.city + 200)).toFixed(5),
      (longitude + apart(SALT.city + 300)).toFixed(5),
    ]
  }

  const addressId = (n: number): string => draw.uuid(n, SALT.addressId)
  const name = (n: number): string => `${given(n)} ${family(n)}`

  function row(n: number): ContactRow {
    const region = regionOf(n)
    const seen = activity(n)
    const home = household(n)
    const bits = draw.bits(n, SALT.ip)
    const last = bought(n)
    const nameless = between(n, SALT.nameless, 0, 99)
    return {
      id: n,
      publisher_id: region.publisher,
      address_id: home === null ? null : addressId(home),
      // Brought by somebody of the same publisher, five numbers before.
      referred_by: n - 5 > AWKWARD_CONTACTS && happens(n, SALT.referrer, 8) ? n - 5 : null,
      status: happens(n, SALT.status, 6)
        ? 'unsubscribed'
        : last === null
          ? 'prospect'
          : last < 730
            ? 'customer'
            : 'lapsed',
      email: email(n),
      given_name: nameless < 4 ? null : nameless === 4 ? '' : given(n),
      familyName: nameless < 2 ? null : family(n),
      phone: happens(n, SALT.phone, 60)
        ? region.phonePrefix + String(between(n, SALT.phone + 100, 0, 9999)).padStart(4, '0')
        : null,
      birthday: happens(n, SALT.birthday, 50)
        ? `${between(n, SALT.birthday + 100, 1930, 2007)}-${two(between(n, SALT.birthday + 200, 1, 12))}-${two(between(n, SALT.birthday + 300, 1, 28))}`
        : null,
      crm_reference: happens(n, SALT.crm, 70) ? `CRM-${(n * 7919).toString(36).toUpperCase()}` : null,
      tracking_id: draw.uuid(n, SALT.tracking),
      last_ip:
        bits % 5 === 0
          ? null
          : bits % 5 === 1
            ? `2001:db8:${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}::${(n & 0xffff).toString(16)}`
            : ip4(bits),
      spent_total: last === null ? '0.00' : (between(n, SALT.spent, 990, 250_000) / 100).toFixed(2),
      profile: happens(n, SALT.profile, 40)
        ? `{"interests": ["${pick(n, SALT.profile + 100, INTERESTS)}", "${pick(n, SALT.profile + 200, INTERESTS)}"], "household": ${between(n, SALT.profile + 300, 1, 6)}}`
        : '{}',
      created_at: `${calendar.day((typeof seen === 'number' ? seen : 400) + between(n, SALT.created, 1, 900))} 12:00:00+00`,
      last_activity_at:
        typeof seen === 'number'
          ? `${calendar.day(seen)} ${timeOfDay(between(n, SALT.activityTime, 0, 86_399))}+00`
          : seen,
      last_purchase_on: last === null ? null : calendar.day(last),
    }
  }

  return {
    draw,
    calendar,
    contacts,
    region: regionOf,
    email,
    name,
    activity,
    bought,
    household,
    addressId,
    place,
    row,
  }
}

/** An address of the private range, from 24 bits. */
export function ip4(bits: number): string {
  return `10.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n)
}
