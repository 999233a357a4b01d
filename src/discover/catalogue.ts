/**
 * What the catalogue says of a host's tables, read as the user who is connected and with no right beyond theirs.
 * Only what Lethe could manage: tables, partitioned ones as a whole, neither partitions nor inheritance children.
 * No value of a row is read here.
 */
import type { Client } from 'pg'
import { z } from 'zod'
import { LetheError } from '../errors.ts'
import type { TypeKind } from './dictionary.ts'

/** A column. */
export interface Column {
  name: string
  /** As PostgreSQL writes it: `character varying(40)`. */
  type: string
  /** The base type as pg_type names it; domains are looked through. */
  base: string
  kind: TypeKind
  /** Characters that it holds; null: any number. */
  length: number | null
  notNull: boolean
  /** Generated or identity: no rule can write it. */
  computed: boolean
  default: string | null
  comment: string | null
  /** Whether the user may read it. */
  readable: boolean
}

/** A foreign key, or what looks like one. */
export interface Reference {
  from: Table
  columns: string[]
  to: Table
  toColumns: string[]
  onDelete: 'cascade' | 'set null' | 'keep'
  /** True for a foreign key; false where only names and values say so. */
  declared: boolean
  why: string
}

/** A table. */
export interface Table {
  schema: string
  name: string
  /** `schema.table` as a policy file writes it. */
  title: string
  comment: string | null
  columns: Column[]
  /** The key that Lethe would use; null: none. */
  key: string[] | null
  /** Columns of each unique or excluding index, expressions included. */
  uniques: string[][]
  /** Columns that each complete index begins with, in order. */
  indexes: string[][]
  partitionKey: string[]
  /** The planner's estimate; -1: never analyzed. */
  rows: number
  pages: number
  isPartitioned: boolean
  readable: boolean
  /** Row security filters what the user reads. */
  filtered: boolean
}

/** Everything discovery works on. */
export interface Catalogue {
  tables: Table[]
  references: Reference[]
  timeZone: string
  /** What was left out, as sentences. */
  skipped: string[]
}

const columnRow = z.object({
  name: z.string(),
  type: z.string(),
  base: z.string(),
  category: z.string(),
  length: z.number().nullable(),
  not_null: z.boolean(),
  computed: z.boolean(),
  default: z.string().nullable(),
  comment: z.string().nullable(),
  readable: z.boolean(),
})
const tableRow = z.object({
  oid: z.number(),
  schema: z.string(),
  name: z.string(),
  comment: z.string().nullable(),
  partitioned: z.boolean(),
  rows: z.number(),
  pages: z.number(),
  readable: z.boolean(),
  filtered: z.boolean(),
  key: z.array(z.string()).nullable(),
  uniques: z.array(z.array(z.string())),
  indexes: z.array(z.array(z.string())),
  partition_key: z.array(z.string()),
  columns: z.array(columnRow),
})
const referenceRow = z.object({
  child: z.number(),
  parent: z.number(),
  name: z.string(),
  child_columns: z.array(z.string()),
  parent_columns: z.array(z.string()),
  on_delete: z.enum(['cascade', 'set null', 'keep']),
})
const skippedRow = z.object({ what: z.string(), count: z.number(), names: z.string() })

/** Not the host's own: PostgreSQL's, Lethe's, an extension's, somebody's temporary tables. */
const HOST = `
  n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname !~ '^lethe(_|$)'
  and ($1::text[] is null or n.nspname = any ($1))
  and not exists (select from pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`

const TABLES = `
  select c.oid::int8::float8 as oid, n.nspname as schema, c.relname as name, obj_description(c.oid, 'pg_class') as comment,
    c.relkind = 'p' as partitioned,
    case when c.relkind = 'p' then (
      select coalesce(sum(greatest(p.reltuples, 0)), -1) from pg_partition_tree(c.oid) as t join pg_class as p on p.oid = t.relid)
      else c.reltuples end::float8 as rows,
    case when c.relkind = 'p' then (
      select coalesce(sum(p.relpages), 0) from pg_partition_tree(c.oid) as t join pg_class as p on p.oid = t.relid)
      else c.relpages end::float8 as pages,
    has_schema_privilege(n.oid, 'usage') and has_any_column_privilege(c.oid, 'select') as readable,
    coalesce(row_security_active(c.oid), false) as filtered,
    k.key, coalesce(u.uniques, '[]') as uniques, coalesce(u.indexes, '[]') as indexes,
    coalesce((select json_agg(a.attname) from pg_partitioned_table as p
              join pg_attribute as a on a.attrelid = p.partrelid and a.attnum = any (p.partattrs::int2[])
              where p.partrelid = c.oid), '[]') as partition_key,
    a.columns
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  cross join lateral (
    select coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'base', b.typname,
      'category', case when b.typnamespace <> 'pg_catalog'::regnamespace and b.typname <> 'hstore' then lower(b.typcategory::text) else b.typcategory::text end,
      'length', case when b.typname in ('varchar', 'bpchar') and x.mod > 4 then x.mod - 4 end,
      'not_null', a.attnotnull or t.typnotnull, 'computed', a.attgenerated <> '' or a.attidentity <> '',
      'default', case when a.attgenerated = '' then left(pg_get_expr(d.adbin, d.adrelid), 200) end,
      'comment', col_description(c.oid, a.attnum),
      'readable', has_column_privilege(c.oid, a.attnum, 'select')) order by a.attnum), '[]') as columns
    from pg_attribute as a
    join pg_type as t on t.oid = a.atttypid
    cross join lateral (
      with recursive base as (
        select t.oid, t.typtype, t.typbasetype, case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as mod
        union all
        select p.oid, p.typtype, p.typbasetype, case when p.typtype = 'd' then p.typtypmod else base.mod end
        from base join pg_type as p on p.oid = base.typbasetype where base.typtype = 'd'
      )
      select * from base where typtype <> 'd') as x
    join pg_type as b on b.oid = x.oid
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as a
  left join lateral (
    select json_agg(x.columns) filter (where x.apart) as uniques,
      json_agg(x.leading order by x.leading::text) filter (where x.complete and x.leading is not null) as indexes
    from (
      select i.indisunique or i.indisexclusion as apart,
        i.indisvalid and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) in (
          select format('(%I IS NOT NULL)', a.attname) from pg_attribute as a
          where a.attrelid = c.oid and a.attnum = any (i.indkey::int2[]))) as complete,
        (select coalesce(json_agg(a.attname order by a.attnum), '[]') from pg_attribute as a
         where a.attrelid = c.oid and a.attnum > 0 and (a.attnum = any (i.indkey::int2[]) or exists (
           select from pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
             and d.refobjid = c.oid and d.refobjsubid = a.attnum))) as columns,
        (select json_agg(a.attname order by k.n) from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
         join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
         -- Up to the first expression.
         where k.n <= i.indnkeyatts and not exists (
           select from unnest(i.indkey::int2[]) with ordinality as e (attnum, n) where e.attnum = 0 and e.n <= k.n))::jsonb as leading
      from pg_index as i where i.indrelid = c.oid) as x) as u on true
  left join lateral (
    select (select json_agg(a.attname order by k.n) from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
            join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum where k.n <= i.indnkeyatts) as key
    from pg_index as i
    where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
      and not exists (select from unnest(i.indkey::int2[]) as k (attnum)
                      join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum where not a.attnotnull)
    order by i.indisprimary desc, i.indnkeyatts, i.indexrelid limit 1) as k on true
  where c.relkind in ('r', 'p') and c.relpersistence <> 't' and not c.relispartition
    and not exists (select from pg_inherits as h where h.inhrelid = c.oid)
    and ${HOST}
  order by n.nspname, c.relname`

const REFERENCES = `
  select k.conrelid::int8::float8 as child, k.confrelid::int8::float8 as parent, k.conname as name,
    (select json_agg(a.attname order by p.n) from unnest(k.conkey) with ordinality as p (attnum, n)
     join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = p.attnum) as child_columns,
    (select json_agg(a.attname order by p.n) from unnest(k.confkey) with ordinality as p (attnum, n)
     join pg_attribute as a on a.attrelid = k.confrelid and a.attnum = p.attnum) as parent_columns,
    case k.confdeltype when 'c' then 'cascade' when 'n' then 'set null' else 'keep' end as on_delete
  from pg_constraint as k
  where k.contype = 'f' and k.conparentid = 0
  order by k.conrelid, k.conkey, k.conname`

const SKIPPED = `
  select what, count(*)::int as count, string_agg(name, ', ' order by name) filter (where rank <= 5) as names
  from (
    select x.what, format('%s.%s', n.nspname, c.relname) as name, row_number() over (partition by x.what order by n.nspname, c.relname) as rank
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    cross join lateral (select case
      when c.relkind = 'v' then 'view' when c.relkind = 'm' then 'materialized view' when c.relkind = 'f' then 'foreign table'
      when c.relkind = 'r' and not c.relispartition and exists (select from pg_inherits as h where h.inhrelid = c.oid) then 'inheritance child'
      end as what) as x
    where x.what is not null and c.relpersistence <> 't' and ${HOST}
  ) as s
  group by what order by what`

/**
 * @param schemas - only these; null: all of the host's.
 * @throws LetheError LE623 when there is nothing to look at.
 */
export async function readCatalogue(client: Client, schemas: string[] | null): Promise<Catalogue> {
  const given = schemas && schemas.length > 0 ? schemas : null
  const found = (await client.query(TABLES, [given])).rows.map((row) => tableRow.parse(row))
  for (const schema of given ?? []) {
    if (found.some((table) => table.schema === schema)) continue
    throw new LetheError(`discover found no table in schema ${schema}`, {
      code: 'LE623',
      hint: 'name a schema as it is written in the database; views, partitions and foreign tables are no tables of their own',
    })
  }
  if (found.length === 0) {
    throw new LetheError('discover found no table in this database', {
      code: 'LE623',
      hint: 'is it the right database? Schemas of PostgreSQL, of Lethe and of extensions are left out',
    })
  }
  const byOid = new Map<number, Table>()
  const tables = found.map((row) => {
    const table = toTable(row)
    byOid.set(row.oid, table)
    return table
  })
  const { rows } = await client.query(REFERENCES)
  const references = rows.flatMap((raw) => {
    const row = referenceRow.parse(raw)
    const from = byOid.get(row.child)
    const to = byOid.get(row.parent)
    if (!from || !to) return []
    const why = `foreign key ${row.child_columns.join(', ')}`
    return [
      {
        from,
        columns: row.child_columns,
        to,
        toColumns: row.parent_columns,
        onDelete: row.on_delete,
        declared: true,
        why,
      },
    ]
  })
  const left = (await client.query(SKIPPED, [given])).rows.map((row) => skippedRow.parse(row))
  const zone = z.object({ TimeZone: z.string() }).parse((await client.query('show timezone')).rows[0])
  return { tables, references, timeZone: zone.TimeZone, skipped: left.map(sentence) }
}

function sentence({ what, count, names }: z.infer<typeof skippedRow>): string {
  const plural = count === 1 ? what : what === 'inheritance child' ? 'inheritance children' : `${what}s`
  return `${count} ${plural} not read: ${names}${count > 5 ? ', …' : ''}`
}

function toTable(row: z.infer<typeof tableRow>): Table {
  return {
    schema: row.schema,
    name: row.name,
    // The first dot parts schema and table.
    title: row.schema.includes('.') ? `${quote(row.schema)}.${quote(row.name)}` : `${row.schema}.${row.name}`,
    comment: row.comment,
    columns: row.columns.map(({ not_null, category, ...column }) => ({
      ...column,
      notNull: not_null,
      kind: kindOf(column.base, category),
    })),
    key: row.key,
    uniques: row.uniques,
    indexes: row.indexes,
    partitionKey: row.partition_key,
    rows: row.rows,
    pages: row.pages,
    isPartitioned: row.partitioned,
    readable: row.readable,
    filtered: row.filtered,
  }
}

const KINDS: Record<string, TypeKind> = {
  date: 'date',
  timestamp: 'time',
  timestamptz: 'time',
  bool: 'boolean',
  uuid: 'uuid',
  inet: 'net',
  cidr: 'net',
  macaddr: 'net',
  macaddr8: 'net',
  json: 'json',
  jsonb: 'json',
  hstore: 'json',
  bytea: 'bytes',
  xml: 'text',
}

/** @param category - pg_type's letter; a small one for a type that is not PostgreSQL's own, whatever its name. */
function kindOf(base: string, category: string): TypeKind {
  const known = KINDS[base]
  if (known && category === category.toUpperCase()) return known
  const kinds: Record<string, TypeKind> = { S: 'text', N: 'number', E: 'enum', A: 'list' }
  return kinds[category.toUpperCase()] ?? 'other'
}

/** A name in SQL. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A table's name in SQL. */
export function quoteTable({ schema, name }: Pick<Table, 'schema' | 'name'>): string {
  return `${quote(schema)}.${quote(name)}`
}

/** The column of that name, which is there. */
export function columnOf(table: Table, name: string): Column {
  const column = table.columns.find((candidate) => candidate.name === name)
  if (!column) throw new Error(`no column ${name}`)
  return column
}

/** True when some complete index begins with these columns, in any order. */
export function hasIndex(table: Table, columns: readonly string[]): boolean {
  return table.indexes.some((index) => {
    const leading = index.slice(0, columns.length)
    return leading.length === columns.length && columns.every((column) => leading.includes(column))
  })
}
