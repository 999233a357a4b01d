/**
 * What the demo shows beside the figures of a cycle: what is in the archive, that one record of it can be
 * opened, and the receipt. It speaks of made-up readers; of anybody else's database it says nothing.
 */
import type { DatabasePool } from 'slonik'
import { sql } from 'slonik'
import { z } from 'zod'
import { openPool } from '../db/client.ts'
import { lastReceipts, readReceipt } from '../db/evidence.ts'
import { writeReceipt } from '../evidence/receipt.ts'
import type { Output } from './output.ts'

const REASON = 'the demo shows how a record is opened'

/** The key of an invoice that the coming cycle will archive; undefined where there is no demo. */
export async function pickInvoice(databaseUrl: string): Promise<string | undefined> {
  return withPool(databaseUrl, async (pool) => {
    const isThere = await pool.oneFirst(
      sql.type(
        z.object({ there: z.boolean() }),
      )`select to_regclass('audience.invoices') is not null as there`,
    )
    if (!isThere) return undefined
    const key = await pool.maybeOneFirst(sql.type(z.object({ id: z.string() }))`
      select id::text from audience.invoices
      where publisher_id = 1 and issued_on between current_date - interval '9 years' and current_date - interval '6 years'
      order by id limit 1`)
    return key ?? undefined
  })
}

/** Counts of the archive, one record of it, the receipt of the last cycle. */
export async function showArchiveAndReceipt(
  databaseUrl: string,
  invoice: string,
  out: Output,
): Promise<void> {
  await withPool(databaseUrl, async (pool) => {
    out.line('\nThe archive, which nobody may read (lethe archive):')
    out.table([
      ...(await pool.any(sql.type(
        z.object({ controller: z.string(), table: z.string(), content: z.string(), rows: z.number() }),
      )`
        select controller, table_name as "table", content, rows from lethe.archive_contents()`)),
    ])
    out.line(
      `\nOne record of it, opened with a reason (lethe archive open audience.invoices ${invoice} --reason …):`,
    )
    out.table([
      ...(await pool.any(sql.type(z.object({ table: z.string(), key: z.string(), columns: z.number() }))`
        select table_name as "table", row_key as key, (select count(*) from jsonb_object_keys(content)) as columns
        from lethe.open_archive(${REASON}, 'audience.invoices', ${invoice})`)),
    ])
    const [last] = await lastReceipts(pool, undefined)
    if (!last || out.json) return
    out.line(`\nThe receipt of cycle ${last.cycle} (lethe receipt ${last.cycle}):\n`)
    const lines = writeReceipt(await readReceipt(pool, last.cycle), 'text', undefined).split('\n')
    for (const line of lines.slice(0, RECEIPT_LINES)) out.line(`  ${line}`)
    if (lines.length > RECEIPT_LINES) out.line(`  … ${lines.length - RECEIPT_LINES} more lines`)
  })
}

/** As much of it as shows what it is. */
const RECEIPT_LINES = 16

async function withPool<T>(databaseUrl: string, work: (pool: DatabasePool) => Promise<T>): Promise<T> {
  const pool = await openPool(databaseUrl)
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}
