/**
 * One table as CSV: RFC 4180, UTF-8, a header, CRLF. A null is an empty field, an empty text is `""`.
 *
 * Danger: a spreadsheet runs a cell that begins with `= + - @`, a tab or a carriage return as a formula, and the text may
 * be anybody's. Such a cell gets an apostrophe in front; a number stays a number.
 */
import { type PersonalTable, valueAsText } from './document.ts'

const FORMULA = /^[=+\-@\t\r]/
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i

/** @returns the text of the file. */
export function asCsv({ columns, rows }: PersonalTable): string {
  const names = columns.map(({ name }) => name)
  const lines = [names.map(field), ...rows.map(({ values }) => names.map((name) => field(values[name])))]
  return lines.map((line) => `${line.join(',')}\r\n`).join('')
}

function field(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = valueAsText(value)
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text
  return safe === '' || /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
