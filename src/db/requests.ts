/**
 * Requests as PostgreSQL offers them, one function of TypeScript for one of `lethe`. The worker's tasks and
 * the command line do everything with these.
 *
 * Glossary: a **request** is what a person asks for; its **step** is what can be done without anybody
 * deciding anything: plan, execute, verify; a **notification** is what one recipient is told of it.
 * Requests, notifications and rows of certificates have ids of Lethe; who the person is stays in the database.
 */
import { z } from 'zod'
import type { Queryable } from './cycle.ts'

/** What is to be done next with a request. */
export type Work = z.infer<typeof work>

/** A request of which somebody should be reminded. */
export type Reminder = z.infer<typeof reminder>

/** What a recipient is sent. Signed in the database, which keeps the secret. */
export type Delivery = z.infer<typeof delivery>

/** `received`, `completed`: it has answered. `waiting`: another attempt. `dead`: given up. */
export type NotificationState = z.infer<typeof notificationState>

const id = z.coerce.number()
const work = z.discriminatedUnion('step', [
  z.object({ step: z.enum(['plan', 'execute', 'verify']), request: id, notification: z.null() }),
  z.object({ step: z.literal('notify'), request: id, notification: id }),
])
const reminder = z.object({
  request: id,
  kind: z.string(),
  controller: z.string(),
  dueOn: z.string(),
  daysLeft: z.number(),
  level: z.enum(['reminder', 'escalation']),
})
const delivery = z.object({
  url: z.string(),
  eventKey: z.string(),
  body: z.string(),
  signature: z.string(),
  attempt: z.number(),
})
const serverFailure = z.looseObject({
  code: z.string().regex(/^[0-9A-Z]{5}$/),
  table: z.string().optional(),
  constraint: z.string().optional(),
})
const notificationState = z.enum(['waiting', 'received', 'completed', 'dead'])

async function rowsOf<Row>(
  db: Queryable,
  type: z.ZodType<Row>,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const { rows } = await db.query(text, values)
  return z.array(type).parse(rows)
}

async function single<Value>(
  db: Queryable,
  type: z.ZodType<Value>,
  text: string,
  values: unknown[] = [],
): Promise<Value> {
  const [row] = await rowsOf(db, z.object({ value: type }), text, values)
  return row!.value as Value
}

/** What there is to do, of all requests, or of one. */
export async function requestWork(db: Queryable, request?: number): Promise<Work[]> {
  const all = await rowsOf(db, work, 'select request, step, notification from lethe.request_work()')
  return request === undefined ? all : all.filter((row) => row.request === request)
}

/** Writes down what an erasure would do. */
export async function planRequest(db: Queryable, request: number): Promise<void> {
  await db.query('select from lethe.plan_request($1)', [request])
}

/** Does what was approved, in one transaction. @returns the new state. */
export function executeRequest(
  db: Queryable,
  request: number,
  ledgerNumber: number | null = null,
  ledgerHash: string | null = null,
): Promise<string> {
  return single(db, z.string(), 'select lethe.execute_request($1, $2, $3) as value', [
    request,
    ledgerNumber,
    ledgerHash,
  ])
}

/**
 * Does what was approved for many, in one transaction. Who fails leaves the others alone.
 *
 * @param entries - of the ledger, by request.
 * @returns the new state of each; `failed`: it is as it was, and the cause is written down.
 */
export async function executeRequests(
  db: Queryable,
  requests: number[],
  entries: ReadonlyMap<number, { number: number; hash: string }> = new Map(),
): Promise<Map<number, string>> {
  const rows = await rowsOf(
    db,
    z.object({ request: id, state: z.string() }),
    'select request, state from lethe.execute_requests($1, $2, $3)',
    [
      requests,
      requests.map((request) => entries.get(request)?.number ?? null),
      requests.map((request) => entries.get(request)?.hash ?? null),
    ],
  )
  return new Map(rows.map(({ request, state }) => [request, state]))
}

/** Looks again for all of them in one pass, and certifies each. Those that are past that are left alone. */
export async function verifyRequests(db: Queryable, requests: number[]): Promise<void> {
  await db.query('select from lethe.scan_residue($1)', [requests])
  await db.query('select lethe.certify_request(r) from unnest($1::bigint[]) as r', [requests])
}

/** Looks again, writes the certificate and seals it. @returns the new state. */
export function verifyRequest(db: Queryable, request: number): Promise<string> {
  return single(db, z.string(), 'select lethe.verify_request($1) as value', [request])
}

/** Nothing has failed: somebody was quicker, may not do this, or has yet to do what the request asks for. */
const NO_FAILURE = new Set(['LE114', 'LE411', 'LE431', 'LE463', 'LE465', 'LE502'])

/** Writes down why a request could not be executed. Nothing of the message, which can quote rows. */
export async function recordFailure(db: Queryable, request: number, thrown: unknown): Promise<void> {
  const failure = serverFailure.safeParse(thrown)
  if (!failure.success || NO_FAILURE.has(failure.data.code)) return
  const { code, table = null, constraint = null } = failure.data
  await db.query('select lethe.record_failure($1, $2, $3, $4)', [request, code, table, constraint])
}

/** Who is to be reminded of what. Nothing is noted yet. */
export function requestsToRemind(db: Queryable): Promise<Reminder[]> {
  return rowsOf(
    db,
    reminder,
    `select request, kind, controller, due_on::text as "dueOn", days_left as "daysLeft", level
     from lethe.requests_to_remind()`,
  )
}

/** @returns false when somebody else has just reminded of it. */
export function noteReminder(db: Queryable, { request, level }: Reminder): Promise<boolean> {
  return single(db, z.boolean(), 'select lethe.note_reminder($1, $2) as value', [request, level])
}

/** Counts an attempt. @returns what to send; nothing when there is nothing to send any more. */
export async function takeNotification(db: Queryable, notification: number): Promise<Delivery | undefined> {
  const [row] = await rowsOf(
    db,
    delivery,
    'select url, event_key as "eventKey", body, signature, attempt from lethe.take_notification($1)',
    [notification],
  )
  return row
}

/** Writes down what came back. @param answer.status - null when nothing came. */
export function noteNotification(
  db: Queryable,
  notification: number,
  { status, completed }: { status: number | null; completed: boolean },
): Promise<NotificationState> {
  return single(db, notificationState, 'select lethe.note_notification($1, $2, $3) as value', [
    notification,
    status,
    completed,
  ])
}
