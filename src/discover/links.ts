/**
 * How the rows of other tables belong to a person: along foreign keys and references found, from the person outwards.
 *
 * - own: the row refers to the person, and is about them
 * - share: the person's row refers to it, as others may, or it refers to two people alike
 * - mention: it is about something or somebody else and names the person
 */
import { type Catalogue, hasIndex, type Reference, type Table } from './catalogue.ts'
import { CONTROLLERS, MENTIONING, PLACES, STAFF } from './nouns.ts'
import type { Profile, Subject } from './subjects.ts'
import { hasPhrase, wordsOf } from './words.ts'

export type LinkKind = 'own' | 'share' | 'mention' | 'ignore'

/** A link that is proposed. */
export interface Link {
  subject: Subject
  table: Table
  kind: LinkKind
  why: string
  /** The table referred to, and columns of `table`: columns there. A reference against the foreign key's direction too. */
  to: Table
  columns: Record<string, string>
  reference: Reference
  /** Other references between the same two, which one link cannot say. */
  others: Reference[]
}

/** Every link of every subject type, in the order in which they are reached. */
export function findLinks(
  { tables }: Catalogue,
  references: Reference[],
  subjects: Subject[],
  profiles: ReadonlyMap<Table, Profile>,
): Link[] {
  const roots = new Map(subjects.map((subject) => [subject.table, subject]))
  return subjects.flatMap((subject) => linksOf(subject, references, roots, profiles, tables))
}

function linksOf(
  subject: Subject,
  references: Reference[],
  roots: ReadonlyMap<Table, Subject>,
  profiles: ReadonlyMap<Table, Profile>,
  tables: Table[],
): Link[] {
  const links = new Map<Table, Link>()
  const queue: { table: Table; kind: LinkKind }[] = [{ table: subject.table, kind: 'own' }]
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { table, kind: inherited } = next
    for (const child of tables) {
      const all = references.filter(({ from, to }) => from === child && to === table)
      if (all.length === 0 || links.has(child) || (child === subject.table && table !== child)) continue
      const link = toLink(subject, child, table, all, inherited, roots, profiles)
      links.set(child, link)
      const goesOn =
        child !== subject.table &&
        !roots.has(child) &&
        (link.kind !== 'mention' || isNote(profiles.get(child)!))
      if (goesOn) queue.push({ table: child, kind: link.kind })
    }
    if (inherited !== 'own') continue
    for (const reference of references.filter(({ from, to }) => from === table && to !== table)) {
      const { to } = reference
      if (links.has(to) || roots.has(to) || to === subject.table || !holdsPeople(profiles.get(to)!)) continue
      links.set(to, {
        subject,
        table: to,
        kind: 'share',
        to: table,
        reference,
        others: [],
        columns: Object.fromEntries(reference.toColumns.map((column, n) => [column, reference.columns[n]!])),
        why: `${table.name}.${reference.columns.join(', ')} refers to it, and rows of several people may refer to the same one`,
      })
    }
  }
  return [...links.values()]
}

function toLink(
  subject: Subject,
  child: Table,
  to: Table,
  all: Reference[],
  inherited: LinkKind,
  roots: ReadonlyMap<Table, Subject>,
  profiles: ReadonlyMap<Table, Profile>,
): Link {
  const ownOnes = all.filter((reference) => !isMention(reference))
  const reference = ownOnes[0] ?? all[0]!
  const [kind, why] = judge(subject, child, to, ownOnes, reference, inherited, roots, profiles)
  return {
    subject,
    table: child,
    kind,
    why,
    to,
    reference,
    columns: Object.fromEntries(reference.columns.map((column, n) => [column, reference.toColumns[n]!])),
    others: all.filter((other) => other !== reference),
  }
}

function judge(
  subject: Subject,
  child: Table,
  to: Table,
  ownOnes: Reference[],
  reference: Reference,
  inherited: LinkKind,
  roots: ReadonlyMap<Table, Subject>,
  profiles: ReadonlyMap<Table, Profile>,
): [LinkKind, string] {
  const column = reference.columns.join(', ')
  const { why } = reference
  if (child === to) return ['mention', `${column}: another row of the same table names them`]
  if (roots.has(child))
    return ['mention', `${column}: a ${roots.get(child)!.name} is a person too, and names this one`]
  if (to === subject.table && ownOnes.length === 0)
    return ['mention', `${column} says who made, handles or owns it, not whom it is about`]
  const people = profiles.get(child)!
  if (
    to === subject.table &&
    isStaff(subject, profiles) &&
    aboutSomebodyElse(child, subject, roots, profiles)
  )
    return ['mention', `${column}: the row is about somebody else, and names who works on it`]
  if (to === subject.table && people.nouns.length === 1 && CONTROLLERS.has(people.nouns[0]!))
    return ['mention', `${column}: a ${people.nouns[0]} is no part of a person`]
  if (ownOnes.length > 1 && to === subject.table)
    return [
      'share',
      `it refers to two people alike: ${ownOnes.map(({ columns }) => columns.join(', ')).join(' and ')}`,
    ]
  if (isNote(people))
    return [
      'mention',
      `${why}; free text about somebody may speak of others, so that the row is not theirs alone`,
    ]
  if (to !== subject.table)
    return [
      inherited,
      `${why}; belongs to ${to.name}, which is ${inherited === 'own' ? 'about this person alone' : inherited === 'share' ? 'shared' : 'only naming them'}`,
    ]
  return ['own', why]
}

function isMention({ columns }: Reference): boolean {
  const words = wordsOf(columns.at(-1)!)
  return MENTIONING.split(',').some((phrase) => hasPhrase(words, phrase))
}

function isStaff(subject: Subject, profiles: ReadonlyMap<Table, Profile>): boolean {
  return profiles.get(subject.table)!.nouns.some((noun) => STAFF.has(noun))
}

/** True when the row also refers to a person of another kind, who is no staff. */
function aboutSomebodyElse(
  child: Table,
  subject: Subject,
  roots: ReadonlyMap<Table, Subject>,
  profiles: ReadonlyMap<Table, Profile>,
): boolean {
  const others = [...roots.values()].filter((other) => other !== subject && !isStaff(other, profiles))
  return others.some((other) => {
    const noun = profiles.get(other.table)!.nouns.join(' ')
    return child.columns.some(({ name }) => hasPhrase(wordsOf(name), noun) && wordsOf(name).length > 1)
  })
}

/** What staff writes about a person. */
function isNote({ role, meanings }: Profile): boolean {
  return role === 'note' && [...meanings.values()].includes('free text')
}

const OF_PEOPLE = new Set([
  'street',
  'given name',
  'family name',
  'full name',
  'email',
  'phone',
  'birth date',
  'national number',
  'account number',
  'card number',
])

/** Whether a table holds people by its own columns: an address does, a country does not, nor does a shop. */
export function holdsPeople({ nouns, meanings }: Profile): boolean {
  if (nouns.some((noun) => PLACES.has(noun)) || (nouns.length === 1 && CONTROLLERS.has(nouns[0]!)))
    return false
  return [...meanings.values()].some((meaning) => OF_PEOPLE.has(meaning))
}

/** The rows that refer to another go with it: composed of it, or deleted with it by the database already. */
export function goesWithParent(
  { from, columns, onDelete, declared, to }: Reference,
  profiles: ReadonlyMap<Table, Profile>,
): boolean {
  if (!declared || from === to || !hasIndex(from, columns)) return false
  const required = columns.every((name) =>
    from.columns.some((column) => column.name === name && column.notNull),
  )
  if (!required) return false
  const isPart =
    from.key !== null &&
    columns.every((column) => from.key!.includes(column)) &&
    from.key.length > columns.length
  const isLine = profiles.get(from)!.nouns.some((noun) => PARTS.has(noun))
  return onDelete === 'cascade' || (isPart && isLine) || isLine
}

const PARTS = new Set('line ligne item detail element part position entry'.split(' '))
