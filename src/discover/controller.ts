/** Whose the data is: one controller for all, and a remark where the tables look like those of several. */
import type { Catalogue, Reference, Table } from './catalogue.ts'
import { holdsPeople } from './links.ts'
import { CONTROLLERS } from './nouns.ts'
import type { Document, Proposal } from './proposal.ts'
import type { Profile, Subject } from './subjects.ts'

/** Of the tables that hold people, those that refer to one: fewer say nothing. */
const SHARE_MIN = 0.6
const TABLES_MIN = 3

/** Names a controller where the policy in force has none. Tables get theirs where there is more than one. */
export function proposeController(
  proposal: Proposal,
  catalogue: Catalogue,
  references: Reference[],
  profiles: ReadonlyMap<Table, Profile>,
  subjects: Subject[],
): void {
  const known = Object.keys((proposal.existing.controllers ?? {}) as Document)
  if (known.length === 0) {
    proposal.put(['controller'], 'default', 'who the data belongs to (GDPR Art. 4(7)): give it a name')
    proposal.put(
      ['time_zone'],
      catalogue.timeZone,
      'where its days begin and end; this is the zone of the database',
    )
  }
  if (known.length > 1) {
    const column = usualColumn(proposal.existing)
    for (const table of catalogue.tables) {
      if (!table.key || proposal.had(['tables', table.title])) continue
      const has = column !== null && table.columns.some(({ name }) => name === column)
      proposal.put(['tables', table.title, 'controller'], has ? { column } : { constant: known[0] })
      if (!has) proposal.comment(['tables', table.title, 'controller'], `to confirm: ${known.join(' or ')}`)
    }
  }
  const owner = ownerOf(catalogue, references, profiles, subjects)
  if (!owner || usualColumn(proposal.existing)) return
  proposal.leave({
    kind: 'controller',
    table: owner.table.title,
    object: owner.column,
    sentence: `${owner.count} of the ${owner.total} tables that hold people refer to ${owner.table.title}. If each row of it is a controller of its own: name them under controllers, each with its reference, and write controller: {column: ${owner.column}} in each table`,
  })
}

/** The column by which most managed tables name their controller. */
function usualColumn(existing: Document): string | null {
  const counts = new Map<string, number>()
  for (const table of Object.values(
    (existing.tables ?? {}) as Record<string, { controller?: { column?: string } }>,
  )) {
    const column = table.controller?.column
    if (column) counts.set(column, (counts.get(column) ?? 0) + 1)
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null
}

function ownerOf(
  { tables }: Catalogue,
  references: Reference[],
  profiles: ReadonlyMap<Table, Profile>,
  subjects: Subject[],
): { table: Table; column: string; count: number; total: number } | null {
  const people = tables.filter(
    (table) => subjects.some((subject) => subject.table === table) || holdsPeople(profiles.get(table)!),
  )
  const found = tables.flatMap((table) => {
    if (
      subjects.some((subject) => subject.table === table) ||
      !profiles.get(table)!.nouns.some((noun) => CONTROLLERS.has(noun))
    )
      return []
    const referring = references.filter(
      ({ from, to, columns }) => to === table && columns.length === 1 && people.includes(from),
    )
    const count = new Set(referring.map(({ from }) => from)).size
    return count >= TABLES_MIN && count >= SHARE_MIN * people.length
      ? [{ table, column: referring[0]!.columns[0]!, count, total: people.length }]
      : []
  })
  return found.sort((a, b) => b.count - a.count)[0] ?? null
}
