/**
 * How the rows of other tables belong to a person: along foreign keys and references found, from the person outwards.
 *
 * - own: the row refers to the person, and is about them
 * - share: the person's row refers to it, as others may, or it refers to two people alike
 * - mention: it is about something or somebody else and names the person
 */
import { hasIndex, type Reference, type Table } from './catalogue.ts'
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

/** What a link is judged by. */
interface Around {
  subject: Subject
  references: Reference[]
  roots: ReadonlyMap<Table, Subject>
  profiles: ReadonlyMap<Table, Profile>
}

/** Every link of every subject type, in the order in which they are reached. */
export function findLinks(
  references: Reference[],
  subjects: Subject[],
  profiles: ReadonlyMap<Table, Profile>,
): Link[] {
  const roots = new Map(subjects.map((subject) => [subject.table, subject]))
  const byTarget = Map.groupBy(references, ({ to }) => to)
  return subjects.flatMap((subject) => linksOf({ subject, references, roots, profiles }, byTarget))
}

function linksOf(around: Around, byTarget: ReadonlyMap<Table, Reference[]>): Link[] {
  const { subject, roots, profiles } = around
  const links = new Map<Table, Link>()
  const queue: { table: Table; kind: LinkKind }[] = [{ table: subject.table, kind: 'own' }]
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { table, kind: inherited } = next
    for (const [child, all] of Map.groupBy(byTarget.get(table) ?? [], ({ from }) => from)) {
      if (links.has(child) || (child === subject.table && table !== child)) continue
      const link = toLink(around, child, table, all, inherited)
      links.set(child, link)
      const isEnd = child === subject.table || roots.has(child)
      if (!isEnd && (link.kind !== 'mention' || isNote(profiles.get(child)!)))
        queue.push({ table: child, kind: link.kind })
    }
    if (inherited === 'own') for (const link of sharedBy(around, table, links)) links.set(link.table, link)
  }
  return [...links.values()]
}

/** What a row of this person's refers to, and that holds people: an address, of a household. */
function sharedBy(
  { subject, references, roots, profiles }: Around,
  table: Table,
  links: ReadonlyMap<Table, Link>,
): Link[] {
  return references.flatMap((reference) => {
    const { from, to } = reference
    if (from !== table || to === table || links.has(to) || roots.has(to) || !holdsPeople(profiles.get(to)!))
      return []
    const columns = Object.fromEntries(
      reference.toColumns.map((column, n) => [column, reference.columns[n]!]),
    )
    const why = `${table.name}.${reference.columns.join(', ')} refers to it, and rows of several people may refer to the same one`
    return [{ subject, table: to, kind: 'share' as const, to: table, reference, others: [], columns, why }]
  })
}

function toLink(around: Around, child: Table, to: Table, all: Reference[], inherited: LinkKind): Link {
  const ownOnes = all.filter((reference) => !isMention(reference))
  const reference = ownOnes[0] ?? all[0]!
  const [kind, why] =
    to === around.subject.table
      ? judgeDirect(around, child, ownOnes, reference)
      : judgeFurther(around, child, reference, inherited)
  return {
    subject: around.subject,
    table: child,
    kind,
    why,
    to,
    reference,
    columns: Object.fromEntries(reference.columns.map((column, n) => [column, reference.toColumns[n]!])),
    others: all.filter((other) => other !== reference),
  }
}

/** A table that refers to the person's own row. */
function judgeDirect(
  around: Around,
  child: Table,
  ownOnes: Reference[],
  { columns, to, why }: Reference,
): [LinkKind, string] {
  const { subject, roots, profiles } = around
  const column = columns.join(', ')
  const { nouns } = profiles.get(child)!
  if (child === to) return ['mention', `${column}: another row of the same table names them`]
  if (roots.has(child))
    return ['mention', `${column}: a ${roots.get(child)!.name} is a person too, and names this one`]
  if (ownOnes.length === 0)
    return ['mention', `${column} says who made, handles or owns it, not whom it is about`]
  if (isStaff(subject, profiles) && aboutSomebodyElse(child, around))
    return ['mention', `${column}: the row is about somebody else, and names who works on it`]
  if (nouns.length === 1 && CONTROLLERS.has(nouns[0]!))
    return ['mention', `${column}: a ${nouns[0]} is no part of a person`]
  if (ownOnes.length > 1)
    return [
      'share',
      `it refers to two people alike: ${ownOnes.map((one) => one.columns.join(', ')).join(' and ')}`,
    ]
  return isNote(profiles.get(child)!) ? ['mention', `${why}; ${NOT_ALONE}`] : ['own', why]
}

/** A table that refers to one that is linked already. */
function judgeFurther(
  { roots, profiles }: Around,
  child: Table,
  { columns, to, why }: Reference,
  inherited: LinkKind,
): [LinkKind, string] {
  if (roots.has(child))
    return ['mention', `${columns.join(', ')}: a ${roots.get(child)!.name} is a person too`]
  if (isNote(profiles.get(child)!)) return ['mention', `${why}; ${NOT_ALONE}`]
  return [inherited, `${why}; belongs to ${to.name}, which is ${OF_KIND[inherited]}`]
}

const NOT_ALONE = 'free text about somebody may speak of others, so that the row is not theirs alone'
const OF_KIND = {
  own: 'about this person alone',
  share: 'shared',
  mention: 'only naming them',
  ignore: 'left out',
}

function isMention({ columns }: Reference): boolean {
  const words = wordsOf(columns.at(-1)!)
  return MENTIONING.split(',').some((phrase) => hasPhrase(words, phrase))
}

function isStaff(subject: Subject, profiles: ReadonlyMap<Table, Profile>): boolean {
  return profiles.get(subject.table)!.nouns.some((noun) => STAFF.has(noun))
}

/** True when the row also refers to a person of another kind, who is no staff. */
function aboutSomebodyElse(child: Table, { subject, references, roots, profiles }: Around): boolean {
  return references.some(({ from, to }) => {
    const other = from === child ? roots.get(to) : undefined
    return other !== undefined && other !== subject && !isStaff(other, profiles)
  })
}

/** What staff writes about a person. */
function isNote({ role, meanings }: Profile): boolean {
  return role === 'note' && [...meanings.values()].includes('free text')
}

/** Meanings that make a table one of people. */
export const OF_PEOPLE: ReadonlySet<string> = new Set([
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
export function holdsPeople({ nouns, telling }: Profile): boolean {
  if (nouns.some((noun) => PLACES.has(noun)) || (nouns.length === 1 && CONTROLLERS.has(nouns[0]!)))
    return false
  return [...telling].some((meaning) => OF_PEOPLE.has(meaning))
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
