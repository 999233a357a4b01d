/** The GraphQL schema of a role as text: what test/golden/schema.*.graphql holds. */
import { makeSchema } from 'postgraphile'
import { lexicographicSortSchema, printSchema } from 'postgraphile/graphql'
import { makePreset, type PresetOptions } from './preset.ts'

/** Sorted, so that only a change of the schema changes it. */
export async function printRole(options: Omit<PresetOptions, 'identify'>): Promise<string> {
  const { schema } = await makeSchema(makePreset({ ...options, identify: () => undefined }))
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}
