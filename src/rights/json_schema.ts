/**
 * The JSON Schema of `data.json`, for programs that take in what a person carries to them. Run by itself
 * it prints docs/portability.schema.json.
 */
import { z } from 'zod'
import { PersonalData } from './document.ts'

/** What docs/portability.schema.json holds. */
export function portabilityJsonSchema(): Record<string, unknown> {
  return {
    $id: 'https://lethe.invalid/portability.schema.json',
    title: 'What is kept about a person, or what the person provided: data.json of a package',
    ...z.toJSONSchema(PersonalData),
  }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(portabilityJsonSchema(), null, 2)}\n`)
