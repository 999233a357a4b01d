-- One read of the data: per action how many rows are due, how many of them are held or kept by a child.
create or replace function lethe_private.look_sql(
  source text,
  condition text,
  actions lethe_private.action_parts[],
  held text,
  kept text,
  staying text
)
  returns text
  language sql
  stable
begin atomic
  -- "offset 0": each row is asked once whether it is held, and not once for every count.
  select format($sql$%sselect %s
from (
  select %s,
    %s as held,
    %s as kept
  from %s as c
  where %s
  offset 0
) as d$sql$,
    coalesce(staying, ''),
    lethe_private.object_sql(array[format('''rows'', count(*) filter (where not d.held and (%s))',
      string_agg(case when a.phase = 'columns' then format('d.%s', a.flag) else format('d.%s and not d.kept', a.flag) end, ' or ' order by a.n))]
    || array_agg(format(
      '%1$L, jsonb_build_object(''due'', count(*) filter (where d.%2$s%4$s), ''held'', count(*) filter (where d.%2$s and d.held), '
      '''kept'', %3$s)', a.flag, a.flag,
      case when a.phase = 'columns' then '0' else format('count(*) filter (where d.%s and d.kept and not d.held)', a.flag) end,
      case when a.phase = 'columns' and p.leaves is not null then format(' and not ((%s) and not d.kept and not d.held)', p.leaves) else '' end)
      order by a.n)),
    string_agg(format('%s as %s', a.test, a.flag), E',\n    ' order by a.n),
    held,
    case
      when min(p.leaves) is null then 'false'
      when staying is not null then format('exists (select from staying as x where (x.target, x.tid) = (c.tableoid, c.ctid))')
      when kept is null then 'false'
      else format('(%s) and (%s)', string_agg(format('(%s)', a.due), ' or ') filter (where a.phase <> 'columns'), kept)
    end,
    source, condition)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
  -- A row that leaves takes its column rules with it.
  cross join (
    select string_agg('d.' || x.flag, ' or ') as leaves from unnest(actions) as x where x.phase <> 'columns'
  ) as p;
end;

comment on function lethe_private.look_sql(text, text, lethe_private.action_parts[], text, text, text) is
  'Counts what is due, held and kept, from the data as it stands.';

create or replace function lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[])
  returns text
  language sql
  stable
begin atomic
  -- Together with "not yet masked", so that the partial index answers this too.
  select format(E'select %s\nfrom %s as c\nwhere %s\n  and (%s)',
    (select lethe_private.object_sql(array_agg(format('%L, count(*) filter (where %s and (%s))', a.flag, a.needed, a.unclocked) order by a.n))
     from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)),
    source, owner,
    string_agg(format('((%s)%s)', g.unclocked, case when g.needed = 'true' then '' else format(E'\n    and (%s)', g.needed) end), ' or ' order by g.n))
  from (
    select a.unclocked, string_agg(a.needed, ' or ' order by a.n) as needed, min(a.n) as n
    from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
    group by a.unclocked
  ) as g;
end;

comment on function lethe_private.unclocked_sql(text, text, lethe_private.action_parts[]) is
  'Counts rows that no term can make due as they stand.';
