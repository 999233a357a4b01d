/** `lethe ledger`: the folder outside the database that says who was forgotten, held and restricted. See docs/ledger.md. */
import type { Command } from 'commander'
import { openClient } from '../../db/client.ts'
import { requireLedger } from '../../db/ledger.ts'
import { LetheError } from '../../errors.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { action, type DatabaseContext, databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'

export function register(program: Command): void {
  const ledger = program
    .command('ledger')
    .description('the ledger outside the database: how the database stands to it, verify, prune, rotate')
  ledger
    .command('status', { isDefault: true })
    .description(
      'write what is not in the ledger yet, and say whether the gate is open (exit code 1 when it is closed)',
    )
    .action(databaseAction<object>(status))
  ledger
    .command('verify')
    .description('read all of the ledger and check that every entry follows on the one before')
    .action(
      action<object>(async ({ out }) => {
        const entries = await (await named()).since(0)
        out.success(`${entries.length} entries, each follows on the one before`)
        out.object({ entries: entries.length, hash: entries.at(-1)?.hash ?? null })
      }),
    )
  ledger
    .command('prune')
    .description('blank the entries whose term is over; the chain still holds')
    .action(
      action<object>(async ({ out }) => {
        const pruned = await (await named()).prune()
        out.success(`${pruned} entries blanked`)
        out.object({ pruned })
      }),
    )
  ledger
    .command('rotate')
    .description('add a key to the key file, for entries from now on')
    .action(
      action<object>(async ({ out }) => {
        const { rotateLedgerKey } = await import('../../ledger/keys.ts')
        const version = await rotateLedgerKey((await named()).keys.path)
        out.success(`key ${version} is in use; keep those before it for as long as their entries`)
        out.object({ version })
      }),
    )
  ledger
    .command('require')
    .description('have the database refuse erasures that are not in the ledger')
    .option('--no-more', 'allow them again')
    .action(databaseAction<{ more: boolean }>(demand))
}

async function named(): Promise<Ledger> {
  const { ledgerOfEnvironment } = await import('../../ledger/ledger.ts')
  const ledger = await ledgerOfEnvironment()
  if (ledger) return ledger
  throw new LetheError('no ledger was named', {
    code: 'LE607',
    hint: 'set LETHE_LEDGER to its folder, and LETHE_LEDGER_KEYS to its key file',
  })
}

async function status({ databaseUrl, out }: DatabaseContext<object>): Promise<number> {
  const ledger = await named()
  const { withSession } = await import('../../ledger/session.ts')
  const { settle } = await import('../../ledger/gate.ts')
  const { shipHolds } = await import('../../ledger/holds.ts')
  const { standing, shipped } = await withSession(databaseUrl, async (db) => {
    const first = await settle(db, ledger)
    const isClosed = first.state.replaying || first.missing.length + first.lost.length > 0
    const written = isClosed ? 0 : await shipHolds(db, ledger)
    return { standing: isClosed ? first : await settle(db, ledger), shipped: written }
  })
  const missing = standing.missing.length + standing.lost.length
  const gate = standing.state.replaying || missing > 0 ? 'closed' : 'open'
  const last = await ledger.last()
  out.record({
    ledger: ledger.folder,
    entries: last?.number ?? 0,
    settled: standing.state.lastNumber,
    missing,
    shipped,
    replaying: standing.state.replaying,
    required: standing.state.required,
    gate,
  })
  return gate === 'open' ? EXIT_OK : EXIT_INCOMPLETE
}

async function demand({ databaseUrl, options, out }: DatabaseContext<{ more: boolean }>): Promise<void> {
  const client = await openClient(databaseUrl)
  try {
    await requireLedger(client, options.more)
  } finally {
    await client.end()
  }
  out.success(
    options.more ? 'erasures take an entry in the ledger from now on' : 'erasures no longer take an entry',
  )
  out.object({ required: options.more })
}
