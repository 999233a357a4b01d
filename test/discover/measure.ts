/**
 * How well `lethe discover` does, against what a person has written down of a schema (`truth/`):
 *
 *     node test/discover/measure.ts postgres://… test/discover/truth/chinook.yaml
 *
 * prints the rows of the table in docs/discover.md. What it leaves to a person is neither right nor wrong: it does not
 * count as found, and is counted apart.
 */
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import { discover } from '../../src/discover/discover.ts'
import type { Findings } from '../../src/discover/propose.ts'

const truthSchema = z.strictObject({
  subjects: z.record(z.string(), z.string()),
  links: z.record(z.string(), z.record(z.string(), z.string())),
  clocks: z.record(z.string(), z.array(z.string())),
  columns: z.record(z.string(), z.record(z.string(), z.string())),
})

/** What a person has written down. */
export type Truth = z.infer<typeof truthSchema>

/** One line: of what, how many there are, how many were proposed, how many of these are right, how many were left open. */
export interface Measure {
  what: string
  truth: number
  proposed: number
  right: number
  open: number
}

export async function readTruth(filename: string): Promise<Truth> {
  return truthSchema.parse(parse(await readFile(filename, 'utf8')))
}

/** Compares; every column of every table of the truth must have been seen, and no other. */
export function measure({ subjects, links, tables }: Findings, truth: Truth): Measure[] {
  const decided = new Map<string, string>()
  const open = new Set<string>()
  for (const { table, judged } of tables)
    for (const { column, category } of judged) {
      const name = `${table.title}.${column.name}`
      if (category) decided.set(name, category)
      else open.add(name)
    }
  const columns = new Map<string, string>(
    Object.entries(truth.columns).flatMap(([table, its]) =>
      Object.entries(its).map(([name, category]): [string, string] => [`${table}.${name}`, category]),
    ),
  )
  const seen = [...decided.keys(), ...open]
  const unknown = seen.filter((name) => !columns.has(name))
  if (unknown.length > 0 || seen.length !== columns.size)
    throw new Error(`truth and database have different columns: ${unknown.slice(0, 3).join(', ')}`)
  const personal = [...columns].filter(([, category]) => category !== 'not personal').map(([name]) => name)
  const called = [...decided].filter(([, category]) => category !== 'not personal').map(([name]) => name)
  const rootOf = new Map<string, string>(Object.entries(truth.subjects))
  const linksTrue = Object.entries(truth.links).flatMap(([subject, its]) =>
    Object.entries(its).map(([table, kind]) => `${rootOf.get(subject)} ${table} ${kind}`),
  )
  const clocksFound = tables.flatMap(({ table, concern, clock }) =>
    concern === 'none' || !clock ? [] : [clockName(table.title, clock.since)],
  )
  return [
    {
      what: 'columns: personal or not',
      truth: personal.length,
      proposed: called.length,
      right: both(personal, called),
      open: personal.filter((name) => open.has(name)).length,
    },
    {
      what: 'columns: the exact category',
      truth: columns.size,
      proposed: decided.size,
      right: [...decided].filter(([name, category]) => columns.get(name) === category).length,
      open: open.size,
    },
    line(
      'subject types',
      [...rootOf.values()],
      subjects.map(({ table }) => table.title),
    ),
    line(
      'links with their kind',
      linksTrue,
      links.map(({ subject, table, kind }) => `${subject.table.title} ${table.title} ${kind}`),
    ),
    line(
      'clocks',
      Object.entries(truth.clocks).map(([table, since]) => clockName(table, since)),
      clocksFound,
    ),
  ]
}

/** Columns that a person calls personal and the proposal does not: the mistake that matters. */
export function missed({ tables }: Findings, truth: Truth): string[] {
  return tables.flatMap(({ table, judged }) =>
    judged.flatMap(({ column, category }) =>
      category === 'not personal' && truth.columns[table.title]?.[column.name] !== 'not personal'
        ? [`${table.title}.${column.name}`]
        : [],
    ),
  )
}

/** As docs/discover.md shows it. */
export function toMarkdown(schema: string, measures: Measure[]): string[] {
  return measures.map(({ what, truth, proposed, right, open }) => {
    const share = (of: number): string => (of === 0 ? '–' : (right / of).toFixed(2))
    return `| ${schema} | ${what} | ${truth} | ${proposed} | ${right} | ${share(proposed)} | ${share(truth)} | ${open} |`
  })
}

function line(what: string, truth: string[], proposed: string[]): Measure {
  return { what, truth: truth.length, proposed: proposed.length, right: both(truth, proposed), open: 0 }
}

function both(a: string[], b: string[]): number {
  return a.filter((one) => b.includes(one)).length
}

function clockName(table: string, since: string[]): string {
  return `${table} ${[...since].sort().join(' ')}`
}

if (import.meta.main) {
  const [databaseUrl, filename] = process.argv.slice(2)
  const truth = await readTruth(filename!)
  const { findings } = await discover({ databaseUrl: databaseUrl! })
  const schema = filename!.replace(/^.*\/|\.yaml$/g, '')
  process.stdout.write(`${toMarkdown(schema, measure(findings, truth)).join('\n')}\n`)
  process.stdout.write(`missed: ${missed(findings, truth).join(', ') || 'none'}\n`)
}
