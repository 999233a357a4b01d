/** Clocks and medians. */
import type pg from 'pg'
import type { Context, Measured } from './types.ts'

/** Seconds that some work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The value below which a share of the others lies. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

/** What one side of a comparison does on a clone; it returns the seconds that count. */
export type Side = (database: pg.Client) => Promise<number>

/** A comparison of two sides, each on clones of its own. */
export interface Comparison {
  template: string
  ours: Side
  baseline: Side
  /** A table whose contents must be the same after both. */
  sameTable?: string
  /** Each run begins with nothing in memory. */
  cold?: boolean
}

/**
 * Ours and the baseline in turns, each time on a fresh clone; every second round the other way round.
 *
 * @throws Error when the two leave different data behind: then they were not the same work.
 */
export async function compare(
  context: Context,
  { template, ours, baseline, sameTable, cold }: Comparison,
): Promise<Measured> {
  const { server, repetitions, progress } = context
  const seconds: Record<'ours' | 'baseline', number[]> = { ours: [], baseline: [] }
  const prints = new Set<string>()
  for (let round = 1; round <= repetitions; round++) {
    const sides = [
      ['ours', ours],
      ['baseline', baseline],
    ] as const
    for (const [side, work] of round % 2 ? sides : sides.toReversed()) {
      const took = await server.onClone(
        template,
        async (database) => {
          const result = await work(database)
          if (sameTable) prints.add(await fingerprint(database, sameTable))
          return result
        },
        { cold },
      )
      seconds[side].push(took)
      progress(`${side} ${round}/${repetitions}: ${took.toFixed(3)} s`)
    }
  }
  if (prints.size > 1) throw new Error(`ours and the baseline leave ${sameTable} different`)
  return { seconds: median(seconds.ours), baselineSeconds: median(seconds.baseline) }
}

/** Contents of a table, whatever the order of its rows. */
async function fingerprint(database: pg.Client, table: string): Promise<string> {
  const { rows } = await database.query<{ print: string }>(
    `select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) as print from ${table} as t`,
  )
  return rows[0]!.print
}
