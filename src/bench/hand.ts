/**
 * What a DBA would write for the same effect: one UPDATE, masks inline, the cut-off worked out by hand.
 * The columns stand in two groups, because one case gives them different delays.
 */
import type pg from 'pg'

const KEYED = (column: string): string =>
  `encode(sha256($2 || sha256($1 || convert_to(${column}, 'UTF8'))), 'hex')`

/** The three columns that tell who it is. */
export const NAMES = `
  email = left(${KEYED('email')}, 32) || '@anonymized.invalid',
  first_name = left(first_name, 1) || repeat('*', length(first_name) - 1),
  last_name = 'p-' || left(${KEYED('last_name')}, 32)`

/** The three others. */
export const REST = `
  phone = null,
  birth_date = date_trunc('year', birth_date)::date,
  ip = network(set_masklen(ip, 24))`

/** Not masked yet, as one would test it by hand. */
export const NOT_MASKED = `email not like '%@anonymized.invalid'`

/** Older than a delay: the local day plus the delay lies before today. */
export function olderThan(delay: string): string {
  return `last_activity_at < ((now() at time zone 'Europe/Paris')::date - interval '${delay}')::timestamp at time zone 'Europe/Paris'`
}

/** Puts one UPDATE over `bench.contacts` together. */
export function update(set: string, where: string): string {
  return `update bench.contacts set ${set} where ${where}`
}

/** The controller's key as its two pads, for `$1` and `$2`. */
export async function pads(database: pg.Client): Promise<[Buffer, Buffer]> {
  const { rows } = await database.query<{ inner_pad: Buffer; outer_pad: Buffer }>(
    'select inner_pad, outer_pad from lethe_private.controller_keys',
  )
  return [rows[0]!.inner_pad, rows[0]!.outer_pad]
}
