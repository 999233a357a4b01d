/** `lethe serve`: the GraphQL API, until it is told to stop. Counterpart: src/api/server.ts. */
import type { Command } from 'commander'
import { databaseAction } from '../command.ts'
import { makeLog } from '../log.ts'
import { parseCount } from '../numbers.ts'

interface Options {
  port: number
  host: string
  ruru?: boolean
}

export function register(program: Command): void {
  program
    .command('serve')
    .description('serve the read-only GraphQL API at /graphql, until stopped (Ctrl-C)')
    .option('--port <n>', 'port to listen on', parseCount('--port', 65_535), 5678)
    .option(
      '--host <name>',
      'interface to listen on; more than this machine needs a proxy with TLS',
      '127.0.0.1',
    )
    .option('--ruru', 'also serve Ruru, a GraphiQL, at / (default in development: NODE_ENV)')
    .action(
      databaseAction<Options>(async ({ databaseUrl, options, out }) => {
        const logger = makeLog({ json: out.json })
        const development = process.env.NODE_ENV === 'development'
        process.env.GRAPHILE_ENV ??= development ? 'development' : 'production'
        // What the libraries would print may quote a request.
        console.error = () => logger.error('a library reported a fault')
        console.warn = () => logger.warn('a library reported something odd')
        const { startServer } = await import('../../api/server.ts')
        const { port, host, ruru = development } = options
        const server = await startServer({ databaseUrl, port, host, ruru, logger })
        logger.info(`the API is at ${server.url}/graphql${ruru ? ` and Ruru at ${server.url}/` : ''}`)
        await stopSignal()
        logger.info('stopping after the requests at hand')
        await server.stop()
        logger.info('stopped')
      }),
    )
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = (): void => {
      // The second time the process ends as it stands: nothing is ever half written.
      process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143))
      resolve()
    }
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  })
}
