-- The suppression list as applications, officers and DBAs meet it. Nobody reads it: one may ask about one identifier.
create or replace function lethe.is_suppressed(subject text, identifier text, controller text default null)
  returns boolean
  language plpgsql
  stable
  security definer  -- reads the suppression list and keys, which nobody else may
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.sole_controller(controller);
begin
  -- An application to which the function was granted asks for all; who acts for some controllers, for those.
  if lethe_private.is_one_of(array['lethe_officer', 'lethe_agent']) and not lethe_private.acts_for(v_controller.id) then
    raise exception using errcode = 'LE502',
      message = format('you do not act for controller %s', v_controller.name),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  end if;
  return (lethe_private.suppression_of(v_controller.id, subject, identifier)).id is not null;
end
$$;

comment on function lethe.is_suppressed(text, text, text) is
  'True when somebody with this identifier asked the controller to be forgotten, and is not to be taken up again. Raises LE101, LE502.';

create or replace function lethe_private.sole_controller(name text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers;
begin
  if name is not null then
    return lethe_private.get_controller(name);
  end if;
  select c.* into strict v_controller from lethe.controllers as c;
  return v_controller;
exception when no_data_found or too_many_rows then
  raise exception using errcode = 'LE101', message = 'no controller is named, and there is not just one',
    hint = 'lethe.controllers lists them';
end
$$;

comment on function lethe_private.sole_controller(text) is 'A controller by its name, or the only one. Raises LE101.';

-- Prints, for who owns the table. on_arrival: refuse (LE445) or flag (a warning, and an entry in lethe.list_recaptures()).
create or replace function lethe.suppression_sql("table" text, on_arrival text default 'refuse')
  returns text
  language plpgsql
  stable
  security definer  -- reads the catalogue of managed tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_type lethe.subject_types;
  v_relation record;
  v_sql text := '';
begin
  if on_arrival is null or on_arrival not in ('refuse', 'flag') then
    raise exception using errcode = 'LE446', message = format('%L is not what can be done with whoever arrives', on_arrival), hint = 'refuse or flag';
  end if;
  for v_type in select s.* from lethe.subject_types as s where s.table_id = v_managed.id and s.identifiers <> '{}' order by s.name loop
    for v_relation in
      select r.relation, lethe_private.host_name(r.relation) as name, pg_get_userbyid(c.relowner) as owner
      from lethe_private.relations_of(lethe_private.host_table(v_managed.schema_name, v_managed.table_name)) as r
      join pg_class as c on c.oid = r.relation and c.relkind in ('r', 'p') and not c.relispartition
    loop
      v_sql := v_sql || case when pg_has_role(v_relation.owner, 'lethe_owner', 'usage') then '' else format(
          E'grant usage on schema lethe_private to %1$I;\ngrant execute on function lethe_private.judge_arrival() to %1$I;\n', v_relation.owner) end
        || format(E'create or replace trigger %I after insert or update of %s on %s\n  for each row execute function lethe_private.judge_arrival(%s);\n',
          'lethe_suppression_' || v_type.name, (select string_agg(quote_ident(i), ', ') from unnest(v_type.identifiers) as i), v_relation.name,
          concat_ws(', ', quote_literal(v_managed.id), quote_literal(on_arrival), quote_literal(v_type.name),
            (select string_agg(quote_literal(i), ', ') from unnest(v_type.identifiers) as i)));
    end loop;
  end loop;
  if v_sql = '' then
    raise exception using errcode = 'LE446',
      message = format('%s is the root of no subject type with identifiers', lethe_private.plain_name(v_managed)),
      hint = 'lethe.set_subject_type names the columns by which a person is looked up';
  end if;
  return E'-- Opt-in: people who asked to be forgotten do not come back by an import. Locks out writers for a moment (SHARE ROW\n'
    '-- EXCLUSIVE). From then on each row that is inserted, or gets another identifier, is compared with the suppression list.\n'
    '-- To take it off: drop trigger … on ….\n' || v_sql;
end
$$;

comment on function lethe.suppression_sql(text, text) is
  'The statements that put the suppression list in front of a root table: refuse or flag whoever asked to be forgotten. Changes nothing. Raises LE102, LE446.';

create or replace function lethe.list_recaptures()
  returns table (id bigint, controller text, table_name text, column_name text, key text, request bigint, at timestamptz)
  language sql
  stable
  security definer  -- the keys are shown to the officers of the controller alone
begin atomic
  select r.id, c.name, lethe_private.plain_name(m), r.column_name, r.key, r.request_id, r.at
  from lethe_private.recaptures as r
  join lethe.controllers as c on c.id = r.controller_id
  join lethe.managed_tables as m on m.id = r.table_id
  where lethe_private.acts_for(r.controller_id)
  order by r.id;
end;

comment on function lethe.list_recaptures() is 'Rows that brought back somebody who asked to be forgotten, where the table flags them.';

-- One of the identifiers is enough: the person is let in with all of them.
create or replace function lethe.allow_recapture(subject text, identifier text, reason text, controller text default null)
  returns int
  language plpgsql
  volatile
  security definer  -- changes the suppression list, which nobody else may
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.sole_controller(controller);
  v_entry lethe_private.suppressions;
  v_lifted int;
begin
  if not lethe_private.acts_for(v_controller.id) then
    raise exception using errcode = 'LE502',
      message = format('you do not act for controller %s', v_controller.name),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  elsif coalesce(reason, '') !~ '\S' then
    raise exception using errcode = 'LE443', message = 'no reason is given for letting somebody come back', hint = 'say why; the reason is kept';
  end if;
  v_entry := lethe_private.suppression_of(v_controller.id, subject, identifier);
  if v_entry.id is null then
    raise exception using errcode = 'LE444',
      message = format('nobody with this identifier is suppressed as %s of controller %s', coalesce(subject, '(null)'), v_controller.name),
      hint = 'nothing keeps the person from being taken up';
  end if;
  delete from lethe_private.suppressions as s
  where s.id = v_entry.id or s.request_id = v_entry.request_id;
  get diagnostics v_lifted = row_count;
  delete from lethe_private.recaptures as r where r.request_id = v_entry.request_id;
  insert into lethe.request_events (request_id, event, reason)
  select v_entry.request_id, 'recapture allowed', btrim(allow_recapture.reason) where v_entry.request_id is not null;
  return v_lifted;
end
$$;

comment on function lethe.allow_recapture(text, text, text, text) is
  'Takes somebody off the suppression list who came back by choice, with a reason, which is kept with the request. Returns how many entries that were. Raises LE101, LE443, LE444, LE502.';
