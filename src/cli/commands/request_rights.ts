/**
 * Subcommands of `lethe request` for rights other than erasure: the package of an access, corrections, restriction.
 * Counterparts: sql/lethe/packages.sql, rectify.sql, restriction_sql.sql, lift_restriction.sql.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { openClient } from '../../db/client.ts'
import { LetheError } from '../../errors.ts'
import { fetchPackage, makePackage } from '../../rights/store.ts'
import { isLanguage } from '../../rights/words.ts'
import { type DatabaseContext, databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import { parseCount } from '../numbers.ts'
import { standardInput } from '../standard-input.ts'

const Nothing = z.object({}).loose()
const Reach = z.object({ table: z.string(), live: z.number(), archived: z.number() })
const Finding = z.object({
  finding: z.string(),
  object: z.string(),
  sentence: z.string(),
  remedy: z.string(),
})
const request = parseCount('request', Number.MAX_SAFE_INTEGER)

/** Adds the subcommands to `lethe request`. */
export function registerRights(parent: Command): void {
  parent
    .command('package')
    .description('gather what is kept about the person, encrypted; prints the link’s token, once')
    .argument('<id>', 'a request of access or portability, approved', request)
    .option('--language <code>', 'of the readable page: en or fr', 'en')
    .option('--days <n>', 'how long the link is good', parseCount('days', 90), 14)
    .action(databaseAction<{ language: string; days: number }>(makeOne))
  parent
    .command('download')
    .description('fetch a package by its token: data.json, data.html and a CSV file a table')
    .argument('<token>', 'as lethe request package printed it; - reads it from standard input')
    .requiredOption('--output <folder>', 'where the files go; made if it is not there')
    .action(databaseAction<{ output: string }>(download))
  parent
    .command('rectify')
    .description('correct columns of one row of the person')
    .argument('<id>', 'a request of rectification, approved', request)
    .argument('<table>', 'schema.table')
    .argument('<key>', 'of the row; of several columns a JSON array')
    .argument('[changes]', '{"column": value}; read from standard input unless given', '-')
    .action(databaseAction<object>(rectify))
  parent
    .command('restricted')
    .description('what a restriction reaches now, table by table')
    .argument('<id>', 'the request', request)
    .action(
      databaseAction<object>(async ({ args, pool, out }) => {
        const id = Number(args[0])
        const tables = await (await pool()).any(sql.type(Reach)`
          select table_name as "table", live, archived from lethe.restricted_rows(${id})`)
        if (out.json) out.object({ id, tables })
        else out.table(tables.map((row) => ({ ...row })))
      }),
    )
  parent
    .command('told')
    .description('write down that the person was told, as is due before a restriction ends')
    .argument('<id>', 'the request', request)
    .requiredOption('--how <text>', 'a letter, a call; kept')
    .action(
      databaseAction<{ how: string }>(async ({ args, options, pool, out }) => {
        const id = Number(args[0])
        await (await pool()).any(sql.type(Nothing)`select lethe.note_told(${id}, ${options.how})`)
        out.success(`it is written down that the person of request ${id} was told`)
        out.object({ id, told: options.how })
      }),
    )
  parent
    .command('lift')
    .description('end a restriction, once the person was told')
    .argument('<id>', 'the request', request)
    .requiredOption('--reason <text>', 'why; kept')
    .action(
      databaseAction<{ reason: string }>(async ({ args, options, pool, out }) => {
        const id = Number(args[0])
        await (await pool()).any(sql.type(Nothing)`select lethe.lift_restriction(${id}, ${options.reason})`)
        out.success(`the restriction of request ${id} is lifted: what is overdue is done in the next cycle`)
        out.object({ id, state: 'lifted' })
      }),
    )
  parent
    .command('hide')
    .description(
      'print the statements that hide restricted rows of a table and refuse writes to them; or run them',
    )
    .argument('[table]', 'schema.table; without one: what is missing (exit 1 if anything)')
    .option('--create', 'run them, as the user connected')
    .option('--drop', 'take it off: print those statements, and with --create run them')
    .action(databaseAction<{ create?: boolean; drop?: boolean }>(hide))
}

async function makeOne({
  args,
  options,
  pool,
  out,
}: DatabaseContext<{ language: string; days: number }>): Promise<void> {
  const { language, days } = options
  if (!isLanguage(language)) {
    throw new LetheError(`there are no words in ${language}`, { code: 'LE607', hint: '--language en, or fr' })
  }
  const made = await makePackage(await pool(), Number(args[0]), { language, days })
  out.success(
    `${made.rows} rows of ${made.tables} tables, until ${made.expiresAt}. The token, which is shown once:`,
  )
  out.line(made.token)
  const { token, expiresAt: expires_at, tables, rows } = made
  out.object({ id: Number(args[0]), token, expires_at, tables, rows })
}

async function download({ args, options, pool, out }: DatabaseContext<{ output: string }>): Promise<void> {
  const token =
    args[0] === '-'
      ? await standardInput('token', 'echo TOKEN | lethe request download - --output DIR')
      : args[0]!
  await mkdir(options.output, { recursive: true, mode: 0o700 })
  // Files of somebody else's package must not be handed on with these.
  if ((await readdir(options.output)).length > 0) {
    throw new LetheError(`the folder ${options.output} is not empty`, {
      code: 'LE607',
      hint: 'name a new one for each package',
    })
  }
  const files = await fetchPackage(await pool(), token)
  for (const [name, text] of Object.entries(files))
    await writeFile(join(options.output, name), text, { mode: 0o600 })
  out.success(`${Object.keys(files).length} files are in ${options.output}`)
  out.object({ folder: options.output, files: Object.keys(files) })
}

async function rectify({ args, pool, out }: DatabaseContext<object>): Promise<void> {
  const [id, table = '', key = '', given = '-'] = args
  const text =
    given === '-'
      ? await standardInput(
          'changes',
          `echo '{"column": "value"}' | lethe request rectify ${id} ${table} KEY`,
        )
      : given
  const columns = columnsOf(text)
  // As it was written: read and written again here, a number would lose digits.
  await (await pool()).any(
    sql.type(Nothing)`select lethe.rectify(${Number(id)}, ${table}, ${key}, ${text}::jsonb)`,
  )
  out.success(`a row of ${table} is corrected; lethe request execute ${id} ends the request`)
  out.object({ id: Number(id), table, columns })
}

/** @throws LetheError LE607, which repeats nothing of it. */
function columnsOf(changes: string): string[] {
  try {
    return Object.keys(z.record(z.string(), z.unknown()).parse(JSON.parse(changes)))
  } catch {
    throw new LetheError('the changes are no JSON object', { code: 'LE607', hint: '{"column": "value"}' })
  }
}

type HideContext = DatabaseContext<{ create?: boolean; drop?: boolean }>

async function hide(context: HideContext): Promise<number> {
  const { args, options, pool, out, databaseUrl } = context
  const { create = false, drop = false } = options
  const table = args[0]
  const database = await pool()
  if (table === undefined) return findings(context, database)
  const { text } = await database.one(
    drop
      ? sql.type(z.object({ text: z.string().nullable() }))`select lethe.unrestriction_sql(${table}) as text`
      : sql.type(z.object({ text: z.string().nullable() }))`select lethe.restriction_sql(${table}) as text`,
  )
  if (create && text !== null) await runAll(databaseUrl, text)
  out.line(text ?? 'There is nothing to take off.')
  out.object({ sql: text, run: create && text !== null })
  if (!create && text !== null)
    out.warn('nothing was run: --create does so, as the user connected, who must own the table')
  return EXIT_OK
}

/** Many statements in one text are one transaction. They were written by the database for itself, names quoted. */
async function runAll(databaseUrl: string, statements: string): Promise<void> {
  const client = await openClient(databaseUrl)
  try {
    await client.query(statements)
  } finally {
    await client.end()
  }
}

async function findings({ out }: HideContext, database: DatabasePool): Promise<number> {
  const rows = await database.any(sql.type(Finding)`
    select finding, object, sentence, remedy from lethe.restriction_findings()`)
  if (rows.length === 0) out.success('what is restricted is hidden wherever it is to be')
  else
    out.table(
      rows.map((row) => ({ ...row })),
      ['finding', 'sentence', 'remedy'],
    )
  return rows.length > 0 ? EXIT_INCOMPLETE : EXIT_OK
}
