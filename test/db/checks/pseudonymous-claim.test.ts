import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'pseudonymous-claim',
  object: 'desk.people.email',
  says: /column email of desk.people is claimed to end anonymous, but pseudonym_email makes pseudonyms/,
  violation: `
    select lethe.set_rule('desk.people', 'anonymize', 'P1Y', 'email', array['seen'], 'pseudonym_email');
    select lethe.claim_anonymous('desk.people', 'email')`,
  repair: `select lethe.set_rule('desk.people', 'anonymize', 'P1Y', 'email', array['seen'], 'suppress')`,
})

it('believes a claim that is taken back', async () => {
  await db().query(
    `select lethe.set_rule('desk.people', 'anonymize', 'P1Y', 'email', array['seen'], 'pseudonym_email')`,
  )
  expect(await findings(db(), 'pseudonymous-claim')).toHaveLength(1)
  await db().query(`select lethe.claim_anonymous('desk.people', 'email', false)`)
  expect(await findings(db(), 'pseudonymous-claim')).toEqual([])
})
