import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'definer-function',
  object: 'desk.find(text)',
  says: /function desk.find\(text\) has the rights of its owner over desk.people, and may be called by everybody/,
  violation: `
    create function desk.find(sought text) returns setof bigint language plpgsql stable security definer
    as $$ begin return query select p.id from desk.people as p where p.email = sought; end $$`,
  repair: 'revoke execute on function desk.find(text) from public',
})

it('knows the tables of a standard body, and leaves alone who may read them anyway', async () => {
  await db().query(`
    create function desk.newest() returns bigint language sql stable security definer
    begin atomic select max(id) from desk.orders; end;
    create function desk.peoples_republic() returns int language sql stable security definer as 'select 1';
    create function desk.plain() returns bigint language sql stable begin atomic select max(id) from desk.orders; end`)
  expect((await findings(db(), 'definer-function')).map(({ object }) => object)).toEqual(['desk.newest()'])
  await db().query(`
    revoke execute on function desk.newest() from public;
    grant execute on function desk.newest() to lethe_agent`)
  expect(await findings(db(), 'definer-function')).toHaveLength(1)
  await db().query('grant select on desk.orders to lethe_agent')
  expect(await findings(db(), 'definer-function')).toEqual([])
})
