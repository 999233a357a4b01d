/**
 * The proposal: a policy document, what speaks for each entry of it, and what is left to a person. Entries can still be
 * taken back (trial.ts does, when the database refuses one); what is taken back becomes something to decide.
 */
import type { Table } from './catalogue.ts'
import type { Using } from './methods.ts'

/** A step of a path in the document. */
export type Path = readonly string[]

/** What a person has to decide: `lethe check` finds the same thing undecided. A `controller` is a guess to confirm. */
export interface Open {
  kind: 'column' | 'link' | 'table' | 'rule' | 'controller'
  /** `schema.table`, or what else it is about. */
  table: string
  object: string
  sentence: string
}

/** A document as it is being written. */
export type Document = Record<string, unknown>

/** Which rule, and the methods that could be tried after the one that stands in the document. */
export interface ProposedRule {
  table: Table
  column: string | null
  action: 'anonymize' | 'purge'
  methods: Using[]
}

export class Proposal {
  readonly policy: Document
  /** By path, as JSON. */
  readonly comments = new Map<string, string>()
  readonly open: Open[] = []
  readonly rules: ProposedRule[] = []
  /** Sentences for the head of the file. */
  readonly head: string[] = []
  /** What stood in the policy before. */
  readonly existing: Document

  constructor(existing: Document) {
    this.existing = structuredClone(existing)
    this.policy = structuredClone(existing)
  }

  /** Puts a value where there is none yet. @returns false where the policy in force has one. */
  put(path: Path, value: unknown, comment?: string): boolean {
    if (this.get(path) !== undefined) return false
    let at = this.policy
    for (const step of path.slice(0, -1)) {
      at[step] ??= {}
      at = at[step] as Document
    }
    at[path.at(-1)!] = value
    if (comment) this.comment(path, comment)
    return true
  }

  /** Says something of an entry. */
  comment(path: Path, text: string): void {
    const key = JSON.stringify(path)
    this.comments.set(key, [this.comments.get(key), text].filter(Boolean).join('; '))
  }

  get(path: Path): unknown {
    return lookUp(this.policy, path)
  }

  /** True when the policy in force had it. */
  had(path: Path): boolean {
    return lookUp(this.existing, path) !== undefined
  }

  /** Takes an entry back. */
  take(path: Path): void {
    const parent = lookUp(this.policy, path.slice(0, -1)) as Document | undefined
    if (parent) delete parent[path.at(-1)!]
    const start = JSON.stringify(path).slice(0, -1)
    for (const key of this.comments.keys()) if (key.startsWith(start)) this.comments.delete(key)
  }

  /** Leaves something to a person. */
  leave(item: Open): void {
    const isSame = (other: Open): boolean =>
      other.table === item.table && other.object === item.object && other.sentence === item.sentence
    if (!this.open.some(isSame)) this.open.push(item)
  }
}

function lookUp(document: Document, path: Path): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? (at as Document)[step] : undefined),
    document,
  )
}
