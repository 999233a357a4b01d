/**
 * The answer to a request of access or portability, as files: `data.json`, `data.html` and one CSV a table. It is kept
 * encrypted with a key that is derived from the link's token, of which the database knows a hash: who has the database
 * and not the link reads nothing.
 *
 * ```
 * token (32 random bytes, written in hexadecimal: it never looks like an option)
 *        ├ SHA-256 ─→ token_hash, by which the database finds it
 *        └ HKDF ────→ AES-256-GCM key
 * content = 12 bytes of nonce, 16 of tag, the files as gzipped JSON {name: text}
 * ```
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { z } from 'zod'
import { LetheError } from '../errors.ts'
import { asCsv } from './csv.ts'
import type { PersonalData } from './document.ts'
import { asHtml } from './html.ts'
import type { Language } from './words.ts'

/** What the database is told that the content is. */
export const MEDIA_TYPE = 'application/vnd.lethe.package+gzip'

/** Names of files and their text. */
export type Files = Record<string, string>

/** A package that is ready to be stored, and the only copy of its token. */
export interface SealedPackage {
  token: string
  tokenHash: Buffer
  content: Buffer
}

/** The answer as files. Every name is a plain one, whatever the tables are called. */
export function packageFiles(data: PersonalData, language: Language): Files {
  const files: Files = {
    'data.json': `${JSON.stringify(data, null, 2)}\n`,
    'data.html': asHtml(data, language),
  }
  // Names that differ by case alone are one file on some systems.
  const taken = new Set<string>()
  for (const table of data.tables) {
    const place = table.place === 'live' ? '' : `-${table.place.replaceAll(' ', '-')}`
    const stem = `${table.table.replace(/[^\w.]+/g, '_').slice(0, 100)}-${table.kind}${place}`
    let name = `${stem}.csv`
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${stem}-${n}.csv`
    taken.add(name.toLowerCase())
    files[name] = asCsv(table)
  }
  return files
}

/** Encrypts files under a new token. */
export function sealPackage(files: Files): SealedPackage {
  const token = randomBytes(32)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyOf(token), nonce)
  const sealed = Buffer.concat([cipher.update(gzipSync(JSON.stringify(files))), cipher.final()])
  return {
    token: token.toString('hex'),
    tokenHash: hashOf(token),
    content: Buffer.concat([nonce, cipher.getAuthTag(), sealed]),
  }
}

/** Opens what {@link sealPackage} made. @throws LetheError LE464 when token and content do not belong together. */
export function openPackage(token: string, content: Uint8Array): Files {
  try {
    const bytes = Buffer.from(content)
    const decipher = createDecipheriv('aes-256-gcm', keyOf(readToken(token)), bytes.subarray(0, 12))
    decipher.setAuthTag(bytes.subarray(12, 28))
    const packed = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()])
    return z.record(z.string(), z.string()).parse(JSON.parse(gunzipSync(packed).toString('utf8')))
  } catch (cause) {
    throw noSuchPackage(cause)
  }
}

/** By what the database finds the package of a token. @throws LetheError LE464 when it is none. */
export const tokenHash = (token: string): Buffer => hashOf(readToken(token))

function readToken(token: string): Buffer {
  if (!/^\s*[0-9a-f]{64}\s*$/i.test(token)) throw noSuchPackage()
  return Buffer.from(token.trim(), 'hex')
}

const hashOf = (token: Buffer): Buffer => createHash('sha256').update(token).digest()
const keyOf = (token: Buffer): Buffer => Buffer.from(hkdfSync('sha256', token, '', 'lethe package', 32))

const noSuchPackage = (cause?: unknown): LetheError =>
  new LetheError('there is no package for this link, or it has expired', {
    code: 'LE464',
    hint: 'ask for a new link: lethe request package ID',
    cause,
  })
