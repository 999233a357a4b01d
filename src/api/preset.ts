/**
 * What PostGraphile is told for each role: which schemas, whose rights, which names, and that nothing is
 * written. Three schemas, one a role, because what exists differs with the role; test/golden/schema.*.graphql
 * shows them.
 */
import { PgSimplifyInflectionPreset } from '@graphile/simplify-inflection'
import type pg from 'pg'
import { TYPES } from 'postgraphile/@dataplan/pg'
import { makePgService } from 'postgraphile/adaptors/pg'
import { SafeError } from 'postgraphile/grafast'
import { GraphQLInt, GraphQLNonNull } from 'postgraphile/graphql'
import { type SQL, sql } from 'postgraphile/pg-sql2'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { pgSmartTags } from 'postgraphile/utils'
import { PostGraphileConnectionFilterPreset } from 'postgraphile-plugin-connection-filter'
import type { Log } from '../cli/log.ts'
import { makeMaskError } from './errors.ts'
import { LimitsPlugin, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX } from './limits.ts'
import type { ApiRole, Identity } from './tokens.ts'

/** A longer body is refused. */
export const BODY_BYTES_MAX = 100_000

const SCHEMAS: Record<ApiRole, string[]> = {
  officer: ['lethe', 'audience_api'],
  auditor: ['lethe'],
  analyst: ['lethe_stats'],
}

/** What {@link makePreset} is told. */
export interface PresetOptions {
  role: ApiRole
  pool: pg.Pool
  logger: Log
  /** Serve Ruru, a GraphiQL. */
  ruru?: boolean
  /** How long one statement may take; default 10. */
  timeoutSeconds?: number
  /** Whose request it is; whoever dispatches requests has authenticated them. */
  identify(request: unknown): Identity | undefined
}

// Not asked for. What writes is taken away by behavior, below: its plugins have names that others refine.
const WITHOUT = [
  'AddNodeInterfaceToSuitableTypesPlugin',
  'NodePlugin',
  'PgConnectionArgFilterBackwardRelationsPlugin',
  'PgConnectionArgFilterForwardRelationsPlugin',
  'PgConnectionArgFilterLogicalOperatorsPlugin',
  'PgConditionArgumentPlugin',
  'PgConditionCustomFieldsPlugin',
  'PgJWTPlugin',
  'PgNodeIdAttributesPlugin',
  'PgProceduresPlugin',
  'PgTableNodePlugin',
  'QueryQueryPlugin',
  'RegisterQueryNodePlugin',
  'SubscriptionPlugin',
] as const

// PostGraphile formats times with to_char, which makes NULL of an infinite one. The codecs are its own, for all
// who use it: there is no other place to say so.
for (const codec of [TYPES.timestamptz, TYPES.timestamp]) {
  const format = codec.castFromPg!
  Object.assign(codec, {
    castFromPg: (value: SQL, notNull?: boolean) =>
      sql`case when isfinite(${value}) then ${format(value, notNull)} else ${value}::text end`,
  })
}

/** Lists are read forwards, a page at a time; `first` has a value whatever the request says. */
const PagesPlugin: GraphileConfig.Plugin = {
  name: 'LethesPages',
  version: '1.0.0',
  after: ['PgFirstLastBeforeAfterArgsPlugin'],
  schema: {
    hooks: {
      GraphQLObjectType_fields_field_args(args) {
        if (args.first) {
          args.first.type = new GraphQLNonNull(GraphQLInt)
          args.first.defaultValue = PAGE_ROWS_DEFAULT
          args.first.description = `Rows at the most, up to ${PAGE_ROWS_MAX}.`
        }
        if (args.offset) args.offset.description = 'Rows to leave out, from the cursor on.'
        return args
      },
    },
  },
}

/** A view has no index that could be looked at: its comments say which columns of its table have one. */
const ViewsPlugin: GraphileConfig.Plugin = {
  name: 'LethesViews',
  version: '1.0.0',
  gather: {
    hooks: {
      pgCodecs_attribute(_info, { attribute, pgAttribute }) {
        if (pgAttribute.getClass()?.relkind !== 'v') return
        attribute.extensions ??= Object.create(null)
        attribute.extensions!.isIndexed = false
      },
    },
  },
}

/** Names as in the database, without prefixes: two tables of one name would be refused at the start. */
const NamesPlugin: GraphileConfig.Plugin = {
  name: 'LethesNames',
  version: '1.0.0',
  inflection: {
    replace: {
      _schemaPrefix: () => '',
      // "id" is free: there are no global ones.
      _attributeName: (previous, _options, details) => previous!({ ...details, skipRowId: true }),
    },
  },
}

/** Relations whose name would otherwise be put together from columns: constraint, how it is called from there. */
const RELATIONS: Record<string, Record<string, string>> = {
  'lethe.links.links_table_id_fkey': { foreignFieldName: 'links' },
  'lethe.links.links_to_table_id_fkey': { foreignFieldName: 'linksFrom' },
  'lethe.managed_columns.managed_columns_table_id_fkey': { foreignFieldName: 'columns' },
  'lethe.rules.rules_table_id_fkey': { foreignFieldName: 'rules' },
  'lethe.subject_types.subject_types_table_id_fkey': { foreignFieldName: 'subjectTypes' },
  'lethe.terms.terms_method_fkey': { fieldName: 'methodDetails' },
}

const TagsPlugin = pgSmartTags([
  ...Object.entries(RELATIONS).map(([match, tags]) => ({ kind: 'constraint' as const, match, tags })),
  // The plural of evidence is evidence.
  { kind: 'class', match: 'lethe.evidence', tags: { name: 'evidence_line' } },
  // linkByTableIdAndColumnsAndToTableIdAndSubjectTypeId is no name; a filter finds it as well.
  {
    kind: 'constraint',
    match: ({ contype, conkey }) => contype === 'u' && (conkey?.length ?? 0) > 1,
    tags: { behavior: '-single' },
  },
  // One row.
  { kind: 'attribute', match: 'lethe.settings.only_row', tags: { behavior: '-select -filterBy -orderBy' } },
  {
    kind: 'constraint',
    match: (constraint) => constraint.contype === 'p' && constraint.getClass()?.relname === 'settings',
    tags: { behavior: '-single' },
  },
])

/** The preset of one role. */
export function makePreset({
  role,
  pool,
  logger,
  ruru = false,
  timeoutSeconds = 10,
  identify,
}: PresetOptions): GraphileConfig.Preset {
  const pgRole = `lethe_${role}`
  return {
    extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset, PostGraphileConnectionFilterPreset],
    plugins: [PagesPlugin, ViewsPlugin, NamesPlugin, TagsPlugin, LimitsPlugin],
    disablePlugins: [...WITHOUT],
    pgServices: [
      makePgService({
        pool,
        schemas: SCHEMAS[role],
        pgSettingsForIntrospection: { role: pgRole },
        pubsub: false,
      }),
    ],
    schema: {
      defaultBehavior: '-insert -update -delete -resource:connection:backwards -list +connection',
      connectionFilterAllowedOperators: [
        'isNull',
        'equalTo',
        'notEqualTo',
        'in',
        'lessThan',
        'lessThanOrEqualTo',
        'greaterThan',
        'greaterThanOrEqualTo',
      ],
      connectionFilterArrays: false,
    },
    grafast: {
      explain: false,
      context: (requestContext) => {
        const identity = identify(requestContext.node?.req)
        if (identity?.role !== role) throw new SafeError('no token', { statusCode: 401 })
        return {
          // In this order: who the statement is, what binds it, and that it only reads.
          pgSettings: {
            role: pgRole,
            'lethe.request': identity.hash,
            transaction_read_only: 'on',
            statement_timeout: `${timeoutSeconds}s`,
            search_path: 'pg_catalog, pg_temp',
          },
        }
      },
    },
    grafserv: {
      graphqlPath: '/graphql',
      graphqlOverGET: false,
      graphiql: ruru,
      graphiqlPath: '/',
      maxRequestLength: BODY_BYTES_MAX,
      websockets: false,
      watch: false,
      maskError: makeMaskError(logger, timeoutSeconds),
    },
  }
}
