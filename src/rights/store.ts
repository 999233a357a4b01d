/** Makes and fetches packages. Counterpart: sql/lethe/packages.sql. */
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { PersonalDataText } from './document.ts'
import { type Files, MEDIA_TYPE, openPackage, packageFiles, sealPackage, tokenHash } from './package.ts'
import type { Language } from './words.ts'

/** What a package was made of, and the only copy of its token. */
export interface MadePackage {
  token: string
  expiresAt: string
  tables: number
  rows: number
}

/**
 * Reads all data, or those provided by the person, and stores them encrypted.
 *
 * @param days - for how long the link is good.
 */
export async function makePackage(
  pool: DatabasePool,
  request: number,
  { language, days }: { language: Language; days: number },
): Promise<MadePackage> {
  return pool.transaction(async (transaction) => {
    const { data } = await transaction.one(sql.type(z.object({ data: PersonalDataText }))`
      select lethe.personal_data(${request})::text as data`)
    const { token, tokenHash: hash, content } = sealPackage(packageFiles(data, language))
    const { expires_at } = await transaction.one(sql.type(z.object({ expires_at: z.string() }))`
      select e.at as expires_at
      from (select date_trunc('second', now()) + make_interval(days => ${days}) as at) as e
      cross join lateral lethe.store_package(${request}, ${sql.binary(hash)}, ${sql.binary(content)}, ${MEDIA_TYPE}, e.at)`)
    return {
      token,
      expiresAt: expires_at,
      tables: data.tables.length,
      rows: data.tables.reduce((sum, { rows }) => sum + rows.length, 0),
    }
  })
}

/** @throws LetheError LE464 when there is none for the token. */
export async function fetchPackage(pool: DatabasePool, token: string): Promise<Files> {
  const { content } = await pool.one(sql.type(z.object({ content: z.instanceof(Uint8Array) }))`
    select content from lethe.fetch_package(${sql.binary(tokenHash(token))})`)
  return openPackage(token, content)
}
