/**
 * Brings a declared format to the host's table: the steps of `lethe.format_steps`, as the user who is connected.
 * Counterpart: sql/lethe/format_sql.sql, which prints the same steps to be read and run by hand.
 */
import type pg from 'pg'
import { z } from 'zod'
import { toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'

const stepRow = z.object({
  step: z.number(),
  title: z.string(),
  must_be_none: z.string().nullable(),
  statement: z.string(),
})

/** One step: what it is, and the statements that do it. */
export type FormatStep = z.infer<typeof stepRow>

/** What {@link keepFormat} did. */
export interface KeptFormat {
  /** Titles of the steps that were run. */
  done: string[]
  /** Titles of those that were not. */
  left: string[]
  /** Values that no step can bring into the format; while there are any, the constraint is not added. */
  stuck: number
}

/** What is left to do. */
export async function formatSteps(client: pg.Client, table: string, column: string): Promise<FormatStep[]> {
  const { rows } = await client.query(
    'select step, title, must_be_none, statement from lethe.format_steps($1, $2) order by step',
    [table, column],
  )
  return z.array(stepRow).parse(rows)
}

/**
 * Runs what is left, step by step. Each commits by itself, so that it can be stopped and called again.
 *
 * @throws LetheError LE501 where the database refuses a step
 */
export async function keepFormat(
  client: pg.Client,
  table: string,
  column: string,
  onStep: (title: string, done: number, total: number) => void = () => undefined,
): Promise<KeptFormat> {
  const steps = await formatSteps(client, table, column)
  const done: string[] = []
  for (const { title, must_be_none, statement } of steps) {
    const stuck = must_be_none === null ? 0 : await count(client, must_be_none)
    if (stuck > 0) return { done, left: steps.slice(done.length).map((step) => step.title), stuck }
    onStep(title, done.length, steps.length)
    await run(client, title, statement)
    done.push(title)
  }
  return { done, left: [], stuck: 0 }
}

async function count(client: pg.Client, statement: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(statement)
  return Number(rows[0]!.n)
}

async function run(client: pg.Client, title: string, statement: string): Promise<void> {
  try {
    await client.query(statement)
  } catch (thrown) {
    // The transaction that a step opened is the step's; nothing of it stays.
    await client.query('rollback').catch(() => undefined)
    const { message, hint } = toLetheError(thrown)
    throw new LetheError(`could not ${title.charAt(0).toLowerCase()}${title.slice(1)}: ${message}`, {
      code: 'LE501',
      hint: hint ?? 'run it as the owner of the table, or again later; what is done stays done',
      cause: thrown,
    })
  }
}
