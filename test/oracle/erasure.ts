/**
 * What an erasure does with each row, worked out naively over rows held in memory: every step is repeated until nothing
 * changes. Counterpart of sql/lethe_private/reach.sql and decide.sql, with which it shares no code.
 */
import { addDelay, type Day, type Delay } from './calendar.ts'

export interface Column {
  name: string
  notNull: boolean
}

/** Every table has a key `id`, its `owner` and a clock `at`, besides its columns. */
export interface ErasureTable {
  name: string
  columns: Column[]
}

/** `child.column` refers to `parent.id`. */
export interface Key {
  child: string
  column: string
  parent: string
}

/** Rows of `child` belong where `column` equals `toColumn` of a row of `parent`. */
export interface Link {
  child: string
  column: string
  parent: string
  toColumn: string
  kind: 'own' | 'share' | 'mention' | 'ignore'
  withParent: boolean
  retain?: Delay
}

export interface ErasureRow {
  table: string
  id: number
  owner: number
  at: Day | null
  values: Record<string, number | null>
}

export interface Schema {
  tables: ErasureTable[]
  keys: Key[]
  links: Link[]
}

export interface Decided {
  kind: 'root' | 'own' | 'share' | 'mention'
  decision: 'purge' | 'anonymize' | 'cut' | 'retain' | 'stay'
  cut: string[]
  /** null: no day is known. */
  until: Day | null
}

export type Decisions = Map<string, Decided>

export const nameOf = (row: ErasureRow): string => `${row.table}/${row.id}`
const valueIn = (row: ErasureRow, column: string): number | null =>
  column === 'id' ? row.id : row.values[column]!
const matches = (link: Link, child: ErasureRow, parent: ErasureRow): boolean =>
  child.table === link.child &&
  parent.table === link.parent &&
  valueIn(child, link.column) !== null &&
  valueIn(child, link.column) === valueIn(parent, link.toColumn)
const asLink = (key: Key): Link => ({ ...key, toColumn: 'id', kind: 'ignore', withParent: false })
const RANK = { mention: 1, share: 2, own: 3, root: 4 }

/** Repeats until it adds nothing. */
function grown<T>(start: Iterable<T>, more: (have: Set<T>) => T[]): Set<T> {
  const have = new Set(start)
  for (let size = -1; size !== have.size; ) {
    size = have.size
    for (const one of more(have)) have.add(one)
  }
  return have
}

/** Decides on every row reached from the roots, which are of table `root` and of `owner`. */
export function decisionsOf(
  schema: Schema,
  rows: ErasureRow[],
  roots: { table: string; ids: number[]; owner: number },
  today: Day,
): Decisions {
  const { links, keys } = schema
  const own = links.filter(({ kind }) => kind === 'own' || kind === 'share')
  const ours = rows.filter((row) => row.owner === roots.owner)
  const isRoot = (row: ErasureRow): boolean => row.table === roots.table && roots.ids.includes(row.id)

  // Which rows are reached, and how.
  const followed = grown(ours.filter(isRoot), (have) =>
    ours.filter((row) => own.some((link) => [...have].some((parent) => matches(link, row, parent)))),
  )
  const reached = new Map<ErasureRow, Decided['kind']>()
  for (const row of ours) {
    const ways = links
      .filter((link) => link.kind !== 'ignore' && [...followed].some((parent) => matches(link, row, parent)))
      .map(({ kind }) => kind as Decided['kind'])
    if (isRoot(row)) ways.push('root')
    const [best] = ways.sort((a, b) => RANK[b] - RANK[a])
    if (best) reached.set(row, best)
  }
  const all = [...reached.keys()]
  const outside = rows.filter((row) => !reached.has(row))

  // Whose they are.
  const isShared = (row: ErasureRow): boolean =>
    own.some((link) => outside.some((other) => matches(link, row, other))) ||
    keys.some(
      (key) =>
        !own.some(
          (link) =>
            link.child === key.parent &&
            link.column === 'id' &&
            link.parent === key.child &&
            link.toColumn === key.column,
        ) && outside.some((other) => matches(asLink(key), other, row)),
    )
  const shareLinks = own.filter(({ kind }) => kind === 'share')
  let shared = new Set(
    all.filter(
      (row) => shareLinks.some((link) => all.some((parent) => matches(link, row, parent))) && isShared(row),
    ),
  )
  let mine: Set<ErasureRow>
  for (;;) {
    mine = grown(
      all.filter((row) => reached.get(row) === 'root'),
      (have) =>
        all.filter((row) =>
          own.some(
            (link) =>
              (link.kind === 'own' || !shared.has(row)) &&
              [...have].some((parent) => matches(link, row, parent)),
          ),
        ),
    )
    const now = mine
    const more = all.filter(
      (row) =>
        !shared.has(row) &&
        shareLinks.some((link) => all.some((parent) => !now.has(parent) && matches(link, row, parent))),
    )
    if (more.length === 0) break
    shared = new Set([...shared, ...more])
  }

  // What a law keeps: as long as any of its terms has not ended, and with it what goes with its parent.
  const until = new Map<ErasureRow, number>()
  const keep = (row: ErasureRow, day: number): boolean => {
    const longer = !until.has(row) || until.get(row)! < day
    if (longer) until.set(row, day)
    return longer
  }
  const keepable = [...mine].filter((row) => reached.get(row) !== 'root')
  for (const row of keepable)
    for (const link of own)
      if (link.retain && [...mine].some((parent) => matches(link, row, parent))) {
        const last = row.at === null ? Number.POSITIVE_INFINITY : addDelay(row.at, link.retain)
        if (last >= today) keep(row, last)
      }
  const goesWith = own.filter((link) =>
    links.some((other) => other.withParent && other.child === link.child && other.parent === link.parent),
  )
  for (let changed = true; changed; ) {
    changed = false
    for (const [parent, day] of [...until])
      for (const row of keepable)
        if (goesWith.some((link) => matches(link, row, parent))) changed = keep(row, day) || changed
  }

  const decisions: Decisions = new Map()
  for (const row of all) {
    const day = until.get(row)
    decisions.set(nameOf(row), {
      kind: reached.get(row)!,
      decision: day !== undefined ? 'retain' : mine.has(row) ? 'purge' : 'stay',
      cut: [],
      until: day === undefined || day === Number.POSITIVE_INFINITY ? null : day,
    })
  }
  cutReferences(schema, all, mine, decisions)
  keepReferred(schema, all, outside, decisions)
  return decisions
}

/** Of somebody else's rows, the references to what is the person's. */
function cutReferences(
  { tables, keys, links }: Schema,
  all: ErasureRow[],
  mine: Set<ErasureRow>,
  decisions: Decisions,
): void {
  for (const row of all.filter((one) => !mine.has(one))) {
    const decided = decisions.get(nameOf(row))!
    for (const link of links) {
      if (link.kind !== 'share' && link.kind !== 'mention') continue
      if (![...mine].some((parent) => matches(link, row, parent))) continue
      const refers = keys.some(
        (key) =>
          key.child === link.child &&
          key.column === link.column &&
          key.parent === link.parent &&
          link.toColumn === 'id',
      )
      if (link.column === 'id') continue // the reference lies in the other row
      const { notNull } = tables
        .find(({ name }) => name === row.table)!
        .columns.find(({ name }) => name === link.column)!
      if (notNull && refers) continue
      decided.cut = [...new Set([...decided.cut, link.column])].sort()
      if (notNull) decided.decision = 'anonymize'
      else if (decided.decision === 'stay') decided.decision = 'cut'
    }
  }
}

/** What would go, and something that stays refers to it. */
function keepReferred(
  { keys, links }: Schema,
  all: ErasureRow[],
  outside: ErasureRow[],
  decisions: Decisions,
): void {
  const ignored = keys.filter((key) =>
    links.some(
      (link) =>
        link.kind === 'ignore' &&
        link.child === key.child &&
        link.column === key.column &&
        link.parent === key.parent,
    ),
  )
  const refers = (row: ErasureRow, other: ErasureRow): boolean => {
    const decided = decisions.get(nameOf(other))!
    return (
      decided.decision !== 'purge' &&
      keys.some((key) => !decided.cut.includes(key.column) && matches(asLink(key), other, row))
    )
  }
  const wouldGo = all.filter((row) => decisions.get(nameOf(row))!.decision === 'purge')
  const keptByIgnored = wouldGo.filter((row) =>
    ignored.some((key) => outside.some((other) => matches(asLink(key), other, row))),
  )
  for (const row of keptByIgnored) decisions.get(nameOf(row))!.decision = 'anonymize'
  for (let changed = true; changed; ) {
    changed = false
    for (const row of wouldGo) {
      const decided = decisions.get(nameOf(row))!
      if (decided.decision !== 'purge' || !all.some((other) => refers(row, other))) continue
      decided.decision = 'anonymize'
      changed = true
    }
  }
}

/** Rows outside that would be in the way: `LE422` another controller's through a link, `LE423` through an undeclared key. */
export function refusalsExpected(schema: Schema, rows: ErasureRow[], decisions: Decisions): string[] {
  const outside = rows.filter((row) => !decisions.has(nameOf(row)))
  const inside = rows.filter((row) => decisions.has(nameOf(row)))
  const pairs = (link: Link, parents: ErasureRow[]): number =>
    outside.flatMap((row) => parents.filter((parent) => matches(link, row, parent))).length
  const belongs = inside.filter((row) => {
    const { decision, cut } = decisions.get(nameOf(row))!
    return decision === 'purge' || decision === 'retain' || (decision === 'anonymize' && cut.length === 0)
  })
  const goes = inside.filter((row) => decisions.get(nameOf(row))!.decision === 'purge')
  const found = [
    ...schema.links
      .filter(({ kind }) => kind !== 'ignore')
      .map((link) => ({ code: 'LE422', link, rows: pairs(link, belongs) })),
    ...schema.keys
      .filter(
        (key) =>
          !schema.links.some(
            (link) => link.child === key.child && link.column === key.column && link.parent === key.parent,
          ),
      )
      .map((key) => ({ code: 'LE423', link: asLink(key), rows: pairs(asLink(key), goes) })),
  ]
  return found
    .filter(({ rows: n }) => n > 0)
    .map(({ code, link, rows: n }) => `${code} ${link.child}(${link.column}): ${n}`)
    .sort()
}
