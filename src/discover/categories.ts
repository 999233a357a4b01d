/**
 * What kind of data a column holds, and why; or why a person has to say. Values weigh more than names, names more
 * than comments, and the type is asked last.
 *
 * "not personal" means: nothing by which somebody could be told once the other columns are gone. A day, an amount
 * and a state of an order are that; a reference to the person is technical.
 */
import type { Column, Reference, Table } from './catalogue.ts'
import { isClockName } from './clocks.ts'
import type { Category, Meaning } from './dictionary.ts'
import { holdsPeople, type Link, OF_PEOPLE } from './links.ts'
import {
  type Found,
  isAbout,
  isKeyLike,
  isTrace,
  meaningByComment,
  meaningByName,
  meaningByValues,
  percent,
} from './meaning.ts'
import { CONTROLLERS, PEOPLE, PLACES } from './nouns.ts'
import type { Evidence } from './sample.ts'
import { isUnique, type Profile, type Subject } from './subjects.ts'
import { singular, wordsOf } from './words.ts'

/** How a table concerns people. */
export type Concern = 'subject' | 'linked' | 'itself' | 'none'

/** A column that was judged. */
export interface Judged {
  column: Column
  /** Null: a person has to say; `why` then says what is in doubt. */
  category: Category | null
  why: string
  /** What it means, where that is known: methods and delays go by it. */
  meaning: string | null
}

/** What a table is judged with. */
export interface TableContext {
  table: Table
  profile: Profile
  concern: Concern
  references: Reference[]
  roots: ReadonlySet<Table>
  /** About somebody's health as a whole: a consultation, an appointment of a patient. */
  isMedical: boolean
  evidence: ReadonlyMap<string, Evidence>
}

/** How a table concerns people: by its subject type, its links, or its own columns. */
export function concernOf(table: Table, profile: Profile, subjects: Subject[], links: Link[]): Concern {
  if (subjects.some((subject) => subject.table === table)) return 'subject'
  const ownLinks = links.filter((link) => link.table === table)
  // What only names who made it is about something else, unless it holds people itself.
  if (
    ownLinks.some(
      ({ kind, reference, others }) =>
        kind !== 'mention' || reference.from !== table || others.length > 0 || profile.role !== null,
    )
  )
    return 'linked'
  if (ownLinks.length > 0 && holdsPeople(profile)) return 'linked'
  // A shop with a telephone too: whether it is somebody's is asked of a person, column by column.
  return [...profile.telling].some((meaning) => TELLING.has(meaning)) ? 'itself' : 'none'
}

const TELLING = new Set([
  ...OF_PEOPLE,
  'ip address',
  'user agent',
  'user name',
  'person number',
  'health',
  'belief',
  'tracker',
])

export function judgeColumns(context: TableContext): Judged[] {
  return context.table.columns.map((column) => judge(column, context))
}

function judge(column: Column, context: TableContext): Judged {
  const { table, concern, references, roots } = context
  const evidence = context.evidence.get(column.name)
  const byValues = meaningByValues(evidence)
  const byName = meaningByName(column)
  const reference = references.find(({ from, columns }) => from === table && columns.includes(column.name))
  const isKey = table.key?.includes(column.name) ?? false

  if (byValues && !isTrace(byValues)) return decided(column, byValues, byName, context)
  if (reference) return ofReference(column, reference, roots, byName)
  if (isKey && column.kind !== 'text' && !byName) {
    return concern === 'subject'
      ? {
          column,
          category: 'technical',
          why: 'the key by which one person is told from another',
          meaning: null,
        }
      : { column, category: 'not personal', why: 'a key', meaning: null }
  }
  if (byName?.meaning.name === 'state' && !applies(byName.meaning, context))
    return { column, category: 'not personal', why: 'a state of it', meaning: null }
  const named = namedAfterPeople(column, byName, context)
  if (named) return { column, category: null, why: named, meaning: null }
  const found = byName ?? meaningByComment(column)
  if (found && applies(found.meaning, context)) return decided(column, found, byName, context)
  if (byValues && concern !== 'none') return decided(column, byValues, byName, context)
  return byType(column, evidence, context)
}

/** A `composer`, and the name of an artist: somebody, but whether it is anybody's data a person has to say. */
function namedAfterPeople(
  column: Column,
  byName: Found | null,
  { concern, profile }: TableContext,
): string | null {
  if (column.kind !== 'text') return null
  const words = wordsOf(column.name).map(singular)
  if (!byName && PEOPLE.has(words.at(-1) ?? '')) return `named after people (${words.at(-1)}): a name?`
  const noun = profile.nouns.find((word) => PEOPLE.has(word))
  const isName = byName && ['name', 'full name'].includes(byName.meaning.name)
  return concern === 'none' && isName && noun
    ? `${byName.why}, in a table named after people (${noun})`
    : null
}

function ofReference(
  column: Column,
  { to, why }: Reference,
  roots: ReadonlySet<Table>,
  byName: Found | null,
): Judged {
  if (byName && ['email', 'national number', 'phone'].includes(byName.meaning.name))
    return {
      column,
      category: byName.meaning.category,
      why: `${byName.why}, and a reference to ${to.name}`,
      meaning: null,
    }
  return roots.has(to)
    ? { column, category: 'technical', why: `refers to a person (${why})`, meaning: null }
    : { column, category: 'not personal', why: `refers to ${to.name}`, meaning: null }
}

/** Whether a meaning of people can stand here. */
function applies(meaning: Meaning, { concern, profile }: TableContext): boolean {
  if (meaning.name === 'thing') return true
  if (concern === 'none')
    return (
      !meaning.ofPeople &&
      meaning.category !== 'contact' &&
      !meaning.doubtful &&
      meaning.name !== 'user name' &&
      meaning.name !== 'picture'
    )
  if (meaning.name === 'name') return concern === 'subject' || concern === 'itself'
  // A company beside a family name is somebody's; beside an amount it is a company.
  if (meaning.name === 'work') return concern !== 'linked' || profile.telling.has('family name')
  if (meaning.name === 'date of life') return concern === 'subject'
  if (meaning.name === 'state')
    return [...profile.meanings.values()].some((other) => ['place', 'street', 'postcode'].includes(other))
  return true
}

function decided(column: Column, found: Found, byName: Found | null, context: TableContext): Judged {
  const { meaning } = found
  const both = byName && byName !== found && byName.meaning.name === meaning.name
  const why = both ? `${byName.why}, and ${found.why}` : found.why
  if (meaning.doubtful || (isPlace(context) && meaning.category !== 'technical' && meaning.name !== 'thing'))
    return { column, category: null, why: `${why}; of a person?`, meaning: meaning.name }
  // In a table of treatments, whatever is written is about somebody's health.
  if (context.isMedical && meaning.category === 'content')
    return {
      column,
      category: 'special category',
      why: `${why}, among medical records`,
      meaning: meaning.name,
    }
  return { column, category: meaning.category, why, meaning: meaning.name === 'thing' ? null : meaning.name }
}

/** A shop, an office, a company: its telephone is not somebody's, or is it? */
function isPlace({ concern, profile: { nouns } }: TableContext): boolean {
  return concern === 'itself' && nouns.some((noun) => PLACES.has(noun) || CONTROLLERS.has(noun))
}

function byType(
  column: Column,
  evidence: Evidence | undefined,
  { table, concern, isMedical }: TableContext,
): Judged {
  const plain = (why: string): Judged => ({ column, category: 'not personal', why, meaning: null })
  const open = (why: string): Judged => ({ column, category: null, why, meaning: null })
  if (column.kind === 'net') {
    const isMac = column.base.startsWith('macaddr')
    return {
      column,
      category: 'technical',
      why: `of type ${column.base}`,
      meaning: isMac ? 'mac address' : 'ip address',
    }
  }
  const filled = evidence?.filled ?? 0
  if (concern === 'none') {
    const isUnseen = column.kind === 'json' && filled < 10
    return isUnseen
      ? open('a document, which may hold anything, and no values to look at')
      : plain('nothing in this table points to a person')
  }
  if (isMedical && !['date', 'time', 'uuid'].includes(column.kind) && !isKeyLike(wordsOf(column.name)))
    return open(`among medical records, and named like nothing known (${column.type})`)
  if (isAbout(wordsOf(column.name)) && column.kind !== 'json') return plain('a kind, a state or a count')
  if (column.kind === 'date' || column.kind === 'time') {
    if (
      evidence &&
      !isClockName(column.name) &&
      filled >= 20 &&
      (evidence.labels['long ago'] ?? 0) > 0.7 * filled
    )
      return open('most of its days are long ago: days of birth?')
    return plain('a day or time of what happened')
  }
  if (column.kind === 'boolean' || column.kind === 'enum')
    return plain(column.kind === 'enum' ? 'one of a few words' : 'yes or no')
  if (
    column.kind === 'uuid' ||
    (column.kind === 'text' && (evidence?.labels.uuid ?? 0) > 0.9 * Math.max(filled, 1))
  ) {
    return concern === 'subject'
      ? { column, category: 'technical', why: 'a number of its own for each person', meaning: 'tracker' }
      : plain('a key')
  }
  if (column.kind === 'number') {
    if (concern !== 'subject') return plain('a number of what happened')
    if (isKeyLike(wordsOf(column.name))) return open('named like a reference, to what nobody says')
    return open(`a number (${column.type}) that its name does not explain`)
  }
  if (column.kind === 'json')
    return { column, category: 'content', why: 'a document, which may hold anything', meaning: 'document' }
  if (column.kind === 'text' && evidence && filled >= 30 && evidence.distinct <= Math.max(12, filled / 50))
    return plain('a few words repeat in all rows: a code')
  if (column.kind === 'text' && concern === 'subject' && isUnique(table, column.name))
    return { column, category: 'technical', why: 'a value of its own for each person', meaning: 'reference' }
  return open(hint(column, evidence))
}

/** What the sample adds to a name that says nothing. */
function hint(column: Column, evidence: Evidence | undefined): string {
  const type = column.type
  if (!evidence || evidence.filled === 0) return `${type}, named like nothing known, and no values to look at`
  const { labels, filled } = evidence
  const two = labels['two words'] ?? 0
  if (two > 0.4 * filled)
    return `${type}; ${percent(two, filled)} of the values sampled are two or three words with capitals: names?`
  if ((labels['long text'] ?? 0) > 0.2 * filled) return `${type}; sentences: free text?`
  return `${type}, named like nothing known`
}
