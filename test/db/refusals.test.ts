/** What the catalogue alone can tell is refused when the rule is set; the hint says what to do, and doing it helps. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    select lethe.set_controller('north', 'Europe/Paris');
    create schema bad;
    create table bad.people (
      id int primary key, number int generated always as identity, name text not null, email varchar(60) unique, code varchar(4), age int, at date,
      loud text generated always as (upper(name)) stored);
    create table bad.notes (id int primary key, person int references bad.people, at date);
    create table bad.pages (id int primary key, person int references bad.people, at date);
    create table bad.events (id int, at date, kind text, primary key (id, at, kind)) partition by list (kind);
    create table bad.events_a partition of bad.events for values in ('a');
    create table bad.bare (id int, at date);
    create index on bad.pages (person);
    grant usage on schema bad to lethe_owner;
    select lethe.manage_table('bad.people', 'north'), lethe.manage_table('bad.notes', 'north'), lethe.manage_table('bad.pages', 'north'), lethe.manage_table('bad.events', 'north')`)
})
afterAll(() => db.drop())

const rule = (
  table: string,
  column: string | null,
  action: string,
  method: string | null = null,
  parameters = '{}',
): string =>
  `select lethe.set_rule('bad.${table}', '${action}', 'P1Y', ${column ? `'${column}'` : 'null'}, since => '{at}', method => ${method ? `'${method}'` : 'null'}, parameters => '${parameters}')`

describe('a rule is refused', () => {
  it.each([
    [
      'NULL on NOT NULL',
      'LE305',
      rule('people', 'name', 'purge'),
      'alter table bad.people alter name drop not null',
      null,
    ],
    [
      'a constant on UNIQUE',
      'LE306',
      rule('people', 'email', 'anonymize', 'constant', '{"value": "-"}'),
      null,
      rule('people', 'email', 'anonymize', 'pseudonym_email'),
    ],
    [
      'a value too long',
      'LE307',
      rule('people', 'code', 'anonymize', 'pseudonym'),
      'alter table bad.people alter code type varchar(40)',
      null,
    ],
    [
      'a method of the wrong type',
      'LE304',
      rule('people', 'age', 'anonymize', 'pseudonym_email'),
      null,
      rule('people', 'age', 'anonymize', 'generalize_number', '{"width": 10}'),
    ],
    [
      'a generated column',
      'LE308',
      rule('people', 'loud', 'anonymize', 'redact'),
      'alter table bad.people alter loud drop expression',
      rule('people', 'loud', 'purge'),
    ],
    [
      'an identity column',
      'LE308',
      rule('people', 'number', 'anonymize', 'generalize_number', '{"width": 10}'),
      'alter table bad.people alter number drop identity',
      null,
    ],
    [
      'a partition key',
      'LE308',
      rule('events', 'kind', 'anonymize', 'pseudonym'),
      null,
      rule('events', null, 'purge'),
    ],
    [
      'a column of a foreign key',
      'LE309',
      rule('pages', 'person', 'purge'),
      'alter table bad.pages drop constraint pages_person_fkey',
      null,
    ],
    [
      'a reference without an index',
      'LE310',
      rule('people', null, 'purge').replace('P1Y', 'P9Y'),
      'create index on bad.notes (person)',
      null,
    ],
    [
      'a table without a usable key',
      'LE201',
      `select lethe.manage_table('bad.bare', 'north')`,
      'alter table bad.bare add primary key (id)',
      null,
    ],
  ])('%s (%s), until it is repaired', async (_, code, statement, repair, instead) => {
    const before = await db.query('select lethe.export_policy()')
    const refused = await refusal(db.query(statement))
    expect(refused).toMatchObject({ code, hint: expect.stringMatching(/\w/) })
    expect(await db.query('select lethe.export_policy()')).toEqual(before)
    if (repair) await db.query(repair)
    await db.query(instead ?? statement)
  })
})
