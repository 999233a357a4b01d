/**
 * The chain recomputed from docs/evidence.md alone: rows are read as text, written as JSON, hashed and
 * chained here. Shares nothing with the SQL that does the same.
 */
import { createHash } from 'node:crypto'
import { rowsOf, type Session } from '../helpers/engine.ts'

const KEYS: Record<string, string[]> = {
  'lethe.cycles': ['id'],
  'lethe.cycle_tables': ['cycle_id', 'table_id'],
  'lethe.evidence': ['cycle_id', 'table_name', 'rule'],
  'lethe.evidence_batches': ['id'],
  'lethe.receipts': ['cycle_id'],
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

/** @returns the hash of each seal, by `controller_id/number`, as the rows now in the database give it. */
export async function recomputeChain(session: Session): Promise<Map<string, string>> {
  await session.query(`set timezone = 'UTC'; set datestyle = 'ISO'`)
  const documents = new Map<string, string>()
  for (const [relation, key] of Object.entries(KEYS)) {
    for (const row of await readRows(session, relation)) {
      documents.set(`${relation} [${key.map((column) => row.get(column)).join(', ')}]`, json(row))
    }
  }
  const lines = await rowsOf<Record<string, string>>(
    session,
    'select controller_id::text, number::text, position::text, relation, key, format::text from lethe.sealed_rows as l order by l.controller_id, l.number, l.position',
  )
  const seals = await rowsOf<Record<string, string>>(
    session,
    `select controller_id::text, number::text, format::text, previous, sealed_at::text, rows::text from lethe.seals as s order by s.controller_id, s.number`,
  )
  const hashes = new Map<string, string>()
  for (const seal of seals) {
    const mine = lines.filter(
      (line) => line.controller_id === seal.controller_id && line.number === seal.number,
    )
    const root = sha256(
      mine
        .map(
          ({ position, relation, key, format }) =>
            `${position} ${relation} ${key} ${format} ${sha256(documents.get(`${relation} ${key}`) ?? '')}\n`,
        )
        .join(''),
    )
    const previous =
      seal.number === '1' ? seal.previous : hashes.get(`${seal.controller_id}/${Number(seal.number) - 1}`)
    const text = `lethe seal ${seal.format}\ncontroller ${seal.controller_id}\nnumber ${seal.number}\nprevious ${previous}\nsealed_at ${moment(seal.sealed_at!)}\nrows ${mine.length}\nroot ${root}\n`
    hashes.set(`${seal.controller_id}/${seal.number}`, sha256(text))
  }
  return hashes
}

/** Rows as column → JSON text. */
async function readRows(session: Session, relation: string): Promise<Map<string, string>[]> {
  const columns = await rowsOf<{ name: string; type: string }>(
    session,
    `select attname as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = '${relation}'::regclass and attnum > 0 and not attisdropped`,
  )
  const rows = await rowsOf<Record<string, string | null>>(
    session,
    `select ${columns.map(({ name }) => `"${name}"::text`).join(', ')} from ${relation}`,
  )
  return rows.map(
    (row) => new Map(columns.map(({ name, type }) => [name, valueText(row[name] ?? null, type)] as const)),
  )
}

function valueText(value: string | null, type: string): string {
  if (value === null) return 'null'
  if (type === 'integer' || type === 'bigint' || type === 'jsonb') return value
  if (type === 'timestamp with time zone') return JSON.stringify(`${value.replace(' ', 'T')}:00`)
  if (type === 'text' || type === 'date') return JSON.stringify(value)
  throw new Error(`no rule for ${type}`)
}

/** Keys by length, then by their bytes. */
function json(row: Map<string, string>): string {
  const keys = [...row.keys()].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
  return `{${keys.map((key) => `"${key}": ${row.get(key)}`).join(', ')}}`
}

function moment(text: string): string {
  const [, day, time, fraction = ''] = /^(\S+) (\d\d:\d\d:\d\d)(?:\.(\d+))?\+00$/.exec(text)!
  return `${day}T${time}.${fraction.padEnd(6, '0')}Z`
}
