/** `lethe plan`: what a cycle would do on a day, or on each day of the year to come, counted from the data, touching nothing. */
import type { Command } from 'commander'
import { sql } from 'slonik'
import { z } from 'zod'
import { LetheError } from '../../errors.ts'
import { type DatabaseContext, databaseAction } from '../command.ts'
import { assertDay } from '../day.ts'
import { reportForecast } from '../forecast-report.ts'

interface Options {
  asOf?: string
  ahead?: boolean
  whatIf?: string[]
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

const figure = z.number().nullable()

const forecastRow = z.object({
  controller: z.string(),
  table: z.string(),
  rule: z.string(),
  due_today: z.number(),
  next_30_days: z.number(),
  next_365_days: z.number(),
  held: z.number(),
  /** Today first, with all that is overdue; then the 365 days to come. */
  by_day: z.array(z.number()),
  due_today_if: figure,
  next_30_days_if: figure,
  next_365_days_if: figure,
  by_day_if: z.array(z.number()).nullable(),
})

/** What comes up for one rule, and what would with the supposed delays. */
export type ForecastRow = z.infer<typeof forecastRow>

export function register(program: Command): void {
  program
    .command('plan')
    .description('say what a cycle would do, counted from the data, touching nothing')
    .option('--as-of <date>', 'a local day, also one to come (YYYY-MM-DD; default today)')
    .option('--controller <name>', 'one controller; default all')
    .option('--ahead', 'day by day, for the next 30 and 365 days, with a chart')
    .option(
      '--what-if <changes...>',
      'the same beside other delays: schema.table.column=P2Y, =-P3M for a shorter one; schema.table:purge=P8Y for rows',
    )
    .action(
      databaseAction<Options>(async (context) => {
        const { asOf, ahead, whatIf } = context.options
        if (asOf !== undefined && (ahead || whatIf))
          throw new LetheError('--as-of looks at one day, --ahead and --what-if at all that come', {
            code: 'LE607',
            hint: 'give one of them',
          })
        await (ahead || whatIf ? forecast(context) : plan(context))
      }),
    )
}

async function plan({ options, out, pool, progress }: DatabaseContext<Options>): Promise<void> {
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
  if (rows.length === 0) return out.line(NO_RULE)
  const rules = rows.filter(({ rule }) => rule !== 'rows')
  out.line(`${day === null ? 'Due today' : `Due on ${day}`}, counted from the data:\n`)
  out.table(rules.map((row) => ({ ...row, kept_by_child: row.kept_by_child ?? 0 })))
  const toChange = rows.filter(({ rule }) => rule === 'rows').reduce((sum, { due }) => sum + due, 0)
  out.line(
    `\n${toChange.toLocaleString('en-US')} rows would change. Held and kept rows stay; unclocked ones never become due as they are.`,
  )
}

async function forecast({ options, out, pool, progress }: DatabaseContext<Options>): Promise<void> {
  const { whatIf = null, controller = null } = options
  const database = await pool()
  const counting = progress('forecast')
  counting.step('counting what comes up, day by day')
  const rows = await database
    .any(
      sql.type(forecastRow)`
        select controller, table_name as "table", rule, due_today, next_30_days, next_365_days, held, to_jsonb(by_day) as by_day,
          due_today_if, next_30_days_if, next_365_days_if, to_jsonb(by_day_if) as by_day_if
        from lethe.forecast(${controller}, ${whatIf && sql.array(whatIf, 'text')})`,
    )
    .finally(counting.end)
  if (out.json) return out.table([...rows])
  if (rows.length === 0) return out.line(NO_RULE)
  reportForecast(out, [...rows])
}

const NO_RULE = 'No rule applies to any table. Begin with: lethe policy apply policy.yaml'
