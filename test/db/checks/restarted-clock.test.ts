import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'restarted-clock',
  object: 'desk.people',
  says: /trigger touch on desk.people sets clock seen at every update/,
  violation: `
    create function desk.touch() returns trigger language plpgsql as $$ begin new.seen := current_date; return new; end $$;
    create trigger touch before update on desk.people for each row execute function desk.touch()`,
  repair: `
    drop trigger touch on desk.people;
    create trigger touch before update on desk.people for each row when (current_user <> 'lethe_sweeper') execute function desk.touch()`,
})

it('is found under a name that a regular expression would read otherwise, and on a child table', async () => {
  await db().query(`
    alter table desk.people add column "left (on" date;
    select lethe.set_column('desk.people', 'left (on', 'not personal');
    select lethe.set_rule('desk.people', 'purge', 'P3Y', since => array['left (on']);
    create table desk.guests () inherits (desk.people);
    create function desk.leave() returns trigger language plpgsql as $$ begin new."left (on" := current_date; return new; end $$;
    create trigger leave before update on desk.guests for each row execute function desk.leave()`)
  expect((await findings(db(), 'restarted-clock')).map(({ sentence }) => sentence)).toEqual([
    'trigger leave on desk.guests sets clock "left (on" at every update',
  ])
})
