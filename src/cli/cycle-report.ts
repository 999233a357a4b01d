/**
 * What a cycle did, as people read it: one line a table and rule, or in brief one a table. In brief,
 * figures count values and rows together: a contact whose e-mail and phone fall due counts twice.
 */
import type { CycleResult } from '../cycle.ts'
import { describeFault, type Evidence } from '../db/cycle.ts'
import type { Column, Output, Row } from './output.ts'

const FIGURES = ['due', 'done', 'held', 'keptByChild', 'skipped', 'unclocked', 'leftOver'] as const

const COLUMNS: (Column | string)[] = [
  'table',
  'rule',
  'due',
  'done',
  'held',
  { key: 'keptByChild', label: 'kept by child' },
  'skipped',
  'unclocked',
  { key: 'leftOver', label: 'left' },
]

/** Prints one controller's cycle. With `--json` one object a rule, then one for the cycle. */
export function printCycle(result: CycleResult, out: Output): void {
  print(result, result.evidence, COLUMNS, out)
}

/** The same in brief, one line a table. The JSON is no shorter. */
export function printCycleByTable(result: CycleResult, out: Output): void {
  print(
    result,
    sumByTable(result.evidence),
    COLUMNS.filter((column) => column !== 'rule'),
    out,
  )
}

function print(result: CycleResult, rows: Row[], columns: typeof COLUMNS, out: Output): void {
  const { cycle, controller, state, evidence, faults } = result
  if (out.json) {
    out.table(evidence.map((line) => ({ cycle, controller, ...line })))
    out.object({ cycle, controller, state, faults })
    return
  }
  out.line(`\nCycle ${cycle} of ${controller}`)
  if (rows.length > 0)
    out.table(
      rows.map((row) => ({ ...row, leftOver: row.leftOver ?? 'not read' })),
      columns,
    )
  if (state === 'complete') out.success('complete: nothing due is left')
  if (state === 'incomplete') {
    out.warn(`incomplete: ${faults.map((fault) => `${fault.table} (${describeFault(fault)})`).join('; ')}`)
  }
}

/** The figures of a table's rules, added up. One that is unknown makes its sum unknown. */
function sumByTable(evidence: Evidence[]): Row[] {
  const tables = new Map<string, Partial<Record<(typeof FIGURES)[number], number | null>>>()
  for (const line of evidence) {
    const sums = tables.get(line.table) ?? {}
    for (const figure of FIGURES) {
      const sum = sums[figure] === undefined ? 0 : sums[figure]
      const value = line[figure]
      sums[figure] = sum === null || value === null ? null : sum + value
    }
    tables.set(line.table, sums)
  }
  return [...tables].map(([table, sums]) => ({ table, ...sums }))
}
