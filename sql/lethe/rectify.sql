-- Rectification (GDPR Art. 16): one row of the person of a request is corrected, by the rights of lethe_sweeper and under
-- the table's own triggers and constraints; or nothing is. What is written down is that it happened, not what it was.
--
--   select lethe.rectify(7, 'shop.customers', '42', '{"family_name": "Lovelace"}');
create or replace function lethe.rectify(request bigint, "table" text, key text, changes jsonb)
  returns void
  language plpgsql
  volatile
  security definer  -- runs as lethe_sweeper, and writes events
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(rectify.request);
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_row lethe_private.reached_row;
begin
  if v_request.kind <> 'rectification' or v_request.state <> 'approved' then
    raise exception using errcode = 'LE465',
      message = format('request %s is one of %s, and %s', v_request.id, v_request.kind, v_request.state),
      hint = case when v_request.kind = 'rectification' and v_request.state = 'received' then format('approve it when it is known who is asking: lethe request approve %s', v_request.id)
        else 'data are corrected by an approved request of rectification' end;
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  perform lethe_private.assert_intact(v_managed);
  perform lethe_private.assert_correctable(v_managed, rectify.changes);
  -- Waits for a hold that is being placed; one that comes later finds the row as it then is.
  perform pg_advisory_xact_lock_shared(lethe_private.holds_lock_id());
  v_row := lethe_private.row_to_rectify(v_request, v_managed, v_controller, rectify.key, rectify.changes);
  perform lethe_private.rectify_row(v_managed, v_row, rectify.changes);
  insert into lethe.request_events (request_id, event, reason)
  values (v_request.id, 'rectified', format('%s: %s', lethe_private.plain_name(v_managed), (
    select string_agg(k, ', ' order by k collate "C") from jsonb_object_keys(rectify.changes) as k)));
end
$$;

comment on function lethe.rectify(bigint, text, text, jsonb) is
  'Corrects columns of one row of the person of an approved request: {"column": value}. Raises LE102, LE103, LE114, LE460, LE465, LE466, LE501.';

-- Not what says which row it is, whose, and to whom it belongs: that would be another row.
create or replace function lethe_private.assert_correctable(managed lethe.managed_tables, changes jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text;
  v_column lethe_private.host_columns;
begin
  if jsonb_typeof(changes) is distinct from 'object' or changes = '{}' then
    raise exception using errcode = 'LE465',
      message = format('no column of %s is said to be corrected', lethe_private.plain_name(managed)),
      hint = 'give a JSON object: {"column": value}';
  end if;
  for v_name in select jsonb_object_keys(changes) loop
    select h.* into v_column from lethe_private.host_columns as h where h.relation = v_oid and h.name = v_name;
    if not found then
      raise exception using errcode = 'LE103',
        message = format('%s has no column %I', lethe_private.plain_name(managed), v_name),
        hint = 'it has: ' || (select string_agg(h.name, ', ' order by h.position) from lethe_private.host_columns as h where h.relation = v_oid);
    elsif v_column.is_generated or v_column.is_identity or v_name = any (managed.key_columns) or v_name = managed.controller_column
      or exists (select from lethe.links as l where l.table_id = managed.id and v_name = any (l.columns) or l.to_table_id = managed.id and v_name = any (l.to_columns))
      or exists (select from lethe_private.host_references as r where r.child = v_oid and v_name = any (r.child_columns) or r.parent = v_oid and v_name = any (r.parent_columns))
    then
      raise exception using errcode = 'LE465',
        message = format('column %I of %s cannot be corrected: it is a key, a reference, generated, or says whose the row is', v_name, lethe_private.plain_name(managed)),
        hint = 'change it in your application, where what depends on it is known';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_correctable(lethe.managed_tables, jsonb) is
  'Raises LE103 or LE465 for columns that a rectification cannot change.';

create or replace function lethe_private.row_to_rectify(
  request lethe.requests, managed lethe.managed_tables, controller lethe.controllers, key text, changes jsonb
)
  returns lethe_private.reached_row
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_key text := (lethe_private.row_of_key(managed, v_oid, row_to_rectify.key)).key;
  v_rows lethe_private.reached_row[] := array(
    select r from unnest(lethe_private.reach(lethe_private.type_of_request(request), controller, lethe_private.keys_of_request(request), true)) as r
    where r.table_id = managed.id and r.key = v_key and r.kind in ('root', 'own', 'share'));
  v_row lethe_private.reached_row;
  v_held boolean;
begin
  select (r).* into v_row from unnest(v_rows) as r where r.mirror_id is null limit 1;
  if v_row.key is null or exists (
    select from unnest(v_rows) as r
    join lethe_private.mirror_columns as c on c.mirror_id = r.mirror_id and c.holds_value and c.column_name in (select jsonb_object_keys(changes)))
  then
    raise exception using errcode = 'LE465',
      message = case when v_rows = '{}' then format('no row of %s with this key belongs to the person of request %s', lethe_private.plain_name(managed), request.id)
        else format('what is to be corrected in %s is in the archive', lethe_private.plain_name(managed)) end,
      hint = case when v_rows = '{}' then 'rows that only mention a person are somebody else''s; lethe.personal_data, in a request of access, shows keys'
        else 'put the record back first: lethe.open_archive(reason, table, key, restore => true)' end;
  end if;
  -- A restriction is no obstacle: it is there because the data are doubted.
  v_held := lethe_private.count_as_sweeper(format('select to_jsonb(coalesce(bool_or(%s), false)) from %s as c where %s',
    lethe_private.held_by_sql('c', managed, v_oid, array(
      select f.id from lethe_private.holds_in_force() as f (id) join lethe.holds as h on h.id = f.id and h.request_id is null)),
    lethe_private.host_name(v_oid), (lethe_private.row_of_key(managed, v_oid, row_to_rectify.key)).condition), managed)::boolean;
  if v_held then
    raise exception using errcode = 'LE465',
      message = format('the row of %s is under a legal hold', lethe_private.plain_name(managed)),
      hint = 'what is held stays as it is; an officer can release the hold: select * from lethe.list_holds()';
  end if;
  return v_row;
end
$$;

comment on function lethe_private.row_to_rectify(lethe.requests, lethe.managed_tables, lethe.controllers, text, jsonb) is
  'The live row, locked, if it is the person''s and may be corrected. Raises LE465.';

-- $2: {"rows": [its key], "changes": [what it is to have]}, read in the types of the table.
create or replace function lethe_private.rectify_row(managed lethe.managed_tables, "row" lethe_private.reached_row, changes jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_names text[] := array(select k from jsonb_object_keys(changes) as k order by k);
  v_from text := format('%s, jsonb_to_record(convert_from($2, ''UTF8'')::jsonb -> ''changes'') as n (%s)',
    lethe_private.known_rows_sql(v_oid, managed.key_columns),
    (select string_agg(format('%I %s', h.name, h.type), ', ') from lethe_private.host_columns as h where h.relation = v_oid and h.name = any (v_names)));
  v_where text := lethe_private.matches_sql(v_oid, managed.key_columns, v_oid, managed.key_columns);
  v_values bytea := convert_to(jsonb_build_object('changes', changes, 'rows', jsonb_build_array(
    (select jsonb_object_agg(k, "row".facts -> k) from unnest(managed.key_columns) as k)))::text, 'UTF8');
  v_before jsonb := lethe_private.rows_written();
  v_facts jsonb;
  v_side_effects text;
  v_state text; v_constraint text; v_table text;
begin
  begin
    perform lethe_private.run_as_sweeper(format(
      'with changed as (update %s as c set %s from %s where %s returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from changed',
      lethe_private.host_name(v_oid), (select string_agg(format('%1$I = n.%1$I', x), ', ') from unnest(v_names) as x), v_from, v_where),
      managed, null, v_values);
    -- Read again: a trigger may have changed or swallowed it.
    select r.facts into v_facts from lethe_private.run_as_sweeper(format(
      'select to_jsonb(count(*)), null::oid, null::tid[] from %s as c, %s where %s and %s',
      lethe_private.host_name(v_oid), v_from, v_where,
      (select string_agg(format('c.%1$I::text is not distinct from n.%1$I::text', x), ' and ') from unnest(v_names) as x)), managed, null, v_values) as r;
  exception
    when insufficient_privilege then
      raise exception using errcode = 'LE501',
        message = format('lethe_sweeper may not correct %s', lethe_private.plain_name(managed)),
        hint = format('grant update (%s) on %s to lethe_sweeper, for as long as it takes',
          (select string_agg(quote_ident(x), ', ') from unnest(v_names) as x), lethe_private.host_name(v_oid));
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled while a row was corrected; it was not', hint = 'try again';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_table = table_name;
      raise exception using errcode = 'LE466',
        message = format('%s does not take the correction: %s', lethe_private.plain_name(managed),
          concat_ws(' ', v_state, nullif(v_constraint, ''), 'on ' || nullif(v_table, ''))),
        hint = 'nothing was changed; give values of the columns'' types that their constraints and triggers allow';
  end;
  select string_agg(distinct lethe_private.host_name(u.relation), ', ') into v_side_effects
  from lethe_private.unplanned_writes(v_before, lethe_private.rows_written(),
    jsonb_build_object(lethe_private.whole_table(v_oid)::text, jsonb_build_array(0, 1, 0))) as u;
  if v_facts is distinct from '1' or v_side_effects is not null then
    raise exception using errcode = 'LE466',
      message = case when v_side_effects is not null
        then format('the correction of %s would also write to %s', lethe_private.plain_name(managed), v_side_effects)
        else format('the row of %s did not keep the correction', lethe_private.plain_name(managed)) end,
      hint = 'nothing was changed; a trigger does it: correct this one in your application, and see to what the trigger wrote';
  end if;
end
$$;

comment on function lethe_private.rectify_row(lethe.managed_tables, lethe_private.reached_row, jsonb) is
  'Changes one row and reads it again; nothing else may have been written. Raises LE466, LE501.';

create or replace function lethe_private.execute_rectification(request lethe.requests)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from lethe.request_events as e where e.request_id = request.id and e.event = 'rectified') then
    raise exception using errcode = 'LE465',
      message = format('nothing has been corrected for request %s', request.id),
      hint = format('lethe request rectify %1$s TABLE KEY, or select lethe.rectify(%1$s, table, key, ''{"column": value}'')', request.id);
  end if;
end
$$;

comment on function lethe_private.execute_rectification(lethe.requests) is 'Ends a rectification when something was corrected. Raises LE465.';
