/** A receipt as a document: what a cycle did. See signed.ts for how it is signed. */
import type { KeyObject } from 'node:crypto'
import type { Receipt, Term } from '../db/evidence.ts'
import { LetheError } from '../errors.ts'
import { type Form, plain, readSigned, type SignedDocument, writeSigned } from './signed.ts'

/** A receipt that somebody handed over, taken apart but not believed yet. */
export interface Given extends SignedDocument {
  cycle: number
  controller: string
}

/** The document as it is written, signed where a key is given. */
export function writeReceipt(receipt: Receipt, form: Form, key?: KeyObject): string {
  return writeSigned('receipt', receiptText(receipt, form), form, key)
}

/** What is signed. */
export function receiptText(receipt: Receipt, form: Form): string {
  return form === 'json' ? JSON.stringify(receipt) : markdown(receipt)
}

/** @throws LetheError LE805 when it is no receipt of Lethe, to the last character. */
export function readReceiptFile(content: string): Given {
  const given = readSigned('receipt', content)
  const about = given && aboutReceipt(given)
  if (about) return { ...given, ...about }
  throw new LetheError('this is no receipt, or it was changed', {
    code: 'LE805',
    hint: 'lethe receipt writes one: keep it as it is, without conversion of line ends',
  })
}

function aboutReceipt({ form, signed }: SignedDocument): { cycle: number; controller: string } | undefined {
  if (form === 'text') {
    const head = /^# Receipt of cycle (\d+) of ([a-z][a-z0-9_-]*)\n/.exec(signed)
    return head ? { cycle: Number(head[1]), controller: head[2]! } : undefined
  }
  const { cycle, controller } = JSON.parse(signed)
  return cycle && controller ? { cycle: cycle.id, controller: controller.name } : undefined
}

function markdown(receipt: Receipt): string {
  const { controller, cycle, rules, policy, key_version, seal } = receipt
  const days =
    cycle.covers_since === cycle.local_date
      ? cycle.local_date
      : `${cycle.covers_since} to ${cycle.local_date}`
  return `# Receipt of cycle ${cycle.id} of ${controller.name}

- Controller: ${plain(controller.title ?? controller.name)}
- Day: ${days} (${controller.time_zone})
- Began: ${cycle.started_at}
- Ended: ${cycle.finished_at}
- Outcome: ${cycle.state === 'complete' ? 'complete; the data was read again, and nothing due is left' : 'INCOMPLETE'}

## What was due, and what was done

${rules.length > 0 ? markdownTable(rules) : 'No rule applied to any table.'}
${faults(receipt)}
## The policy in force

SHA-256 ${policy.sha256}

${policy.terms.map((term) => `- ${describeTerm(term)}\n`).join('')}
## Proof

- Seal: ${seal.number}, ${seal.hash}
- Sealed: ${seal.sealed_at}
- Chain: ${seal.chain}
- This receipt in it: ${seal.receipt_sha256}
- Key version: ${key_version}
`
}

const FIGURES = ['due', 'done', 'held', 'kept_by_child', 'skipped', 'unclocked', 'left_over']
const LABELS: Record<string, string> = { kept_by_child: 'kept by child', left_over: 'left' }

function markdownTable(rules: Receipt['rules']): string {
  const isFigure = (key: string): boolean =>
    !['table_name', 'rule', 'skipped_why', ...FIGURES].includes(key) && typeof rules[0]![key] === 'number'
  const figures = [...FIGURES.slice(0, -1), ...Object.keys(rules[0]!).filter(isFigure), 'left_over']
  const rows = [
    ['table', 'rule', ...figures.map((figure) => LABELS[figure] ?? figure.replaceAll('_', ' '))],
    ...rules.map((rule) => [
      plain(rule.table_name),
      plain(rule.rule),
      ...figures.map((figure) => (typeof rule[figure] === 'number' ? String(rule[figure]) : 'not read')),
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n')
}

function faults({ tables, requests = [] }: Receipt): string {
  const failed = requests.map(
    ({ request, failure }) => `- request ${request}: failed, SQLSTATE ${failure.sqlstate}\n`,
  )
  const lines = tables
    .filter(({ state }) => state !== 'verified')
    .map(({ table, state, failure }) => {
      const constraint = failure?.constraint ? `, constraint ${plain(failure.constraint)}` : ''
      return `- ${plain(table)}: ${state}${failure ? `, SQLSTATE ${failure.sqlstate}${constraint}` : ''}\n`
    })
    .concat(failed)
  return lines.length > 0 ? `\n## What was not done\n\n${lines.join('')}` : ''
}

/** `audience.contacts, email: anonymize by pseudonym_email, P3Y after last_activity_at, for marketing`. */
export function describeTerm({
  table,
  column,
  action,
  method,
  purpose,
  after,
  since,
  conditional,
}: Term): string {
  const clock = since.length === 1 ? since[0] : `the latest of ${since.join(', ')}`
  return plain(
    [
      `${table}, ${column ?? 'rows'}: ${action}${method ? ` by ${method}` : ''}`,
      `${after} after ${clock}`,
      ...(purpose ? [`for ${purpose}`] : []),
      ...(conditional ? ['where its condition holds'] : []),
    ].join(', '),
  )
}
