-- Page: docs/checks/broken-hold.md.
create or replace function lethe_private.check_broken_hold(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select g.object, g.sentence, g.remedy, true
  from lethe.guard_findings() as g
  where g.finding <> 'unguarded';
end;

comment on function lethe_private.check_broken_hold(lethe_private.reached[]) is
  'Guards that are not as they were put up, and held tables or partitions that somebody has dropped or detached.';
