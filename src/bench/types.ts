/**
 * The benchmarks measure Lethe against SQL written by hand for the same effect, in the same run, on
 * clones of the same database. Glossary:
 *
 * - **case**: one line of the table that comes out.
 * - **ours**, **baseline**: what Lethe does; what a DBA would write.
 * - **template**: a database filled once; every timed run works on a fresh clone of it.
 */
import type { BenchServer } from './server.ts'

/** How large the data is. */
export interface Size {
  /** Rows of `bench.contacts`; one in ten is due. */
  contacts: number
  /** Rows of `bench.orders`, each with six rows of `bench.lines`; one in ten is due. */
  orders: number
  /** Rows that fall due anew for one daily cycle. */
  daily: number
  /** Milliseconds that the foreground is measured at rest. */
  idleMs: number
}

/** What a case is given. */
export interface Context {
  server: BenchServer
  size: Size
  /** Runs of ours and of the baseline, in turns. */
  repetitions: number
  /** Tells what is happening; never part of the result. */
  progress(step: string): void
}

/** What a case found: medians, in seconds. */
export interface Measured {
  seconds: number
  /** Absent where the target is an absolute time. */
  baselineSeconds?: number
}

/** One line of the table. */
export interface Case {
  name: string
  /** What was done, and against what. */
  title: string
  /** What the time of ours covers. */
  includes: string
  /** `ratio`: ours / baseline at the most `target`. `ms`: ours at the most `target` milliseconds. */
  unit: 'ratio' | 'ms'
  target: number
  /** It restarts the server, and so is not measured on one that was given. */
  restarts?: true
  run(context: Context): Promise<Measured>
}

/** One line of `--json`. */
export interface Result {
  name: string
  /** Ours / baseline; null where the target is an absolute time. */
  ratio: number | null
  target: number
  ok: boolean
  seconds: number
  baseline_seconds: number | null
  unit: Case['unit']
}
