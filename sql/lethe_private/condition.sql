-- A predicate given by a person is put inside a DELETE. PostgreSQL itself says what it means: it is
-- built into a partial index over an empty temporary table of the same columns, which refuses
-- subqueries, aggregates, anything not boolean and anything not immutable, and read back with every
-- name qualified. What runs later is what was read back, never what was typed.
create or replace function lethe_private.read_condition(relation oid, condition text)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set standard_conforming_strings = on
  -- What is read back runs in other sessions, and a policy must mean the same whoever applies it.
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres'
  set timezone = 'UTC'
  set extra_float_digits = 1
as $$
declare
  v_read text;
  v_message text;
begin
  perform lethe_private.assert_single_expression(condition);
  begin
    execute format('create temporary table lethe_condition (%s)',
      (select string_agg(format('%I %s', h.name, h.type), ', ' order by h.position)
       from lethe_private.host_columns as h
       where h.relation = read_condition.relation
         and (h.declared_type_schema = 'pg_catalog'
           or has_schema_privilege(current_user, h.declared_type_schema, 'usage'))));
    execute format(E'create index lethe_condition_index on pg_temp.lethe_condition ((1)) where (\n%s\n)', condition);
    select pg_get_expr(i.indpred, i.indrelid) into v_read
    from pg_index as i where i.indexrelid = to_regclass('pg_temp.lethe_condition_index');
    execute 'drop table pg_temp.lethe_condition';
  exception when others then
    get stacked diagnostics v_message = message_text;
    raise exception using errcode = 'LE303',
      message = format('predicate on %s cannot be used: %s', lethe_private.host_name(relation), v_message),
      hint = case when exists (
          select from lethe_private.host_columns as h
          where h.relation = read_condition.relation and h.declared_type_schema <> 'pg_catalog'
            and not has_schema_privilege(current_user, h.declared_type_schema, 'usage'))
        then (select string_agg(distinct format('grant usage on schema %I to lethe_owner', h.declared_type_schema), '; ')
              from lethe_private.host_columns as h
              where h.relation = read_condition.relation and h.declared_type_schema <> 'pg_catalog'
                and not has_schema_privilege(current_user, h.declared_type_schema, 'usage'))
        else 'write one immutable, boolean expression over the columns of this table; no subqueries, no now()' end;
  end;
  return v_read;
end
$$;

comment on function lethe_private.read_condition(oid, text) is
  'A predicate over one table as PostgreSQL reads it, every name qualified. Raises LE303.';
