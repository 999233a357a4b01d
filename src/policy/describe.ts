/** A draft for people: its diff, as for infrastructure; what becomes due at once; what the rehearsal has found. */
import { formatNumber, formatTable, paint } from '../cli/output.ts'
import type { Change, Draft, Effect, Finding } from './drafts.ts'

const SIGNS = { added: ['+', 'green'], changed: ['~', 'yellow'], removed: ['-', 'red'] } as const

/**
 * ```
 * audience.contacts
 *   ~ email: anonymize (marketing)  after P3Y → P2Y
 *   + phone: purge                  after P1Y, since last_activity_at
 * ```
 */
export function describeChanges(changes: Change[]): string {
  const width = Math.max(...changes.map((change) => nameOf(change).length), 0)
  const lines: string[] = []
  let heading: string | undefined
  for (const change of changes) {
    const under = change.table ?? 'controllers, subjects, waivers'
    if (under !== heading) lines.push(...(lines.length > 0 ? [''] : []), paint('bold', under))
    heading = under
    const [sign, colour] = SIGNS[change.change]
    lines.push(`  ${paint(colour, `${sign} ${nameOf(change).padEnd(width)}`)}  ${saidBy(change)}`.trimEnd())
  }
  return lines.join('\n')
}

/** `3 added, 1 changed`. */
export function summary(changes: { change: string }[]): string {
  const counts = new Map<string, number>()
  for (const { change } of changes) counts.set(change, (counts.get(change) ?? 0) + 1)
  return [...counts].map(([change, count]) => `${count} ${change}`).join(', ')
}

function nameOf({ what, column, action, purpose, controller }: Change): string {
  const name =
    what === 'term'
      ? column
        ? `${column}: ${action}`
        : (action ?? what)
      : what === 'column'
        ? `column ${column}`
        : what
  const of = [purpose, what === 'controller' ? undefined : controller && `for ${controller}`]
    .filter(Boolean)
    .join(', ')
  return `${what === 'controller' ? `controller ${controller}` : name}${of ? ` (${of})` : ''}`
}

function saidBy({ change, before, after }: Change): string {
  const [old, next] = [mapping(before), mapping(after)]
  if (change === 'added') return entries(next)
  if (change === 'removed') return entries(old)
  return [...new Set([...Object.keys(old), ...Object.keys(next)])]
    .filter((key) => JSON.stringify(old[key]) !== JSON.stringify(next[key]))
    .map((key) => `${key} ${show(old[key])} → ${show(next[key])}`)
    .join(', ')
}

const mapping = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : { '': value }

const entries = (spec: Record<string, unknown>): string =>
  Object.entries(spec)
    .map(([key, value]) => `${key} ${show(value)}`.trim())
    .join(', ')

function show(value: unknown): string {
  if (value === undefined || value === null) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** What becomes due at once, and what no longer is; nothing where neither is the case. */
export function describeBlast({ blast_radius, rows_at_once }: Draft): string {
  const lines = (blast_radius ?? []).filter(
    ({ rule, at_once, no_longer }) => rule !== 'rows' && at_once + (no_longer ?? 0) > 0,
  )
  const sentence = `${formatNumber(rows_at_once ?? 0)} rows become due at once.`
  if (lines.length === 0) return sentence
  return `${formatTable(lines, ['controller', 'table', 'rule', 'at_once', { key: 'due', label: 'due in all' }, 'no_longer'])}\n\n${sentence}`
}

/** One sentence a finding. */
export function describeFindings(findings: Finding[]): string[] {
  return findings.map((finding) => {
    const { problem, controller, table, rule, rows, sqlstate, constraint, relation, remedy } = finding
    const where = [table, rule, controller && `(${controller})`].filter(Boolean).join(' ')
    switch (problem) {
      case 'refused':
        return `${where}: the database refuses it with ${[sqlstate, constraint, relation && `on ${relation}`].filter(Boolean).join(' ')}`
      case 'not done':
        return `${where}: nothing happens on ${rows} rows; a trigger undoes or swallows it`
      case 'clock moved':
        return `${where}: the change moves the clock of ${rows} rows, which would be due again and again`
      case 'row lost':
        return `${where}: ${rows} rows are gone, though only a column was to change`
      case 'right missing':
        return `${relation} cannot be tried: ${remedy}`
      default:
        return `${where}: ${problem}`
    }
  })
}

/** One line a side effect. */
export function describeEffects(effects: Effect[]): string[] {
  return effects.map(({ object, why, inserts = 0, updates = 0, deletes = 0 }) =>
    why
      ? `${object}: a trigger function ${why}`
      : `${object}: ${[
          [inserts, 'inserted'],
          [updates, 'updated'],
          [deletes, 'deleted'],
        ]
          .filter(([count]) => Number(count) > 0)
          .map(([count, done]) => `${count} rows ${done}`)
          .join(', ')} outside the plan`,
  )
}

/** Rules that no row could be found for. */
export function untried({ tried }: Draft): string[] {
  const rows = new Map<string, number>()
  for (const { table, rule, rows: n } of tried ?? [])
    rows.set(`${table} ${rule}`, (rows.get(`${table} ${rule}`) ?? 0) + n)
  return [...rows].filter(([, n]) => n === 0).map(([name]) => name)
}
