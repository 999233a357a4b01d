-- Puts the record that this transaction has named back to where it came from: whole, or not at all. The rows go
-- in as lethe_sweeper, through the doors of the archive, under the table's triggers and constraints; then they are
-- read again, since a trigger may have changed or swallowed them.
create or replace function lethe_private.restore_record(opening lethe.archive_openings)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror record;
  v_managed lethe.managed_tables;
  v_wanted bigint;
  v_facts jsonb;
  v_state text; v_constraint text; v_table text; v_column text;
begin
  perform lethe_private.assert_not_held(opening);
  for v_mirror in select * from lethe_private.mirrors_of_record() loop
    select t.* into v_managed from lethe.managed_tables as t where t.id = v_mirror.table_id;
    execute format('select count(*) from lethe_private.%I', 'door_' || v_mirror.name) into v_wanted;
    continue when v_wanted = 0;
    perform lethe_private.assert_intact(v_managed);
    perform lethe_private.assert_columns_there(v_managed, v_mirror.id, v_mirror.name);
    begin
      select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.put_back_sql(v_managed, v_mirror.id, v_mirror.name, v_mirror.kind), v_managed) as r;
      select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.compare_sql(v_managed, v_mirror.id, v_mirror.name), v_managed) as r;
    exception
      when insufficient_privilege then
        raise exception using errcode = 'LE501',
          message = format('lethe_sweeper may not put rows back into %s', v_mirror.table_name),
          hint = format('grant insert, update on %I.%I to lethe_sweeper, for as long as it takes', v_managed.schema_name, v_managed.table_name);
      when query_canceled then
        raise exception using errcode = 'query_canceled', message = 'canceled while a record was put back; nothing was',
          hint = 'open it again';
      when others or assert_failure then
        get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_table = table_name, v_column = column_name;
        -- The list has the last word, also over an officer: who is let back in is let in there, with a reason. A trigger of
        -- the host can raise the same code: only what is a column is named.
        if v_state = 'LE445' then
          raise exception using errcode = 'LE445',
            message = format('the record cannot be put back into %s: %s has an identifier of somebody who asked to be forgotten', v_mirror.table_name,
              coalesce((select format('its column %I', h.name) from lethe_private.host_columns as h
                where h.relation = lethe_private.host_table(v_managed.schema_name, v_managed.table_name) and h.name = v_column), 'it')),
            hint = 'nothing was put back; read the record instead, or, if the person came back by choice, lift it first: select lethe.allow_recapture(…)';
        end if;
        raise exception using errcode = 'LE902',
          message = format('the record cannot be put back into %s: %s', v_mirror.table_name,
            concat_ws(' ', v_state, nullif(v_constraint, ''), 'on ' || nullif(v_table, ''))),
          hint = 'nothing was put back; see to what the constraint asks for (a row it refers to, a value that is taken), or read the record instead';
    end;
    if (v_facts ->> 'rows')::bigint <> v_wanted then
      raise exception using errcode = 'LE902',
        message = format('%s of %s rows of the record would not come back to %s as they were', v_wanted - (v_facts ->> 'rows')::bigint, v_wanted, v_mirror.table_name),
        hint = 'nothing was put back; a trigger changes or swallows them, a column has taken another type, or the row has changed since its values were archived';
    end if;
    execute format($sql$insert into lethe_private.exemptions (opening_id, table_id, key, until)
      select distinct $1, $2, m."lethe$key", $3 from lethe_private.%I as m on conflict do nothing$sql$, 'door_' || v_mirror.name)
      using opening.id, v_mirror.table_id, opening.exempt_until;
    -- The events that dated the row have gone; its clock comes back with it.
    execute format($sql$insert into lethe_private.last_events as l (parent_table_id, parent_key, controller_id, entry, last_day)
      select $1, m."lethe$key", m."lethe$controller", e.key, max(e.value::date)
      from lethe_private.%I as m cross join jsonb_each_text(m."lethe$clocks") as e
      where e.value <> 'infinity'
      group by m."lethe$key", m."lethe$controller", e.key
      on conflict (parent_table_id, parent_key, controller_id, entry) do update set last_day = greatest(l.last_day, excluded.last_day)$sql$,
      'door_' || v_mirror.name) using v_mirror.table_id;
  end loop;

  for v_mirror in select * from lethe_private.mirrors_of_record() loop
    execute format('delete from lethe_archive.%I as m using lethe_private.restoring as r where r.xact = pg_current_xact_id() and '
      'm."lethe$root_table" = r.root_table_id and m."lethe$root" = r.root and m."lethe$archived_at" = r.archived_at', v_mirror.name);
  end loop;
end
$$;

comment on function lethe_private.restore_record(lethe.archive_openings) is
  'Puts the named record back and leaves it alone until the opening''s day. Raises LE409, LE445, LE501, LE902.';

-- What is held is left as it is, where it is; it can be read.
create or replace function lethe_private.assert_not_held(opening lethe.archive_openings)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_held boolean;
begin
  -- Waits for a hold that is being placed; one that comes later finds the record where it then is.
  perform pg_advisory_xact_lock_shared(lethe_private.holds_lock_id());
  for v_mirror in select m.* from lethe_private.mirrors as m where m.id in (select r.id from lethe_private.mirrors_of_record() as r) loop
    execute format('select exists (select from lethe_private.%I as c where %s)', 'door_' || v_mirror.name,
      lethe_private.archived_held_sql('c', v_mirror, lethe_private.controller_day(opening.controller_id), false)) into v_held;
    if v_held then
      raise exception using errcode = 'LE409',
        message = format('the record of %s is under a hold', opening.table_name),
        hint = 'nothing was put back; open it without restoring, or release the hold first: select * from lethe.list_holds()';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_not_held(lethe.archive_openings) is 'Raises LE409 when part of the record to be put back is under a hold.';

-- What is archived in a column that is no longer there could not come back.
create or replace function lethe_private.assert_columns_there(managed lethe.managed_tables, mirror_id int, mirror_name text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column text;
  v_lost boolean;
begin
  for v_column in
    select c.column_name from lethe_private.mirror_columns as c
    where c.mirror_id = assert_columns_there.mirror_id
      and not exists (
        select from lethe_private.host_columns as h
        where h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and h.name = c.column_name)
  loop
    execute format('select exists (select from lethe_private.%I as m where m.%I is not null)', 'door_' || mirror_name, v_column) into v_lost;
    if v_lost then
      raise exception using errcode = 'LE902',
        message = format('the record has a value of column %I, which %I.%I no longer has', v_column, managed.schema_name, managed.table_name),
        hint = 'nothing was put back; add the column again, or read the record instead';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_columns_there(lethe.managed_tables, int, text) is
  'Raises LE902 when the record has values that its table can no longer hold.';

-- The columns of a mirror that its table has: cast to the type the table has now, without its length, so that
-- what does not fit is refused by the assignment and not cut.
create or replace function lethe_private.restorable(managed lethe.managed_tables, mirror_id int)
  returns table (name text, expression text, is_generated boolean, holds_value boolean, is_key boolean, number int2)
  language sql
  stable
begin atomic
  select h.name, case when c.mirror_type = h.base_type then format('d.%I', h.name) else format('d.%I::%s', h.name, h.base_type) end,
    h.is_generated, c.holds_value, h.name = any (managed.key_columns), h.position
  from lethe_private.mirror_columns as c
  join lethe_private.host_columns as h on h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and h.name = c.column_name
  where c.mirror_id = restorable.mirror_id;
end;

comment on function lethe_private.restorable(lethe.managed_tables, int) is 'What can go back from a mirror to its table, column by column.';

create or replace function lethe_private.is_masked_sql(managed lethe.managed_tables, column_name text)
  returns text
  language sql
  stable
begin atomic
  select concat_ws(' or ', format('c.%I is null', is_masked_sql.column_name), (
    select lethe_private.method_sql(m.recogniser, 'c', h, m, t.parameters)
    from lethe.rules as r
    join lethe.terms as t on t.rule_id = r.id
    join lethe.methods as m on m.name = t.method
    join lethe_private.host_columns as h
      on h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and h.name = r.column_name
    where r.table_id = managed.id and r.column_name = is_masked_sql.column_name and r.action = 'archive'
    limit 1));
end;

comment on function lethe_private.is_masked_sql(lethe.managed_tables, text) is
  'True when a live value is what archiving left in its place.';

create or replace function lethe_private.put_back_sql(managed lethe.managed_tables, mirror_id int, mirror_name text, kind text)
  returns text
  language sql
  stable
begin atomic
  select case kind
    when 'rows' then format(
      'with put as (insert into %1$I.%2$I (%3$s) overriding system value select %4$s from lethe_private.%5$I as d returning 1) '
      'select jsonb_build_object(''rows'', count(*)), null::oid, null::tid[] from put',
      managed.schema_name, managed.table_name,
      string_agg(format('%I', r.name), ', ' order by r.number) filter (where not r.is_generated),
      string_agg(r.expression, ', ' order by r.number) filter (where not r.is_generated),
      'door_' || mirror_name)
    -- Only into a row that is still the one they were taken from, and where nothing newer stands.
    else format(
      'with put as (update %1$I.%2$I as c set %3$s from lethe_private.%4$I as d where %5$s%6$s returning 1) '
      'select jsonb_build_object(''rows'', count(*)), null::oid, null::tid[] from put',
      managed.schema_name, managed.table_name,
      string_agg(format('%1$I = case when %2$s then coalesce(%3$s, c.%1$I) else c.%1$I end', r.name,
        lethe_private.is_masked_sql(managed, r.name), r.expression), ', ') filter (where r.holds_value),
      'door_' || mirror_name,
      string_agg(format('c.%I = %s', r.name, r.expression), ' and ') filter (where r.is_key),
      coalesce(string_agg(format(' and c.%I::text is not distinct from (%s)::text', r.name, r.expression), '')
        filter (where not r.holds_value and not r.is_key), ''))
  end
  from lethe_private.restorable(managed, put_back_sql.mirror_id) as r;
end;

comment on function lethe_private.put_back_sql(lethe.managed_tables, int, text, text) is
  'The statement that puts a record''s rows, or its archived values, back.';

-- Counts the rows of the record that are in their table as they are in the archive. As text: json and others
-- have no equality.
create or replace function lethe_private.compare_sql(managed lethe.managed_tables, mirror_id int, mirror_name text)
  returns text
  language sql
  stable
begin atomic
  select format('select jsonb_build_object(''rows'', count(*)), null::oid, null::tid[] from lethe_private.%I as d where exists (select from %I.%I as c where %s%s)',
    'door_' || mirror_name, managed.schema_name, managed.table_name,
    string_agg(format('c.%I = %s', r.name, r.expression), ' and ') filter (where r.is_key),
    coalesce(string_agg(format(case when m.kind = 'values' then ' and (d.%2$I is null or c.%2$I::text = (%1$s)::text)'
      else ' and c.%2$I::text is not distinct from (%1$s)::text' end, r.expression, r.name), '')
      filter (where not r.is_key and not r.is_generated and r.holds_value), ''))
  from lethe_private.restorable(managed, compare_sql.mirror_id) as r
  cross join (select x.kind from lethe_private.mirrors as x where x.id = compare_sql.mirror_id) as m
  group by m.kind;
end;

comment on function lethe_private.compare_sql(lethe.managed_tables, int, text) is
  'Counts how many rows of the record have come back as they were.';
