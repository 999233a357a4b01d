/** The log of a process that stays: readable lines on a terminal, JSON (pino) anywhere else. To stderr. */
import { pino } from 'pino'
import { paint } from './output.ts'

/** What belongs to a message: ids, codes and figures, never anybody's data. */
export type Facts = Record<string, string | number>

/** Levels that we use. */
export interface Log {
  error(message: string, facts?: Facts): void
  warn(message: string, facts?: Facts): void
  info(message: string, facts?: Facts): void
  debug(message: string, facts?: Facts): void
}

const COLOURS = { error: 'red', warn: 'yellow', info: 'cyan', debug: 'dim' } as const

/** @param json - JSON on a terminal too. LOG_LEVEL sets the level; default `info`. */
export function makeLog({ json = false } = {}): Log {
  const level = process.env.LOG_LEVEL ?? 'info'
  if (json || !process.stderr.isTTY) {
    const logger = pino(
      { name: 'lethe', level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime },
      pino.destination(2),
    )
    const object =
      (name: keyof typeof COLOURS) =>
      (message: string, facts: Facts = {}) =>
        logger[name](facts, message)
    return { error: object('error'), warn: object('warn'), info: object('info'), debug: object('debug') }
  }
  const line =
    (name: keyof typeof COLOURS) =>
    (message: string, facts: Facts = {}) => {
      const time = new Date().toTimeString().slice(0, 8)
      const tail = Object.entries(facts).map(([key, value]) => ` ${key}=${value}`)
      process.stderr.write(
        `${time} ${paint(COLOURS[name], name, process.stderr)} ${message}${tail.join('')}\n`,
      )
    }
  const debug = level === 'debug' || level === 'trace' ? line('debug') : () => undefined
  return { error: line('error'), warn: line('warn'), info: line('info'), debug }
}
