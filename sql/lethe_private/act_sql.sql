-- The row is looked at and changed in one statement, and only if it is still the version that was
-- looked at (same address, same xmin): a row that anybody changes meanwhile is left for the next pass.
-- watched: a trigger of the host may have taken the new value back, so only what complies is counted.
-- archive: where the originals go (archive_values_sql), if any of the actions archives, with what dates them (clocks).
create or replace function lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean, archive text, clocks text)
  returns text
  language sql
  stable
begin atomic
  with columns as (
    -- Where a column is due for purge and for anonymization, it is purged.
    select a.column_name, min(a.n) as n,
      string_agg(format('when p.%s then %s', a.flag, a.new_value), ' ' order by a.new_value = 'null' desc, a.n) as choices
    from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
    group by a.column_name
  )
  select format($sql$with picked as materialized (
  select c.ctid as tid, c.xmin as version,%s
    %s
  from {from} as c
  where c.ctid = any ($1){here}
    and %s
), acted as (
  update {from} as c
  set %s
  from picked as p
  where c.ctid = p.tid{here} and c.xmin = p.version
  returning %s as key, %s
)%s
select %s as facts,
  null::oid as target, null::tid[] as tids
from acted as a%s$sql$,
    case when archive is null then '' else format(' c as original, %s as clocks,', clocks) end,
    lethe_private.tests_sql(actions),
    condition,
    (select string_agg(format('%I = case %s else c.%I end', x.column_name, x.choices, x.column_name), E',\n    ' order by x.n) from columns as x),
    key,
    (select string_agg(case when watched then format('p.%1$s and (%2$s) is not true as %1$s', a.flag, a.needed)
      else format('p.%s', a.flag) end, ', ') from unnest(actions) as a) || case when archive is null then '' else ', p.original, p.clocks' end,
    case when archive is null then '' else format(E', kept as (\n  %s\n)', archive) end,
    (select lethe_private.object_sql(array['''rows'', count(*)', '''root'', ' || lethe_private.root_sql('a.key')]
      || array_agg(format('%L, count(*) filter (where a.%s)', a.flag, a.flag))) from unnest(actions) as a),
    case when watched then (select ' where ' || string_agg('a.' || a.flag, ' or ') from unnest(actions) as a) else '' end);
end;

comment on function lethe_private.act_sql(text, lethe_private.action_parts[], text, boolean, text, text) is
  'Applies every action due on the rows of a batch in one statement, and counts them.';

-- The same where all the given actions are to be done on every row of the batch: the statement one would
-- write by hand. Whatever somebody writes makes a new version, at another address, so what discovery found
-- still holds; only what may change without the row (a hold) and what would be wrong to do (a row not due)
-- is asked again. Masking twice changes nothing; a constant, which would fill a null, is asked about.
create or replace function lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text)
  returns text
  language sql
  stable
begin atomic
  select format($sql$with acted as (
  update {from} as c
  set %s
  where c.ctid = any ($1){here}
    and %s
  returning %s as key
)
select %s as facts,
  null::oid as target, null::tid[] as tids
from acted as a$sql$,
    (select string_agg(format('%I = %s', x.column_name, x.new_value), E',\n    ' order by x.n)
     from (select distinct on (a.column_name) a.column_name, a.new_value, a.n
           from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
           order by a.column_name, a.new_value = 'null' desc, a.n) as x),
    concat_ws(E'\n    and ', own_rows,
      (select string_agg(format('(%s)', t.test), E'\n    and ' order by t.n)
       from (select x.test, min(x.n) as n
             from (select a.due as test, a.n from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
                   union all
                   select a.needed, 1000 + a.n from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
                   where a.new_value <> 'null' and strpos(a.new_value, format('c.%I', a.column_name)) = 0) as x
             group by x.test) as t)),
    key,
    (select lethe_private.object_sql(array['''rows'', count(*)', '''root'', ' || lethe_private.root_sql('a.key')]
      || array_agg(format('%L, count(*)', a.flag))) from unnest(actions) as a));
end;

comment on function lethe_private.act_on_all_sql(text, lethe_private.action_parts[], text) is
  'Applies all of the given actions to the rows of a batch on which all of them are to be done.';

create or replace function lethe_private.is_watched(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from pg_catalog.pg_trigger as t
    where t.tgrelid in (select relation
                        union select i.relid from pg_partition_tree(relation::regclass) as i
                        union select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent = relation)
      and not t.tgisinternal
      and t.tgenabled <> 'D'
      and t.tgtype & 19 = 19  -- before, for each row, on update
      and t.tgfoid is distinct from to_regprocedure('lethe.refuse_restricted()')::oid);
end;

comment on function lethe_private.is_watched(oid) is 'True when a trigger may change what an UPDATE of the table writes.';
