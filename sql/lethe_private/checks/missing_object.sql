-- Page: docs/checks/missing-object.md.
create or replace function lethe_private.check_missing_object(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with managed as (
    select m.*, lethe_private.host_table(m.schema_name, m.table_name) as relation from lethe.managed_tables as m
  ), named as (
    select c.table_id, c.column_name from lethe.managed_columns as c
    union select r.table_id, r.column_name from lethe.rules as r
    union select r.table_id, x from lethe.rules as r join lethe.terms as t on t.rule_id = r.id cross join unnest(t.since) as x
          where not lethe_private.is_linked(x)
    union select l.table_id, x from lethe.links as l cross join unnest(l.columns) as x
    union select l.to_table_id, x from lethe.links as l cross join unnest(l.to_columns) as x
    union select m.id, x from managed as m cross join unnest(m.key_columns || m.controller_column) as x
    union select s.table_id, x from lethe.subject_types as s cross join unnest(s.identifiers) as x
  )
  select format('%I.%I', m.schema_name, m.table_name),
    format('the policy names table %I.%I, which does not exist', m.schema_name, m.table_name),
    'it was dropped or renamed: take it out of the policy, or name it anew', true
  from managed as m
  where m.relation is null
  union all
  select format('%I.%I.%I', m.schema_name, m.table_name, n.column_name),
    format('the policy names column %I of %I.%I, which does not exist', n.column_name, m.schema_name, m.table_name),
    'it was dropped or renamed: take it out of the policy, or name it anew', true
  from named as n
  join managed as m on m.id = n.table_id and m.relation is not null
  where n.column_name is not null
    and not exists (select from lethe_private.host_columns as h where h.relation = m.relation and h.name = n.column_name)
  union all
  select format('%I.%I', v.schema_name, v.view_name),
    format('the policy names view %I.%I, which does not exist', v.schema_name, v.view_name),
    'it was dropped or renamed: take it out of the policy, or name it anew', true
  from lethe.managed_views as v
  where lethe_private.host_table(v.schema_name, v.view_name) is null;
end;

comment on function lethe_private.check_missing_object(lethe_private.reached[]) is 'Tables, columns and views that the policy names and the database no longer has.';
