import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { policyJsonSchema } from '../../src/policy/json_schema.ts'

it('docs/policy.schema.json is current (node src/policy/json_schema.ts > docs/policy.schema.json)', async () => {
  const written = await readFile(new URL('../../docs/policy.schema.json', import.meta.url), 'utf8')
  expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())))
})
