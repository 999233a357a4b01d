/**
 * What `lethe.personal_data` answers, version 1. Counterpart: sql/lethe/personal_data.sql; docs/portability.schema.json
 * says the same to other programs.
 *
 * - **table**: the rows of one table and place that belong to the person in one way.
 * - **kind**: `root` (the person), `own`, `share` (also somebody else's), `mention` (somebody else's that names the person).
 * - **place**: `live`, `archive`, or `archived values` (what was archived of columns of live rows).
 * - **until**: the first day on which the policy ends the row or a column of it; null where it names no day.
 * - `***` stands where another person's data is.
 */
import { z } from 'zod'

const Column = z.object({
  name: z.string(),
  category: z.string().describe('What it holds, or "not recorded".'),
  purposes: z.array(z.string()),
  legal_basis: z.string().describe('Art. 6 GDPR, or "not recorded".'),
  source: z.string(),
  rules: z.array(z.string()).describe('How long it is kept, as sentences.'),
})

const Row = z.object({
  values: z
    .record(z.string(), z.unknown())
    .describe(
      'By column. Decimals and integers beyond 2^53 are strings, bytes base64, instants UTC; *** is somebody else’s.',
    ),
  until: z.object({
    row: z.string().nullable().describe('The first day on which the policy ends the whole row.'),
    columns: z.record(z.string(), z.string()).describe('The same of single columns.'),
  }),
})

const Table = z.object({
  table: z.string(),
  kind: z
    .enum(['root', 'own', 'share', 'mention'])
    .describe('The person; theirs; theirs and somebody else’s; somebody else’s that names them.'),
  place: z
    .enum(['live', 'archive', 'archived values'])
    .describe('In use; archived; values that were archived of rows in use.'),
  key: z.array(z.string()).describe('The columns that tell rows apart.'),
  rules: z.array(z.string()).describe('How long a row is kept, as sentences.'),
  columns: z.array(Column),
  rows: z.array(Row),
})

/** The whole answer. */
export const PersonalData = z.object({
  format: z.literal(1),
  kind: z.enum(['access', 'portability']),
  request: z.number(),
  subject: z.string().describe('The kind of person.'),
  controller: z.object({ name: z.string(), title: z.string().nullable(), time_zone: z.string() }),
  generated_at: z.string().describe('ISO 8601, UTC.'),
  tables: z.array(Table),
  recipients: z.array(
    z.object({
      name: z.string(),
      since: z.string(),
      until: z.string().nullable().describe('Null: to this day.'),
    }),
  ),
  source: z.string(),
  automated_decisions: z.string(),
  rights: z.array(z.string()),
})

export type PersonalData = z.infer<typeof PersonalData>
export type PersonalTable = z.infer<typeof Table>
export type PersonalColumn = z.infer<typeof Column>

/**
 * The answer as the database wrote it. A number in the host's own JSON that JavaScript would round becomes a string,
 * as decimals are: nobody is to be told another figure than the one that is kept.
 */
export const PersonalDataText = z.string().transform(readExactly).pipe(PersonalData)

type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown

function readExactly(text: string): unknown {
  const exact: Reviver = (_key, value, { source }) =>
    typeof value === 'number' && String(value) !== source ? source : value
  return JSON.parse(text, exact as Parameters<typeof JSON.parse>[1])
}

/** A value as one line of text: null is empty, what is nested is JSON. */
export function valueAsText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
