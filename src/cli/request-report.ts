/** A request as people read it: what was asked, what would be or was done, what was found, who was told. */
import { z } from 'zod'
import type { Output } from './output.ts'

const PlanLine = z
  .object({ table: z.string(), decision: z.string(), rows: z.number(), place: z.string().optional() })
  .loose()
const Refusal = z.object({ sentence: z.string(), hint: z.string().nullish() }).loose()
const Plan = z
  .object({
    tables: z.array(PlanLine).default([]),
    near: z.array(z.object({ table: z.string(), rows: z.number() }).loose()).default([]),
    refusals: z.array(Refusal).default([]),
    delayed_by: z.array(z.number()).nullish(),
    unclassified: z.array(z.unknown()).nullish(),
  })
  .loose()
const Event = z.object({
  at: z.string(),
  by: z.string(),
  event: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  reason: z.string().nullable(),
})

/** What lethe.request_report returns. */
export const RequestReport = z
  .object({
    id: z.number(),
    kind: z.string(),
    subject: z.string(),
    controller: z.string(),
    state: z.string(),
    roots: z.number(),
    received_on: z.string(),
    due_on: z.string(),
    days_left: z.number().nullable(),
    completes_on: z.string().nullable(),
    plan: Plan.nullable(),
    plan_mark: z.string().nullable(),
    failure: z.record(z.string(), z.unknown()).nullable(),
    events: z.array(Event),
    findings: z.array(
      z
        .object({ place: z.string(), object: z.string(), finding: z.string(), rows: z.number().nullable() })
        .loose(),
    ),
    notifications: z.array(
      z
        .object({
          recipient: z.string(),
          state: z.string(),
          attempts: z.number(),
          status: z.number().nullable(),
          event_key: z.string(),
        })
        .loose(),
    ),
    certificates: z.array(
      z.object({
        number: z.number(),
        issued_at: z.string(),
        document: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .loose()

export type RequestReport = z.infer<typeof RequestReport>

/** `due on 2026-12-25, in 31 days`. */
export function deadline({
  due_on,
  days_left,
}: {
  due_on: string
  days_left: number | null
}): string | undefined {
  if (days_left === null) return undefined
  if (days_left < 0) return `OVERDUE since ${due_on}`
  return `due on ${due_on}, ${days_left === 0 ? 'today' : `in ${days_left} days`}`
}

/** All that may be shown of a request. */
export function printRequest(out: Output, report: RequestReport): void {
  const { id, kind, subject, controller, state, roots, completes_on } = report
  out.line(
    [
      `request ${id}: ${kind}, ${roots} × ${subject} of ${controller}`,
      state,
      deadline(report),
      completes_on && `completes on ${completes_on}`,
    ]
      .filter(Boolean)
      .join('; '),
  )
  if (report.failure) out.warn(`the last attempt failed: ${describe(report.failure)}`)
  if (report.plan) printPlan(out, report.plan, report.plan_mark)
  section(
    out,
    'What happened',
    report.events.map(({ at, event, from, to, ...rest }) => ({
      at: `${at.slice(0, 16).replace('T', ' ')} UTC`,
      by: rest.by,
      what: event === 'moved' ? `${from} → ${to}` : event,
      reason: rest.reason,
    })),
  )
  section(
    out,
    'What was found afterwards',
    report.findings.map(({ place, object, finding, rows }) => ({ place, object, finding, rows })),
  )
  section(
    out,
    'Who was told',
    report.notifications.map(({ recipient, state, attempts, status, event_key }) => ({
      recipient,
      state,
      attempts,
      http: status,
      event_key,
    })),
  )
  for (const { number, issued_at } of report.certificates)
    out.line(`certificate ${number} of ${issued_at.slice(0, 10)}: lethe request certificate ${id}`)
}

/** A plan of an erasure, table by table, and what stands in its way. */
export function printPlan(out: Output, plan: z.infer<typeof Plan>, mark: string | null): void {
  section(
    out,
    `What goes and what stays${mark ? ` (plan ${mark})` : ''}`,
    plan.tables.map(({ table, place, decision, rows, basis, until, because }) => ({
      table: place === 'archive' ? `${table} (archive)` : table,
      decision,
      rows,
      until,
      basis,
      because,
    })),
  )
  section(
    out,
    'Other people’s rows near it',
    plan.near.map(({ table, rows, why }) => ({ table, rows, why })),
  )
  for (const { sentence, hint } of plan.refusals) out.warn(`${sentence}${hint ? ` (${hint})` : ''}`)
  if (plan.delayed_by?.length) out.warn(`kept by hold ${plan.delayed_by.join(', ')} until it is released`)
  if (plan.unclassified?.length) out.warn(`columns without a category: ${plan.unclassified.join(', ')}`)
}

function section(out: Output, title: string, rows: Record<string, unknown>[]): void {
  if (rows.length === 0) return
  out.line()
  out.line(title)
  out.table(rows)
}

const describe = (failure: Record<string, unknown>): string =>
  Object.entries(failure)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
