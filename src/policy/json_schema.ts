/**
 * The policy's shape as JSON Schema: for editors, and for walking it beside a document. Run by itself
 * it prints docs/policy.schema.json.
 */
import { z } from 'zod'
import { policySchema } from './schema.ts'

/** As much of JSON Schema as zod makes of our shape. */
export interface JsonSchema {
  type?: string
  properties?: Record<string, JsonSchema>
  additionalProperties?: JsonSchema | boolean
  items?: JsonSchema
  anyOf?: JsonSchema[]
  [keyword: string]: unknown
}

/** What docs/policy.schema.json holds. */
export function policyJsonSchema(): JsonSchema {
  return {
    $id: 'https://lethe.invalid/policy.schema.json',
    title: 'Lethe policy file',
    ...(z.toJSONSchema(policySchema, { io: 'input' }) as JsonSchema),
  }
}

/** What the shape allows at one step below: under a key, or in a list. */
export function schemaBelow(schemas: readonly JsonSchema[], step: PropertyKey): JsonSchema[] {
  return alternatives(schemas).flatMap((schema) => {
    if (typeof step === 'number') return schema.items ? [schema.items] : []
    const named = schema.properties?.[String(step)]
    if (named) return [named]
    return typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []
  })
}

/** Keys the shape names, in its own order. */
export function keysOf(schemas: readonly JsonSchema[]): string[] {
  return [...new Set(alternatives(schemas).flatMap((schema) => Object.keys(schema.properties ?? {})))]
}

function alternatives(schemas: readonly JsonSchema[]): JsonSchema[] {
  return schemas.flatMap((schema) => (schema.anyOf ? alternatives(schema.anyOf) : [schema]))
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(policyJsonSchema(), null, 2)}\n`)
