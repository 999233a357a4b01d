/** What `lethe plan --ahead` and `--what-if` say to people. */
import { bars, sparkline, toWeeks } from './chart.ts'
import type { ForecastRow } from './commands/plan.ts'
import { formatNumber, type Output, paint } from './output.ts'

/** A table with a line of weeks for each rule, and per controller a chart of all of them together. */
export function reportForecast(out: Output, rows: ForecastRow[]): void {
  const supposing = rows.some(({ by_day_if }) => by_day_if !== null)
  const shown = supposing ? rows.filter(differs) : rows
  out.line(
    'Rows that come up, if a cycle runs every day. Rows kept by a child are counted, held ones stand apart.\n',
  )
  if (shown.length === 0) out.line('With these delays nothing would be different in the year to come.')
  else out.table(shown.map(supposing ? besides : plainly))
  for (const controller of new Set(shown.map((row) => row.controller))) {
    const own = shown.filter((row) => row.controller === controller)
    chart(out, `${controller}, week by week`, sumOf(own.map(({ by_day }) => by_day)))
    if (supposing)
      chart(
        out,
        `${controller}, week by week, with the other delays`,
        sumOf(own.map(({ by_day_if }) => by_day_if!)),
      )
  }
}

const plainly = (row: ForecastRow): Record<string, unknown> => ({
  controller: row.controller,
  table: row.table,
  rule: row.rule,
  today: row.due_today,
  '30 days': row.next_30_days,
  '365 days': row.next_365_days,
  held: row.held,
  '52 weeks': sparkline(toWeeks(row.by_day)),
})

/** Both on one scale. */
const besides = (row: ForecastRow): Record<string, unknown> => {
  const [weeks, weeksIf] = [toWeeks(row.by_day), toWeeks(row.by_day_if!)]
  const top = Math.max(...weeks, ...weeksIf)
  return {
    controller: row.controller,
    table: row.table,
    rule: row.rule,
    today: arrow(row.due_today, row.due_today_if!),
    '30 days': arrow(row.next_30_days, row.next_30_days_if!),
    '365 days': arrow(row.next_365_days, row.next_365_days_if!),
    '52 weeks': `${sparkline(weeks, top)}\n${sparkline(weeksIf, top)}`,
  }
}

const arrow = (now: number, then: number): string =>
  now === then ? formatNumber(now) : `${formatNumber(now)} → ${formatNumber(then)}`

const differs = ({ by_day, by_day_if }: ForecastRow): boolean =>
  by_day.some((n, day) => n !== by_day_if![day])

const sumOf = (lists: number[][]): number[] =>
  lists[0]!.map((_, day) => lists.reduce((sum, list) => sum + list[day]!, 0))

function chart(out: Output, title: string, byDay: number[]): void {
  out.line(`\n${paint('bold', title)} (today ${formatNumber(byDay[0]!)})`)
  for (const line of bars(toWeeks(byDay), 6, formatNumber)) out.line(`  ${line}`)
}
