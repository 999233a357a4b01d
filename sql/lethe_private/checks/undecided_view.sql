-- Page: docs/checks/undecided-view.md. A view shows rows as they are; a materialized view is a copy, in which nothing
-- is forgotten until somebody refreshes it.
create or replace function lethe_private.check_undecided_view(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    lethe_private.host_name(v.relation),
    format(case v.kind when 'm' then 'materialized view %s holds a copy of %s, and it is not decided who refreshes it'
                       else 'view %s reads %s, and it is not decided what it shows' end,
      lethe_private.host_name(v.relation), v.columns),
    format(case v.kind when 'm' then 'name it under views in the policy file (shows: refreshed copy, or figures), or select lethe.set_view(%L, …)'
                       else 'name it under views in the policy file (shows: people, or figures), or select lethe.set_view(%L, …)' end,
      lethe_private.host_name(v.relation)),
    true
  from lethe_private.personal_views(check_undecided_view.reached) as v
  where v.decided is null;
end;

comment on function lethe_private.check_undecided_view(lethe_private.reached[]) is 'Views and materialized views over people''s columns on which nothing was decided.';
