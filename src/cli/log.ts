/** The log of a process that stays: readable lines on a terminal, JSON (pino) anywhere else. To stderr. */
import { pino } from 'pino'
import { paint } from './output.ts'

/** Levels that we use; pino's logger fits. */
export interface Log {
  error(message: string): void
  warn(message: string): void
  info(message: string): void
  debug(message: string): void
}

const COLOURS = { error: 'red', warn: 'yellow', info: 'cyan', debug: 'dim' } as const

/** @param json - JSON on a terminal too. LOG_LEVEL sets the level; default `info`. */
export function makeLog({ json = false } = {}): Log {
  const level = process.env.LOG_LEVEL ?? 'info'
  if (json || !process.stderr.isTTY) {
    return pino(
      { name: 'lethe', level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime },
      pino.destination(2),
    )
  }
  const line = (name: keyof typeof COLOURS) => (message: string) => {
    const time = new Date().toTimeString().slice(0, 8)
    process.stderr.write(`${time} ${paint(COLOURS[name], name, process.stderr)} ${message}\n`)
  }
  const debug = level === 'debug' || level === 'trace' ? line('debug') : () => undefined
  return { error: line('error'), warn: line('warn'), info: line('info'), debug }
}
