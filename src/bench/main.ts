/**
 * `npm run bench`: Lethe against SQL written by hand, in the same run. It measures and does not judge:
 * a missed target is shown loudly and the exit code is still 0; only what cannot be measured fails.
 */
import { Command } from 'commander'
import { paint } from '../cli/output.ts'
import { cases } from './cases/all.ts'
import { describeMachine, formatResults, toResult } from './report.ts'
import { openServer } from './server.ts'
import type { Case, Context, Result, Size } from './types.ts'

const FULL: Size = { contacts: 1_000_000, orders: 500_000, daily: 1000, idleMs: 8000 }
const QUICK: Size = { contacts: 50_000, orders: 10_000, daily: 100, idleMs: 500 }

interface Options {
  quick?: boolean
  json?: boolean
  only?: string[]
  repeat?: string
  database?: string
  migrations?: string
}

const options = new Command('bench')
  .description('Measures Lethe against SQL written by hand for the same effect.')
  .option('--quick', '50 k contacts instead of a million, one run each: a smoke test, not a figure')
  .option('--json', 'one object a line: name, ratio, target, ok, seconds, baseline_seconds, unit')
  .option('--only <names...>', `one or more of ${cases.map(({ name }) => name).join(', ')}`)
  .option('--repeat <n>', 'runs of each side (default 3)')
  .option(
    '--database <url>',
    'a superuser’s connection to a server of yours (default: an embedded PostgreSQL 18)',
  )
  .option('--migrations <folder>', 'migrations other than the committed ones')
  .parse()
  .opts<Options>()

const chosen = chooseCases(options.only)
const server = await openServer({
  databaseUrl: options.database,
  binDir: process.env.LETHE_TEST_PG_BIN || undefined,
  migrationsFolder: options.migrations,
  sharedBuffers: options.quick ? '1GB' : '6GB',
})
process.once('SIGINT', () => void server.close().finally(() => process.exit(130)))
try {
  const context: Omit<Context, 'progress'> = {
    server,
    size: options.quick ? QUICK : FULL,
    repetitions: Number(options.repeat ?? (options.quick ? 1 : 3)),
  }
  const settings = await server.describe()
  const results: Result[] = []
  for (const one of chosen) {
    say(paint('bold', one.name, process.stderr))
    const result = toResult(one, await one.run({ ...context, progress: (step) => say(`  ${step}`) }))
    results.push(result)
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  }
  if (!options.json) {
    const data = `${context.size.contacts.toLocaleString('en-US')} contacts, one in ten due; medians of ${context.repetitions}`
    process.stdout.write(
      `\n${describeMachine()}\n${settings}\n${data}\n\n${formatResults(results, chosen)}\n`,
    )
  }
} finally {
  await server.close()
}

function chooseCases(names: string[] | undefined): Case[] {
  if (!names) return cases.filter(({ restarts }) => !(restarts && options.database))
  return names.map((name) => {
    const found = cases.find((one) => one.name === name)
    if (found) return found
    process.stderr.write(
      `there is no benchmark ${name}; there are ${cases.map((one) => one.name).join(', ')}\n`,
    )
    return process.exit(2)
  })
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
