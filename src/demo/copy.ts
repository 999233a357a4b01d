/**
 * `copy … from stdin` for a pg client: the rows of an iterable are sent while the server takes them.
 * pg knows the messages of the protocol but leaves the statement to its callers; this is that caller.
 *
 * Danger: the server may refuse in the middle (a broken constraint, a full disk). It then ignores what
 * is still sent, so the rest is not made at all.
 */
import type { Client, Connection } from 'pg'

/** A value of a row. Numbers and strings are sent as text; null is SQL's null. */
export type CopyValue = string | number | null

/** What pg's connection can do besides what its published types say. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(message: string): void
}

const CHUNK_CHARS = 128 * 1024
const UNSENT_BYTES_MAX = 1024 * 1024

/** One row in `copy`'s text format, line end included. */
export function copyLine(values: readonly CopyValue[]): string {
  let line = ''
  for (const value of values) {
    if (value === null) line += '\\N\t'
    else if (typeof value === 'number') line += `${value}\t`
    else line += /[\\\t\n\r]/.test(value) ? `${escaped(value)}\t` : `${value}\t`
  }
  return `${line.slice(0, -1)}\n`
}

function escaped(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
}

/**
 * Runs `statement` (a `copy … from stdin` in text format) with the given lines.
 *
 * @returns how many rows the server took
 */
export function copyRows(client: Client, statement: string, lines: Iterable<string>): Promise<number> {
  return new Promise((resolve, reject) => {
    let rows = 0
    let failed = false

    const send = async (connection: CopyConnection): Promise<void> => {
      let chunk = ''
      const flush = (): void => {
        connection.sendCopyFromChunk(Buffer.from(chunk))
        chunk = ''
      }
      for (const line of lines) {
        chunk += line
        if (chunk.length < CHUNK_CHARS) continue
        flush()
        if (connection.stream.writableLength > UNSENT_BYTES_MAX) await drained(connection)
        else await new Promise(setImmediate)
        if (failed) return
      }
      if (chunk !== '') flush()
      connection.endCopyFrom()
    }

    client.query({
      submit: (connection: Connection) => connection.query(statement),
      handleCopyInResponse(connection: CopyConnection) {
        send(connection).catch((error: Error) => connection.sendCopyFail(error.message))
      },
      handleCommandComplete(message: { text: string }) {
        rows = Number(message.text.split(' ')[1])
      },
      handleReadyForQuery: () => resolve(rows),
      handleError(error: Error) {
        failed = true
        reject(error)
      },
    })
  })
}

/** When the socket has taken what it was given, or will never. */
function drained({ stream }: CopyConnection): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.once('drain', done).once('close', done)
  })
}
