-- Page: docs/checks/small-group.md. A count of nought tells of nobody; one below k may.
create or replace function lethe_private.check_small_group(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_k int := (select s.group_size_min from lethe.settings as s);
  v_view lethe.managed_views;
  v_name text;
  v_facts jsonb;
  v_problem text;
begin
  for v_view in
    select v.* from lethe.managed_views as v
    where v.shows = 'figures' and lethe_private.host_table(v.schema_name, v.view_name) is not null
    order by v.schema_name, v.view_name
  loop
    v_name := format('%I.%I', v_view.schema_name, v_view.view_name);
    select l.facts, l.problem into v_facts, v_problem from lethe_private.look(format(
      'select to_jsonb(array[count(*), min(x.n)]) from %s as v cross join unnest(array[%s]) as x (n) where x.n > 0 and x.n < %s', v_name,
      (select string_agg(format('v.%I::numeric', c), ', ') from unnest(v_view.counts) as c), v_k), null) as l;
    if v_problem is not null then
      return next (v_name, format('view %s could not be looked at: %s', v_name, v_problem),
        case when v_problem = 'a right is missing' or v_problem like 'permission denied %'
          then format('grant select on %s, usage on its schema, and execute on the functions it calls, to lethe_sweeper', v_name)
          else (lethe_private.not_looked(v_name, v_problem)).remedy end, false)::lethe_private.finding;
    elsif (v_facts ->> 0)::bigint > 0 then
      return next (v_name, format('view %s shows %s figures about fewer than %s people; the smallest is about %s', v_name, v_facts ->> 0, v_k, v_facts ->> 1),
        format('leave groups below %s out, and enough others that none can be computed from the rest', v_k), true)::lethe_private.finding;
    end if;
  end loop;
end
$$;

comment on function lethe_private.check_small_group(lethe_private.reached[]) is 'Views of figures that count, in some row, fewer people than k.';
