import { provesItself } from '../../helpers/check.ts'

provesItself({
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
