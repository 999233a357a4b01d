/**
 * Who is asking: the bearer token of a request, looked up by its hash. The token itself goes no further than
 * this file; PostgreSQL is given its SHA-256, which binds the request (see sql/lethe_private/rights.sql).
 */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import { z } from 'zod'

/** Roles that a request can run as. */
export const API_ROLES = ['officer', 'auditor', 'analyst'] as const
export type ApiRole = (typeof API_ROLES)[number]

/** A token that was found good. */
export interface Identity {
  tokenId: number
  role: ApiRole
  /** SHA-256 of the token, hexadecimal: what the setting `lethe.request` holds. Never logged. */
  hash: string
}

const Found = z.object({
  token_id: z.number(),
  role: z.string().transform((role) => z.enum(API_ROLES).parse(role.replace(/^lethe_/, ''))),
})

/**
 * @param authorization - the header of that name.
 * @returns nothing when the token is missing, unknown, expired or revoked: which of them, nobody is told.
 * @throws an error of the driver when the database does not answer.
 */
export async function authenticate(
  pool: pg.Pool,
  authorization: string | undefined,
): Promise<Identity | undefined> {
  const token = /^Bearer +(lethe_[0-9a-f]{64})$/i.exec(authorization ?? '')?.[1]
  if (!token) return undefined
  const hash = createHash('sha256').update(token).digest('hex')
  const { rows } = await pool.query('select token_id, role from lethe.authenticate($1)', [hash])
  if (rows.length === 0) return undefined
  const { token_id: tokenId, role } = Found.parse(rows[0])
  return { tokenId, role, hash }
}
