#!/usr/bin/env node
/**
 * The command line. One file a command in `commands/`, each of which registers itself here; what they
 * share is in `command.ts`. Exit codes: 0 done, 1 incomplete or findings, 2 bad input or impossible.
 */
import { readdir } from 'node:fs/promises'
import { Command, CommanderError } from 'commander'
import { toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { EXIT_IMPOSSIBLE } from './command.ts'
import { printError } from './output.ts'

const commandsFolder = new URL('./commands/', import.meta.url)

/** The whole program, ready to parse: whatever stands in `commands/`. */
export async function makeProgram(): Promise<Command> {
  const program = new Command('lethe')
    .description('Keeps a PostgreSQL database’s promise: no personal data longer than we said.')
    .version(packageJson.version)
    .option('--json', 'one JSON object a line, for programs')
    .option('--database <url>', 'the database (default: DATABASE_URL, else the embedded one)')
    .addHelpText('after', '\nExit codes: 0 done · 1 incomplete, or findings · 2 bad input, or not possible')
    .configureHelp({ showGlobalOptions: true })
  for (const file of (await readdir(commandsFolder)).sort()) {
    const { register }: { register(program: Command): void } = await import(new URL(file, commandsFolder).href)
    register(program)
  }
  for (const command of withSubcommands(program)) {
    // A bad argument is thrown and told like any other error.
    command.exitOverride().configureOutput({ writeErr: () => undefined }).allowExcessArguments(false)
  }
  return program
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

/** Runs one command line; the exit code is in `process.exitCode`. */
export async function main(args: string[]): Promise<void> {
  const program = await makeProgram()
  try {
    if (args.length === 0) {
      program.outputHelp()
      return
    }
    await program.parseAsync(args, { from: 'user' })
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? fromCommander(thrown) : toLetheError(thrown)
    if (!error) return
    printError(error, args.includes('--json'))
    process.exitCode = EXIT_IMPOSSIBLE
  }
}

/** `undefined` when nothing was wrong: somebody asked for help or the version. */
function fromCommander(thrown: CommanderError): LetheError | undefined {
  if (thrown.exitCode === 0) return undefined
  return new LetheError(thrown.message.replace(/^error: /, ''), { code: 'LE607', hint: 'lethe --help lists what there is' })
}

if (import.meta.main) {
  // A reader that goes away (`lethe status | head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
  })
  await main(process.argv.slice(2))
}
