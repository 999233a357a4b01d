/**
 * The one kind of error that is shown to people: a sentence, a remedy and a code of ours.
 * `src/db/errors.ts` turns everything that a database or a network can throw into it.
 */

/** Code of what nobody foresaw: a fault of the program rather than of its input. */
export const UNEXPECTED = 'unexpected'

/** What a {@link LetheError} carries besides its sentence. */
export interface LetheErrorFacts {
  /** SQLSTATE: of ours (`LE` and three digits, listed in the documentation), else PostgreSQL's own. */
  code: string
  /** What to do about it, as a sentence or a command. */
  hint?: string
  /** Where: `at /tables/audience.contacts/purge/after`. Never data of a person. */
  detail?: string
  cause?: unknown
}

/** A failure that a person can act on. Exit code 2 on the command line. */
export class LetheError extends Error {
  override name = 'LetheError'
  readonly code: string
  readonly hint: string | undefined
  readonly detail: string | undefined

  constructor(sentence: string, { code, hint, detail, cause }: LetheErrorFacts) {
    super(sentence, { cause })
    this.code = code
    this.hint = hint
    this.detail = detail
  }
}
