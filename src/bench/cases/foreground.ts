/** What people notice: the slowest hundredth of an application's transactions while a sweep goes on. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { runCycle } from '../cycle.ts'
import { fillContacts } from '../data.ts'
import { median, percentile, timed } from '../measure.ts'
import type { Case, Context } from '../types.ts'

const CLIENTS = 2
const THINK_MS = 5

/** Clients that read a contact and count a visit, at rest and during a sweep that pauses as long as it works. */
export const foreground: Case = {
  name: 'foreground-p99',
  title: 'p99 of an application while sweeping with pacing | at rest',
  includes: `lethe.run_cycle with pause_ratio 1; ${CLIENTS} clients: read a contact, update it, think ${THINK_MS} ms`,
  unit: 'ratio',
  target: 2,
  run: async (context) => {
    const { server, size, repetitions, progress } = context
    const template = await server.template('partial', fillContacts(size.contacts, 'partial'))
    const seconds: Record<'sweeping' | 'rest', number[]> = { sweeping: [], rest: [] }
    for (let round = 1; round <= repetitions; round++) {
      await server.onClone(template, async (database) => {
        const rest = await during(context, database, () => sleep(size.idleMs))
        let took = 0
        const sweeping = await during(context, database, async () => {
          took = await timed(() => runCycle(database, 1))
        })
        seconds.rest.push(percentile(rest, 0.99))
        seconds.sweeping.push(percentile(sweeping, 0.99))
        progress(
          `p99 ${ms(seconds.sweeping.at(-1)!)} of ${sweeping.length} during a sweep of ${took.toFixed(1)} s, ` +
            `${ms(seconds.rest.at(-1)!)} of ${rest.length} at rest`,
        )
      })
    }
    return { seconds: median(seconds.sweeping), baselineSeconds: median(seconds.rest) }
  },
}

function ms(seconds: number): string {
  return `${(seconds * 1000).toFixed(2)} ms`
}

/** Seconds of each transaction of all clients while `work` goes on. */
async function during(
  { server, size }: Context,
  database: pg.Client,
  work: () => Promise<unknown>,
): Promise<number[]> {
  const { rows } = await database.query<{ name: string }>('select current_database() as name')
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => server.connect(rows[0]!.name)))
  const state = { ended: false }
  const loops = clients.map((client, n) => loop(client, n, size.contacts, state))
  try {
    await work()
  } finally {
    state.ended = true
  }
  const seconds = (await Promise.all(loops)).flat()
  await Promise.all(clients.map((client) => client.end()))
  return seconds
}

async function loop(
  client: pg.Client,
  seed: number,
  contacts: number,
  state: { ended: boolean },
): Promise<number[]> {
  const seconds: number[] = []
  for (let n = 1; !state.ended; n++) {
    const id = 1 + ((n * 104_729 + seed * 7_919) % contacts)
    seconds.push(
      await timed(async () => {
        await client.query({ name: 'read', text: 'select * from bench.contacts where id = $1', values: [id] })
        await client.query({
          name: 'visit',
          text: 'update bench.contacts set visits = visits + 1 where id = $1',
          values: [id],
        })
      }),
    )
    await sleep(THINK_MS)
  }
  return seconds
}
