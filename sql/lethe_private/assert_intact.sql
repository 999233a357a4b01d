-- What the policy names may have been dropped or renamed since.
create or replace function lethe_private.assert_intact(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_missing text;
begin
  if v_oid is null then
    raise exception using errcode = 'LE102',
      message = format('table %I.%I does not exist', managed.schema_name, managed.table_name),
      hint = 'it was dropped or renamed: take it out of the policy, or name it anew';
  end if;
  select string_agg(distinct quote_ident(n.name), ', ') into v_missing
  from (
    select unnest(managed.key_columns) as name
    union all select managed.controller_column
    union all select r.column_name from lethe.rules as r where r.table_id = managed.id
    union all select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
  ) as n
  where n.name is not null
    and not lethe_private.is_linked(n.name)
    and not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = n.name);
  if v_missing is not null then
    raise exception using errcode = 'LE103',
      message = format('table %s has no column %s', lethe_private.host_name(v_oid), v_missing),
      hint = 'it was dropped or renamed: take it out of the policy, or name it anew';
  end if;
  if not lethe_private.has_linked_clock(managed) then
    return;
  end if;
  perform c.entry
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  cross join lateral lethe_private.linked_clocks(managed, t.since) as c
  where r.table_id = managed.id;
end
$$;

comment on function lethe_private.assert_intact(lethe.managed_tables) is
  'Raises LE102 or LE103 when the table, or a column the policy needs, is no longer there; LE106 or LE310 when a link or index a clock needs is not.';
