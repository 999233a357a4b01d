import { LetheError } from '../errors.ts'

/** A day as it is written on the command line. @throws LetheError LE607. */
export function assertDay(text: string): string {
  const time = new Date(`${text}T00:00:00Z`)
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text))
    return text
  throw new LetheError(`${JSON.stringify(text)} is not a day`, {
    code: 'LE607',
    hint: 'write it as 2026-11-23',
  })
}
