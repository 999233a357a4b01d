/**
 * Which methods can mask a column, the best first, by what it means and by what the column can take. What is left out
 * here would be refused; whether the rest is accepted, the database says (trial.ts).
 */
import type { Column, Table } from './catalogue.ts'
import { isUnique } from './subjects.ts'

/** As a policy writes it: a name, or a name and parameters. */
export type Using = string | { method: string; [parameter: string]: unknown }

/** What a method asks of a column, as lethe.methods says; a test compares. */
interface Facts {
  /** Base types it fits. */
  types: readonly string[]
  keepsUnique?: boolean
  nullsOut?: boolean
  lengthMin?: number
  lengthMinUnique?: number
}

const TEXTS = ['text', 'varchar', 'bpchar', 'citext'] as const

/** The methods that discovery proposes. */
export const METHOD_FACTS: Readonly<Record<string, Facts>> = {
  suppress: { types: ['*'], nullsOut: true },
  constant: { types: [...TEXTS, 'jsonb', 'bytea'] },
  pseudonym: { types: TEXTS, keepsUnique: true, lengthMin: 10, lengthMinUnique: 22 },
  pseudonym_email: { types: TEXTS, keepsUnique: true, lengthMin: 27, lengthMinUnique: 39 },
  pseudonym_uuid: { types: ['uuid'], keepsUnique: true },
  pseudonym_number: { types: ['int8'], keepsUnique: true },
  partial_email: { types: TEXTS },
  partial_number: { types: TEXTS },
  partial: { types: TEXTS },
  scrub: { types: TEXTS },
  generalize_date: { types: ['date', 'timestamp', 'timestamptz'] },
  generalize_number: { types: ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8'] },
  generalize_coordinates: { types: ['numeric', 'float4', 'float8', 'point'] },
  generalize_postcode: { types: TEXTS },
  generalize_ip: { types: ['inet', 'cidr', ...TEXTS], lengthMin: 15, lengthMinUnique: 15 },
  generalize_mac: { types: ['macaddr', 'macaddr8'] },
  generalize_user_agent: { types: TEXTS },
  redact_elements: { types: ['_text', '_varchar'] },
}

const EMPTY: Using = { method: 'constant', value: '-' }
const EMPTY_DOCUMENT: Using = { method: 'constant', value: '{}' }

/** By meaning, the best first; what is always tried after them is below. */
const BY_MEANING: Readonly<Record<string, readonly Using[]>> = {
  email: ['pseudonym_email', 'suppress', 'partial_email'],
  phone: ['suppress', { method: 'partial_number', keep_start: 0, keep_end: 0 }],
  'birth date': [{ method: 'generalize_date', to: 'year' }, 'suppress'],
  'date of life': [{ method: 'generalize_date', to: 'year' }, 'suppress'],
  'death date': [{ method: 'generalize_date', to: 'year' }, 'suppress'],
  postcode: [{ method: 'generalize_postcode', keep: 2 }, 'suppress'],
  position: [{ method: 'generalize_coordinates', decimals: 1 }, 'suppress'],
  'ip address': [{ method: 'generalize_ip', v4: 24, v6: 48 }, 'suppress'],
  'mac address': ['generalize_mac', 'suppress'],
  'user agent': ['generalize_user_agent', 'suppress'],
  income: [{ method: 'generalize_number', width: 100 }, 'suppress'],
  'free text': ['scrub', 'suppress'],
  reference: ['pseudonym', 'suppress'],
  tracker: ['pseudonym_uuid', 'pseudonym', 'suppress'],
}

const LAST_RESORT: readonly Using[] = [
  'suppress',
  EMPTY,
  EMPTY_DOCUMENT,
  'redact_elements',
  'pseudonym',
  'pseudonym_uuid',
  'pseudonym_number',
  { method: 'generalize_number', width: 10 },
]

/** Methods to be tried on a column, in order; empty: none fits. */
export function methodsFor(table: Table, column: Column, meaning: string | null): Using[] {
  const wanted = [...((meaning && BY_MEANING[meaning]) || []), ...LAST_RESORT]
  const fitting = wanted.filter((using) => fits(table, column, using))
  return fitting
    .filter((using, n) => fitting.findIndex((other) => JSON.stringify(other) === JSON.stringify(using)) === n)
    .slice(0, 4)
}

function fits(table: Table, column: Column, using: Using): boolean {
  const { method, value } = typeof using === 'string' ? { method: using, value: undefined } : using
  const facts = METHOD_FACTS[method]!
  const unique = isUnique(table, column.name)
  if (!facts.types.includes('*') && !facts.types.includes(column.base)) return false
  if (facts.nullsOut) return !column.notNull
  if (unique && !facts.keepsUnique) return false
  // A document takes a document, bytes take none, text takes a dash.
  if (method === 'constant' && (value === '{}') !== (column.base === 'jsonb')) return false
  if (method === 'constant' && column.base === 'bytea') return false
  const least = unique ? facts.lengthMinUnique : facts.lengthMin
  return column.length === null || column.length >= (least ?? 0)
}
