/**
 * The table of docs/formats.md, made from lethe.formats; what the examples become, the database says. Written
 * between two marks by `npm run docs`. A test fails when it differs from what is in the repository.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'

/** The page that holds the table. */
export const FORMATS_PAGE = fileURLToPath(new URL('../../docs/formats.md', import.meta.url))

const BEGIN = '<!-- the formats, written by npm run docs -->'
const END = '<!-- end of the formats -->'

interface Format {
  name: string
  types: string[]
  output: string
  description: string
  reduction: string | null
  parameters: Record<
    string,
    { default: number; minimum?: number; maximum?: number; enum?: number[]; description: string }
  >
  example: string
  type: string
  value: string
}

/** The table, as Markdown. */
export async function formatTable(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<Format>(`
    select f.name, f.types, f.output, f.description, f.parameters, f.examples[1] as example, f.types[1] as type,
      lethe_private.format_value('', 'v', f.types[1], f.kind) as value,
      lethe_private.fill_format(f.reduction, '{value}', f.types[1], lethe_private.format_parameters(f.parameters, '{}')) as reduction
    from lethe.formats as f order by f.name, f.kind = 'text' desc, f.kind`)
  const lines = []
  for (const row of rows) lines.push(`| ${(await cells(client, row)).join(' | ')} |`)
  return [
    '| format | types | holds | for example | by itself | parameters |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n')
}

async function cells(client: pg.ClientBase, row: Format): Promise<string[]> {
  const { name, types, output, description, parameters, example } = row
  const becomes = row.reduction === null ? 'not computed here' : `\`${await reduced(client, row)}\``
  return [
    `\`${name}\``,
    types.join(', '),
    description,
    `\`${example}\`: ${becomes}`,
    output,
    Object.entries(parameters)
      .map(([key, { description: about, ...spec }]) => `\`${key}\` (${bounds(spec)}): ${about}`)
      .join('; '),
  ]
}

function bounds(spec: { default: number; minimum?: number; maximum?: number; enum?: number[] }): string {
  const allowed = spec.enum ? spec.enum.join(', ') : `${spec.minimum} to ${spec.maximum}`
  return `${spec.default}; ${allowed}`
}

async function reduced(client: pg.ClientBase, { reduction, value, example, type }: Format): Promise<string> {
  const { rows } = await client.query<{ reduced: string }>(
    `select (${reduction!.replaceAll('{value}', value)})::text as reduced from (select $1::text::${type} as v) as x`,
    [example],
  )
  return rows[0]!.reduced
}

/** The page with that table in it. */
export function withTable(page: string, table: string): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  return `${page.slice(0, begin)}${BEGIN}\n${table}\n${page.slice(end)}`
}

/** Writes the table anew. */
export async function writeFormatTable(client: pg.ClientBase): Promise<void> {
  await writeFile(FORMATS_PAGE, withTable(await readFile(FORMATS_PAGE, 'utf8'), await formatTable(client)))
}
