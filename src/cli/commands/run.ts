/** `lethe run`: today's cycle, now and in this process. */
import type { Command } from 'commander'
import type { CycleProgress, CycleResult } from '../../cycle.ts'
import { describeFault } from '../../db/cycle.ts'
import { anchorAfterCycle } from '../anchoring.ts'
import { databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import { parseCount } from '../numbers.ts'
import type { Output } from '../output.ts'

interface Options {
  controller?: string
  connections?: number
}

export function register(program: Command): void {
  program
    .command('run')
    .description('run today’s cycle now, whatever the time window says (exit code 1 when it is incomplete)')
    .option('--controller <name>', 'one controller; default all, one after the other')
    .option('--connections <n>', 'tables swept at the same time (default 2)', parseCount('--connections', 32))
    .action(
      databaseAction<Options>(async ({ databaseUrl, options, out, progress }) => {
        const { runCycle } = await import('../../cycle.ts')
        const { passGate, withSession } = await import('../../ledger/session.ts')
        await withSession(databaseUrl, passGate)
        const stop = new AbortController()
        const onSignal = (): void => stop.abort()
        process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
        const running = progress('cycle')
        const total = new Totals()
        const results = await runCycle({
          databaseUrl,
          controller: options.controller,
          connections: options.connections,
          signal: stop.signal,
          onProgress: (step) => running.step(...total.describe(step)),
        }).finally(() => {
          running.end()
          process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
        })
        for (const result of results) printCycle(out, result)
        if (results.length === 0)
          out.line('There is no controller yet. Begin with: lethe policy apply policy.yaml')
        const anchored = await anchorAfterCycle(databaseUrl, out)
        if (stop.signal.aborted) out.warn('stopped; lethe run goes on from here')
        if (stop.signal.aborted) return EXIT_INCOMPLETE
        const incomplete = results.filter(({ state }) => state !== 'complete')
        if (incomplete.length > 0) {
          out.warn(
            `incomplete: ${incomplete.map(({ controller }) => controller).join(', ')}; lethe status says more`,
          )
          return EXIT_INCOMPLETE
        }
        if (results.length > 0) out.success('complete: nothing due is left')
        return anchored ? EXIT_OK : EXIT_INCOMPLETE
      }),
    )
}

/** Adds the tables of a cycle up to one bar. */
class Totals {
  readonly #tables = new Map<string, CycleProgress>()

  describe(step: CycleProgress): [text: string, done?: number, total?: number] {
    if (step.phase === 'verifying') return [`${step.controller}: reading everything again`]
    this.#tables.set(`${step.cycle} ${step.table}`, step)
    let done = 0
    let toDo = 0
    for (const table of this.#tables.values()) {
      if (table.cycle !== step.cycle) continue
      done += table.rowsDone
      toDo += table.rowsToDo
    }
    return [`${step.controller}: ${step.table}`, done, done + toDo]
  }
}

const COLUMNS = [
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

/** What a cycle did, per table and rule, and what it could not. With `--json` one object a rule, then one for the cycle. */
export function printCycle(out: Output, { controller, cycle, state, evidence, faults }: CycleResult): void {
  if (out.json) {
    out.table(evidence.map((line) => ({ cycle, controller, ...line })))
    out.object({ cycle, controller, state, faults })
    return
  }
  out.line(`Cycle ${cycle} of ${controller}: ${state}`)
  if (evidence.length > 0)
    out.table(
      evidence.map((line) => ({ ...line, leftOver: line.leftOver ?? 'not read' })),
      COLUMNS,
    )
  for (const fault of faults) out.warn(`${fault.table} ${fault.state}: ${describeFault(fault)}`)
  out.line()
}
