import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../../../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

const given = (method: string, parameters: unknown) =>
  db.query(`select lethe_private.assert_parameters(m, $2) from lethe.methods as m where m.name = $1`, [
    method,
    parameters,
  ])

describe('a parameter that follows a pattern', () => {
  it.each(['phone', 'phone,address.street', 'a.b.c.d', 'a,b,c,d,e,f,g,h'])('may be %j', async (paths) => {
    await expect(given('jsonb_remove', { paths })).resolves.toHaveLength(1)
  })

  it.each(['', ',', 'a,', 'a..b', '.a', 'a, b', 'a.b.c.d.e', 'a,b,c,d,e,f,g,h,i', 'a\n'])(
    'cannot be %j (LE106), which would silently leave something out',
    async (paths) => {
      expect(await refusal(given('jsonb_remove', { paths }))).toMatchObject({
        code: 'LE106',
        message: expect.stringContaining('parameter paths of method jsonb_remove cannot be'),
        hint: expect.stringContaining('at most eight paths of four names'),
      })
    },
  )

  it.each(['', 'a,', 'a,b,c,d,e,f,g,h,i'])('cannot be %j for members to keep', async (keys) => {
    expect(await refusal(given('jsonb_keep', { keys }))).toMatchObject({ code: 'LE106' })
  })
})

it('a boolean is true or false, nothing that reads like it (LE106)', async () => {
  await expect(given('partial_email', { keep_domain: true })).resolves.toHaveLength(1)
  for (const keep_domain of ['true', 1, null])
    expect(await refusal(given('partial_email', { keep_domain }))).toMatchObject({ code: 'LE106' })
})
