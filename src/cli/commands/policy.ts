/** `lethe policy apply` and `lethe policy export`: the policy as a file. Counterpart: src/policy/apply.ts. */
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { LetheError } from '../../errors.ts'
import { type ApplyResult, applyPolicy, exportPolicy, readPolicy } from '../../policy/apply.ts'
import { databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import type { Output } from '../output.ts'

/** Adds the command to the program. */
export function register(program: Command): void {
  const policy = program.command('policy').description('the policy as a file: apply it, export it')
  policy
    .command('apply')
    .description('make the policy in force what a file says; all of it or nothing')
    .argument('<file>', 'policy file, YAML or JSON')
    .option('--reason <text>', 'why; kept with every change')
    .option('--grant', 'also grant what Lethe needs on the managed tables, as the user connected')
    .action(
      databaseAction<{ reason?: string; grant?: boolean }>(async ({ args, options, pool, out }) => {
        const filename = args[0]!
        // Read before the database is asked for: a mistake in the file needs none to be found.
        const file = await readPolicy(filename)
        const result = await applyPolicy(await pool(), file, options)
        report(out, filename, result)
        return result.missing.length > 0 ? EXIT_INCOMPLETE : EXIT_OK
      }),
    )
  policy
    .command('export')
    .description('write the policy in force as a file')
    .option('--output <file>', 'where to; default: standard output')
    .action(
      databaseAction<{ output?: string }>(async ({ options, pool, out }) => {
        const { policy, yaml } = await exportPolicy(await pool())
        if (options.output !== undefined) {
          await write(options.output, out.json ? `${JSON.stringify(policy, null, 2)}\n` : yaml)
          out.success(`wrote the policy to ${options.output}`)
          out.object({ file: options.output })
        } else {
          out.line(yaml.trimEnd())
          out.object(policy)
        }
      }),
    )
}

function report(out: Output, filename: string, { changes, granted, missing }: ApplyResult): void {
  if (out.json) {
    out.object({ file: filename, changes, granted, missing })
    return
  }
  if (changes.length === 0) out.success(`${filename} says what was in force already: nothing changed`)
  else out.success(`${filename} is in force: ${summary(changes.map(({ change }) => change))}`)
  if (granted.length > 0) {
    out.line('\nGranted:')
    for (const statement of granted) out.line(`  ${statement};`)
  }
  if (missing.length > 0) {
    out.warn('Lethe lacks rights that this policy needs. Whoever owns the tables runs:')
    for (const { remedy } of missing) out.line(`  ${remedy};`)
    out.line(`\nor, connected as that user:  lethe policy apply ${filename} --grant`)
  }
}

/** `3 added, 1 changed`. */
function summary(changes: string[]): string {
  const counts = new Map<string, number>()
  for (const change of changes) counts.set(change, (counts.get(change) ?? 0) + 1)
  return [...counts].map(([change, count]) => `${count} ${change}`).join(', ')
}

async function write(filename: string, text: string): Promise<void> {
  try {
    await writeFile(filename, text)
  } catch (cause) {
    throw new LetheError(`cannot write ${filename}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`, {
      code: 'LE607',
      hint: 'name a file in a folder that exists and that you may write to',
      cause,
    })
  }
}
