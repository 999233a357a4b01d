/** `lethe seed`: the demo, its readers and their policy. Counterpart: src/demo/demo.ts. */
import type { Command } from 'commander'
import { seedDemo } from '../../demo/demo.ts'
import { LetheError } from '../../errors.ts'
import { databaseAction } from '../command.ts'

interface SeedCommandOptions {
  contacts: number
  seed: number
}

/** Adds the command to the program. */
export function register(program: Command): void {
  program
    .command('seed')
    .description('fill the database with the demo: schema audience, its readers and their policy')
    .option('--contacts <n>', 'how many contacts', wholeNumber('--contacts'), 10_000)
    .option('--seed <n>', 'another number makes other people', wholeNumber('--seed'), 1)
    .action(
      databaseAction<SeedCommandOptions>(async ({ options, databaseUrl, out, progress }) => {
        const bar = progress('seeding')
        try {
          const { contacts, seed } = options
          const { rows } = await seedDemo({
            databaseUrl,
            contacts,
            seed,
            onProgress: ({ step, stepsDone, stepsTotal }) => bar.step(step, stepsDone, stepsTotal),
          })
          bar.end()
          out.table(
            Object.entries(rows).map(([table, count]) => ({ table: `audience.${table}`, rows: count })),
          )
          out.line()
          out.success('The demo is in schema audience and its policy in force. See what is due: lethe plan')
        } finally {
          bar.end()
        }
      }),
    )
}

function wholeNumber(option: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text)
    throw new LetheError(`${option} is not a whole number: ${JSON.stringify(text)}`, {
      code: 'LE607',
      hint: `write it as ${option} 10000`,
    })
  }
}
