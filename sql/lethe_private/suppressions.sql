-- Who was forgotten is not to come back by the next import. What is kept for that are keyed hashes of identifiers, under a
-- key of their own: pseudonymous personal data, with a basis and a last day, where no role reads them.
create or replace function lethe_private.suppression_hash(key lethe_private.controller_keys, identifier text)
  returns bytea
  language sql
  immutable
begin atomic
  select lethe.keyed_hash(lethe_private.identifier_key(identifier), d.inner_pad, d.outer_pad)
  from lethe_private.derived_key(key, 'lethe suppression') as d;
end;

comment on function lethe_private.suppression_hash(lethe_private.controller_keys, text) is 'What an identifier is recognised by.';

-- Called when an erasure has been executed; again by the residue scan, before it forgets the identifiers.
create or replace function lethe_private.suppress(request bigint, until date default null, basis text default null)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
  v_controller lethe.controllers;
  v_key lethe_private.controller_keys;
begin
  select r.* into v_request from lethe.requests as r where r.id = suppress.request;
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  v_key := lethe_private.newest_key(v_request.controller_id);
  insert into lethe_private.suppressions as s (controller_id, subject, hash, key_version, request_id, until, basis)
  select distinct v_request.controller_id, v_request.subject, lethe_private.suppression_hash(v_key, i.identifier), v_key.version, v_request.id,
    coalesce(suppress.until, (lethe_private.today(v_controller.time_zone) + interval '3 years')::date),
    coalesce(suppress.basis, 'GDPR Art. 17 and 21: to respect the erasure')
  from lethe_private.identifiers_of(array[v_request.id]) as i
  where not lethe_private.is_too_short(i.identifier)
  on conflict (controller_id, subject, hash) do update
  set until = greatest(s.until, excluded.until), basis = excluded.basis, request_id = excluded.request_id;
end
$$;

comment on function lethe_private.suppress(bigint, date, text) is
  'Puts the identifiers of a request on the suppression list, as keyed hashes; by default for three years. Raises LE441.';

create or replace function lethe_private.purge_suppressions()
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.suppressions as s
  using lethe.controllers as c
  where c.id = s.controller_id and s.until < lethe_private.today(c.time_zone);
  delete from lethe_private.recaptures as r
  using lethe.controllers as c
  where c.id = r.controller_id and r.until < lethe_private.today(c.time_zone);
end;

comment on function lethe_private.purge_suppressions() is 'Takes off the suppression list what has had its last day.';

-- Each version of the key is asked, found or not, and each in one look into an index.
create or replace function lethe_private.suppression_of(controller_id int, subject text, identifier text)
  returns lethe_private.suppressions
  language sql
  stable
begin atomic
  select s
  from lethe.controllers as c
  join lethe_private.controller_keys as k on k.controller_id = c.id
  join lethe_private.suppressions as s
    on s.controller_id = c.id and s.subject = suppression_of.subject
    and s.hash = lethe_private.suppression_hash(k, suppression_of.identifier) and s.until >= lethe_private.today(c.time_zone)
  where c.id = suppression_of.controller_id
  order by s.until desc
  limit 1;
end;

comment on function lethe_private.suppression_of(int, text, text) is 'By which entry of the list an identifier is suppressed today; null: by none.';

-- Values of a row as texts, by the output functions of their types, which are no code of the host's: a cast to text, or to
-- json, may be, and would run with the rights of Lethe's owner.
create or replace function lethe_private.texts_sql(columns text[])
  returns text
  language sql
  immutable
begin atomic
  select format('select array[%s]::text[]', string_agg(format('case when ($1).%1$I is not null then format(''%%s'', ($1).%1$I) end', c), ', ' order by n))
  from unnest(columns) with ordinality as x (c, n);
end;

comment on function lethe_private.texts_sql(text[]) is 'Reads columns of a row ($1) as texts.';

create or replace function lethe_private.note_recapture(entry lethe_private.suppressions, managed lethe.managed_tables, column_name text, key text)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.recaptures (controller_id, request_id, table_id, column_name, key, until)
  values (entry.controller_id, entry.request_id, managed.id, note_recapture.column_name, note_recapture.key, entry.until);
end;

comment on function lethe_private.note_recapture(lethe_private.suppressions, lethe.managed_tables, text, text) is
  'Writes down a row that brought somebody back, by its key.';

-- Trigger of a host's root table (lethe.suppression_sql), after each row, so that it sees what is really written. Arguments: the
-- managed table's id, refuse or flag, the subject type, then the identifier columns. It says yes or no and nothing else.
--
-- It shares the locks of the identifiers, which an erasure takes alone: so an import either comes before the erasure, or
-- waits for it and is judged by its list. What did not change is not asked about again.
create or replace function lethe_private.judge_arrival()
  returns trigger
  language plpgsql
  security definer  -- reads the suppression list and keys, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_controller_id int;
  v_reference text[];
  v_values text[];
  v_before text[];
  v_entry lethe_private.suppressions;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = tg_argv[0]::int;
  -- Whoever may make a trigger could ask about people of others by naming their table.
  if lethe_private.whole_table(tg_relid) is distinct from lethe_private.host_table(v_managed.schema_name, v_managed.table_name) then
    raise exception using errcode = 'LE446',
      message = format('trigger %I of %s is about another table', tg_name, tg_relid::regclass),
      hint = 'drop it; lethe.suppression_sql prints the one for this table';
  end if;
  v_controller_id := v_managed.controller_id;
  if v_managed.controller_column is not null then
    execute lethe_private.texts_sql(array[v_managed.controller_column]) into v_reference using new;
    select c.id into v_controller_id from lethe.controllers as c where c.reference = v_reference[1] or c.reference = rtrim(v_reference[1]);
  end if;
  if v_controller_id is null then
    return null;
  end if;
  execute lethe_private.texts_sql(tg_argv[3:]) into v_values using new;
  if tg_op = 'UPDATE' then
    execute lethe_private.texts_sql(tg_argv[3:]) into v_before using old;
    v_values := array(select case when n is distinct from o then n end from unnest(v_values, v_before) with ordinality as x (n, o, i) order by i);
  end if;
  -- In one order, so that two imports do not wait for each other.
  perform pg_advisory_xact_lock_shared(l.id)
  from (select distinct lethe_private.identifier_lock_id(v_controller_id, v) as id from unnest(v_values) as v where v ~ '\S' order by 1) as l;
  for i in 1 .. cardinality(v_values) loop
    continue when coalesce(v_values[i], '') !~ '\S';
    v_entry := lethe_private.suppression_of(v_controller_id, tg_argv[2], v_values[i]);
    continue when v_entry.id is null;
    if tg_argv[1] = 'refuse' then
      raise exception using errcode = 'LE445',
        message = format('column %I of %s has an identifier of somebody who asked to be forgotten', tg_argv[2 + i], lethe_private.plain_name(v_managed)),
        hint = 'leave the row out; if the person came back by choice, lethe.allow_recapture lifts it',
        schema = tg_table_schema, table = tg_table_name, column = tg_argv[2 + i];
    end if;
    raise warning using errcode = 'LE445',
      message = format('column %I of %s has an identifier of somebody who asked to be forgotten', tg_argv[2 + i], lethe_private.plain_name(v_managed)),
      hint = 'select * from lethe.list_recaptures()';
    execute lethe_private.texts_sql(v_managed.key_columns) into v_before using new;
    perform lethe_private.note_recapture(v_entry, v_managed, tg_argv[2 + i],
      case when cardinality(v_before) = 1 then v_before[1] else to_jsonb(v_before)::text end);
  end loop;
  return null;
end
$$;

comment on function lethe_private.judge_arrival() is
  'Trigger of a host''s table: refuses rows that bring back somebody who was forgotten, or flags them. Raises LE445.';
