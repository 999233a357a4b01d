/** Numbers on the command line. */
import { LetheError } from '../errors.ts'

/** A parser for commander: a whole number from 1 to `max`. @throws LetheError LE607. */
export function parseCount(option: string, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= 1 && value <= max) return value
    // What stands where a number is wanted may be somebody's address.
    const shown = /^[a-z]+$|^-?[\d.]{1,6}$/i.test(text) ? JSON.stringify(text) : 'that'
    throw new LetheError(`${option} cannot be ${shown}`, {
      code: 'LE607',
      hint: `give a whole number from 1 to ${max}`,
    })
  }
}
