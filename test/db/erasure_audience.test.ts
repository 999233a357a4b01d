/** The readers of the demo, forgotten under the policy that everybody tries first. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { openErasure, type Plan, refusalsOf } from '../helpers/erasure.ts'
import { approveErasure, execute } from '../helpers/executions.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase({ template: 'audience' })
})
afterAll(() => db.drop())

it.each([
  ['north', 1],
  ['south', 2],
])(
  'takes a reader of %s out of the row that a bill keeps, by a plan that was not refused',
  async (controller, publisher) => {
    const [contact] = await db.query<{ id: string; email: string }>(
      `select c.id::text, c.email from audience.contacts as c
     where c.publisher_id = $1 and c.email !~ 'anonym'
       and exists (select from audience.invoices as i where i.contact_id = c.id and i.issued_on > current_date - 1000)
     order by c.id limit 1`,
      [publisher],
    )
    const request = await openErasure(db, 'contact', [contact!.id], controller)
    const plan = (await approveErasure(db, request)) as unknown as Plan
    expect(refusalsOf(plan)).toEqual([])
    expect(plan.tables).toContainEqual(
      expect.objectContaining({ table: 'audience.contacts', decision: 'anonymize', rows: 1 }),
    )
    expect(await execute(db, request)).toBe('executed')
    const [left] = await db.query<{ email: string; phone: string | null; bills: number }>(
      `select email, phone, (select count(*) from audience.invoices as i where i.contact_id = c.id) as bills
     from audience.contacts as c where id = $1`,
      [contact!.id],
    )
    expect(left).toMatchObject({ phone: null, bills: expect.any(Number) })
    expect(left!.bills).toBeGreaterThan(0)
    expect(left!.email).not.toBe(contact!.email)
  },
)
