/**
 * `lethe up`: everything at once, for whoever wants to see Lethe work. Brings a PostgreSQL if none is
 * named, installs, fills an empty database with the demo, runs a cycle and goes on as a worker. With
 * `--once` it ends instead with a second cycle, which must find nothing left to do.
 */
import type { Command } from 'commander'
import type { CycleResult } from '../../cycle.ts'
import { anchorAfterCycle } from '../anchoring.ts'
import { action, EXIT_INCOMPLETE, EXIT_OK, type GlobalOptions, useDatabase } from '../command.ts'
import { printCycleByTable } from '../cycle-report.ts'
import { pickInvoice, showArchiveAndReceipt } from '../demo-tour.ts'
import { makeLog } from '../log.ts'
import { parseCount } from '../numbers.ts'
import type { Output } from '../output.ts'
import { makeProgress } from '../progress.ts'

const IMPATIENCE_MILLISECONDS = 1_000

interface Options extends GlobalOptions {
  once?: boolean
  contacts: number
}

/** Adds the command to the program. */
export function register(program: Command): void {
  program
    .command('up')
    .description(
      'start everything: PostgreSQL unless one is named, Lethe, the demo if the database is empty, a cycle, a worker',
    )
    .option('--once', 'end with a report, after a second cycle that must find nothing left to do')
    .option('--contacts <n>', 'size of the demo', parseCount('--contacts', 50_000_000), 10_000)
    .action(action<Options>(({ options, out }) => up(options, out)))
}

async function up(options: Options, out: Output): Promise<number> {
  const starting = makeProgress('starting', { eager: true })
  const database = await useDatabase(options, {
    create: true,
    onProgress: (step) => starting.step(step),
  }).finally(starting.end)
  const interrupt = listenForStop()
  try {
    await install(database.databaseUrl, out)
    await passGate(database.databaseUrl)
    await seedIfEmpty(database.databaseUrl, options.contacts, out)
    const invoice = options.once ? await pickInvoice(database.databaseUrl) : undefined
    const first = await cycle(database.databaseUrl, 'cycle', interrupt)
    for (const result of first) printCycleByTable(result, out)
    const anchored = await anchorAfterCycle(database.databaseUrl, out)
    if (interrupt.aborted) {
      out.warn('stopped; the next lethe up or lethe run goes on from here')
      return EXIT_INCOMPLETE
    }
    if (invoice !== undefined) await showArchiveAndReceipt(database.databaseUrl, invoice, out)
    if (!options.once) {
      await work(database.databaseUrl, interrupt, out)
      return EXIT_OK
    }
    const exitCode = await again(database.databaseUrl, first, interrupt, out)
    return anchored ? exitCode : EXIT_INCOMPLETE
  } finally {
    await database.release()
  }
}

/**
 * Ctrl-C lets the step at hand end. npm passes the signal on besides the terminal, so that one key press
 * may arrive twice; only a later one ends the process as it stands.
 */
function listenForStop(): AbortSignal {
  const stop = new AbortController()
  let stoppedAt = 0
  const onSignal = (): void => {
    if (stop.signal.aborted && Date.now() - stoppedAt > IMPATIENCE_MILLISECONDS) process.exit(130)
    if (stop.signal.aborted) return
    stoppedAt = Date.now()
    stop.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return stop.signal
}

async function install(databaseUrl: string, out: Output): Promise<void> {
  const { init } = await import('../../install/init.ts')
  const installing = makeProgress('installing Lethe', { eager: true })
  const result = await init({ databaseUrl, onProgress: (step) => installing.step(step) }).finally(
    installing.end,
  )
  out.success(`Lethe is in ${result.database} (PostgreSQL ${result.serverVersion})`)
}

/** A database that is older than its ledger is not worked on. */
async function passGate(databaseUrl: string): Promise<void> {
  const { passGate, withSession } = await import('../../ledger/session.ts')
  await withSession(databaseUrl, passGate)
}

/** A database with tables of its own is somebody's: it is left as it is, with a word on what to do. */
async function seedIfEmpty(databaseUrl: string, contacts: number, out: Output): Promise<void> {
  const { hostTables } = await import('../../install/host.ts')
  const { tables, managed } = await hostTables(databaseUrl)
  if (managed > 0) return
  if (tables > 0) {
    out.warn(
      'this database has tables but no policy yet: lethe policy apply <file> says what is kept how long',
    )
    return
  }
  const { seedDemo } = await import('../../demo/demo.ts')
  const seeding = makeProgress('seeding the demo', { eager: true })
  const { rows } = await seedDemo({
    databaseUrl,
    contacts,
    onProgress: ({ step, stepsDone, stepsTotal }) => seeding.step(step, stepsDone, stepsTotal),
  }).finally(seeding.end)
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0)
  out.success(
    `the demo is in schema audience: ${total.toLocaleString('en-US')} rows, and its policy in force`,
  )
}

async function cycle(databaseUrl: string, title: string, signal: AbortSignal): Promise<CycleResult[]> {
  const { runCycle } = await import('../../cycle.ts')
  const running = makeProgress(title, { eager: true })
  return runCycle({
    databaseUrl,
    signal,
    onProgress: ({ controller, phase, table, rowsDone, rowsToDo }) =>
      running.step(
        `${controller}, ${phase} ${table ?? 'everything again'}`,
        rowsDone,
        rowsDone + rowsToDo || undefined,
      ),
  }).finally(running.end)
}

/** The proof: what the first cycle finished, the second does not find. */
async function again(
  databaseUrl: string,
  first: CycleResult[],
  signal: AbortSignal,
  out: Output,
): Promise<number> {
  out.line('\nOnce more, to show that nothing is left to do:')
  const second = await cycle(databaseUrl, 'second cycle', signal)
  for (const result of second) printCycleByTable(result, out)
  const anchored = await anchorAfterCycle(databaseUrl, out)
  const done = second.flatMap(({ evidence }) => evidence).reduce((sum, line) => sum + line.done, 0)
  const complete = [...first, ...second].every(({ state }) => state === 'complete')
  out.line()
  if (complete && done === 0) {
    out.success('both cycles are complete, and the second changed nothing')
    return anchored ? EXIT_OK : EXIT_INCOMPLETE
  }
  out.warn(
    complete ? `the second cycle still found ${done} values to change` : 'a cycle is incomplete: see above',
  )
  return EXIT_INCOMPLETE
}

async function work(databaseUrl: string, signal: AbortSignal, out: Output): Promise<void> {
  const { startWorker } = await import('../../worker.ts')
  const worker = await startWorker({ databaseUrl, logger: makeLog({ json: out.json }) })
  out.line('\nThe worker looks every hour for controllers whose day has turned. Stop it with Ctrl-C.')
  signal.addEventListener('abort', () => void worker.stop(), { once: true })
  if (signal.aborted) void worker.stop()
  await worker.ended
  out.line('Stopped.')
}
