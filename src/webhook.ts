/**
 * Sends one webhook. The contract with the other side is docs/recipients.md.
 *
 * Danger: a recipient is somebody else's machine. It is waited for ten seconds, sent nowhere else, and of
 * what it says no more than 64 kB is read, and nothing but one word kept.
 */
import type { Queryable } from './db/cycle.ts'
import { type Delivery, type NotificationState, noteNotification, takeNotification } from './db/requests.ts'

/** What came back. */
export interface Answer {
  /** HTTP status; null when nothing came. */
  status: number | null
  /** The recipient says that it has done what was asked. */
  completed: boolean
}

const TIMEOUT_MILLISECONDS = 10_000
const BODY_BYTES_MAX = 65_536

/** Sends it once. Never rejects: no answer is an answer. */
export async function send(
  { url, eventKey, body, signature }: Delivery,
  timeoutMilliseconds = TIMEOUT_MILLISECONDS,
): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Lethe',
        'lethe-signature': signature,
        'idempotency-key': eventKey,
      },
      body,
      signal: AbortSignal.timeout(timeoutMilliseconds),
    })
    if (!response.ok) await response.body?.cancel().catch(() => undefined)
    return { status: response.status, completed: response.ok && (await saysCompleted(response)) }
  } catch {
    // What node says names hosts and addresses; nobody needs more than that nothing came.
    return { status: null, completed: false }
  }
}

/** Takes, sends and notes one notification. @returns its state; undefined when there was nothing to send. */
export async function notify(
  db: Queryable,
  notification: number,
): Promise<(Answer & { state: NotificationState; attempt: number }) | undefined> {
  const delivery = await takeNotification(db, notification)
  if (!delivery) return undefined
  const answer = await send(delivery)
  return {
    ...answer,
    attempt: delivery.attempt,
    state: await noteNotification(db, notification, answer),
  }
}

/** `{"status": "completed"}`; anything else, too long, or cut off, says that it has been received. */
async function saysCompleted(response: Response): Promise<boolean> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length
      if (bytes > BODY_BYTES_MAX) return false
      chunks.push(chunk)
    }
    const said: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    return typeof said === 'object' && said !== null && 'status' in said && said.status === 'completed'
  } catch {
    return false
  }
}
