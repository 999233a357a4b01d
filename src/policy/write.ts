/**
 * Writes a policy as YAML that reads like the ones people write: keys in the order of the format, names
 * in alphabetical order, on one line whatever fits on one. The same policy gives the same text.
 */
import { Document, isCollection, isMap, isPair, type Node, visit } from 'yaml'
import { type JsonSchema, keysOf, policyJsonSchema, schemaBelow } from './json_schema.ts'

const LINE_CHARS_MAX = 110

/** `policy` (what `lethe.export_policy` returns) as text. */
export function toYaml(policy: unknown): string {
  return toDocument(policy).toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** The same as nodes, to which comments can be added. */
export function toDocument(policy: unknown): Document {
  const document = new Document(inOrder(policy, [policyJsonSchema()]))
  visit(document, {
    Collection(_, node, path) {
      const pairs = path.filter((above) => isPair(above))
      const inList = !isPair(path.at(-1))
      const indent = 2 * (pairs.length - 1) + (inList ? 4 : String(pairs.at(-1)?.key).length + 2)
      if (pairs.length >= 2 && fits(node, indent)) {
        node.flow = true
        return visit.SKIP
      }
      return undefined
    },
  })
  // A blank line before each table, controller aside: a page of rules is read by paragraph.
  for (const section of isMap(document.contents) ? document.contents.items : []) {
    const key = section.key as Node & { value: string }
    if (key.value !== 'version') key.spaceBefore = true
    if (key.value !== 'tables' || !isMap(section.value)) continue
    for (const { key: table } of section.value.items.slice(1)) (table as Node).spaceBefore = true
  }
  return document
}

/** True when a mapping or list takes one line, from that column on. */
function fits(node: unknown, indent: number): boolean {
  if (!isCollection(node)) return false
  const flow = new Document(node.toJSON())
  visit(flow, {
    Collection(_, inner) {
      inner.flow = true
    },
  })
  const text = flow.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd()
  return !text.includes('\n') && indent + text.length <= LINE_CHARS_MAX
}

/** The same value with its keys in the order of the format; keys that are names, alphabetically. */
function inOrder(value: unknown, schemas: readonly JsonSchema[]): unknown {
  if (Array.isArray(value)) return value.map((item) => inOrder(item, schemaBelow(schemas, 0)))
  if (typeof value !== 'object' || value === null) return value
  const known = keysOf(schemas)
  const rank = (key: string): number => (known.includes(key) ? known.indexOf(key) : known.length)
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
      .map(([key, inner]) => [key, inOrder(inner, schemaBelow(schemas, key))]),
  )
}
