/** The chain over the evidence as PostgreSQL offers it: its heads, its verification, its receipts. */
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Queryable } from './cycle.ts'

/** The last seal of a controller's chain. */
export type Head = z.infer<typeof head>

/**
 * One thing that the verification has to say.
 *
 * - `error`: something was altered, removed, put in or cut off
 * - `warning`: not sealed, or not anchored, yet
 * - `info`: what was checked and is sound
 */
export type Finding = z.infer<typeof finding>

/** What a cycle did, and the seal that covers it. */
export type Receipt = z.infer<typeof receipt>

/** One term of the policy that the cycle obeyed. */
export type Term = z.infer<typeof term>

const head = z.object({
  controller: z.string(),
  /** Tells this chain from every other: 64 hexadecimal digits. */
  chain: z.string(),
  number: z.coerce.number(),
  hash: z.string(),
  /** What is kept outside: one JSON object. */
  line: z.string(),
})
const finding = z.object({
  controller: z.string().nullable(),
  severity: z.enum(['error', 'warning', 'info']),
  object: z.string(),
  finding: z.string(),
})
const term = z.object({
  table: z.string(),
  column: z.string().nullable(),
  action: z.string(),
  method: z.string().nullable(),
  purpose: z.string().nullable(),
  after: z.string(),
  since: z.array(z.string()),
  conditional: z.boolean(),
})
// Loose: what a later version adds to a receipt is kept, signed and compared like the rest.
const receipt = z.looseObject({
  controller: z.looseObject({ name: z.string(), title: z.string().nullable(), time_zone: z.string() }),
  cycle: z.looseObject({
    id: z.number(),
    state: z.enum(['complete', 'incomplete']),
    local_date: z.string(),
    covers_since: z.string(),
    started_at: z.string(),
    finished_at: z.string(),
  }),
  tables: z.array(
    z.looseObject({
      table: z.string(),
      state: z.string(),
      batches: z.number(),
      failure: z.looseObject({ sqlstate: z.string(), constraint: z.string().optional() }).nullable(),
    }),
  ),
  // Receipts of earlier versions have none.
  requests: z
    .array(z.looseObject({ request: z.number(), failure: z.looseObject({ sqlstate: z.string() }) }))
    .optional(),
  rules: z.array(z.looseObject({ table_name: z.string(), rule: z.string() })),
  policy: z.looseObject({ sha256: z.string(), terms: z.array(term) }),
  key_version: z.number(),
  seal: z.looseObject({
    chain: z.string(),
    number: z.number(),
    hash: z.string(),
    sealed_at: z.string(),
    receipt_sha256: z.string(),
  }),
})

/** The heads of the chains that the login may see. */
export async function evidenceHeads(db: Queryable): Promise<Head[]> {
  const { rows } = await db.query('select controller, chain, number, hash, line from lethe.evidence_heads()')
  return z.array(head).parse(rows)
}

/** @param anchor - lines of an anchor. @throws SQLSTATE LE101, LE502. */
export async function verifyEvidence(
  database: DatabasePool,
  controller: string | undefined,
  anchor: string | undefined,
): Promise<readonly Finding[]> {
  return database.any(sql.type(finding)`
    select controller, severity, object, finding
    from lethe.verify_evidence(${controller ?? null}, ${anchor ?? null})`)
}

/** Cycles with a receipt: the last of each controller. @throws SQLSTATE LE101. */
export async function lastReceipts(
  database: DatabasePool,
  controller: string | undefined,
): Promise<readonly { controller: string; cycle: number }[]> {
  return database.any(sql.type(z.object({ controller: z.string(), cycle: z.number() }))`
    select c.name as controller, max(r.cycle_id) as cycle
    from lethe.receipts as r
    join lethe.cycles as y on y.id = r.cycle_id
    join lethe.controllers as c on c.id = y.controller_id
    where c.name = coalesce(${controller ?? null}, c.name)
    group by c.name
    order by c.name`)
}

/** @throws SQLSTATE LE802 when there is none that the login may see. */
export async function readReceipt(database: DatabasePool, cycle: number): Promise<Receipt> {
  const row = await database.one(sql.type(z.object({ receipt }))`select lethe.receipt(${cycle}) as receipt`)
  return row.receipt
}
