/** `lethe remove`: takes Lethe out of a database. */
import { type Command, Option } from 'commander'
import { databaseAction } from '../command.ts'

interface Options {
  archive?: 'keep' | 'drop'
}

export function register(program: Command): void {
  program
    .command('remove')
    .description('take Lethe out of a database; the host’s tables stay as they are')
    .addOption(
      new Option('--archive <what>', 'what to do with archive and evidence').choices(['keep', 'drop']),
    )
    .action(
      databaseAction<Options>(async ({ databaseUrl, options, out }) => {
        const { remove } = await import('../../install/remove.ts')
        const result = await remove({ databaseUrl, archive: options.archive })
        out.object({ ...result })
        if (result.schemas.length === 0) {
          out.success(`Lethe is not installed in ${result.database}: nothing to do`)
          return
        }
        out.line(`  dropped schemas ${result.schemas.join(', ')}`)
        if (options.archive === 'keep' && !result.schemas.includes('lethe_archive'))
          out.line('  kept schema lethe_archive: archive and evidence, readable by this login alone')
        for (const index of result.indexes) out.line(`  dropped index ${index}`)
        for (const guard of result.guards) out.line(`  dropped guard ${guard}`)
        for (const object of [...result.restrictions, ...result.suppressions]) out.line(`  dropped ${object}`)
        if (result.rolesDropped.length > 0) out.line(`  dropped roles ${result.rolesDropped.join(', ')}`)
        if (result.rolesKept.length > 0) out.line(`  kept roles in use: ${result.rolesKept.join(', ')}`)
        if (result.grantsLeft.length > 0) {
          out.warn(
            `only their owners can revoke what was granted on ${result.grantsLeft.join(', ')}; as a superuser:`,
          )
          out.warn(`  ${result.remedy};`)
        }
        out.success(`Lethe is removed from ${result.database}`)
      }),
    )
}
