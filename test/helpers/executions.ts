/** Erasure requests made by hand, so that their execution can be tested without a desk. */
import { rowsOf, type Session } from './engine.ts'
import { openErasure } from './erasure.ts'

/** Plans a request and has an officer agree to the plan. @returns the plan. */
export async function approveErasure(session: Session, request: number): Promise<Record<string, unknown>> {
  const [row] = await rowsOf<{ plan: Record<string, unknown> }>(
    session,
    'select lethe.plan_request($1) as plan',
    [request],
  )
  await session.query(
    `update lethe.requests set state = 'approved', approved_by = 'an officer', approved_at = now() where id = ${request}`,
  )
  return row!.plan
}

/** Opens, plans and approves. */
export async function approvedErasure(
  session: Session,
  subject: string,
  controller: string,
  ...keys: string[]
): Promise<number> {
  const request = await openErasure(session, subject, keys, controller)
  await approveErasure(session, request)
  return request
}

/** @returns the new state. */
export async function execute(session: Session, request: number): Promise<string> {
  const [row] = await rowsOf<{ state: string }>(session, 'select lethe.execute_request($1) as state', [
    request,
  ])
  return row!.state
}

/** @returns the state that the certificate left the request in. */
export async function certify(session: Session, request: number): Promise<string> {
  await session.query('select lethe.verify_request($1)', [request])
  return (await requestState(session, request)).state
}

/** Where a request stands. */
export async function requestState(
  session: Session,
  request: number,
): Promise<{
  state: string
  outcome: Outcome
  completes_on: string | null
  failure: Record<string, string> | null
  delayed_by: number[] | null
}> {
  const [row] = await rowsOf(
    session,
    'select state, outcome, completes_on::text, failure, delayed_by from lethe.requests where id = $1',
    [request],
  )
  return row as never
}

/** What an execution wrote down. */
export type Outcome = Record<
  'erased' | 'anonymized' | 'cut' | 'retained',
  {
    table: string
    place: string
    rows: number
    columns?: string[]
    basis?: string | null
    until?: string | null
  }[]
>

/** Every row of the given tables: `table/key` and what is in it. */
export async function readTables(
  session: Session,
  tables: Record<string, string>,
): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {}
  for (const [table, key] of Object.entries(tables)) {
    for (const { k, row } of await rowsOf<{ k: string; row: unknown }>(
      session,
      `select (${key})::text as k, to_jsonb(t) as row from ${table} as t`,
    ))
      seen[`${table}/${k}`] = row
  }
  return seen
}

/** Keys of rows that differ between two readings, gone and new ones included. */
export function changed(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key])).sort()
}
