/**
 * Reads a policy file. Whatever is wrong with it, here or later in the database, is said with the line
 * and column where it stands: `policy.yaml:12:9: unknown key "anonymise"; did you mean anonymize?`
 */
import {
  type Document,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import { LetheError } from '../errors.ts'
import { type Found, findProblems } from './problems.ts'
import { type Policy, policySchema } from './schema.ts'

/** One thing wrong with a policy file. */
export interface PolicyProblem {
  /** One of ours: LE605 malformed, LE106 unknown key, LE301 bad delay, LE315 not available. */
  code: string
  /** From 1. */
  line: number
  /** From 1, in UTF-16 units as editors count. */
  column: number
  sentence: string
}

/** A policy file that cannot be read. Its message is the first problem; the hint tells the others. */
export class PolicyFileError extends LetheError {
  readonly problems: readonly PolicyProblem[]

  constructor(filename: string, problems: readonly PolicyProblem[]) {
    const lines = problems.map(({ line, column, sentence }) => `${filename}:${line}:${column}: ${sentence}`)
    const others = lines.slice(1)
    super(lines[0] ?? `${filename} cannot be read`, {
      code: problems[0]?.code ?? 'LE605',
      hint:
        others.length === 0 ? 'docs/policy.schema.json describes the format' : `and:\n${others.join('\n')}`,
    })
    this.problems = problems
  }
}

/** A policy file that was read. */
export interface PolicyFile {
  policy: Policy
  /** Where a JSON pointer into the policy stands in the file; the nearest thing above it if it does not. */
  locate(pointer: string): { line: number; column: number }
  /** An error of the database whose detail is `at` and a pointer, with file, line and column in front. */
  explain(error: LetheError): LetheError
}

/**
 * Reads a policy from YAML (or JSON, which is YAML).
 *
 * @throws PolicyFileError with every problem found
 */
export function parsePolicy(text: string, filename: string): PolicyFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  if (document.errors.length > 0) {
    throw new PolicyFileError(
      filename,
      document.errors.map((error) => ({
        code: 'LE605',
        ...position(error.pos[0]),
        sentence: yamlSentence(error),
      })),
    )
  }

  const content = toJson(document, (offset, sentence) => {
    throw new PolicyFileError(filename, [{ code: 'LE605', ...position(offset), sentence }])
  })
  const result = policySchema.safeParse(content)
  if (!result.success) {
    const problems = findProblems(result.error.issues, content)
    throw new PolicyFileError(
      filename,
      problems
        .map(({ path, end, code, sentence }) => ({
          code,
          sentence,
          ...position(offsetOf(document, path, end)),
        }))
        .sort((a, b) => a.line - b.line || a.column - b.column),
    )
  }

  const locate = (pointer: string): { line: number; column: number } =>
    position(offsetOf(document, fromPointer(pointer), 'key'))
  return {
    policy: result.data,
    locate,
    explain(error) {
      const at = /^at (\/.*)?$/m.exec(error.detail ?? '')
      if (!at) return error
      const { line, column } = locate(at[1] ?? '')
      const { code, hint, detail } = error
      return new LetheError(`${filename}:${line}:${column}: ${error.message}`, {
        code,
        hint,
        detail,
        cause: error,
      })
    },
  }
}

function toJson(document: Document, refuse: (offset: number, sentence: string) => never): unknown {
  visit(document, {
    Alias(_, alias) {
      if (!alias.resolve(document))
        refuse(alias.range?.[0] ?? 0, `nothing above bears the anchor &${alias.source}`)
    },
  })
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    return refuse(0, 'the aliases of this file stand for more than a policy can be')
  }
}

/** The steps of a JSON pointer (RFC 6901): `/a~1b/0` is `a/b`, `0`. */
export function fromPointer(pointer: string): string[] {
  if (pointer === '' || pointer === '/') return []
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Where a path stands in the text; as deep as the document goes. */
function offsetOf(document: Document, path: readonly PropertyKey[], end: Found['end']): number {
  let node: unknown = document.contents
  let offset = (node as Node | null)?.range?.[0] ?? 0
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isSeq(node)) {
      node = node.items[Number(step)]
    } else if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => String((key as { value?: unknown })?.value ?? key) === String(step),
      )
      if (!pair) return offset
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value
      if (end === 'key') continue
    } else {
      return offset
    }
    const start = (node as Node | null | undefined)?.range?.[0]
    if (start === undefined) return offset
    offset = start
  }
  return offset
}

const YAML_SENTENCES: Partial<Record<YAMLError['code'], string>> = {
  DUPLICATE_KEY: 'this key stands here twice; the second one would win without a word',
  TAB_AS_INDENT: 'a tab indents this line; YAML wants spaces',
  MULTIPLE_DOCS: 'a second document begins here; a policy is one',
}

function yamlSentence({ code, message }: YAMLError): string {
  return YAML_SENTENCES[code] ?? `malformed YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`
}
