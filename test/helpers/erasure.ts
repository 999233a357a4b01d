/** Plans of erasures, and short ways to write them down. */
import { rowsOf, type Session } from './engine.ts'

/** One line of a plan. */
export interface PlanTable {
  table: string
  place: 'live' | 'archive'
  kind: string
  decision: string
  rows: number
  basis: string | null
  until: string | null
  columns: string[]
  because: string
}

export interface Refused {
  code: string
  object: string
  sentence: string
  hint: string
  rows: number | null
}

/** What `lethe.plan_request` returns. */
export interface Plan {
  format: number
  day: string
  tables: PlanTable[]
  near: { table: string; rows: number; why: string }[]
  refusals: Refused[]
  delayed_by: number[]
  totals: Record<string, number>
  unclassified: string[]
}

/** Opens an erasure for root rows by their keys. @returns the request's id. */
export async function openErasure(
  session: Session,
  subject: string,
  keys: string[],
  controller = 'north',
): Promise<number> {
  const [row] = await rowsOf<{ id: number }>(
    session,
    `with opened as (
       insert into lethe.requests (controller_id, kind, subject, due_on, roots)
       select c.id, 'erasure', $1, current_date + 30, cardinality($2::text[]) from lethe.controllers as c where c.name = $3
       returning id)
     select id::int from opened`,
    [subject, keys, controller],
  )
  await session.query(
    `insert into lethe_private.request_roots (request_id, n, table_id, key)
     select $1, k.n, t.table_id, k.key
     from lethe.subject_types as t cross join unnest($3::text[]) with ordinality as k (key, n) where t.name = $2`,
    [row!.id, subject, keys],
  )
  return row!.id
}

/** Opens an erasure and plans it. */
export async function planErasure(
  session: Session,
  subject: string,
  keys: string[],
  controller = 'north',
): Promise<Plan> {
  const id = await openErasure(session, subject, keys, controller)
  const [row] = await rowsOf<{ plan: Plan }>(session, 'select lethe.plan_request($1) as plan', [id])
  return row!.plan
}

/** `table decision[columns]: rows`, archived ones with `(archive)`; what stays as it is left out. */
export function linesOf(plan: Plan): string[] {
  const counts = new Map<string, number>()
  for (const { table, place, decision, columns, rows } of plan.tables) {
    const cut = decision === 'cut' || (decision === 'anonymize' && columns.length > 0)
    const line = `${table}${place === 'archive' ? ' (archive)' : ''} ${decision}${cut ? `[${columns}]` : ''}`
    counts.set(line, (counts.get(line) ?? 0) + rows)
  }
  return [...counts].map(([line, rows]) => `${line}: ${rows}`).sort()
}

/** `code object: rows` of each refusal. */
export const refusalsOf = (plan: Plan): string[] =>
  plan.refusals.map(({ code, object, rows }) => `${code} ${object}: ${rows}`).sort()
