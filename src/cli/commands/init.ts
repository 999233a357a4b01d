/** `lethe init`: attaches Lethe to a database, or brings it up to this version. */
import type { Command } from 'commander'
import { databaseAction } from '../command.ts'

export function register(program: Command): void {
  program
    .command('init')
    .description('attach Lethe to a database (PostgreSQL 15 to 18), or upgrade it; safe to repeat')
    .action(
      databaseAction(async ({ databaseUrl, out, progress }) => {
        const { init } = await import('../../install/init.ts')
        const installing = progress('installing Lethe')
        const result = await init({ databaseUrl, onProgress: (step) => installing.step(step) }).finally(
          installing.end,
        )
        out.object({ ...result })
        for (const filename of result.applied) out.line(`  applied ${filename}`)
        out.success(
          result.applied.length > 0
            ? `Lethe is installed in ${result.database}`
            : `Lethe was already installed in ${result.database}: nothing to do`,
        )
      }),
    )
}
