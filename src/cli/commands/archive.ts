/** `lethe archive`: what the archive holds, in counts; and opening one record of it. */
import type { Command } from 'commander'
import { sql } from 'slonik'
import { z } from 'zod'
import { databaseAction } from '../command.ts'
import { standardInput } from '../standard-input.ts'

interface OpenOptions {
  reason: string
  restore?: boolean
  until?: string
  at?: string
}

const contents = z.object({
  controller: z.string(),
  table: z.string(),
  content: z.string(),
  rows: z.number(),
  first_moved: z.string(),
  last_moved: z.string(),
})

const opened = z.object({
  table: z.string(),
  key: z.string(),
  moved: z.string(),
  content: z.record(z.string(), z.unknown()),
})

export function register(program: Command): void {
  const archive = program
    .command('archive')
    .description('say what the archive holds, or open one record of it')

  archive
    .command('list', { isDefault: true })
    .description('how many rows and values of each table are in the archive')
    .action(
      databaseAction(async ({ out, pool }) => {
        const rows = await (await pool()).any(sql.type(contents)`
          select controller, table_name as "table", content, rows,
            to_char(first_moved_at, 'YYYY-MM-DD') as first_moved, to_char(last_moved_at, 'YYYY-MM-DD') as last_moved
          from lethe.archive_contents()`)
        if (rows.length === 0 && !out.json) return out.line('The archive is empty.')
        out.table([...rows])
      }),
    )

  archive
    .command('open')
    .description('show one archived record, or put it back; recorded, with its reason')
    .argument('<table>', 'schema.table')
    .argument('<key>', 'its key; several columns as a JSON array; - reads it from standard input')
    .requiredOption('--reason <text>', 'why the archive is opened')
    .option('--restore', 'put the record back whole, and leave it alone until a day')
    .option('--until <date>', 'that day (YYYY-MM-DD; default 30 days on)')
    .option('--at <time>', 'when it was archived, where several records have this key')
    .action(
      databaseAction<OpenOptions>(async ({ options, args, out, pool }) => {
        const [table = '', given = ''] = args
        const key =
          given === '-' ? await standardInput('key', 'echo -n KEY | lethe archive open TABLE -') : given
        const rows = await (await pool()).any(sql.type(opened)`
          select table_name as "table", row_key as key, to_char(moved_at, 'YYYY-MM-DD HH24:MI:SS.US OF') as moved, content
          from lethe.open_archive(${options.reason}, ${table}, ${key}, ${options.restore ?? false},
            ${options.until ?? null}::date, ${options.at ?? null}::timestamptz)`)
        if (out.json) return out.table(rows.map((row) => ({ ...row })))
        for (const row of rows) {
          out.line(`\n${row.table}  ${row.key}  (archived ${row.moved})`)
          out.table(Object.entries(row.content).map(([column, value]) => ({ column, value: asText(value) })))
        }
        if (options.restore) out.success(`put back: ${rows.length} rows`)
      }),
    )
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
