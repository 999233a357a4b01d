/**
 * A document that is handed out: Markdown for people, JSON for programs, each with its own signature. What is
 * signed is the text itself, byte for byte, so that nobody needs to know how it was made to check it.
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import { fingerprint } from './keys.ts'

/** The two forms of a document. */
export type Form = 'text' | 'json'
/** What kind of document it is; in JSON, the name of what is signed. */
export type Word = 'receipt' | 'certificate'

/** A document that somebody handed over, taken apart but not believed yet. */
export interface SignedDocument {
  form: Form
  /** What the signature is over. */
  signed: string
  signature?: { key: string; value: string }
}

const BEGIN = '-----BEGIN LETHE SIGNATURE-----'
const END = '-----END LETHE SIGNATURE-----'

/** The document as it is written, signed where a key is given. */
export function writeSigned(word: Word, signed: string, form: Form, key?: KeyObject): string {
  const value = key && sign(null, Buffer.from(signed), key).toString('base64')
  if (form === 'json') {
    return jsonDocument(word, signed, key && value ? { key: fingerprint(key), value } : undefined)
  }
  if (!key) return `${signed}\nThis ${word} is not signed.\n`
  return `${signed}\n${BEGIN}\nEd25519 ${fingerprint(key)}\n${value}\n${END}\n`
}

function jsonDocument(word: Word, signed: string, signature?: SignedDocument['signature']): string {
  const { key, value } = signature ?? {}
  const signedBy = signature ? { algorithm: 'Ed25519', key, value } : null
  return `{"${word}":${signed},"signature":${JSON.stringify(signedBy)}}\n`
}

/** Undefined when it is no such document, to the last character. */
export function readSigned(word: Word, content: string): SignedDocument | undefined {
  return content.startsWith('{') ? readJson(word, content) : readText(word, content)
}

function readText(word: Word, content: string): SignedDocument | undefined {
  const foot = new RegExp(
    `\\n(?:This ${word} is not signed\\.|${BEGIN}\\nEd25519 (sha256:[0-9a-f]{64})\\n([A-Za-z0-9+/]{86}==)\\n${END})\\n$`,
  ).exec(content)
  return foot ? assemble('text', content.slice(0, foot.index), foot[1], foot[2]) : undefined
}

function readJson(word: Word, content: string): SignedDocument | undefined {
  try {
    const { [word]: document, signature } = JSON.parse(content)
    const signed = JSON.stringify(document)
    // Written in one way only, so that not even a blank can be changed.
    if (jsonDocument(word, signed, signature ?? undefined) !== content) return undefined
    return assemble('json', signed, signature?.key, signature?.value)
  } catch {
    return undefined
  }
}

function assemble(form: Form, signed: string, key?: string, value?: string): SignedDocument | undefined {
  if (value !== undefined && Buffer.from(value, 'base64').toString('base64') !== value) return undefined
  return { form, signed, ...(key && value ? { signature: { key, value } } : {}) }
}

/** True when the key made the signature over exactly this text. */
export function isSignedBy(given: SignedDocument, key: KeyObject): boolean {
  if (!given.signature || given.signature.key !== fingerprint(key)) return false
  return verify(null, Buffer.from(given.signed), key, Buffer.from(given.signature.value, 'base64'))
}

/** Names are the host's: none of them may begin a line or a column of its own. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').replaceAll('|', '\\|')
}
