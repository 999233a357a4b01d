#!/usr/bin/env node
/**
 * The command line. One file a command in `commands/`, each of which registers itself here; what they
 * share is in `command.ts`. Exit codes: 0 done, 1 incomplete or findings, 2 bad input or impossible.
 */
import { Command, CommanderError } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import { EXIT_IMPOSSIBLE } from './command.ts'
import { register as registerArchive } from './commands/archive.ts'
import { register as registerCheck } from './commands/check.ts'
import { register as registerDiscover } from './commands/discover.ts'
import { register as registerDoctor } from './commands/doctor.ts'
import { register as registerFormat } from './commands/format.ts'
import { register as registerHold } from './commands/hold.ts'
import { register as registerInit } from './commands/init.ts'
import { register as registerLedger } from './commands/ledger.ts'
import { register as registerPlan } from './commands/plan.ts'
import { register as registerPolicy } from './commands/policy.ts'
import { register as registerReceipt } from './commands/receipt.ts'
import { register as registerRecipient } from './commands/recipient.ts'
import { register as registerRemove } from './commands/remove.ts'
import { register as registerReplay } from './commands/replay.ts'
import { register as registerRequest } from './commands/request.ts'
import { register as registerRules } from './commands/rules.ts'
import { register as registerRun } from './commands/run.ts'
import { register as registerSeed } from './commands/seed.ts'
import { register as registerServe } from './commands/serve.ts'
import { register as registerStatus } from './commands/status.ts'
import { register as registerToken } from './commands/token.ts'
import { register as registerUp } from './commands/up.ts'
import { register as registerVerify } from './commands/verify.ts'
import { register as registerWork } from './commands/work.ts'
import { printError } from './output.ts'

/** In the order of `lethe --help`: as they are needed, from first to last. */
const REGISTER = [
  registerUp,
  registerInit,
  registerSeed,
  registerDiscover,
  registerPolicy,
  registerRules,
  registerCheck,
  registerFormat,
  registerPlan,
  registerRun,
  registerStatus,
  registerWork,
  registerRequest,
  registerRecipient,
  registerHold,
  registerLedger,
  registerReplay,
  registerArchive,
  registerVerify,
  registerReceipt,
  registerServe,
  registerToken,
  registerDoctor,
  registerRemove,
]

/** The whole program, ready to parse. */
export function makeProgram(): Command {
  const program = new Command('lethe')
    .description('Keeps a PostgreSQL database’s promise: no personal data longer than we said.')
    .version(packageJson.version)
    .option('--json', 'one JSON object a line, for programs')
    .option('--database <url>', 'the database (default: DATABASE_URL, else the embedded one)')
    .addHelpText(
      'after',
      `
Environment: DATABASE_URL
             LETHE_ANCHOR       file or folder outside the database that run, work and up write each seal to
             LETHE_SIGNING_KEY  PEM file that signs receipts and certificates
             LETHE_LEDGER       folder outside the database that says who was forgotten (docs/ledger.md)
             LETHE_LEDGER_KEYS  key file of the ledger, in another place
             LETHE_LEDGER_TERM  how long an entry points to a person: the longest life of a backup (default P1Y)
Exit codes: 0 done · 1 incomplete, or findings · 2 bad input, or not possible`,
    )
    .configureHelp({ showGlobalOptions: true })
  for (const register of REGISTER) register(program)
  for (const command of withSubcommands(program)) {
    // A bad argument is thrown and told like any other error.
    command
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .allowExcessArguments(false)
  }
  return program
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

/** Runs one command line; the exit code is in `process.exitCode`. */
export async function main(args: string[]): Promise<void> {
  const program = makeProgram()
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
  // Commander's guess at a misspelt word stands on a line of its own: (Did you mean format?)
  const [sentence = '', guess] = thrown.message
    .replace(/^error: /, '')
    // --identifier=ada@example.org: the value is nobody's business.
    .replace(/^(unknown option '[^'=]*)=.*?'(?=\n|$)/s, "$1'")
    .split('\n')
  return new LetheError(sentence, {
    code: 'LE607',
    hint: `${guess ? `${guess.replace(/^\((.*)\)$/, '$1')} ` : ''}lethe --help lists what there is`,
  })
}

if (import.meta.main) {
  // A reader that goes away (`lethe status | head`) is no failure: the command ends as it would have.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  await main(process.argv.slice(2))
}
