/** The policy of any past day, put together from the record of changes. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../../helpers/database.ts'
import { activate, type LoosePolicy, propose } from '../../helpers/drafts.ts'
import { applyPolicy, rowsOf, type Session } from '../../helpers/engine.ts'
import { SHOP_POLICY, SHOP_SQL } from '../../helpers/shop.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(SHOP_SQL)
  await applyPolicy(db, SHOP_POLICY)
})
afterAll(() => db.drop())

/** What is in force now, read from the tables themselves: the copy that is kept. */
const inForce = (session: Session): Promise<unknown[]> =>
  rowsOf(
    session,
    `select c.name as controller, m.schema_name || '.' || m.table_name as table_name, r.column_name, r.action, t.purpose, t.after::text, t.since, t."when",
       t.method, t.parameters, t.controller_id is not null as overrides
     from lethe.controllers as c
     join lethe.managed_tables as m on m.controller_id is null or m.controller_id = c.id
     cross join lateral lethe_private.effective_terms(m.id, c.id) as t
     join lethe.rules as r on r.id = t.rule_id
     order by 1, 2, 3, 4, 5, overrides`,
  )
const at = (session: Session, instant: string): Promise<unknown[]> =>
  rowsOf(
    session,
    `select controller, table_name, column_name, action, purpose, after::text, since, "when", method, parameters, overrides
     from lethe_private.policy_at($1) order by 1, 2, 3, 4, 5, overrides`,
    [instant],
  )
const now = async (): Promise<string> =>
  (await db.query<{ t: string }>('select clock_timestamp()::text as t'))[0]!.t

const delay = fc.constantFrom('P1M', 'P1Y', 'P18M', 'P7Y')
const change = fc.oneof(
  fc.record({
    what: fc.constant('set' as const),
    column: fc.constantFrom('phone', 'status'),
    action: fc.constantFrom('anonymize', 'purge'),
    after: delay,
    purpose: fc.constantFrom(null, 'sales'),
    controller: fc.constantFrom(null, 'north', 'south'),
  }),
  fc.record({
    what: fc.constant('drop' as const),
    column: fc.constantFrom('phone', 'status', 'email'),
    action: fc.constantFrom('anonymize', 'purge'),
    purpose: fc.constantFrom(null, 'sales', 'billing'),
  }),
  fc.record({
    what: fc.constant('minimum' as const),
    column: fc.constantFrom(null, 'phone'),
    basis: fc.constantFrom('tax law', 'trade law'),
    after: delay,
    controller: fc.constantFrom(null, 'north', 'south'),
  }),
  fc.record({
    what: fc.constant('apply' as const),
    after: delay,
    without: fc.subarray(['shop.tickets', 'shop.teams']),
  }),
)

describe('the policy of a past day', () => {
  it('is the one that was in force then, whatever has been changed since', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 3, maxLength: 8 }), async (changes) => {
        const kept: { instant: string; copy: unknown[] }[] = []
        for (const one of changes) {
          if (one.what === 'apply') {
            const policy = structuredClone(SHOP_POLICY) as LoosePolicy
            policy.tables['shop.gifts'].purge[0].after = one.after
            for (const name of one.without) delete policy.tables[name]
            await db.query('select lethe.apply_policy($1)', [JSON.stringify(policy)])
          } else if (one.what === 'set') {
            // What makes no sense is refused, and changes nothing.
            await db
              .query(
                `select lethe.set_rule('shop.customers', $1, $2, $3, since => array['last_at'], method => $4, purpose => $5, controller => $6)`,
                [
                  one.action,
                  one.after,
                  one.column,
                  one.action === 'purge' ? null : 'suppress',
                  one.purpose,
                  one.controller,
                ],
              )
              .catch((error) => expect(error.code).toMatch(/^LE/))
          } else if (one.what === 'minimum') {
            // A controller's own counts beside the one of all.
            await db
              .query(
                `select lethe.set_minimum('shop.customers', $1, array['seen'], $2, $3, controller => $4)`,
                [one.after, one.basis, one.column, one.controller],
              )
              .catch((error) => expect(error.code).toMatch(/^LE/))
          } else {
            await db
              .query(`select lethe.drop_rule('shop.customers', $1, $2, purpose => $3)`, [
                one.action,
                one.column,
                one.purpose,
              ])
              .catch((error) => expect(error.code).toMatch(/^LE/))
          }
          kept.push({ instant: await now(), copy: await inForce(db) })
        }
        for (const { instant, copy } of kept) expect(await at(db, instant)).toEqual(copy)
      }),
      { numRuns: 8 },
    )
  })

  it('names who put each term in force, when, why and by which draft, in the controller’s own days', async () => {
    await db.query(`update lethe.settings set second_person_above = null`)
    const policy = structuredClone(SHOP_POLICY) as LoosePolicy
    policy.tables['shop.gifts'].purge[0].after = 'P9Y'
    const { id } = await propose(db.installer, policy)
    await activate(db.installer, id)
    // As if it had been activated at an instant that is the 2nd in Apia and the 1st in St John's.
    await db.query(`update lethe.policy_changes set at = '2026-03-01 12:00Z' where draft_id = $1`, [id])
    await db.query(
      `update lethe.policy_changes set at = '2026-01-01 12:00Z' where draft_id is distinct from $1`,
      [id],
    )
    const gifts = (day: string): Promise<unknown[]> =>
      db.query(
        `select controller, after, activated_by, draft_id from lethe.policy_on($1) where table_name = 'shop.gifts' order by 1`,
        [day],
      )
    const unchanged = (controller: string): unknown =>
      expect.objectContaining({ controller, draft_id: null, after: expect.not.stringMatching('P9Y') })
    const changedTo = (controller: string): unknown => ({
      controller,
      after: 'P9Y',
      activated_by: new URL(db.installer.url).username,
      draft_id: id,
    })
    expect(await gifts('2026-02-28')).toEqual([unchanged('north'), unchanged('south')])
    expect(await gifts('2026-03-01')).toEqual([changedTo('north'), unchanged('south')])
    expect(await gifts('2026-03-02')).toEqual([changedTo('north'), changedTo('south')])
    expect(await gifts('2025-12-31')).toEqual([])
  })

  it('shows an officer the terms of its own controller', async () => {
    const officer = await db.asRole('lethe_officer')
    await db.query(`select lethe.add_member($1, 'south')`, [new URL(officer.url).username])
    // Today is each controller's own: in Apia it may be tomorrow already.
    const rows = await officer.query('select distinct controller from lethe.policy_on()')
    expect(rows).toEqual([{ controller: 'south' }])
    expect(await refusal(officer.query(`select from lethe.policy_on(current_date, 'east')`))).toMatchObject({
      code: 'LE101',
    })
  })
})
