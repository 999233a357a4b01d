/** `lethe doctor`: which rights are missing, the SQL that grants them, and rows that nobody owns. */
import type { Command } from 'commander'
import { databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'

export function register(program: Command): void {
  program
    .command('doctor')
    .description(
      'say which rights are missing, print the SQL that grants them, and count rows of no controller (exit code 1 if any)',
    )
    .action(
      databaseAction(async ({ databaseUrl, out }) => {
        const { examine } = await import('../../install/doctor.ts')
        const { installed, missing, ownerless } = await examine(databaseUrl)
        if (out.json) {
          out.table([...missing.map((right) => ({ ...right })), ...ownerless])
        } else if (missing.length > 0) {
          out.table(
            missing.map((right) => ({ ...right })),
            ['object', 'need'],
          )
          out.line('\n-- To be run by a superuser, or by the owner of each object:')
          for (const { remedy } of missing) out.line(`${remedy};`)
        }
        if (!installed) {
          out.warn(
            missing.length > 0
              ? 'Lethe is not installed here yet'
              : 'Lethe is not installed here yet; nothing hinders lethe init',
          )
        } else if (missing.length === 0) {
          out.success('no right is missing')
        }
        if (!out.json && ownerless.length > 0) {
          out.warn('rows whose controller column names no controller: no cycle ever reaches them')
          out.table(ownerless.map((row) => ({ ...row })))
        }
        return missing.length + ownerless.length > 0 ? EXIT_INCOMPLETE : EXIT_OK
      }),
    )
}
