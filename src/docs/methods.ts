/**
 * The pages of docs/methods, made from lethe.methods, from the comments of the functions and from the head
 * of their files; what the examples become, the database says. Run by itself it writes them, from a
 * throwaway server: `npm run docs`. A test fails when they differ from what is in the repository.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { init } from '../install/init.ts'
import { startThrowaway } from '../throwaway.ts'
import { EXAMPLES, type Example } from './examples.ts'
import { writeFormatTable } from './formats.ts'
import { INTRODUCTION, LEFT_OUT } from './index_page.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SOURCES = `${ROOT}sql/lethe/methods`

/** Where the pages are. */
export const METHOD_PAGES = `${ROOT}docs/methods`

/** How one parameter is declared. */
interface Parameter {
  type: string
  default?: unknown
  minimum?: number
  maximum?: number
  enum?: unknown[]
  description?: string
}

/** A row of lethe.methods. */
interface Method {
  name: string
  mask: string
  recogniser: string
  type_categories: string[]
  output: string
  keeps_unique: boolean
  nulls_out: boolean
  length_min: number | null
  length_min_unique: number | null
  parameters: Record<string, Parameter>
  description: string
}

/** An example and what its values become. */
interface Shown {
  example: Example
  masked: (string | null)[]
}

const TYPE_LETTERS: Readonly<Record<string, string>> = {
  '*': 'any',
  A: 'arrays',
  B: 'boolean',
  D: 'dates and times',
  E: 'enums',
  I: 'network addresses',
  N: 'numbers',
  R: 'ranges',
  S: 'text',
  T: 'intervals',
  V: 'bit strings',
}

/** Every page by its file name. Works as a superuser on a database with Lethe installed; leaves nothing. */
export async function methodPages(client: pg.ClientBase): Promise<Map<string, string>> {
  const { rows: methods } = await client.query<Method>(
    'select * from lethe.methods where builtin order by name',
  )
  const { rows: comments } = await client.query<{ name: string; comment: string }>(
    `select distinct on (p.proname) p.proname::text as name, obj_description(p.oid, 'pg_proc') as comment
     from pg_proc as p where p.pronamespace = 'lethe'::regnamespace order by p.proname, p.oid`,
  )
  const commentOf = new Map(comments.map(({ name, comment }) => [name, comment]))
  const sources = await readSources()
  const pages = new Map([['README.md', indexPage(methods)]])
  for (const method of methods) {
    const shown: Shown[] = []
    for (const example of EXAMPLES[method.name] ?? [])
      shown.push({ example, masked: await mask(client, method, example) })
    if (shown.length === 0) throw new Error(`src/docs/examples.ts has no example of method ${method.name}`)
    pages.set(`${method.name}.md`, page(method, shown, commentOf, sources))
  }
  return pages
}

/** Text of the files that define methods, by name. */
async function readSources(): Promise<Map<string, string>> {
  const names = (await readdir(SOURCES)).filter((name) => !name.startsWith('catalogue'))
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(`${SOURCES}/${name}`, 'utf8')] as [string, string]),
    ),
  )
}

/** Masks example values with the statement a cycle would use, under a key of zeros. */
async function mask(client: pg.ClientBase, method: Method, example: Example): Promise<(string | null)[]> {
  await client.query('begin')
  try {
    await client.query(
      `set local time zone 'UTC'; set local datestyle = 'ISO'; set local bytea_output = 'hex'`,
    )
    await client.query(`create temporary table lethe_example (n int, v ${example.type}) on commit drop`)
    await client.query(
      `insert into lethe_example select n, v::${example.type} from unnest($1::text[]) with ordinality as u (v, n)`,
      [example.values],
    )
    const { rows: made } = await client.query<{ sql: string }>(
      `select lethe_private.method_sql(m.mask, 'e', h, m, $2) as sql
       from lethe.methods as m, lethe_private.host_columns as h
       where m.name = $1 and h.relation = 'pg_temp.lethe_example'::regclass and h.name = 'v'`,
      [method.name, example.parameters ?? {}],
    )
    // The key is $2 and $3, as in a cycle, and named in any case: a parameter without a type is an error.
    const { rows } = await client.query<{ masked: string | null }>(
      `select (${made[0]!.sql})::${example.type}::text as masked
       from lethe_example as e where num_nulls($1::text, $2::bytea, $3::bytea) = 1 order by n`,
      [null, Buffer.alloc(64, 0x36), Buffer.alloc(64, 0x5c)],
    )
    return rows.map(({ masked }) => masked)
  } finally {
    await client.query('rollback')
  }
}

function indexPage(methods: readonly Method[]): string {
  const rows = methods.map(
    (method) =>
      `| [\`${method.name}\`](${method.name}.md) | ${cell(method.description)} | ${method.output} | ${method.keeps_unique ? 'yes' : method.nulls_out ? 'null' : 'no'} | ${typesOf(method)} |`,
  )
  return `${INTRODUCTION}

| method | what becomes of the value | output | unique stays unique | types |
|---|---|---|---|---|
${rows.join('\n')}

${LEFT_OUT}`
}

function page(
  method: Method,
  shown: readonly Shown[],
  commentOf: Map<string, string>,
  sources: Map<string, string>,
): string {
  const [masking, recognising] = [method.mask, method.recogniser].map(
    (text) => /lethe\.(\w+)\(/.exec(text)?.[1],
  )
  const [file, source] =
    [...sources].find(([, text]) => masking && text.includes(`function lethe.${masking}(`)) ?? []
  const parts = [
    `# ${method.name}`,
    method.description,
    source && headOf(source),
    factsOf(method),
    `## Parameters\n\n${parametersOf(method)}`,
    `## Examples\n\n${examplesOf(method, shown)}`,
    `## How it is recognised\n\n${(recognising && commentOf.get(recognising)) || 'By the expression below.'}`,
    `## SQL\n\n${sqlOf(method, [masking, recognising], file, source, commentOf)}`,
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

/** The comment at the head of a file, as paragraphs. */
function headOf(source: string): string {
  const lines = source.split('\n')
  const head = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('--')),
  )
  return plain(head.map((line) => line.replace(/^-- ?/, '')).join('\n'))
}

function factsOf(method: Method): string {
  const length =
    method.length_min === null
      ? 'fits any column its values fit'
      : `needs ${method.length_min} characters${method.length_min_unique !== null && method.length_min_unique > method.length_min ? `, ${method.length_min_unique} where values must stay unique` : ''}`
  return [
    '| | |',
    '|---|---|',
    `| output | ${method.output} |`,
    `| unique stays unique | ${method.keeps_unique ? 'yes' : method.nulls_out ? 'yes: nulls' : 'no; refused on unique columns'} |`,
    `| types | ${typesOf(method)} |`,
    `| length | ${method.nulls_out ? 'none; refused on NOT NULL columns' : length} |`,
  ].join('\n')
}

function parametersOf({ parameters }: Method): string {
  const rows = Object.entries(parameters).map(([name, spec]) => {
    const limits = spec.enum
      ? spec.enum.map((value) => `\`${value}\``).join(', ')
      : [
          spec.minimum !== undefined && `from ${spec.minimum}`,
          spec.maximum !== undefined && `to ${spec.maximum}`,
        ]
          .filter(Boolean)
          .join(' ')
    const standard = spec.default === undefined ? 'required' : `\`${spec.default}\``
    return `| \`${name}\` | ${spec.type} | ${standard} | ${limits} | ${cell(spec.description ?? '')} |`
  })
  if (rows.length === 0) return 'None.'
  return ['| parameter | type | default | limits | says |', '|---|---|---|---|---|', ...rows].join('\n')
}

function examplesOf({ name }: Method, shown: readonly Shown[]): string {
  return shown
    .map(({ example, masked }) => {
      const given = Object.entries(example.parameters ?? {}).map(
        ([key, value]) => `${key}: ${JSON.stringify(value)}`,
      )
      const using = given.length ? `{method: ${name}, ${given.join(', ')}}` : name
      const rows = example.values.map((value, i) => `| ${code(value)} | ${code(masked[i]!)} |`)
      return [`\`using: ${using}\` on ${example.type}`, '', '| value | becomes |', '|---|---|', ...rows].join(
        '\n',
      )
    })
    .join('\n\n')
}

function sqlOf(
  method: Method,
  functions: (string | undefined)[],
  file: string | undefined,
  source: string | undefined,
  commentOf: Map<string, string>,
): string {
  const templates = `\`\`\`sql\n-- mask\n${method.mask}\n\n-- recogniser\n${method.recogniser}\n\`\`\``
  if (!source) return templates
  const names = functions.filter((name) => name !== undefined)
  const texts = names.map((name) => `${functionText(source, name)}\n\n-- ${commentOf.get(name)}`)
  const others =
    source.split(`function lethe.${names[0]}(value `).length > 2 ? ', which has one for each type' : ''
  return `${templates}

From [sql/lethe/methods/${file}](../../sql/lethe/methods/${file})${others}:

\`\`\`sql
${texts.join('\n\n')}
\`\`\``
}

/** The first definition of a function in a file. */
function functionText(source: string, name: string): string {
  const start = source.indexOf(`create or replace function lethe.${name}(`)
  return source.slice(start, source.indexOf(';\n', start) + 1)
}

const typesOf = ({ type_categories }: Method): string =>
  type_categories.map((name) => TYPE_LETTERS[name] ?? name.replace(/^_(.*)/, '$1[]')).join(', ')

/** Text that Markdown leaves alone. */
const plain = (text: string): string => text.replace(/[*_<]/g, '\\$&')
const cell = (text: string): string => text.replaceAll('|', '\\|')
/** A value as code; null and the empty string by their names. */
function code(value: string | null): string {
  if (value === null) return 'NULL'
  if (value === '') return '(empty)'
  return `\`${cell(value)}\``
}

/** Writes all pages, and takes away those of methods that are no more. */
async function writePages(migrationsFolder: string | undefined): Promise<void> {
  const server = await startThrowaway()
  try {
    await init({ databaseUrl: server.url(), migrationsFolder })
    const client = new pg.Client({ connectionString: server.url() })
    await client.connect()
    const pages = await methodPages(client)
    await writeFormatTable(client)
    await client.end()
    await rm(METHOD_PAGES, { recursive: true, force: true })
    await mkdir(METHOD_PAGES, { recursive: true })
    for (const [name, text] of pages) await writeFile(`${METHOD_PAGES}/${name}`, text)
    process.stdout.write(`${pages.size} pages in docs/methods\n`)
  } finally {
    await server.destroy()
  }
}

if (import.meta.main) await writePages(process.argv[2])
