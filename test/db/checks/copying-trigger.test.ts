import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'copying-trigger',
  object: 'desk.journal',
  says: /trigger remember on desk.people writes into desk.journal, which is not managed/,
  violation: `
    create table desk.journal (id bigint generated always as identity primary key, was jsonb);
    create table desk.tally (n int);
    create function desk.remember() returns trigger language plpgsql as $$
    begin
      update desk.tally set n = n + 1;
      insert into journal (was) values (to_jsonb(old));
      return null;
    end $$;
    create trigger remember after update on desk.people for each row execute function desk.remember()`,
  repair: 'drop trigger remember on desk.people',
})

it('sees a rewrite rule that copies', async () => {
  await db().query(
    'create rule copy as on insert to desk.people do also insert into desk.journal (was) values (to_jsonb(new.email))',
  )
  expect((await findings(db(), 'copying-trigger')).map(({ sentence }) => sentence)).toEqual([
    'rule copy on desk.people writes into desk.journal, which is not managed: what is forgotten in the one stays in the other',
  ])
  await db().query(`select lethe.manage_table('desk.journal', controller => 'north')`)
  expect(await findings(db(), 'copying-trigger')).toEqual([])
})
