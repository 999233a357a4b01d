import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { grantMissing } from '../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`select lethe.set_controller('north', 'Europe/Paris', '1')`)
})
afterAll(() => db.drop())
beforeEach(async () => {
  await db.query(`
    delete from lethe.managed_tables;
    drop schema if exists shop cascade; create schema shop;
    create table shop.people (id int primary key, "Birth Day" text);
    insert into shop.people values (1, '1980-03-12'), (2, '12.3.1980'), (3, '--02-29');
    select lethe.manage_table('shop.people', 'north')`)
  await grantMissing(db)
})

const run = (...args: string[]) => lethe(['format', ...args], { databaseUrl: db.url })
const declare = () =>
  db.query(`select lethe.set_format('shop.people', 'Birth Day', 'month_day', on_arrival => 'reduce')`)
const values = async () =>
  (await db.query<{ value: string }>('select "Birth Day" as value from shop.people order by id')).map(
    ({ value }) => value,
  )

describe('lethe format', () => {
  it('lists what is declared and exits 1 while something is left to do', async () => {
    const nothing = await run('list')
    expect(nothing).toMatchObject({ code: 0 })
    expect(nothing.stdout).toContain('No column is declared')
    await declare()
    const listed = await run('--json')
    expect(listed.code, listed.stderr).toBe(1)
    expect(listed.rows()).toEqual([
      { table: 'shop.people', column: 'Birth Day', format: 'month_day', on_arrival: 'reduce', steps_left: 4 },
    ])
  })

  it('prints the script and changes nothing', async () => {
    await declare()
    const before = await values()
    const printed = await run('sql', 'shop.people', 'Birth Day')
    expect(printed.code, printed.stderr).toBe(0)
    expect(printed.stdout).toContain('alter table shop.people')
    expect(printed.stdout).toContain('"Birth Day_is_month_day" check (')
    expect((await run('sql', 'shop.people', 'Birth Day', '--json')).rows()).toEqual([
      { table: 'shop.people', column: 'Birth Day', script: expect.stringContaining('validate constraint') },
    ])
    expect(await values()).toEqual(before)
    expect(await db.query(`select from pg_trigger where tgrelid = 'shop.people'::regclass`)).toEqual([])
  })

  it('applies it up to the constraint while a value is left that cannot be read, then the rest', async () => {
    await declare()
    const stopped = await run('apply', 'shop.people', 'Birth Day')
    expect(stopped.code, stopped.stderr).toBe(1)
    expect(stopped.stderr).toContain('1 value(s) of shop.people Birth Day are not in the format')
    expect(stopped.stderr + stopped.stdout).not.toContain('12.3')
    expect(await values()).toEqual(['--03-12', '12.3.1980', '--02-29'])
    // Nothing yet refuses an update of that row.
    await db.query(`update shop.people set id = 20 where id = 2`)
    await db.query(`update shop.people set "Birth Day" = '1980-03-12' where id = 20`)
    const applied = await run('apply', 'shop.people', 'Birth Day', '--json')
    expect(applied.code, applied.stderr).toBe(0)
    expect(applied.rows()).toEqual([
      {
        table: 'shop.people',
        column: 'Birth Day',
        done: ['Reduce what is there', 'Add the constraint', 'Check every row'],
        left: [],
        stuck: 0,
      },
    ])
    expect(await values()).toEqual(['--03-12', '--02-29', '--03-12'])
    expect(await run('list')).toMatchObject({ code: 0 })
    const again = await run('apply', 'shop.people', 'Birth Day', '--json')
    expect(again.rows()).toMatchObject([{ done: [], left: [] }])
  })

  it('refuses what is not declared, and says whose the table is where it may not be changed', async () => {
    const none = await run('sql', 'shop.people', 'Birth Day')
    expect(none).toMatchObject({ code: 2 })
    expect(none.stderr).toContain('[LE113]')
    await declare()
    const stranger = await db.asRole('lethe_owner')
    const refused = await lethe(['format', 'apply', 'shop.people', 'Birth Day'], {
      databaseUrl: stranger.url,
    })
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toContain('could not reduce what arrives')
    expect(refused.stderr).toContain('[LE501]')
    expect(await run('apply', 'shop.people', 'Birth Day')).toMatchObject({ code: 1 })
  })
})
