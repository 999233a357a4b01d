import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { portabilityJsonSchema } from '../../src/rights/json_schema.ts'

it('docs/portability.schema.json is current (node src/rights/json_schema.ts > docs/portability.schema.json)', async () => {
  const written = await readFile(new URL('../../docs/portability.schema.json', import.meta.url), 'utf8')
  expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(portabilityJsonSchema())))
})
