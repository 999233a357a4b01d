/** `lethe plan`: what a cycle would do on a day, counted from the data, touching nothing. */
import type { Command } from 'commander'
import { sql } from 'slonik'
import { z } from 'zod'
import { LetheError } from '../../errors.ts'
import { databaseAction } from '../command.ts'

interface Options {
  asOf?: string
  controller?: string
}

const planned = z.object({
  controller: z.string(),
  table: z.string(),
  rule: z.string(),
  due: z.number(),
  held: z.number().nullable(),
  kept_by_child: z.number().nullable(),
  unclocked: z.number().nullable(),
})

export function register(program: Command): void {
  program
    .command('plan')
    .description('say what a cycle would do, counted from the data, touching nothing')
    .option('--as-of <date>', 'a local day, also one to come (YYYY-MM-DD; default today)')
    .option('--controller <name>', 'one controller; default all')
    .action(
      databaseAction<Options>(async ({ options, out, pool, progress }) => {
        const day = options.asOf === undefined ? null : assertDay(options.asOf)
        const database = await pool()
        const counting = progress('planning')
        counting.step('counting what is due')
        const rows = await database
          .any(
            sql.type(planned)`
              select controller, table_name as "table", rule, due, held, kept_by_child, unclocked
              from lethe.plan(${day}::date, ${options.controller ?? null})`,
          )
          .finally(counting.end)
        if (out.json) return out.table([...rows])
        if (rows.length === 0) {
          out.line('No rule applies to any table. Begin with: lethe policy apply policy.yaml')
          return
        }
        const rules = rows.filter(({ rule }) => rule !== 'rows')
        out.line(`${day === null ? 'Due today' : `Due on ${day}`}, counted from the data:\n`)
        out.table(rules.map((row) => ({ ...row, kept_by_child: row.kept_by_child ?? 0 })))
        const toChange = rows.filter(({ rule }) => rule === 'rows').reduce((sum, { due }) => sum + due, 0)
        out.line(
          `\n${toChange.toLocaleString('en-US')} rows would change. Held and kept rows stay; unclocked ones never become due as they are.`,
        )
      }),
    )
}

/** @throws LetheError LE607. */
export function assertDay(text: string): string {
  const time = new Date(`${text}T00:00:00Z`)
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text))
    return text
  throw new LetheError(`${JSON.stringify(text)} is not a day`, {
    code: 'LE607',
    hint: 'write it as 2026-11-23',
  })
}
