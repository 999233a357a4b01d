-- Page: docs/checks/unguarded-hold.md. Guards are opt-in, so that this is a note.
create or replace function lethe_private.check_unguarded_hold(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select g.object, g.sentence, g.remedy, true
  from lethe.guard_findings() as g
  where g.finding = 'unguarded';
end;

comment on function lethe_private.check_unguarded_hold(lethe_private.reached[]) is 'Tables under a hold that only Lethe itself honours.';
