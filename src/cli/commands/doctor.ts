/** `lethe doctor`: which rights are missing, and the SQL that grants them. */
import type { Command } from 'commander'
import { databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'

export function register(program: Command): void {
  program
    .command('doctor')
    .description('say which rights are missing, and print the SQL that grants them (exit code 1 if any)')
    .action(
      databaseAction(async ({ databaseUrl, out }) => {
        const { examine } = await import('../../install/doctor.ts')
        const { installed, missing } = await examine(databaseUrl)
        if (out.json) {
          out.table(missing.map((right) => ({ ...right })))
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
        return missing.length > 0 ? EXIT_INCOMPLETE : EXIT_OK
      }),
    )
}
