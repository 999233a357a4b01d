/** Rules of one table: when its rows go, and when its columns are masked, with the delays of delays.ts and the methods of methods.ts. */
import type { Column, Table } from './catalogue.ts'
import type { Concern, Judged } from './categories.ts'
import type { Clock } from './clocks.ts'
import {
  AS_THE_PERSON,
  COLUMN_DELAYS,
  type Delay,
  delayOfPerson,
  ROW_DELAYS,
  type RowDelay,
} from './delays.ts'
import { SENTINELS } from './labels.ts'
import { methodsFor } from './methods.ts'
import type { Role } from './nouns.ts'
import type { Context } from './propose.ts'

/** What the rules of a table are made of. */
interface Terms {
  table: Table
  clock: Clock
  /** Its rows go after this; null: not by themselves. */
  row: RowDelay | null
  /** Of the person whose it is; null: no period is known, or the clock does not serve for it. */
  person: Delay | null
  withParent: boolean
}

export function proposeRules(
  table: Table,
  concern: Concern,
  judged: Judged[],
  clock: Clock | null,
  context: Context,
): void {
  const personal = judged.filter(
    ({ category, meaning }) =>
      category && category !== 'not personal' && (category !== 'technical' || meaning),
  )
  const withParent = context.proposal.get(['tables', table.title, 'with']) !== undefined
  if (!clock) {
    if (personal.length > 0 && !withParent)
      leave(context, table, 'since', withoutClock(table, concern, context))
    return
  }
  // The day on which something was made is one of what happened only for what happens in a moment.
  const { role } = context.profiles.get(table)!
  const isMade = ['created', 'updated'].includes(clock.kind) && !(role && MOMENTS.has(role))
  const person = isMade && concern !== 'subject' ? null : delayAsPerson(table, concern, context)
  const terms = { table, clock, row: rowDelay(table, concern, clock, context), person, withParent }
  const purges = proposePurge(terms, context)
  const delays = personal.map((one) => proposeMask(one, terms, context)).filter((delay) => delay !== null)
  if (purges || delays.length > 0) {
    const why =
      person && delays.includes(person) ? `${clock.why}; ${person.after}: ${marked(person)}` : clock.why
    context.proposal.put(
      ['tables', table.title, 'since'],
      clock.since.length === 1 ? clock.since[0] : clock.since,
      why,
    )
    proposeReading(table, clock, context)
  } else if (personal.length > 0 && !withParent) {
    const days = clock.since.join(', ')
    const sentence = isMade
      ? `how long: its only day is the one on which it was made or changed (${days})`
      : `how long: no reference period is known for it; its clock could be ${days}`
    leave(context, table, 'after', sentence)
  }
}

function withoutClock(table: Table, concern: Concern, { profiles }: Context): string {
  if (concern === 'subject')
    return 'how long: no column and nothing that refers to it says when a person was last active'
  const { role } = profiles.get(table)!
  const delay = role ? ROW_DELAYS[role] : undefined
  return `how long: no column of it is a clock${delay ? ` (${delay.after}, ${delay.source})` : ''}`
}

/** Of the rows, by what the table is. */
function rowDelay(table: Table, concern: Concern, clock: Clock, context: Context): RowDelay | null {
  const { role } = context.profiles.get(table)!
  if (concern === 'subject' || !role) return null
  // A contract counts from its end; the day on which it was made says nothing of it.
  if (role === 'contract' && !['end', 'last'].includes(clock.kind)) {
    leave(context, table, 'since', 'how long: no column says when it ended')
    return null
  }
  return ROW_DELAYS[role] ?? null
}

/** Of the columns, by whose they are. */
function delayAsPerson(table: Table, concern: Concern, { profiles, links }: Context): Delay | null {
  if (concern === 'subject') return delayOfPerson(profiles.get(table)!.nouns)
  const root = links.find((link) => link.table === table)?.subject.table ?? table
  const delay = delayOfPerson(profiles.get(root)!.nouns)
  return delay && { ...delay, source: AS_THE_PERSON, isCited: false }
}

/** @returns whether its rows go by themselves: not those that go with others, nor what others share. */
function proposePurge({ table, row, withParent }: Terms, { proposal, links }: Context): boolean {
  const isShared = links.some((link) => link.table === table && link.reference.to === table)
  if (!row || withParent || isShared) return false
  proposal.put(['tables', table.title, 'purge'], { after: row.after }, marked(row))
  proposal.rules.push({ table, column: null, action: 'purge', methods: [] })
  return true
}

/** @returns the delay by which a column is masked; null: it is not. */
function proposeMask({ column, meaning }: Judged, terms: Terms, context: Context): Delay | null {
  const { table, clock, row, person, withParent } = terms
  const { proposal } = context
  const delay = (meaning ? COLUMN_DELAYS[meaning] : undefined) ?? (row && !withParent ? null : person)
  if (!delay || (row && days(delay.after) >= days(row.after))) return null
  if (clock.since.includes(column.name) || !isWritable(table, column, context)) return null
  const methods = methodsFor(table, column, meaning)
  if (!methods[0]) {
    const what = `${column.type}${column.notNull ? ', NOT NULL' : ''}`
    leave(
      context,
      table,
      column.name,
      `how to mask it: ${what}: no method fits; purge the row, or make the column nullable`,
    )
    return null
  }
  const path = ['tables', table.title, 'columns', column.name]
  proposal.put([...path, 'anonymize'], { after: delay.after, using: methods[0] })
  // What holds for the whole table is said once.
  if (delay !== person) proposal.comment(path, marked(delay))
  proposal.rules.push({ table, column: column.name, action: 'anonymize', methods })
  return delay
}

function leave({ proposal }: Context, table: Table, object: string, sentence: string): void {
  proposal.leave({ kind: 'rule', table: table.title, object, sentence })
}

/** How the days of a clock are to be read: those that mean "none", and in which zone. */
function proposeReading(table: Table, clock: Clock, { proposal, samples }: Context): void {
  const path = ['tables', table.title]
  const columns = table.columns.filter(({ name }) => clock.since.includes(name))
  const found = columns.flatMap((column) => [
    ...(samples.get(table.title)?.byColumn.get(column.name)?.sentinels ?? []),
    ...SENTINELS.filter((day) => column.default?.includes(`'${day}`)),
  ])
  if (found.length > 0)
    proposal.put([...path, 'sentinels'], [...new Set(found)].sort(), 'days that stand for "none"')
  if (columns.some(({ base }) => base === 'timestamp'))
    proposal.comment(
      [...path, 'since'],
      'of no time zone: read in that of the controller, or write time_zone beside',
    )
}

const MOMENTS: ReadonlySet<Role> = new Set([
  'message',
  'note',
  'log',
  'tracking',
  'order',
  'invoice',
  'consent',
  'application',
  'medical',
  'session',
])

/** The source, and whether it is one. */
function marked({ source, isCited }: Delay): string {
  return isCited || source.endsWith('to confirm') ? source : `proposed: ${source}; to confirm`
}

/** Keys, references and computed columns are left to the row. */
function isWritable(table: Table, column: Column, { references, proposal }: Context): boolean {
  const { name } = column
  const controller = proposal.get(['tables', table.title, 'controller', 'column'])
  const referred = references.some(
    ({ from, to, columns, toColumns, declared }) =>
      declared && ((from === table && columns.includes(name)) || (to === table && toColumns.includes(name))),
  )
  return (
    !column.computed &&
    !referred &&
    !table.key!.includes(name) &&
    !table.partitionKey.includes(name) &&
    name !== controller
  )
}

/** Roughly, to tell which of two delays is longer. */
function days(after: string): number {
  const [, count = '0', unit = 'D'] = /^P(\d+)([YMWD])$/.exec(after) ?? []
  return Number(count) * { Y: 365, M: 30, W: 7, D: 1 }[unit as 'Y' | 'M' | 'W' | 'D']
}
