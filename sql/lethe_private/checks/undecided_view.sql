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
  where v.decided is null
  union all
  -- People or a copy of them it stays, whatever else it shows. Figures may come to show people.
  select n.name, format('view %s was decided to show figures, and has another definition now', n.name),
    format('see what it shows now, and decide again: select lethe.set_view(%L, ''figures'', %L)', n.name, v.counts), true
  from lethe.managed_views as v
  cross join lateral (select format('%I.%I', v.schema_name, v.view_name) as name) as n
  where v.shows = 'figures' and v.definition is distinct from coalesce(lethe_private.waived_definition(n.name), v.definition);
end;

comment on function lethe_private.check_undecided_view(lethe_private.reached[]) is 'Views and materialized views over people''s columns on which nothing was decided, or which have changed since they were taken for figures.';
