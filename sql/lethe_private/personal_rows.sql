-- The rows that were reached, whole: of one table and place, in one statement. Live ones as lethe_sweeper, archived ones
-- as the owner of the archive. Each with the days on which its rules end it, where the row itself says so.
create or replace function lethe_private.personal_rows(
  managed lethe.managed_tables, mirror_id int, controller lethe.controllers, rows lethe_private.reached_row[], columns text[], expressions text[]
)
  returns table (n int, content jsonb, ends jsonb)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror text := (select m.name from lethe_private.mirrors as m where m.id = personal_rows.mirror_id);
  v_oid oid := case when v_mirror is null then lethe_private.host_table(managed.schema_name, managed.table_name)
    else lethe_private.host_table('lethe_archive', v_mirror) end;
  v_keys text[] := case when v_mirror is null then managed.key_columns else array['lethe$key'] end;
  v_known bytea;
  v_statement text;
  v_facts jsonb;
  v_state text;
begin
  v_known := convert_to(jsonb_build_object('rows', (
    select coalesce(jsonb_agg(case when v_mirror is null
        then (select jsonb_object_agg(k, r.facts -> k) from unnest(managed.key_columns) as k)
        else jsonb_build_object('lethe$key', r.key) end || jsonb_build_object('lethe$n', r.n)), '[]')
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)))::text, 'UTF8');
  v_statement := format(
    'select coalesce(jsonb_agg(jsonb_build_array(p."lethe$n", (select to_jsonb(f.*) from (select %s) as f), %s, %s)), ''[]''), null::oid, null::tid[] from %s join %s as c on %s%s',
    (select string_agg(format('%s as %I', x.e, x.c), ', ' order by x.n) from unnest(columns, expressions) with ordinality as x (c, e, n)),
    case when v_mirror is null then lethe_private.row_ends_sql(managed, v_oid, controller) else '''{}''::jsonb' end,
    case when v_mirror is null then 'null::jsonb' else 'to_jsonb(c.*)' end,
    lethe_private.known_rows_sql(v_oid, v_keys), lethe_private.host_name(v_oid), lethe_private.matches_sql(v_oid, v_keys, v_oid, v_keys),
    case when v_mirror is null then '' else format(' where c."lethe$controller" = %s', controller.id) end);
  if v_mirror is null then
    select r.facts into v_facts from lethe_private.run_as_sweeper(v_statement, managed, null, v_known) as r;
  else
    select r.facts into v_facts from lethe_private.run_on_archive(v_statement, null, v_known) as r;
  end if;
  -- A row of the archive may bear the key of another person's: what it holds tells them apart.
  return query
    select (f ->> 0)::int, f -> 1, f -> 2
    from jsonb_array_elements(v_facts) as f
    where v_mirror is null or (f -> 3) @> ((rows[(f ->> 0)::int]).facts - 'lethe$since')
    order by 1;
exception
  when insufficient_privilege then
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read every column of %s', lethe_private.plain_name(managed)),
      hint = format('grant select on %I.%I to lethe_sweeper', managed.schema_name, managed.table_name);
  when query_canceled then
    raise exception using errcode = 'query_canceled', message = 'canceled while rows of a person were read', hint = 'try again';
  -- The message of a cast of the host's own quotes what it was given.
  when others then
    get stacked diagnostics v_state = returned_sqlstate;
    if v_state like 'LE%' then
      raise;
    end if;
    raise exception using errcode = v_state,
      message = format('rows of %s cannot be written as JSON (SQLSTATE %s)', lethe_private.plain_name(managed), v_state),
      hint = 'a type of yours has a cast to json that fails on one of them';
end
$$;

comment on function lethe_private.personal_rows(lethe.managed_tables, int, lethe.controllers, lethe_private.reached_row[], text[], text[]) is
  'Rows by their number in the given ones, as JSON, with the days on which rules end them: {column, or "" for the row: day}. Raises LE501.';

-- What ends a value is its anonymization or purge, whichever comes first; what is archived is still kept.
create or replace function lethe_private.row_ends_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select coalesce(lethe_private.object_sql(array_agg(format('%L, to_jsonb(nullif(least(%s), ''infinity''))', x.column_name, x.days))), '''{}''::jsonb')
  from (
    select coalesce(r.column_name, '') as column_name, string_agg(format('(%s)', d.day), ', ') as days
    from lethe_private.due_days('c', managed, table_oid, controller, lethe_private.today(controller.time_zone)) as d
    join lethe.rules as r on r.id = substr(d.flag, 2)::int and r.action in ('anonymize', 'purge')
    group by r.column_name
  ) as x;
end;

comment on function lethe_private.row_ends_sql(lethe.managed_tables, oid, lethe.controllers) is
  'SQL of the days on which the rules of a table end values of row c, and the row.';
