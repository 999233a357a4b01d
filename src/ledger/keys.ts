/**
 * The keys of the ledger: in a file of their own, outside the database and outside the ledger. The newest version
 * signs; older ones stay for as long as entries bear their number.
 *
 * Of each key two are derived: one for hashes, one for what is under seal.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { link, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { z } from 'zod'
import { LetheError } from '../errors.ts'

const keyFile = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        version: z.int().positive(),
        key: z.string().regex(/^[0-9a-f]{64}$/),
        made_at: z.iso.datetime(),
      }),
    )
    .min(1),
})

/** One version of the key, with what is derived of it. */
export interface LedgerKey {
  version: number
  /** Written to each entry. */
  check: string
  /** Inner and outer pad of HMAC, 64 bytes each: what the database is given. */
  pads: Buffer
  seal(text: string): string
  unseal(sealed: string): string
}

/** The versions there are. */
export class LedgerKeys {
  readonly path: string
  readonly #keys: Map<number, LedgerKey>

  constructor(path: string, keys: LedgerKey[]) {
    this.path = path
    this.#keys = new Map(keys.map((key) => [key.version, key]))
  }

  get newest(): LedgerKey {
    return this.#keys.get(Math.max(...this.#keys.keys()))!
  }

  /** The key that an entry was written with. @throws LetheError LE455. */
  of({
    number,
    key_version,
    key_check,
  }: {
    number: number
    key_version: number
    key_check: string
  }): LedgerKey {
    const key = this.#keys.get(key_version)
    if (key?.check === key_check) return key
    throw new LetheError(
      key
        ? `key ${key_version} in ${this.path} is not the one that entry ${number} of the ledger was written with`
        : `key ${key_version}, with which entry ${number} of the ledger was written, is not in ${this.path}`,
      {
        code: 'LE455',
        hint: 'put the key file back from where it is kept; without it nobody can be recognised',
      },
    )
  }
}

/**
 * Reads the keys, or makes the first one.
 *
 * @param options.make - only for a ledger that has no entry yet: else whoever mislaid the file would begin anew.
 * @throws LetheError LE455 when it is none, is open to others, or cannot be read or made.
 */
export async function openLedgerKeys(path: string, { make }: { make: boolean }): Promise<LedgerKeys> {
  try {
    const { mode } = await stat(path)
    if (mode & 0o077) {
      throw new LetheError(`the key file ${path} is open to others`, {
        code: 'LE455',
        hint: `chmod 600 ${path}`,
      })
    }
    return new LedgerKeys(path, (await readKeys(path)).keys.map(derive))
  } catch (error) {
    if (!make || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(error, path)
  }
  try {
    await write(path, { keys: [makeKey(1)] }, link)
  } catch (error) {
    // Another worker was quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(error, path)
  }
  return openLedgerKeys(path, { make: false })
}

/** Adds a version, with which entries are written from now on. @returns its number. @throws LetheError LE455. */
export async function rotateLedgerKey(path: string): Promise<number> {
  await openLedgerKeys(path, { make: false })
  try {
    const { keys } = await readKeys(path)
    const version = 1 + Math.max(...keys.map((key) => key.version))
    await write(path, { keys: [...keys, makeKey(version)] }, rename)
    return version
  } catch (error) {
    throw unusable(error, path)
  }
}

const readKeys = async (path: string): Promise<z.infer<typeof keyFile>> =>
  keyFile.parse(JSON.parse(await readFile(path, 'utf8')))

const makeKey = (version: number): z.infer<typeof keyFile>['keys'][number] => ({
  version,
  key: randomBytes(32).toString('hex'),
  made_at: new Date().toISOString(),
})

/** Whole or not at all. @param place - `link` refuses to replace what is there, `rename` replaces it. */
async function write(
  path: string,
  keys: z.infer<typeof keyFile>,
  place: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await using file = await open(draft, 'wx', 0o600)
    await file.writeFile(`${JSON.stringify(keys, null, 2)}\n`)
    await file.sync()
    await place(draft, path)
  } finally {
    await unlink(draft).catch(() => undefined)
  }
}

function derive({ version, key }: { version: number; key: string }): LedgerKey {
  const derived = (use: string): Buffer =>
    Buffer.from(hkdfSync('sha256', Buffer.from(key, 'hex'), '', `lethe ledger ${use}`, 32))
  const hashing = derived('hash')
  const sealing = derived('seal')
  const pad = (mixedWith: number): Buffer =>
    Buffer.from(Buffer.concat([hashing, Buffer.alloc(32)]).map((byte) => byte ^ mixedWith))
  return {
    version,
    check: createHmac('sha256', hashing).update('lethe ledger key').digest('hex').slice(0, 16),
    pads: Buffer.concat([pad(0x36), pad(0x5c)]),
    seal: (text) => {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce)
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
    },
    unseal: (text) => {
      const sealed = Buffer.from(text, 'base64')
      const decipher = createDecipheriv('aes-256-gcm', sealing, sealed.subarray(0, 12))
      decipher.setAuthTag(sealed.subarray(12, 28))
      return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8')
    },
  }
}

function unusable(error: unknown, path: string): unknown {
  if (error instanceof LetheError) return error
  const { code } = error as NodeJS.ErrnoException
  const why =
    code === 'ENOENT' ? 'it is not there' : typeof code === 'string' ? code : 'it is no key file of a ledger'
  return new LetheError(`the key file ${path} cannot be used: ${why}`, {
    code: 'LE455',
    hint: 'a new one is made for a ledger that has no entry yet; else put it back from where it is kept',
    cause: error,
  })
}
