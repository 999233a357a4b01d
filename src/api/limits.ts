/**
 * How much one request may ask for, measured before anything runs: how deep it nests, and how many rows its
 * answer can have at the most: `first` of a list, times those around it. Counting needs no statistics and
 * no run, so the same request is always measured the same.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  GraphQLError,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  getOperationAST,
  isCompositeType,
  isObjectType,
  type SelectionSetNode,
} from 'postgraphile/graphql'

/** Rows of one list: when nothing is said, and at the most. */
export const PAGE_ROWS_DEFAULT = 50
export const PAGE_ROWS_MAX = 100
/** Rows of all lists of one request together. */
export const ANSWER_ROWS_MAX = 10_000
/** Fields within fields. A row of a list of a list is at 7. */
export const DEPTH_MAX = 12
/** Fields that make a statement or a join of their own: aliases are counted, whatever they return. */
export const SELECTIONS_MAX = 1_000

/** What a request asks for. */
interface Measure {
  rows: number
  depth: number
  selections: number
}

interface Walk {
  schema: GraphQLSchema
  fragments: Map<string, FragmentDefinitionNode>
  variables: Record<string, unknown>
  total: Measure
}

/** The first limit that a request passes, as the error to answer with. */
export function overLimit(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Record<string, unknown>,
): GraphQLError | undefined {
  const operation = getOperationAST(document, operationName)
  // Without an operation the library has its own words.
  if (!operation) return undefined
  const root = schema.getRootType(operation.operation)
  if (!root) return refusal(`the API has no ${operation.operation}`, 'it is read with queries')
  const walk: Walk = {
    schema,
    variables,
    fragments: new Map(
      document.definitions.flatMap((node) =>
        node.kind === 'FragmentDefinition' ? [[node.name.value, node]] : [],
      ),
    ),
    total: { rows: 0, depth: 0, selections: 0 },
  }
  try {
    visit(walk, root, operation.selectionSet, 1, 1)
  } catch (error) {
    if (error instanceof GraphQLError) return error
    throw error
  }
  return undefined
}

/** @param rows - how many rows of the parent there can be. */
function visit(
  walk: Walk,
  parent: GraphQLCompositeType,
  selections: SelectionSetNode,
  depth: number,
  rows: number,
): void {
  for (const node of selections.selections) {
    if (node.kind === 'Field') {
      visitField(walk, parent, node, depth, rows)
      continue
    }
    const fragment = node.kind === 'InlineFragment' ? node : walk.fragments.get(node.name.value)
    if (!fragment) continue
    const named = fragment.typeCondition && walk.schema.getType(fragment.typeCondition.name.value)
    visit(walk, isCompositeType(named) ? named : parent, fragment.selectionSet, depth, rows)
  }
}

type FieldNode = Extract<SelectionSetNode['selections'][number], { kind: 'Field' }>

function visitField(
  walk: Walk,
  parent: GraphQLCompositeType,
  node: FieldNode,
  depth: number,
  rows: number,
): void {
  // The schema describes itself from memory, at length; the library bounds how deep it may be asked.
  const introspects = /^__(schema|type)$/.test(node.name.value)
  walk.total.selections += introspects ? SELECTIONS_MAX / 10 : 1
  assertWithin(walk, depth)
  if (introspects || !isObjectType(parent)) return
  const field = parent.getFields()[node.name.value]
  if (!field || !node.selectionSet) return
  let multiplied = rows
  if (field.args.some((arg) => arg.name === 'first')) {
    const first = getArgumentValues(field, node, walk.variables).first
    multiplied = rows * assertPage(first)
    walk.total.rows += multiplied
    assertWithin(walk, depth)
  }
  const type = getNamedType(field.type)
  if (isCompositeType(type)) visit(walk, type, node.selectionSet, depth + 1, multiplied)
}

function assertPage(first: unknown): number {
  if (typeof first === 'number' && first >= 0 && first <= PAGE_ROWS_MAX) return first
  throw refusal(
    `first is ${String(first)}, and a list gives at most ${PAGE_ROWS_MAX} rows`,
    'take the next ones with after',
  )
}

function assertWithin({ total }: Walk, depth: number): void {
  total.depth = Math.max(total.depth, depth)
  if (total.depth > DEPTH_MAX) {
    throw refusal(
      `the request nests more than ${DEPTH_MAX} levels of fields`,
      'ask for the inner ones by themselves',
    )
  }
  if (total.rows > ANSWER_ROWS_MAX) {
    throw refusal(
      `the answer could have more than ${ANSWER_ROWS_MAX.toLocaleString('en-US')} rows`,
      'give a smaller first to the lists within lists',
    )
  }
  if (total.selections > SELECTIONS_MAX) {
    throw refusal(`the request has more than ${SELECTIONS_MAX} fields`, 'split it')
  }
}

function refusal(sentence: string, hint: string): GraphQLError {
  return new GraphQLError(sentence, { extensions: { code: 'LE704', hint } })
}

/** Refuses before the request is planned. */
export const LimitsPlugin: GraphileConfig.Plugin = {
  name: 'LethesLimits',
  version: '1.0.0',
  grafast: {
    middleware: {
      execute(next, { args }) {
        const { schema, document, operationName, variableValues } = args
        const error = overLimit(schema, document, operationName, variableValues ?? {})
        return error ? { errors: [error] } : next()
      },
    },
  },
}
