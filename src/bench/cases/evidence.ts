/** What it costs to prove what was done: the compiled batch statement with and without its evidence. */
import type pg from 'pg'
import { program, startCycle } from '../cycle.ts'
import { fillContacts } from '../data.ts'
import { pads } from '../hand.ts'
import { compare, timed } from '../measure.ts'
import type { Case } from '../types.ts'

/** Both sides take the same batches from the same worklist, a transaction each. */
export const evidence: Case = {
  name: 'evidence',
  title: 'batches with evidence | the same batches without',
  includes: 'keyed root over the ordered keys, counts per rule, one record a batch',
  unit: 'ratio',
  target: 1.05,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('partial', fillContacts(context.size.contacts, 'partial')),
      sameTable: 'bench.contacts',
      ours: (database) => batches(database, withRecord),
      baseline: (database) => batches(database, withoutFacts),
    }),
}

/** The statement as it is; what it finds is written down, as `lethe_private.take_batch` does. */
function withRecord(act: string): string {
  const [change, facts] = parts(act)
  return `${change}, done as (${facts})
    insert into lethe.evidence_batches (cycle_id, table_id, phase, rows_done, counts, root, key_version)
    select 1, 1, 'columns', (facts ->> 'rows')::bigint, facts - 'rows' - 'root', facts ->> 'root', 1 from done`
}

/** Keeps the UPDATE and what it returns, drops what is made of it. */
function withoutFacts(act: string): string {
  return `${parts(act)[0]} select count(*) from acted`
}

/** The UPDATE, and the select that makes facts of what it returns. */
function parts(act: string): [string, string] {
  const end = act.lastIndexOf('select jsonb_build_object(')
  if (end < 0) throw new Error('the batch statement no longer looks as this benchmark expects')
  return [act.slice(0, end).trimEnd(), act.slice(end)]
}

async function batches(database: pg.Client, write: (act: string) => string): Promise<number> {
  const cycle = await startCycle(database)
  const { columns } = await program(database, cycle)
  const act = write(columns.act.replaceAll('{from}', 'bench.contacts').replaceAll('{here}', ''))
  const { rows } = await database.query<{ tids: string }>(
    `select tids::text as tids from (${columns.discover}) as d`,
  )
  const [inner, outer] = await pads(database)
  // Types for all three parameters, whichever of them the text still names.
  const prologue = 'with given as (select $1::tid[], $2::bytea, $3::bytea)'
  const text = act.replace(/^\s*with /, `${prologue}, `)
  return timed(async () => {
    for (const { tids } of rows) await database.query(text, [tids, inner, outer])
  })
}
