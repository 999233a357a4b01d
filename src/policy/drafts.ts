/**
 * Drafts: a policy is proposed, rehearsed by the database on real rows, and put in force by somebody who has seen
 * what it does. Everything is decided in the database; this carries it there and back.
 */
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { toLetheError } from '../db/errors.ts'
import type { PolicyFile } from './read.ts'

const changeSchema = z.object({
  change: z.enum(['added', 'changed', 'removed']),
  /** controller, table, column, term, view, `subject …`, `link of …`, `waiver of …`, or a key of the document. */
  what: z.string(),
  controller: z.string().optional(),
  table: z.string().optional(),
  column: z.string().optional(),
  action: z.string().optional(),
  purpose: z.string().optional(),
  before: z.unknown(),
  after: z.unknown(),
})

const findingSchema = z.object({
  /** refused, not done, clock moved, row lost, right missing. */
  problem: z.string(),
  controller: z.string().optional(),
  table: z.string().optional(),
  rule: z.string().optional(),
  rows: z.number().optional(),
  sqlstate: z.string().optional(),
  constraint: z.string().optional(),
  relation: z.string().optional(),
  remedy: z.string().optional(),
})

const effectSchema = z.object({
  object: z.string(),
  kind: z.string(),
  inserts: z.number().optional(),
  updates: z.number().optional(),
  deletes: z.number().optional(),
  why: z.string().optional(),
})

const blastSchema = z.object({
  controller: z.string(),
  table: z.string(),
  rule: z.string(),
  /** Null on the lines that count rows once, or rows of other tables. */
  due: z.number().nullable(),
  at_once: z.number(),
  no_longer: z.number().nullable(),
})

const triedSchema = z.object({
  controller: z.string(),
  table: z.string(),
  rule: z.string(),
  rows: z.number(),
  as_of: z.string().nullable(),
})

const draftRow = z.object({
  id: z.number(),
  state: z.enum(['drafted', 'rehearsed', 'refused', 'activated', 'withdrawn']),
  author: z.string(),
  reason: z.string(),
  drafted_at: z.string(),
  rehearsed_at: z.string().nullable(),
  changes: z.array(changeSchema).nullable(),
  findings: z.array(findingSchema).nullable(),
  effects: z.array(effectSchema).nullable(),
  tried: z.array(triedSchema).nullable(),
  missing_rights: z.array(z.object({ object: z.string(), need: z.string(), remedy: z.string() })).nullable(),
  blast_radius: z.array(blastSchema).nullable(),
  rows_at_once: z.number().nullable(),
  approved_by: z.string().nullable(),
  ended_by: z.string().nullable(),
  ended_at: z.string().nullable(),
})

const idRow = z.object({ id: z.number() })
const nothing = z.object({}).passthrough()

/** One line of a diff. */
export type Change = z.infer<typeof changeSchema>
/** One thing that a rehearsal refuses. */
export type Finding = z.infer<typeof findingSchema>
/** Something that is touched outside the plan. */
export type Effect = z.infer<typeof effectSchema>
/** A draft with what its last rehearsal has found. */
export type Draft = z.infer<typeof draftRow>

/** What a rehearsal may take, the counting of the blast radius included. */
const REHEARSAL_TIMEOUT = '15min'

/** Thrown to have a transaction rolled back; carries what was found in it. */
class Undo extends Error {
  readonly draft: Draft
  constructor(draft: Draft) {
    super('undone')
    this.draft = draft
  }
}

/**
 * Drafts and rehearses a policy.
 *
 * @param keep - false: nothing stays, not even the draft. Nor does it where the policy says what is in force already.
 * @throws LetheError with file, line and column in front where the refusal has a place in the file
 */
export async function propose(
  pool: DatabasePool,
  file: PolicyFile,
  { reason, keep }: { reason: string; keep: boolean },
): Promise<Draft> {
  try {
    return await pool.transaction(async (session) => {
      const { id } = await session.one(
        sql.type(idRow)`select lethe.draft_policy(${JSON.stringify(file.policy)}::jsonb, ${reason}) as id`,
      )
      const draft = await rehearseIn(session, id)
      if (!keep || draft.changes?.length === 0) throw new Undo(draft)
      return draft
    })
  } catch (thrown) {
    if (thrown instanceof Undo) return thrown.draft
    throw file.explain(toLetheError(thrown))
  }
}

/** Rehearses a draft once more. */
export async function rehearse(pool: DatabasePool, id: number): Promise<Draft> {
  return pool.transaction((session) => rehearseIn(session, id))
}

async function rehearseIn(session: CommonQueryMethods, id: number): Promise<Draft> {
  // Counted from the statement that is sent, so it cannot be set any deeper.
  await session.query(sql.type(nothing)`select set_config('statement_timeout', ${REHEARSAL_TIMEOUT}, true)`)
  await session.query(sql.type(nothing)`select lethe.rehearse(${id})`)
  return getDraft(session, id)
}

/** A draft as it stands. LE111 is the database's to raise, when something is done with it. */
export async function getDraft(session: CommonQueryMethods, id: number): Promise<Draft> {
  return session.one(sql.type(draftRow)`select ${COLUMNS} from lethe.drafts where id = ${id}`)
}

/** All drafts, the newest first. */
export async function listDrafts(pool: DatabasePool): Promise<Draft[]> {
  return [...(await pool.any(sql.type(draftRow)`select ${COLUMNS} from lethe.drafts order by id desc`))]
}

const COLUMNS = sql.fragment`id, state, author, reason, drafted_at, rehearsed_at, changes, findings, effects, tried,
  missing_rights, blast_radius, rows_at_once, approved_by, ended_by, ended_at`

/** The second person's yes. */
export async function approve(pool: DatabasePool, id: number): Promise<void> {
  await pool.query(sql.type(nothing)`select lethe.approve_draft(${id})`)
}

/** Gives a draft up. */
export async function withdraw(pool: DatabasePool, id: number): Promise<void> {
  await pool.query(sql.type(nothing)`select lethe.withdraw_draft(${id})`)
}

/** Puts a rehearsed draft in force. @param accept - its side effects, by name. */
export async function activate(pool: DatabasePool, id: number, accept: string[]): Promise<void> {
  await pool.query(
    sql.type(nothing)`select count(*) from lethe.activate(${id}, ${sql.array(accept, 'text')})`,
  )
}
