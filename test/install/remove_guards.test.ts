/** What becomes of guards on the host's tables when Lethe is taken out. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { init } from '../../src/install/init.ts'
import { remove } from '../../src/install/remove.ts'
import { refusal } from '../helpers/database.ts'
import { withMigrationsUnderTest } from '../helpers/migrations.ts'
import { type OwnServer, startOwnServer } from '../helpers/own-server.ts'

let server: OwnServer
let databaseUrl: string
beforeAll(async () => {
  server = await startOwnServer()
  databaseUrl = await server.makeDatabase('guarded', { installer: 'ann' })
  await withMigrationsUnderTest((migrationsFolder) => init({ databaseUrl, migrationsFolder }))
  await server.query(
    `create schema shop;
    create table shop.orders (id int, at date, primary key (id, at)) partition by range (at);
    create table shop.y2010 partition of shop.orders for values from ('2010-01-01') to ('2011-01-01');
    grant usage on schema shop to lethe_sweeper;
    grant select, delete on shop.orders to lethe_sweeper;
    select lethe.set_controller('north', 'Europe/Paris'), lethe.manage_table('shop.orders');
    select lethe.hold_table('case', 'shop.orders')`,
    'guarded',
  )
  for (const { statement } of await server.query<{ statement: string }>(
    `select statement from lethe.guard_sql('shop.orders') union all select statement from lethe.guard_ddl_sql()`,
    'guarded',
  ))
    await server.query(statement, 'guarded')
})
afterAll(() => server.destroy())

it('lethe remove refuses while what they guard is under a hold (LE606), and takes them off afterwards', async () => {
  expect(await refusal(remove({ databaseUrl, archive: 'drop' }))).toMatchObject({
    code: 'LE606',
    message: 'guards stand on tables of the host, and 1 legal holds are in force',
  })
  const guards = `select tgname as name from pg_trigger where not tgisinternal and tgrelid::regclass::text ~ '^shop'
    union all select evtname from pg_event_trigger`
  expect(await server.query(guards, 'guarded')).toHaveLength(6)
  await server.query(`select lethe.release_hold(1, 'closed')`, 'guarded')
  const { guards: gone } = await remove({ databaseUrl, archive: 'drop' })
  expect(gone).toEqual(
    expect.arrayContaining(['trigger lethe_guard on table shop.orders', 'event trigger lethe_guard_start']),
  )
  expect(await server.query(guards, 'guarded')).toEqual([])
  await server.query('drop table shop.orders', 'guarded')
})
