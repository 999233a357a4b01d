/** `lethe discover`: proposes a policy file from the catalogue and a few rows. Counterpart: src/discover/discover.ts. */
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { LetheError } from '../../errors.ts'
import { databaseAction } from '../command.ts'
import type { Output } from '../output.ts'

interface Options {
  schema?: string[]
  output?: string
  rows?: number
}

export function register(program: Command): void {
  program
    .command('discover')
    .description(
      'propose a policy file: categories, subjects, links, clocks, delays; changes nothing, shows no value',
    )
    .option('--schema <name>', 'only this schema; may be repeated', collect)
    .option(
      '--rows <n>',
      'look at so many rows of each table at the most; 0: at names alone (default 1000)',
      rowCount,
    )
    .option('--output <file>', 'a new file; default: standard output')
    .action(
      databaseAction<Options>(async ({ options, databaseUrl, out, progress }) => {
        const { discover } = await import('../../discover/discover.ts')
        const { toPolicyText } = await import('../../discover/write.ts')
        const looking = progress('discovering')
        const { proposal } = await discover({
          databaseUrl,
          schemas: options.schema,
          rows: options.rows,
          onProgress: (what, done, total) =>
            total > 0 ? looking.step(what, done, total) : looking.step(what),
        }).finally(looking.end)
        const text = toPolicyText(proposal)
        out.object({ file: options.output, policy: proposal.policy, open: proposal.open })
        if (options.output === undefined) {
          out.line(text.trimEnd())
          return
        }
        await writeNew(options.output, text)
        summarize(out, options.output, proposal.open.filter(({ kind }) => kind !== 'controller').length)
      }),
    )
}

function summarize(out: Output, filename: string, open: number): void {
  out.success(`wrote a proposal to ${filename}`)
  if (open > 0) out.line(`  ${open} things are left to a person: grep 'to decide' ${filename}`)
  out.line(`  Read it; then: lethe policy apply ${filename}`)
}

/** A policy that somebody has worked on is not written over. */
async function writeNew(filename: string, text: string): Promise<void> {
  try {
    await writeFile(filename, text, { flag: 'wx' })
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw new LetheError(
      code === 'EEXIST'
        ? `${filename} exists, and may have been worked on`
        : `cannot write ${filename}: ${code}`,
      {
        code: 'LE607',
        hint: 'name a new file, in a folder that exists and that you may write to',
        cause,
      },
    )
  }
}

function collect(name: string, before: string[] = []): string[] {
  return [...before, name]
}

function rowCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new LetheError(`--rows is not a whole number up to 999999: ${JSON.stringify(text)}`, {
    code: 'LE607',
    hint: 'write it as --rows 1000, or --rows 0 to go by names alone',
  })
}
