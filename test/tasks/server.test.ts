import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../src/install/init.ts'
import { startWorker } from '../../src/worker.ts'
import { type OwnServer, startOwnServer } from '../helpers/own-server.ts'
import { countDue, makeLibrary, memoryLog, SECRET, until } from './library.ts'

describe('a worker whose server crashes', () => {
  let server: OwnServer
  const log = memoryLog()

  beforeAll(async () => {
    server = await startOwnServer({ durable: true })
    await init({ databaseUrl: server.url() })
    await makeLibrary(server)
  })
  afterAll(() => server.destroy())

  it('begins again by itself and brings the cycle to its end', async () => {
    await server.query('update lethe.settings set batch_rows = 10, pause_ratio = 2')
    const worker = await startWorker({ databaseUrl: server.url(), logger: log.logger })
    const rowsDone = async (): Promise<number> =>
      Number((await server.query('select coalesce(sum(rows_done), 0) as n from lethe.cycle_tables'))[0]!.n)
    for (let crash = 0; crash < 2; crash += 1) {
      const before = await rowsDone()
      await until(async () => (await rowsDone()) > before)
      await server.stop('immediate')
      await server.start()
    }
    await until(
      async () => (await server.query(`select from lethe.cycles where state = 'complete'`)).length === 2,
    )
    await worker.stop()
    expect(await countDue(server)).toBe(0)
    expect(log.lines.join('\n')).not.toContain(SECRET)
  })
})
