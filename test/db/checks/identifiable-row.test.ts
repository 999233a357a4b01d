import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'identifiable-row',
  object: 'south: desk.people',
  says: /3 of 13 masked rows of desk.people, controller south, share what is left of born with fewer than 4 others; the smallest group has 1/,
  violation: `
    select lethe.set_rule('desk.people', 'anonymize', 'P1Y', 'email', array['seen'], 'suppress');
    select lethe.set_rule('desk.people', 'anonymize', 'P1Y', 'fullName', array['seen'], 'suppress');
    with numbered as (select id, row_number() over (order by id) as n from desk.people where owner = 2)
    update desk.people as p set email = null, "fullName" = null, born = case when n <= 10 then 1980 when n <= 12 then 1990 else 2000 end
    from numbered where numbered.id = p.id and n <= 13;
    -- North has masked rows enough of one year.
    update desk.people set email = null, "fullName" = null where owner = 1`,
  repair: `update desk.people set born = 1980 where owner = 2`,
})

it('measures against the k of lethe.settings', async () => {
  await db().query('update lethe.settings set group_size_min = 14')
  expect((await findings(db(), 'identifiable-row')).map(({ sentence }) => sentence)).toEqual([
    '13 of 13 masked rows of desk.people, controller south, share what is left of born with fewer than 13 others; the smallest group has 13',
  ])
})
