/** Drafts in tests: proposed, rehearsed, looked at. */
import type { Session } from './engine.ts'
import { rowsOf } from './engine.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test changes a policy wherever it likes, and the database judges what comes out
export type LoosePolicy = any

/** What a rehearsal has found, as lethe.drafts keeps it. */
export interface Rehearsed {
  id: number
  state: string
  author: string
  changes: Record<string, unknown>[]
  findings: Record<string, unknown>[]
  effects: Record<string, unknown>[]
  tried: { controller: string; table: string; rule: string; rows: number; as_of: string | null }[]
  blast_radius: {
    controller: string
    table: string
    rule: string
    due: number | null
    at_once: number
    no_longer: number | null
  }[]
  rows_at_once: number
}

export async function draft(session: Session, policy: unknown, reason = 'a test'): Promise<number> {
  const [row] = await rowsOf<{ id: number }>(session, 'select lethe.draft_policy($1, $2) as id', [
    JSON.stringify(policy),
    reason,
  ])
  return row!.id
}

export async function rehearse(session: Session, id: number): Promise<Rehearsed> {
  await session.query('select lethe.rehearse($1)', [id])
  const [row] = await rowsOf<Rehearsed>(session, 'select * from lethe.drafts where id = $1', [id])
  return row!
}

/** Drafts a policy and rehearses it. */
export const propose = async (session: Session, policy: unknown): Promise<Rehearsed> =>
  rehearse(session, await draft(session, policy))

export const activate = (session: Session, id: number, accept: string[] = []): Promise<unknown> =>
  session.query('select * from lethe.activate($1, $2)', [id, accept])
