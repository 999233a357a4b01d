/** `lethe work`: the worker, until it is told to stop. */
import type { Command } from 'commander'
import { databaseAction } from '../command.ts'
import { makeLog } from '../log.ts'
import { parseCount } from '../numbers.ts'

interface Options {
  concurrency?: number
}

export function register(program: Command): void {
  program
    .command('work')
    .description(
      'run the daily cycles and what requests need, as it falls due, until stopped (Ctrl-C); start as many as wanted',
    )
    .option('--concurrency <n>', 'tables swept at the same time (default 2)', parseCount('--concurrency', 64))
    .action(
      databaseAction<Options>(async ({ databaseUrl, options, out }) => {
        const { startWorker } = await import('../../worker.ts')
        const logger = makeLog({ json: out.json })
        const worker = await startWorker({ databaseUrl, concurrency: options.concurrency, logger })
        logger.info(
          'worker started; it looks for due cycles at seven minutes past every hour, for requests every five',
        )
        const onSignal = (): void => {
          // The second time the process ends as it stands: the step at hand is rolled back, nothing is lost.
          process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143))
          logger.info('stopping after the steps at hand')
          void worker.stop().catch(() => undefined)
        }
        process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
        await worker.ended
        logger.info('worker stopped')
      }),
    )
}
