/**
 * `lethe doctor`: which rights are missing, the SQL that grants them, rows that nobody owns, partitions that nobody
 * manages, guards and policies that are not as they were put up.
 */
import type { Command } from 'commander'
import { databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'

export function register(program: Command): void {
  program
    .command('doctor')
    .description(
      'say which rights are missing, print the SQL that grants them, count rows of no controller, name detached partitions and broken guards (exit code 1 if any)',
    )
    .action(
      databaseAction(async ({ databaseUrl, out }) => {
        const { examine, isOptional } = await import('../../install/doctor.ts')
        const { installed, missing, ownerless, detached, protections, statistics } =
          await examine(databaseUrl)
        const broken = protections.filter((finding) => !isOptional(finding))
        if (out.json) {
          out.table([
            ...missing.map((right) => ({ ...right })),
            ...ownerless,
            ...detached,
            ...protections.map((finding) => ({ ...finding })),
            ...statistics,
          ])
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
        if (!out.json && detached.length > 0) {
          out.warn('detached partitions still hold personal data, and nobody manages them: drop them')
          out.table(detached.map((row) => ({ ...row })))
        }
        if (!out.json && protections.length > 0) {
          if (broken.length > 0) out.warn('guards or policies of yours are not as they were put up')
          else out.line('\nLethe honours these; nobody else has to:')
          out.table(
            protections.map((finding) => ({ ...finding })),
            ['finding', 'sentence', 'remedy'],
          )
        }
        if (!out.json && statistics.length > 0) {
          out.line(
            '\nStatistics views depend on your objects: drop or replace the view before you drop what it reads.',
          )
          out.table(statistics.map((row) => ({ ...row })))
        }
        return missing.length + ownerless.length + detached.length + broken.length > 0
          ? EXIT_INCOMPLETE
          : EXIT_OK
      }),
    )
}
