import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const view = (having: string): string => `
  create or replace view desk.by_country as
  select owner, country, count(*) as orders, count(distinct person_id) as "People" from desk.orders group by owner, country ${having}`

const db = provesItself({
  code: 'small-group',
  object: 'desk.by_country',
  says: /view desk.by_country shows 1 figures about fewer than 5 people; the smallest is about 2/,
  violation: `
    update desk.orders set country = 'IE' where id in (select id from desk.orders where owner = 1 order by id limit 2);
    ${view('')};
    select lethe.set_view('desk.by_country', 'figures', array['People']);
    grant select on desk.by_country to lethe_sweeper`,
  repair: view('having count(distinct person_id) >= 5'),
})

it('takes a count of nought for nobody', async () => {
  await db().query(view('having count(distinct person_id) >= 5 or country is null'))
  await db().query('update desk.orders set person_id = null, country = null where owner = 2')
  expect(await findings(db(), 'small-group')).toEqual([])
})
