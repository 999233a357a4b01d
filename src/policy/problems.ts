/**
 * Turns what zod finds wrong with a policy into sentences, each with the path of what it speaks of.
 * Counterpart: read.ts, which knows where in the file a path stands.
 */
import type { z } from 'zod'
import { type JsonSchema, keysOf, policyJsonSchema, schemaBelow } from './json_schema.ts'

/** What zod finds wrong. */
type Issue = z.core.$ZodIssue

/** Every problem of `content`, for which the policy's shape raised `issues`. */
export function findProblems(issues: readonly Issue[], content: unknown): Found[] {
  return issues
    .flatMap((issue) => flatten(issue, []))
    .flatMap(({ issue, path }) => (isMissing(content, path) ? [missing(path)] : describe({ issue, path })))
}

/** Goes into the branch of a union that was meant: the one of the right outer type, if there is one. */
function flatten(issue: Issue, above: readonly PropertyKey[]): { issue: Issue; path: PropertyKey[] }[] {
  const path = [...above, ...issue.path]
  if (issue.code !== 'invalid_union') return [{ issue, path }]
  const meant = issue.errors
    .filter((branch) => !branch.some(({ code, path }) => code === 'invalid_type' && path.length === 0))
    .sort((a, b) => a.length - b.length)[0]
  return meant ? meant.flatMap((inner) => flatten(inner, path)) : [{ issue, path }]
}

/** A problem and where it stands, by path. */
export interface Found {
  path: PropertyKey[]
  /** Which end of the mapping's entry. */
  end: 'key' | 'value'
  code: string
  sentence: string
}

function describe({ issue, path }: { issue: Issue; path: PropertyKey[] }): Found[] {
  const name =
    path.length === 0
      ? 'the policy'
      : String(path.findLast((step) => typeof step === 'string') ?? path.at(-1))
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key))
    case 'invalid_key':
      return [
        {
          path,
          end: 'key',
          code: 'LE605',
          sentence: `${JSON.stringify(name)} ${issue.issues[0]?.message ?? 'is no name'}`,
        },
      ]
    case 'invalid_type':
      return [wrong(path, name, ownWords(issue) ?? `must be ${KINDS[issue.expected] ?? issue.expected}`)]
    case 'invalid_value':
      return [
        wrong(
          path,
          name,
          ownWords(issue) ??
            `must be ${issue.values
              .map(String)
              .join(', ')
              .replace(/, ([^,]*)$/, ' or $1')}`,
        ),
      ]
    case 'invalid_union':
      return [
        wrong(path, name, `must be ${[...new Set(issue.errors.flat().flatMap(expected))].join(' or ')}`),
      ]
    default:
      return [wrong(path, name, issue.message)]
  }
}

function isMissing(content: unknown, path: readonly PropertyKey[]): boolean {
  let value = content
  for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step]
  return path.length > 0 && value === undefined
}

function missing(path: PropertyKey[]): Found {
  const owner = path.slice(0, -1)
  const whose = owner.length === 0 ? 'the policy' : named(owner)
  return { path: owner, end: 'key', code: 'LE605', sentence: `${whose} lacks ${String(path.at(-1))}` }
}

const KINDS: Record<string, string> = {
  string: 'text',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  number: 'a number',
}

function wrong(path: PropertyKey[], name: string, what: string): Found {
  return {
    path,
    end: 'value',
    code: path.at(-1) === 'after' || path.at(-1) === 'retain' ? 'LE301' : 'LE605',
    sentence: `${name} ${what}`,
  }
}

/** Zod's own messages begin like this; those we gave do not. */
function ownWords({ message }: Issue): string | undefined {
  return /^Invalid (input|option)/.test(message) ? undefined : message
}

function expected(issue: Issue): string[] {
  if (issue.code === 'invalid_type') return [KINDS[issue.expected] ?? issue.expected]
  return issue.code === 'invalid_value' ? issue.values.map(String) : []
}

function named(path: PropertyKey[]): string {
  return typeof path.at(-1) === 'number'
    ? `item ${Number(path.at(-1)) + 1} of ${String(path.at(-2))}`
    : String(path.at(-1))
}

function unknownKey(path: PropertyKey[], key: string): Found {
  const at: Pick<Found, 'path' | 'end'> = { path: [...path, key], end: 'key' }
  const known = keysOf(path.reduce<JsonSchema[]>(schemaBelow, [policyJsonSchema()]))
  const close = nearest(key, known)
  const instead = close ? `did you mean ${close}?` : `there may be ${known.join(', ')}`
  return { ...at, code: 'LE106', sentence: `unknown key ${JSON.stringify(key)}; ${instead}` }
}

/** The known word that differs least, if it differs little. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, far: distance(word.toLowerCase(), candidate) }))
    .filter(({ candidate, far }) => far <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.far - b.far)
  return best?.candidate
}

/** Letters to insert, drop or replace (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}
