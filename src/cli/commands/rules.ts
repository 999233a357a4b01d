/** `lethe rules`: what holds for each controller, in sentences; of one row, what decides and when. */
import type { Command } from 'commander'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { LetheError } from '../../errors.ts'
import { databaseAction } from '../command.ts'
import { assertDay } from '../day.ts'
import { type Output, paint } from '../output.ts'

interface Options {
  controller?: string
  key?: string
  asOf?: string
}

const ruleRow = z.object({
  controller: z.string(),
  table: z.string(),
  column: z.string().nullable(),
  action: z.string(),
  method: z.string().nullable(),
  terms: z.unknown(),
  decides: z.string(),
  replaced: z.unknown(),
  minima: z.unknown(),
  holds: z.unknown(),
  sentence: z.string(),
})

const explainedRow = z.object({
  controller: z.string(),
  place: z.string(),
  rule: z.string(),
  terms: z.unknown(),
  decides: z.string().nullable(),
  due_on: z.string().nullable(),
  due: z.boolean(),
  done: z.boolean(),
  held: z.boolean(),
  kept: z.boolean(),
  sentence: z.string(),
})

export function register(program: Command): void {
  program
    .command('rules')
    .description('say what holds for each controller, and why; with --key: for one row')
    .argument('[table]', 'one table; default all')
    .option('--controller <name>', 'one controller; default all')
    .option(
      '--key <value>',
      'one row, live or archived, by its key (a JSON array where it has several columns)',
    )
    .option('--as-of <date>', 'with --key: a local day (YYYY-MM-DD; default today)')
    .action(
      databaseAction<Options>(async ({ options, args: [table], out, pool }) => {
        if (options.key === undefined && options.asOf === undefined)
          return tellRules(await pool(), table, options.controller, out)
        if (options.key === undefined || table === undefined || options.controller !== undefined) {
          throw new LetheError('a row is named by its table and its key', {
            code: 'LE607',
            hint: 'lethe rules schema.table --key 42, and --as-of 2026-11-23 for another day',
          })
        }
        return explainRow(await pool(), table, options.key, options.asOf, out)
      }),
    )
}

async function tellRules(
  pool: DatabasePool,
  table: string | undefined,
  controller: string | undefined,
  out: Output,
): Promise<void> {
  const rules = await pool.any(sql.type(ruleRow)`
    select controller, table_name as "table", column_name as "column", action, method, terms, decides, replaced, minima, holds, sentence
    from lethe.effective_rules(${table ?? null}, ${controller ?? null})`)
  if (out.json) return out.table([...rules])
  if (rules.length === 0) {
    out.line('No rule applies. Begin with: lethe policy apply policy.yaml')
    return
  }
  tellByHeading(
    out,
    rules.map((rule) => ({ heading: `${rule.controller} · ${rule.table}`, sentence: rule.sentence })),
  )
}

async function explainRow(
  pool: DatabasePool,
  table: string,
  key: string,
  asOf: string | undefined,
  out: Output,
): Promise<void> {
  const rules = await pool.any(sql.type(explainedRow)`
    select controller, place, rule, terms, decides, due_on::text, due, done, held, kept, sentence
    from lethe.explain_row(${table}, ${key}, ${asOf === undefined ? null : assertDay(asOf)}::date)`)
  if (out.json) return out.table([...rules])
  tellByHeading(
    out,
    rules.map((rule) => ({
      heading: `${rule.controller} · ${table} · ${rule.place}`,
      sentence: rule.sentence,
    })),
  )
}

function tellByHeading(out: Output, lines: { heading: string; sentence: string }[]): void {
  let last: string | undefined
  for (const { heading, sentence } of lines) {
    if (heading !== last) out.line(`${last === undefined ? '' : '\n'}${paint('bold', heading)}`)
    last = heading
    out.line(wrap(sentence, process.stdout.columns || 100))
  }
}

/** A sentence as a paragraph that hangs under its first word. */
export function wrap(sentence: string, width: number): string {
  const lines: string[] = []
  let line = ' '
  for (const word of sentence.split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = '   '
    }
    line += ` ${word}`
  }
  return [...lines, line].join('\n')
}
