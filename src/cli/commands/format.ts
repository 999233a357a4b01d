/** `lethe format list|sql|apply`: what keeps minimised formats on your tables. Counterpart: sql/lethe/format_sql.sql. */
import type { Command } from 'commander'
import { sql } from 'slonik'
import { z } from 'zod'
import { openClient } from '../../db/client.ts'
import { keepFormat } from '../../policy/formats.ts'
import { databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'

const declaredRow = z.object({
  table: z.string(),
  column: z.string(),
  format: z.string(),
  on_arrival: z.string().nullable(),
  steps_left: z.number(),
})

const printed = z.object({ script: z.string() })

/** Adds the command to the program. */
export function register(program: Command): void {
  const format = program
    .command('format')
    .description('minimised formats: list them, print what keeps them, run it')
  format
    .command('list', { isDefault: true })
    .description('the formats that columns are declared to have, and how much is left to do')
    .action(
      databaseAction(async ({ out, pool }) => {
        const rows = await (await pool()).any(DECLARED)
        if (rows.length === 0 && !out.json) return out.line('No column is declared to have a format.')
        out.table([...rows])
        return rows.some(({ steps_left }) => steps_left > 0) ? EXIT_INCOMPLETE : EXIT_OK
      }),
    )
  format
    .command('sql')
    .description('print what is left to do until a column keeps its format, to read and to run')
    .argument('<table>', 'schema.table')
    .argument('<column>', 'its column')
    .action(
      databaseAction(async ({ args, out, pool }) => {
        const [table = '', column = ''] = args
        const { script } = await (await pool()).one(
          sql.type(printed)`select lethe.format_sql(${table}, ${column}) as script`,
        )
        out.line(script.trimEnd())
        out.object({ table, column, script })
      }),
    )
  format
    .command('apply')
    .description('run it, as the user connected; can be stopped, and called again')
    .argument('<table>', 'schema.table')
    .argument('<column>', 'its column')
    .action(
      databaseAction(async ({ args, out, databaseUrl, progress }) => {
        const [table = '', column = ''] = args
        const client = await openClient(databaseUrl)
        const running = progress(`format of ${table} ${column}`)
        const result = await keepFormat(client, table, column, running.step).finally(async () => {
          running.end()
          await client.end()
        })
        out.object({ table, column, ...result })
        for (const title of result.done) out.success(title)
        if (result.stuck > 0) {
          out.warn(
            `${result.stuck} value(s) of ${table} ${column} are not in the format, could not be reduced to it, or are held.`,
          )
          out.line(
            `Correct or empty them (lethe format sql ${table} ${column} says how they are found), then again.`,
          )
          return EXIT_INCOMPLETE
        }
        out.success(`${table} ${column} keeps its format`)
        return EXIT_OK
      }),
    )
}

const DECLARED = sql.type(declaredRow)`
  select m.schema_name || '.' || m.table_name as "table", d.column_name as "column", d.format, d.on_arrival,
    (select count(*)::int from lethe.format_steps(format('%I.%I', m.schema_name, m.table_name), d.column_name)) as steps_left
  from lethe.column_formats as d
  join lethe.managed_tables as m on m.id = d.table_id
  order by 1, 2`
