/** `lethe policy show`: the terms in force, today or on any past day, and who put each in force. */
import type { Command } from 'commander'
import { sql } from 'slonik'
import { z } from 'zod'
import { databaseAction } from '../command.ts'
import { assertDay } from '../day.ts'

interface Options {
  on?: string
  controller?: string
}

const termRow = z.object({
  controller: z.string(),
  table: z.string(),
  column: z.string().nullable(),
  action: z.string(),
  purpose: z.string().nullable(),
  after: z.string(),
  since: z.array(z.string()),
  when: z.string().nullable(),
  method: z.string().nullable(),
  parameters: z.record(z.string(), z.unknown()),
  overrides: z.boolean(),
  by: z.string(),
  at: z.string(),
  reason: z.string().nullable(),
  draft: z.number().nullable(),
})

export function registerShow(policy: Command): void {
  policy
    .command('show')
    .description('show the terms in force, and who put each in force, when and why')
    .option('--on <date>', 'at the end of which local day, also a past one (YYYY-MM-DD; default today)')
    .option('--controller <name>', 'one controller; default all')
    .action(
      databaseAction<Options>(async ({ options, out, pool }) => {
        const day = options.on === undefined ? null : assertDay(options.on)
        const rows = await (await pool()).any(sql.type(termRow)`
          select controller, table_name as "table", column_name as "column", action, purpose, after, since, "when", method, parameters,
            overrides, activated_by as by, activated_at as at, reason, draft_id as draft
          from lethe.policy_on(${day}::date, ${options.controller ?? null})`)
        if (out.json) return out.table([...rows])
        if (rows.length === 0) {
          out.line(day === null ? 'No rule is in force.' : `No rule was in force on ${day}.`)
          return
        }
        out.table(
          rows.map((row) => ({
            controller: row.controller,
            rule: `${row.table}${row.column ? `.${row.column}` : ''}: ${row.action}${row.overrides ? ' (own)' : ''}`,
            purpose: row.purpose,
            after: row.after,
            since: row.since.join(', '),
            when: row.when,
            by: row.by,
            at: row.at.slice(0, 10),
            reason: row.reason,
            draft: row.draft,
          })),
        )
      }),
    )
}
