/**
 * What a command says. For people: sentences and tables on stdout, progress and errors on stderr. For
 * programs (`--json`): one JSON object a line on stdout, and nothing else there.
 */
import { styleText } from 'node:util'
import Table from 'cli-table3'
import { type LetheError, UNEXPECTED } from '../errors.ts'

/** A value that a cell can show. */
export type Cell = string | number | bigint | boolean | null | undefined

/** A row of a table, and a line of JSON. Values that are no {@link Cell} appear in the JSON alone. */
export type Row = Record<string, unknown>

/** One column: the key in the row, and its heading when it differs. */
export interface Column {
  key: string
  label?: string
}

/** Where a command puts what it has to say. */
export interface Output {
  readonly json: boolean
  /** A sentence for people; nothing with `--json`. */
  line(text?: string): void
  /** A sentence that things are well; nothing with `--json`. */
  success(text: string): void
  /** Something a person should look at; to stderr, nothing with `--json`. */
  warn(text: string): void
  /** Rows, numbers to the right with thousands apart. With `--json` one object a line, all keys. */
  table(rows: Row[], columns?: (Column | string)[]): void
  /** One object: `key  value` lines, or one line of JSON. */
  record(record: Row): void
  /** One object for programs; nothing for people. */
  object(record: Row): void
}

/** @param stream - stdout, or anything else that takes text. */
export function makeOutput(
  { json }: { json: boolean },
  stream: NodeJS.WritableStream = process.stdout,
): Output {
  const put = (text: string): void => void stream.write(`${text}\n`)
  const forPeople = (text: string): void => {
    if (!json) put(text)
  }
  const object = (record: Row): void => {
    if (json) put(JSON.stringify(record, plain))
  }
  return {
    json,
    object,
    line: (text = '') => forPeople(text),
    success: (text) => forPeople(`${paint('green', '✓')} ${text}`),
    warn: (text) => {
      if (!json) process.stderr.write(`${paint('yellow', '!', process.stderr)} ${text}\n`)
    },
    table: (rows, columns) => (json ? rows.forEach(object) : put(formatTable(rows, columns))),
    record: (record) => {
      object(record)
      forPeople(formatRecord(record))
    },
  }
}

/** The error, its hint and its code, to stderr; with `--json` as one object there. */
export function printError(error: LetheError, json: boolean): void {
  const { message, code, hint } = error
  // Only our own pointer into a policy file; other details could quote rows.
  const at = error.detail?.startsWith('at /') ? error.detail.split('\n', 1)[0] : undefined
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: { code, message, at, hint } })}\n`)
    return
  }
  const known = code === UNEXPECTED ? '' : ` ${paint('dim', `[${code}]`, process.stderr)}`
  process.stderr.write(
    `${paint('red', 'error:', process.stderr)} ${message}${at ? ` (${at})` : ''}${known}\n`,
  )
  if (hint) process.stderr.write(`${paint('dim', 'hint:', process.stderr)} ${hint}\n`)
}

/** Thousands apart by a thin gap that every terminal has: `1,234,567`. */
export function formatNumber(value: number | bigint): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 3 })
}

/** What names things of the host's, as it may stand in a line: a name may neither begin another one nor speak to the terminal. */
export function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) =>
    character === '\n' ? '\\n' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** A table without vertical lines. Columns of numbers alone stand to the right. */
export function formatTable(rows: Row[], columns?: (Column | string)[]): string {
  const shown = (columns ?? Object.keys(rows[0] ?? {})).map((column) =>
    typeof column === 'string' ? { key: column } : column,
  )
  const isNumeric = ({ key }: Column): boolean =>
    rows.some((row) => isNumber(row[key])) && rows.every((row) => isNumber(row[key]) || row[key] == null)
  const table = new Table({
    head: shown.map(({ key, label }) => paint('bold', label ?? key.replaceAll('_', ' '))),
    colAligns: shown.map((column) => (isNumeric(column) ? 'right' : 'left')),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  })
  table.push(...rows.map((row) => shown.map(({ key }) => formatCell(row[key]))))
  return table.toString().replace(/[ \t]+$/gm, '')
}

const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((name) => [name, '']),
)

function formatRecord(record: Row): string {
  const width = Math.max(...Object.keys(record).map((key) => key.length))
  return Object.entries(record)
    .map(([key, value]) => `${paint('bold', key.replaceAll('_', ' ').padEnd(width))}  ${formatCell(value)}`)
    .join('\n')
}

function formatCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (isNumber(value)) return formatNumber(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'object' ? JSON.stringify(value, plain) : String(value)
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}

/** Colour where the stream is a terminal and NO_COLOR is not set. */
export function paint(
  style: Parameters<typeof styleText>[0],
  text: string,
  stream: NodeJS.WritableStream = process.stdout,
): string {
  return styleText(style, text, { stream: stream as NodeJS.WriteStream, validateStream: true })
}
