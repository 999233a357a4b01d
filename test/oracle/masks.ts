/** What the oracle knows of masked values: their look, and HMAC (RFC 2104) by node:crypto. */
import { createHmac } from 'node:crypto'

/** The e-mail address that stands for another one under a key. */
export function pseudonymEmail(value: string, key: Buffer): string {
  return `${createHmac('sha256', key).update(value).digest('hex').slice(0, 32)}@anonymized.invalid`
}

/** The key behind an HMAC's inner pad. */
export function keyFromInnerPad(pad: Buffer): Buffer {
  return Buffer.from(pad.map((byte) => byte ^ 0x36))
}

/** True for what an address looks like once it is masked. */
export const looksMasked = (value: unknown): boolean =>
  typeof value === 'string' && /^[0-9a-f]{8,}@anonymized\.invalid$/.test(value)
