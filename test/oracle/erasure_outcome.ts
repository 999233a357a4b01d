/**
 * What is left of a club when some of its members are forgotten: the same as the engine does, in plain loops over rows.
 *
 * ```
 * members    the people; sponsor_id → members is a mention, home_id → households leads to what several share
 * accounts   own, kept five years since `opened`; entries go or stay with their account
 * messages   from_id and to_id: shared by both; only to_id may be null
 * reviews    reviewer_id is a mention that may not be null
 * badges     own, by e-mail, without a foreign key
 * ```
 */
import { addDelay, parseDay } from './calendar.ts'

/** A row, by column. */
export type Row = Record<string, string | number | null>
/** Rows of every table. */
export type Club = Record<
  'members' | 'households' | 'accounts' | 'entries' | 'messages' | 'reviews' | 'badges',
  Row[]
>
/** Stands for whatever a value was replaced by. */
export const REPLACED = '(replaced)'

/** @param people - ids of the members who are forgotten together. @param today - the local day of their controller. */
export function forget(club: Club, people: Set<number>, today: string): Club {
  const isTheirs = (id: unknown): boolean => people.has(id as number)
  const isKept = (account: Row): boolean =>
    account.opened === null ||
    addDelay(parseDay(account.opened as string), { months: 60, days: 0 }) >= parseDay(today)
  const keptAccounts = new Set(
    club.accounts.filter((row) => isTheirs(row.member_id) && isKept(row)).map((row) => row.id),
  )
  const goneAccounts = new Set(
    club.accounts.filter((row) => isTheirs(row.member_id) && !isKept(row)).map((row) => row.id),
  )
  const messageStays = (row: Row): boolean =>
    !isTheirs(row.from_id) || (row.to_id !== null && !isTheirs(row.to_id))
  const emails = new Set(club.members.filter((row) => isTheirs(row.id)).map((row) => row.email))

  const tombs = new Set<unknown>()
  for (const row of club.accounts) if (keptAccounts.has(row.id)) tombs.add(row.member_id)
  for (const row of club.messages) if (messageStays(row) && isTheirs(row.from_id)) tombs.add(row.from_id)
  for (const row of club.reviews) if (isTheirs(row.reviewer_id)) tombs.add(row.reviewer_id)
  for (let more = true; more; ) {
    more = false
    for (const row of club.members) {
      if (tombs.has(row.id) && isTheirs(row.sponsor_id) && !tombs.has(row.sponsor_id)) {
        tombs.add(row.sponsor_id)
        more = true
      }
    }
  }

  const homes = new Set(club.members.filter((row) => isTheirs(row.id)).map((row) => row.home_id))
  const homeIsOthers = (id: unknown): boolean =>
    club.members.some((row) => row.home_id === id && !isTheirs(row.id))
  const homeStays = (id: unknown): boolean =>
    club.members.some((row) => row.home_id === id && tombs.has(row.id))

  return {
    members: club.members
      .filter((row) => !isTheirs(row.id) || tombs.has(row.id))
      .map((row) => {
        if (isTheirs(row.id)) return { ...row, name: null, email: REPLACED }
        return isTheirs(row.sponsor_id) ? { ...row, sponsor_id: null } : row
      }),
    households: club.households
      .filter((row) => !homes.has(row.id) || homeIsOthers(row.id) || homeStays(row.id))
      .map((row) => (homes.has(row.id) && !homeIsOthers(row.id) ? { ...row, street: null } : row)),
    accounts: club.accounts.filter((row) => !goneAccounts.has(row.id)),
    entries: club.entries.filter((row) => !goneAccounts.has(row.account_id)),
    messages: club.messages
      .filter((row) => messageStays(row) || !(isTheirs(row.from_id) || isTheirs(row.to_id)))
      .map((row) => (isTheirs(row.to_id) ? { ...row, to_id: null } : row)),
    reviews: club.reviews,
    badges: club.badges.filter((row) => !emails.has(row.email)),
  }
}
