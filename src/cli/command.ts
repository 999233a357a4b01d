/**
 * What every command shares: the options `--json` and `--database`, a database to work on, errors as
 * one sentence, and exit codes.
 *
 * | code | meaning                                                         |
 * |------|-----------------------------------------------------------------|
 * | 0    | done                                                            |
 * | 1    | the work is incomplete, or there are findings                   |
 * | 2    | bad input, or not possible; a sentence and a hint are on stderr |
 */
import type { Command } from 'commander'
import type { DatabasePool } from 'slonik'
import { openPool } from '../db/client.ts'
import { toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import { makeOutput, type Output } from './output.ts'
import { makeProgress, type Progress } from './progress.ts'

export const EXIT_OK = 0
export const EXIT_INCOMPLETE = 1
export const EXIT_IMPOSSIBLE = 2

/** Options that every command has. */
export interface GlobalOptions {
  json?: boolean
  database?: string
}

/** What a command is given. */
export interface Context<Options> {
  /** The command's own options and the global ones. */
  options: Options & GlobalOptions
  /** Positional arguments. */
  args: string[]
  out: Output
  progress(title: string): Progress
}

/** The same, with a database. */
export interface DatabaseContext<Options> extends Context<Options> {
  databaseUrl: string
  /** Opened at first use and closed by us. */
  pool(): Promise<DatabasePool>
}

type ExitCode = number | undefined
type CommanderAction = (this: Command, ...args: unknown[]) => Promise<void>

/** A database for the length of a command. */
export interface UsedDatabase {
  databaseUrl: string
  release(): Promise<void>
}

/**
 * Wraps an action that opens its database itself, or needs none.
 *
 * @param run - returns the exit code; nothing means 0.
 */
export function action<Options>(
  run: (context: Context<Options>) => Promise<ExitCode | void>,
): CommanderAction {
  return async function (this: Command) {
    const options = this.optsWithGlobals<Options & GlobalOptions>()
    const args = this.args
    try {
      process.exitCode =
        (await run({
          options,
          args,
          out: makeOutput({ json: Boolean(options.json) }),
          progress: (title) => makeProgress(title),
        })) ?? EXIT_OK
    } catch (error) {
      throw toLetheError(error, options.database ?? process.env.DATABASE_URL)
    }
  }
}

/** Wraps an action that works on a database: the given one, or the embedded one if it has been made. */
export function databaseAction<Options>(
  run: (context: DatabaseContext<Options>) => Promise<ExitCode | void>,
): CommanderAction {
  return action<Options>(async (context) => {
    const database = await useDatabase(context.options)
    let pool: Promise<DatabasePool> | undefined
    try {
      return await run({
        ...context,
        databaseUrl: database.databaseUrl,
        pool: () => {
          pool ??= openPool(database.databaseUrl)
          return pool
        },
      })
    } catch (error) {
      throw toLetheError(error, database.databaseUrl)
    } finally {
      await pool?.then((opened) => opened.end()).catch(() => undefined)
      await database.release()
    }
  })
}

/**
 * `--database`, else DATABASE_URL, else the embedded server.
 *
 * @param create - make the embedded server if there is none.
 * @throws LetheError LE607 without any of them.
 */
export async function useDatabase(
  options: GlobalOptions,
  { create = false, onProgress }: { create?: boolean; onProgress?: (step: string) => void } = {},
): Promise<UsedDatabase> {
  const given = options.database ?? process.env.DATABASE_URL
  if (given) {
    assertAddress(given)
    return { databaseUrl: given, release: async () => undefined }
  }
  const { embeddedExists, useEmbedded } = await import('../embedded.ts')
  if (!create && !(await embeddedExists())) {
    throw new LetheError('no database was named', {
      code: 'LE607',
      hint: 'give --database postgres://user@host/name or set DATABASE_URL; lethe up brings one of its own',
    })
  }
  return useEmbedded({ onProgress })
}

function assertAddress(address: string): void {
  if (URL.canParse(address) && /^postgres(ql)?:$/.test(new URL(address).protocol)) return
  throw new LetheError('the address of the database is not one', {
    code: 'LE607',
    hint: 'it looks like postgres://user@host:5432/name',
  })
}
