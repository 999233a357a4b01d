/**
 * Asks the database itself whether it would accept the proposal: every entry is set, one by one, in a transaction that is
 * rolled back. What is refused gives way to the next method, or becomes something to decide, with the database's own
 * sentence. At the end the document is applied as a whole, as `lethe policy apply` would, and rolled back too.
 */
import type { Client } from 'pg'
import { LetheError } from '../errors.ts'
import { fromPointer } from '../policy/read.ts'
import type { Using } from './methods.ts'
import type { Document, Path, Proposal } from './proposal.ts'

/** One of Lethe's refusals. */
interface Refusal {
  code: string
  message: string
  hint?: string
  detail?: string
}

interface LinkSpec {
  kind: string
  to?: string
  columns?: Record<string, string>
  on_erasure?: unknown
}

interface TermSpec {
  after: string
  using?: Using
}

interface TableSpec {
  controller?: { constant?: string; column?: string }
  since?: string | string[]
  columns?: Record<string, { anonymize?: TermSpec }>
  purge?: TermSpec
  with?: 'parent' | string[]
  unlink?: string[]
}

/** Codes that are about the clock, and so about every rule that counts by it. */
const CLOCK_CODES = new Set(['LE302', 'LE312', 'LE315', 'LE102', 'LE103'])
/** Times the whole may be refused before we give up: each takes one entry back. */
const PROOFS_MAX = 25

/** A database of hundreds of tables takes Lethe minutes; who waits for a proposal has not that long. */
const BUDGET_SECONDS = 30

/**
 * Takes back, from the proposal, whatever the database refuses.
 *
 * @returns a sentence about how that went, for the head of the file.
 * @throws LetheError LE624 when no end of refusals is reached.
 */
export async function tryOut(
  client: Client,
  proposal: Proposal,
  onStep: (done: number, total: number) => void,
): Promise<string> {
  await client.query(
    `begin; set local lock_timeout = '5s'; set local statement_timeout = '${BUDGET_SECONDS}s'; set local standard_conforming_strings = on`,
  )
  try {
    const trial = new Trial(client, proposal, onStep)
    await trial.tables()
    await trial.subjects()
    await trial.links()
    await trial.rules()
    return await prove(trial, proposal)
  } catch (thrown) {
    if (thrown instanceof OutOfTime || (thrown as Refusal).code === '57014') return ASKED_IN_PART
    throw thrown
  } finally {
    await client.query('rollback').catch(() => undefined)
  }
}

const ACCEPTED = 'Lethe was asked, in a transaction that was rolled back: it accepts this file as it is.'
const ASKED_IN_PART =
  'Lethe was asked about a part of this only, since there is so much of it: lethe policy apply may still refuse an entry. --schema makes it less.'

class OutOfTime extends Error {}

class Trial {
  readonly #client: Client
  readonly #proposal: Proposal
  readonly #onStep: (done: number, total: number) => void
  readonly #end = Date.now() + 1_000 * BUDGET_SECONDS

  constructor(client: Client, proposal: Proposal, onStep: (done: number, total: number) => void) {
    this.#client = client
    this.#proposal = proposal
    this.#onStep = onStep
  }

  get #tables(): Record<string, TableSpec> {
    return (this.#proposal.policy.tables ?? {}) as Record<string, TableSpec>
  }

  async tables(): Promise<void> {
    const { controller, time_zone } = this.#proposal.policy
    if (typeof controller === 'string' && !this.#proposal.had(['controller']))
      await this.#set('select lethe.set_controller($1, $2)', [controller, time_zone])
    for (const [table, { controller: owner }] of Object.entries(this.#tables)) {
      if (this.#proposal.had(['tables', table])) continue
      const constant = owner?.constant ?? (owner ? null : controller)
      const refusal = await this.#set('select lethe.manage_table($1, $2, $3)', [
        table,
        constant ?? null,
        owner?.column ?? null,
      ])
      if (refusal) this.#refuse(['tables', table], 'table', table, 'table', refusal)
    }
  }

  async subjects(): Promise<void> {
    for (const [name, spec] of Object.entries(
      (this.#proposal.policy.subjects ?? {}) as Record<string, { table: string; identifiers?: string[] }>,
    )) {
      if (this.#proposal.had(['subjects', name])) continue
      const refusal = await this.#set('select lethe.set_subject_type($1, $2, $3)', [
        name,
        spec.table,
        spec.identifiers ?? [],
      ])
      if (refusal) this.#refuse(['subjects', name], 'table', spec.table, `subject ${name}`, refusal)
    }
  }

  async links(): Promise<void> {
    for (const [table, spec] of Object.entries(this.#tables)) {
      if (this.#proposal.had(['tables', table])) continue
      const path = ['tables', table]
      if (spec.with) {
        const refusal = await this.#set(
          `select lethe.set_link($1, columns => $2, on_purge => 'with parent')`,
          [table, spec.with === 'parent' ? null : spec.with],
        )
        if (refusal) this.#refuse([...path, 'with'], 'link', table, 'with', refusal)
      }
      for (const column of spec.unlink ?? []) {
        const refusal = await this.#set(
          `select lethe.set_link($1, columns => array[$2], on_purge => 'unlink')`,
          [table, column],
        )
        if (refusal) this.#refuse([...path, 'unlink'], 'link', table, `unlink ${column}`, refusal)
      }
    }
    for (const [subject, { table: root, links }] of Object.entries(
      (this.#proposal.policy.subjects ?? {}) as Record<
        string,
        { table: string; links?: Record<string, LinkSpec> }
      >,
    ))
      for (const [table, spec] of Object.entries(links ?? {})) {
        const path = ['subjects', subject, 'links', table]
        if (this.#proposal.had(path)) continue
        const refusal = await this.#setLink(subject, root, table, spec)
        if (refusal) this.#refuse(path, 'link', table, `link of ${subject}`, refusal)
      }
  }

  /** As lethe.apply_policy reads a link: where nothing is spelt out, the foreign key to the root, or the only one. */
  async #setLink(
    subject: string,
    root: string,
    table: string,
    { kind, to, columns, on_erasure }: LinkSpec,
  ): Promise<Refusal | null> {
    const statement = `select lethe.set_link($1, "to" => $2, columns => $3, to_columns => $4, subject => $5, kind => $6, on_erasure => $7)`
    const rest = [subject, kind, on_erasure === undefined ? null : JSON.stringify(on_erasure)]
    if (columns)
      return this.#set(statement, [table, to ?? root, Object.keys(columns), Object.values(columns), ...rest])
    const first = await this.#set(statement, [table, to ?? root, null, null, ...rest])
    return first && !to ? this.#set(statement, [table, null, null, null, ...rest]) : first
  }

  async rules(): Promise<void> {
    const all = this.#proposal.rules
    const spoilt = new Set<string>()
    for (const [n, rule] of all.entries()) {
      this.#onStep(n, all.length)
      const title = rule.table.title
      const path =
        rule.column === null
          ? ['tables', title, 'purge']
          : ['tables', title, 'columns', rule.column, 'anonymize']
      const term = this.#proposal.get(path) as TermSpec | undefined
      if (!term) continue
      const refusal = spoilt.has(title)
        ? null
        : await this.#setRule(title, rule.column, rule.action, term, rule.methods)
      if (spoilt.has(title) || refusal) this.#proposal.take(path)
      if (!refusal) continue
      const isClock = CLOCK_CODES.has(refusal.code)
      if (isClock) spoilt.add(title)
      this.#leave('rule', title, isClock ? 'since' : (rule.column ?? 'purge'), refusal)
    }
    for (const [title, spec] of Object.entries(this.#tables))
      if (!hasRules(spec) && spec.since !== undefined) this.#proposal.take(['tables', title, 'since'])
  }

  /** The first method that is accepted stays in the document. */
  async #setRule(
    table: string,
    column: string | null,
    action: string,
    term: TermSpec,
    methods: Using[],
  ): Promise<Refusal | null> {
    const since = [this.#tables[table]?.since ?? []].flat()
    const statement =
      'select lethe.set_rule($1, $2, $3, "column" => $4, since => $5, method => $6, parameters => $7)'
    if (column === null) return this.#set(statement, [table, action, term.after, null, since, null, '{}'])
    let refusal: Refusal | null = null
    for (const using of methods) {
      const { method, ...parameters } = typeof using === 'string' ? { method: using } : using
      refusal = await this.#set(statement, [
        table,
        action,
        term.after,
        column,
        since,
        method,
        JSON.stringify(parameters),
      ])
      if (!refusal) {
        term.using = using
        return null
      }
      if (CLOCK_CODES.has(refusal.code)) return refusal
    }
    return refusal
  }

  #refuse(path: Path, kind: 'table' | 'link', table: string, object: string, refusal: Refusal): void {
    this.#proposal.take(path)
    if (kind === 'table') this.#forget(table)
    this.#leave(kind, table, object, refusal)
  }

  /** Nothing may speak of a table that cannot be managed. */
  #forget(table: string): void {
    for (const [name, subject] of Object.entries(
      (this.#proposal.policy.subjects ?? {}) as Record<string, Document>,
    )) {
      if (subject.table === table) this.#proposal.take(['subjects', name])
      else if (this.#proposal.get(['subjects', name, 'links', table]))
        this.#proposal.take(['subjects', name, 'links', table])
    }
  }

  #leave(kind: 'table' | 'link' | 'rule', table: string, object: string, refusal: Refusal): void {
    this.#proposal.leave({ kind, table, object, sentence: sentenceOf(refusal) })
  }

  async #set(statement: string, values: unknown[]): Promise<Refusal | null> {
    if (Date.now() > this.#end) throw new OutOfTime()
    return attempt(this.#client, statement, values)
  }

  /** The whole at once, as `lethe policy apply` does it. */
  async whole(): Promise<Refusal | null> {
    return this.#set('select count(*) from lethe.apply_policy($1::jsonb)', [
      JSON.stringify(this.#proposal.policy),
    ])
  }
}

function hasRules({ purge, columns }: TableSpec): boolean {
  return purge !== undefined || Object.values(columns ?? {}).some(({ anonymize }) => anonymize !== undefined)
}

/** Applies the whole; each refusal has a place in the document, and what stands there goes. */
async function prove(trial: Trial, proposal: Proposal): Promise<string> {
  for (let n = 0; n < PROOFS_MAX; n++) {
    const refusal = await trial.whole()
    if (!refusal) return ACCEPTED
    const path = entryAt(proposal, fromPointer(/^at (\/.*)$/m.exec(refusal.detail ?? '')?.[1] ?? ''))
    // The policy in force may be what is refused, by tables and keys that came after it.
    if (!path || proposal.had(path))
      return `Lethe refuses this together with what is in force: ${sentenceOf(refusal)}`
    proposal.take(path)
    proposal.leave({
      kind: path.at(-2) === 'links' || path.at(-1) === 'with' ? 'link' : 'rule',
      table: path[0] === 'tables' ? path[1]! : path.at(-1)!,
      object: path.slice(2).join(' '),
      sentence: sentenceOf(refusal),
    })
  }
  throw new LetheError('the proposal could not be made acceptable', {
    code: 'LE624',
    hint: 'name fewer schemas with --schema, one at a time',
  })
}

/** The entry that a refusal is about: a rule, a link, a table's own key. */
function entryAt(proposal: Proposal, path: string[]): string[] | null {
  const [section, name, key, inner, action] = path
  if (section === 'subjects' && key === 'links' && inner !== undefined)
    return ['subjects', name!, 'links', inner]
  if (section !== 'tables' || name === undefined) return null
  if (key === 'columns' && inner !== undefined && action !== undefined)
    return ['tables', name, 'columns', inner, action]
  if (key !== undefined && key !== 'columns') return ['tables', name, key]
  // Of all its rules together: the row's first, then the columns'.
  const spec = proposal.get(['tables', name]) as TableSpec
  if (spec.purge !== undefined) return ['tables', name, 'purge']
  const column = Object.entries(spec.columns ?? {}).find(([, { anonymize }]) => anonymize !== undefined)?.[0]
  return column === undefined ? null : ['tables', name, 'columns', column, 'anonymize']
}

/** One statement in a savepoint. @returns Lethe's refusal; anything else is thrown. */
async function attempt(client: Client, statement: string, values: unknown[]): Promise<Refusal | null> {
  await client.query('savepoint lethe_trial')
  try {
    await client.query(statement, values)
    await client.query('release savepoint lethe_trial')
    return null
  } catch (thrown) {
    const error = thrown as Refusal
    if (typeof error.code !== 'string' || !error.code.startsWith('LE') || error.code === 'LE502') throw thrown
    await client.query('rollback to savepoint lethe_trial; release savepoint lethe_trial')
    return error
  }
}

function sentenceOf({ message, hint, code }: Refusal): string {
  return `${message} [${code}]${hint ? `; ${hint}` : ''}`
}
