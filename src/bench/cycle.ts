/** Drives a cycle step by step, as `lethe.run_cycle` and the worker do, so that its parts can be timed. */
import type pg from 'pg'

/** Opens today's cycle of the one controller there is: compiles its statements. */
export async function startCycle(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ cycle: number }>(`select lethe.start_cycle('main') as cycle`)
  return rows[0]!.cycle
}

/** Sweeps every table: searches, and one transaction a batch, evidence included, until nothing is found. */
export async function sweep(database: pg.Client, cycle: number): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ table_id: number }>(
      'select table_id from lethe.ready_tables($1) limit 1',
      [cycle],
    )
    if (!rows[0]) return
    await sweepTable(database, cycle, rows[0].table_id)
  }
}

async function sweepTable(database: pg.Client, cycle: number, table: number): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ state: string }>('select state from lethe.sweep_step($1, $2)', [
      cycle,
      table,
    ])
    const state = rows[0]!.state
    if (state === 'done') return
    if (state === 'failed') throw new Error(`table ${table} failed: ${await failure(database, cycle, table)}`)
  }
}

async function failure(database: pg.Client, cycle: number, table: number): Promise<string> {
  const { rows } = await database.query<{ failure: unknown }>(
    'select failure from lethe.cycle_tables where cycle_id = $1 and table_id = $2',
    [cycle, table],
  )
  return JSON.stringify(rows[0]?.failure)
}

/** The compiled statements of `bench.contacts` in an open cycle. */
export async function program(database: pg.Client, cycle: number): Promise<Program> {
  const { rows } = await database.query<{ program: Program }>(
    'select program from lethe_private.compiled where cycle_id = $1 order by table_id limit 1',
    [cycle],
  )
  return rows[0]!.program
}

/** As much of a compiled program as is measured by itself; see `compile.sql`. */
export interface Program {
  look: string
  unclocked: string
  columns: { discover: string; act: string }
}

/** Runs the whole cycle, verification included; fails unless it ends complete. */
export async function runCycle(database: pg.Client, pauseRatio = 0): Promise<void> {
  await database.query('set client_min_messages = warning')
  await database.query('call lethe.run_cycle($1, $2)', ['main', pauseRatio])
}
