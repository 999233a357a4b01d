/**
 * The key pair that signs receipts: Ed25519, in PEM files outside the database. Whoever has the public
 * part can check a receipt without Lethe and without the database.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { LetheError } from '../errors.ts'

/** A signing key. */
export interface SigningKey {
  key: KeyObject
  /** True when it was made just now, beside its public part, `<path>.pub`. */
  isNew: boolean
}

/**
 * Reads the key, or makes one at its first use.
 *
 * @throws LetheError LE804 when it is none, is readable for everybody, or cannot be read or made.
 */
export async function openSigningKey(path: string): Promise<SigningKey> {
  try {
    const { mode } = await stat(path)
    if (mode & 0o007) {
      throw new LetheError(`the signing key ${path} is open to everybody`, {
        code: 'LE804',
        hint: `chmod 600 ${path}`,
      })
    }
    return { key: assertEd25519(createPrivateKey(await readFile(path)), path), isNew: false }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return makeSigningKey(path)
    throw unusable(error, path)
  }
}

/** @throws LetheError LE804. */
export async function readPublicKey(path: string): Promise<KeyObject> {
  try {
    return assertEd25519(createPublicKey(await readFile(path)), path)
  } catch (error) {
    throw unusable(error, path)
  }
}

/** How a receipt names the key it was signed with: the SHA-256 of its public part (SPKI, DER). */
export function fingerprint(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return `sha256:${createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`
}

async function makeSigningKey(path: string): Promise<SigningKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  try {
    await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 })
    await writeFile(`${path}.pub`, publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644 })
    return { key: privateKey, isNew: true }
  } catch (error) {
    throw unusable(error, path)
  }
}

function assertEd25519(key: KeyObject, path: string): KeyObject {
  if (key.asymmetricKeyType === 'ed25519') return key
  throw new LetheError(`${path} is a key of another kind than Ed25519`, { code: 'LE804', hint: HINT })
}

const HINT =
  'a PEM file: openssl genpkey -algorithm ed25519, or name a path where there is none yet and Lethe makes one'

function unusable(error: unknown, path: string): unknown {
  if (error instanceof LetheError) return error
  const { code } = error as NodeJS.ErrnoException
  const why = code?.startsWith('ERR_') ? 'it is no key in PEM form' : code
  return new LetheError(`the key ${path} cannot be used: ${why}`, { code: 'LE804', hint: HINT, cause: error })
}
