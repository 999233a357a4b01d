/**
 * A receipt as a document: Markdown for people, JSON for programs, each with its own signature. What is
 * signed is the text itself, byte for byte, so that nobody needs to know how it was made to check it.
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import type { Receipt, Term } from '../db/evidence.ts'
import { LetheError } from '../errors.ts'
import { fingerprint } from './keys.ts'

/** The two forms of a receipt. */
export type Form = 'text' | 'json'

/** A receipt that somebody handed over, taken apart but not believed yet. */
export interface Given {
  form: Form
  cycle: number
  controller: string
  /** What the signature is over. */
  signed: string
  signature?: { key: string; value: string }
}

const BEGIN = '-----BEGIN LETHE SIGNATURE-----'
const END = '-----END LETHE SIGNATURE-----'

/** The document as it is written, signed where a key is given. */
export function writeReceipt(receipt: Receipt, form: Form, key?: KeyObject): string {
  const signed = receiptText(receipt, form)
  const value = key && sign(null, Buffer.from(signed), key).toString('base64')
  if (form === 'json') {
    return jsonDocument(signed, key && value ? { key: fingerprint(key), value } : undefined)
  }
  if (!key) return `${signed}\nThis receipt is not signed.\n`
  return `${signed}\n${BEGIN}\nEd25519 ${fingerprint(key)}\n${value}\n${END}\n`
}

function jsonDocument(signed: string, signature?: { key: string; value: string }): string {
  const { key, value } = signature ?? {}
  const signedBy = signature ? { algorithm: 'Ed25519', key, value } : null
  return `{"receipt":${signed},"signature":${JSON.stringify(signedBy)}}\n`
}

/** What is signed. */
export function receiptText(receipt: Receipt, form: Form): string {
  return form === 'json' ? JSON.stringify(receipt) : markdown(receipt)
}

/** @throws LetheError LE805 when it is no receipt of Lethe, to the last character. */
export function readReceiptFile(content: string): Given {
  const given = content.startsWith('{') ? readJson(content) : readText(content)
  if (given) return given
  throw new LetheError('this is no receipt, or it was changed', {
    code: 'LE805',
    hint: 'lethe receipt writes one: keep it as it is, without conversion of line ends',
  })
}

/** True when the key made the signature over exactly this text. */
export function isSignedBy(given: Given, key: KeyObject): boolean {
  if (!given.signature || given.signature.key !== fingerprint(key)) return false
  return verify(null, Buffer.from(given.signed), key, Buffer.from(given.signature.value, 'base64'))
}

const FOOT = new RegExp(
  `\\n(?:This receipt is not signed\\.|${BEGIN}\\nEd25519 (sha256:[0-9a-f]{64})\\n([A-Za-z0-9+/]{86}==)\\n${END})\\n$`,
)

function readText(content: string): Given | undefined {
  const foot = FOOT.exec(content)
  const head = /^# Receipt of cycle (\d+) of ([a-z][a-z0-9_-]*)\n/.exec(content)
  if (!foot || !head) return undefined
  return assemble('text', Number(head[1]), head[2]!, content.slice(0, foot.index), foot[1], foot[2])
}

function readJson(content: string): Given | undefined {
  try {
    const { receipt, signature } = JSON.parse(content)
    const signed = JSON.stringify(receipt)
    // Written in one way only, so that not even a blank can be changed.
    if (jsonDocument(signed, signature ?? undefined) !== content) return undefined
    return assemble(
      'json',
      receipt.cycle.id,
      receipt.controller.name,
      signed,
      signature?.key,
      signature?.value,
    )
  } catch {
    return undefined
  }
}

function assemble(
  form: Form,
  cycle: number,
  controller: string,
  signed: string,
  key?: string,
  value?: string,
): Given | undefined {
  if (value !== undefined && Buffer.from(value, 'base64').toString('base64') !== value) return undefined
  const signature = key && value ? { key, value } : undefined
  return { form, cycle, controller, signed, signature }
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

/** Names are the host's: none of them may begin a line or a column of its own. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').replaceAll('|', '\\|')
}
