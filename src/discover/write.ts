/** Writes a proposal as a policy file that reads like one: each entry with what speaks for it, and what is to be decided where it belongs. */
import {
  isCollection,
  isMap,
  isScalar,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
  type Document as YamlDocument,
} from 'yaml'
import { toDocument } from '../policy/write.ts'
import type { Open, Proposal } from './proposal.ts'

const HEAD = [
  'Proposed by lethe discover. Every line says why; nothing here was decided by a person yet.',
  '"to decide" marks what it left open: lethe check lists the same once this is in force.',
  '"to confirm" marks a guess that lethe check takes for your answer.',
  'Read it, change it, keep it with your code:  lethe policy apply <this file>',
]

/** The file's text. The same proposal gives the same text. */
export function toPolicyText(proposal: Proposal): string {
  const document = toDocument(proposal.policy)
  document.commentBefore = lines([...HEAD, ...proposal.head])
  for (const key of proposal.comments.keys()) openUp(document, JSON.parse(key) as string[])
  for (const [key, comment] of proposal.comments) remark(document, JSON.parse(key) as string[], comment)
  leaveOpen(document, proposal.open)
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** A comment behind what is one line, above what is several. */
function remark(document: YamlDocument, path: string[], comment: string): void {
  const pair = pairAt(document, path)
  if (!pair) return
  const value = pair.value as Node | null
  const isShort = isScalar(value) || (value as YAMLMap | null)?.flow
  if (isShort && value) value.comment = ` ${comment}`
  else
    (pair.key as Scalar).commentBefore = lines(
      [(pair.key as Scalar).commentBefore?.trim() ?? '', comment].filter(Boolean),
    )
}

/** What has a comment inside takes several lines. */
function openUp(document: YamlDocument, path: readonly string[]): void {
  for (let depth = 1; depth < path.length; depth++) {
    const above = document.getIn(path.slice(0, depth), true)
    if (!isMap(above) || !above.flow) continue
    above.flow = false
    for (const { value } of above.items) if (isCollection(value)) value.flow = true
  }
}

function leaveOpen(document: YamlDocument, open: readonly Open[]): void {
  const homeless: string[] = []
  for (const [table, items] of Map.groupBy(open, (item) => item.table)) {
    const sentences = items.map(
      ({ kind, object, sentence }) => `${mark(kind)}: ${kind === 'table' ? table : object}: ${sentence}`,
    )
    const pair = pairAt(document, ['tables', table])
    if (!pair || items.every(({ kind }) => kind === 'controller')) {
      homeless.push(
        ...items.map(
          ({ object, sentence, kind }) =>
            `${mark(kind)}: ${table}${kind === 'table' ? '' : `, ${object}`}: ${sentence}`,
        ),
      )
      continue
    }
    const key = pair.key as Scalar
    key.commentBefore = lines([
      ...(key.commentBefore?.split('\n').map((line) => line.trim()) ?? []),
      ...sentences,
    ])
  }
  if (homeless.length > 0) document.comment = lines(homeless)
}

/** One controller for all is an answer, which nothing in the database can show to be wrong. */
const mark = (kind: Open['kind']): string => (kind === 'controller' ? 'to confirm' : 'to decide')

function pairAt(document: YamlDocument, path: readonly string[]): Pair | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  return isMap(parent)
    ? parent.items.find(({ key }) => String((key as Scalar).value) === path.at(-1))
    : undefined
}

/** No line of a comment may end the comment. */
function lines(sentences: readonly string[]): string {
  return sentences.map((sentence) => ` ${sentence.replaceAll(/[\r\n\u0085\u2028\u2029]+/g, ' ')}`).join('\n')
}
