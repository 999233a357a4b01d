/** Puts together what was found: subjects, links, categories, clocks and delays become one policy document. */
import { type Catalogue, hasIndex, type Reference, type Table } from './catalogue.ts'
import { type Concern, concernOf, type Judged, judgeColumns } from './categories.ts'
import { type Clock, clockOf, personClock } from './clocks.ts'
import { proposeController } from './controller.ts'
import { ROW_DELAYS } from './delays.ts'
import { findLinks, goesWithParent, type Link } from './links.ts'
import { type Document, Proposal } from './proposal.ts'
import type { Undeclared } from './references.ts'
import { proposeRules } from './rules.ts'
import { findSubjects, type Profile, profileOf, type Samples, type Subject } from './subjects.ts'

/** All that discovery knows, for the document and for its measure. */
export interface Findings {
  subjects: Subject[]
  links: Link[]
  tables: { table: Table; concern: Concern; judged: Judged[]; clock: Clock | null }[]
}

export interface Proposed {
  proposal: Proposal
  findings: Findings
}

/** What is known once tables and references have been seen, before columns are judged. */
export interface Survey {
  catalogue: Catalogue
  references: Reference[]
  doubts: Undeclared['doubts']
  samples: Samples
  profiles: ReadonlyMap<Table, Profile>
  subjects: Subject[]
  links: Link[]
}

/** The same, and the document that is being written. */
export interface Context extends Survey {
  proposal: Proposal
}

export function survey(catalogue: Catalogue, undeclared: Undeclared, samples: Samples): Survey {
  const references = [...catalogue.references, ...undeclared.references]
  const profiles = new Map(catalogue.tables.map((table) => [table, profileOf(table, samples)]))
  const subjects = findSubjects({ ...catalogue, references }, profiles)
  const links = findLinks(references, subjects, profiles)
  return { catalogue, references, doubts: undeclared.doubts, samples, profiles, subjects, links }
}

/** @param existing - the policy in force; `{}`: none. */
export function propose(known: Survey, existing: Document): Proposed {
  const { catalogue, references, profiles, subjects, links } = known
  const proposal = new Proposal(existing)
  const context = { ...known, proposal }
  proposal.put(['version'], 1)
  proposeController(proposal, catalogue, references, profiles, subjects)
  for (const subject of subjects) proposeSubject(subject, context)
  const tables = catalogue.tables.map((table) => proposeTable(table, context))
  spellOut(context)
  for (const link of links) proposeLink(link, context)
  const concerns = new Map(tables.map(({ table, concern }) => [table, concern]))
  for (const { table, columns, to, sentence } of known.doubts) {
    if (concerns.get(table) === 'none' && (!to || concerns.get(to) !== 'subject')) continue
    proposal.leave({ kind: 'link', table: table.title, object: columns.join(', '), sentence })
  }
  return { proposal, findings: { subjects, links, tables } }
}

function proposeSubject(subject: Subject, { proposal }: Context): void {
  const known = Object.entries((proposal.existing.subjects ?? {}) as Record<string, { table?: string }>).find(
    ([, spec]) => spec.table === subject.table.title,
  )
  if (known) {
    subject.name = known[0]
    return
  }
  if (proposal.had(['subjects', subject.name])) subject.name = `${subject.name}_2`
  const value = {
    table: subject.table.title,
    ...(subject.identifiers.length > 0 ? { identifiers: subject.identifiers } : {}),
  }
  proposal.put(['subjects', subject.name], value, subject.why)
}

function proposeTable(table: Table, context: Context): Findings['tables'][number] {
  const { proposal, profiles, samples, references, subjects, links } = context
  const profile = profiles.get(table)!
  const concern = concernOf(table, profile, subjects, links)
  const sample = samples.get(table.title)
  const roots = new Set(subjects.map((subject) => subject.table))
  const judged = judgeColumns({
    table,
    profile,
    concern,
    references,
    roots,
    isMedical: isMedical(table, context),
    evidence: sample?.byColumn ?? new Map(),
  })
  const clock = clockFor(table, concern, context)
  const path = ['tables', table.title]
  if (!table.key) {
    const sentence =
      'it has no usable key, so Lethe cannot manage it: add a primary key, or a complete unique index over columns that are NOT NULL'
    proposal.leave({ kind: 'table', table: table.title, object: 'table', sentence })
    return { table, concern, judged, clock }
  }
  const isNew = !proposal.had(path)
  const owners = Object.keys((proposal.existing.controllers ?? {}) as Document)
  if (isNew && concern !== 'none' && proposal.get([...path, 'controller', 'constant']) && owners.length > 1) {
    // A guess would put people under the rules of somebody else's controller.
    const subject = subjects.find(({ table: root }) => root === table)
    if (subject) proposal.take(['subjects', subject.name])
    proposal.take(path)
    const sentence = `whose its rows are: ${owners.join(' or ')}, by a column or a constant`
    proposal.leave({ kind: 'table', table: table.title, object: 'table', sentence })
    return { table, concern, judged, clock }
  }
  if (!proposal.get(path)) proposal.put(path, {})
  proposal.comment(path, [aboutTable(table, concern, context), sample?.trouble].filter(Boolean).join('; '))
  proposeColumns(table, judged, proposal)
  if (isNew) {
    proposal.put([...path, 'columns'], {})
    proposeOwner(table, context)
    if (concern !== 'none') proposeRules(table, concern, judged, clock, context)
  }
  return { table, concern, judged, clock }
}

/** A consultation, and whatever has no other purpose in the files of a patient. */
function isMedical(table: Table, { profiles, links }: Context): boolean {
  const { role } = profiles.get(table)!
  if (role === 'medical') return true
  const ofPatient = links.some(
    (link) => link.table === table && profiles.get(link.subject.table)!.nouns.includes('patient'),
  )
  return (
    ofPatient && (role === null || role === 'note') && !links.some(({ subject }) => subject.table === table)
  )
}

function aboutTable(table: Table, concern: Concern, { subjects, links }: Context): string {
  if (concern === 'subject')
    return `one row for each ${subjects.find((subject) => subject.table === table)!.name}`
  if (concern === 'itself') return 'holds people by itself: no reference leads to a person'
  if (concern === 'none') return 'nothing in it points to a person'
  const own = links.filter((link) => link.table === table && link.to !== table)
  return own.map(({ kind, subject }) => `${kind} of ${subject.name}`).join(', ')
}

function proposeColumns(table: Table, judged: Judged[], proposal: Proposal): void {
  for (const { column, category, why } of judged) {
    const path = ['tables', table.title, 'columns', column.name]
    const known = proposal.get([...path, 'category'])
    if (known !== undefined) continue
    if (category && proposal.put([...path, 'category'], category)) proposal.comment(path, why)
    if (!category) proposal.leave({ kind: 'column', table: table.title, object: column.name, sentence: why })
  }
}

/** What happens to a row when the one it refers to goes. */
function proposeOwner(table: Table, { proposal, profiles, references }: Context): void {
  const path = ['tables', table.title]
  const mine = references.filter(({ from, to, declared }) => from === table && declared && to.key)
  const parents = mine.filter((reference) => goesWithParent(reference, profiles))
  // Of several, the one it is named after: an invoice line belongs to its invoice, not to its product.
  const nouns = profiles.get(table)!.nouns
  const named = parents.filter(({ to }) => profiles.get(to)!.nouns.every((noun) => nouns.includes(noun)))
  const [parent, other] = named.length > 0 ? named : parents
  if (parent && !other) {
    const why =
      parent.onDelete === 'cascade'
        ? `the database deletes it with ${parent.to.name} already`
        : `a part of ${parent.to.name}`
    proposal.put([...path, 'with'], mine.length === 1 ? 'parent' : parent.columns, why)
  }
  const loose = mine.filter(({ columns, onDelete, from, to }) => {
    const column = table.columns.find(({ name }) => name === columns[0])!
    return columns.length === 1 && !column.notNull && (onDelete === 'set null' || from === to)
  })
  const unlink = [...new Set(loose.map(({ columns }) => columns[0]!))].filter(
    (name) => mine.filter(({ columns }) => columns[0] === name).length === 1,
  )
  if (unlink.length > 0)
    proposal.put([...path, 'unlink'], unlink, 'the row stays and forgets whom it referred to')
}

function clockFor(
  table: Table,
  concern: Concern,
  { catalogue, profiles, samples, links }: Context,
): Clock | null {
  if (concern === 'none') return null
  const profile = profiles.get(table)!
  if (concern === 'subject') return personClock(table, links, profiles, samples, catalogue)
  const own = clockOf(table, profile, samples)
  if (own) return own
  // What a person's row refers to is used as long as they are.
  const shared = links.find(
    (link) => link.table === table && link.kind === 'share' && link.reference.to === table,
  )
  const from = shared?.reference.from
  const theirs = from && clockOf(from, profiles.get(from)!, samples)
  if (!from || !theirs || theirs.since.length !== 1 || !hasIndex(from, shared.reference.columns)) return null
  if (!/^\w+$/.test(theirs.since[0]!) || !/^\w+$/.test(from.name)) return null
  return {
    since: [`max(${from.name}.${theirs.since[0]})`],
    kind: 'last',
    why: `none of its own: the latest of the ${from.name} that refer to it`,
  }
}

/**
 * A link in force that names no columns goes along the only foreign key to a managed table, or back along the root's own.
 * With more tables managed there may be several; so its columns are named before any is added.
 */
function spellOut({ proposal, references }: Context): void {
  const subjects = (proposal.existing.subjects ?? {}) as Record<
    string,
    { table: string; links?: Record<string, { columns?: unknown }> }
  >
  for (const [subject, { table: root, links }] of Object.entries(subjects))
    for (const [title, { columns }] of Object.entries(links ?? {})) {
      const mine = references.filter(({ from, declared }) => declared && from.title === title)
      if (columns !== undefined || mine.some(({ to }) => to.title === root)) continue
      const along = mine.find(({ to }) => proposal.had(['tables', to.title]))
      const back = references.find(
        ({ from, to, declared }) => declared && from.title === root && to.title === title,
      )
      const path = ['subjects', subject, 'links', title]
      const link = along ?? back
      if (!link) continue
      const [here, there] = along ? [link.columns, link.toColumns] : [link.toColumns, link.columns]
      proposal.put([...path, 'to'], along ? link.to.title : root)
      proposal.put([...path, 'columns'], Object.fromEntries(here.map((column, n) => [column, there[n]!])))
    }
}

function proposeLink(link: Link, { proposal, references, profiles, samples }: Context): void {
  const { subject, table, kind, why, to, columns, reference, others } = link
  const path = ['subjects', subject.name, 'links', table.title]
  if (
    !proposal.get(['tables', table.title]) ||
    !proposal.get(['tables', to.title]) ||
    !proposal.get(['subjects', subject.name])
  ) {
    proposal.leave({
      kind: 'link',
      table: table.title,
      object: reference.columns.join(', '),
      sentence: `${kind} of ${subject.name}, once both tables are managed (${why})`,
    })
    return
  }
  // Lethe finds the one foreign key to a managed table by itself; anything else is spelt out.
  const toRoot = references.filter(
    ({ from, to: parent, declared }) => from === table && parent === subject.table && declared,
  )
  const toAny = references.filter(
    ({ from, to: parent, declared }) => from === table && declared && proposal.get(['tables', parent.title]),
  )
  const isPlain =
    reference.declared &&
    reference.from === table &&
    (to === subject.table ? toRoot.length === 1 : toRoot.length === 0 && toAny.length === 1)
  const role = profiles.get(table)!.role
  const rule = role ? ROW_DELAYS[role] : undefined
  const clock = clockOf(table, profiles.get(table)!, samples)
  const retain =
    kind === 'own' && rule?.basis && clock?.since.length === 1
      ? { on_erasure: { retain: rule.after, since: clock.since[0], basis: rule.basis } }
      : {}
  proposal.put(path, { kind, ...(isPlain ? {} : { to: to.title, columns }), ...retain }, why)
  for (const other of others)
    proposal.leave({
      kind: 'link',
      table: table.title,
      object: other.columns.join(', '),
      sentence: `it refers to ${other.to.title} as well; the policy has one link for a table and a ${subject.name}`,
    })
}
