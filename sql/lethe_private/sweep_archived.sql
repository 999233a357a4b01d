-- As Lethe's owner. Nothing of the host's runs here; names are qualified all the same.
create or replace function lethe_private.run_on_archive(statement text, tids tid[] default null, inner_pad bytea default null, outer_pad bytea default null)
  returns table (facts jsonb, target oid, found_tids tid[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set row_security = off
  set bytea_output = hex
  set extra_float_digits = 1
  set intervalstyle = postgres
  set datestyle = 'ISO, YMD'
  set jit = off
as $$
declare
  v_state text;
begin
  return query execute statement using tids, inner_pad, outer_pad;
exception
  -- The message of a cast that fails on some row quotes the row.
  when others then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = v_state,
      message = format('a statement over the archive fails on some row (SQLSTATE %s)', v_state),
      hint = 'a predicate must be able to read every value of its columns, those in the archive too';
end
$$;

comment on function lethe_private.run_on_archive(text, tid[], bytea, bytea) is 'Runs one statement over the archive.';

create or replace function lethe_private.sweep_archived(program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror jsonb := program #> array['archived', 'mirrors', batch.target::text];
  v_from jsonb := jsonb_build_object('from', format('lethe_archive.%I', v_mirror ->> 'name'), 'here', '');
  v_step text;
  v_facts jsonb;
  v_all jsonb := '{"rows": 0}';
begin
  foreach v_step in array array['purge', 'emptied', 'columns'] loop
    continue when v_mirror ->> v_step is null;
    select r.facts into v_facts
    from lethe_private.run_on_archive(lethe_private.fill(v_mirror ->> v_step, v_from), batch.tids, pads.inner_pad, pads.outer_pad) as r;
    continue when v_facts -> 'rows' = '0';
    v_all := v_all || v_facts || jsonb_build_object(
      'rows', (v_all ->> 'rows')::bigint + (v_facts ->> 'rows')::bigint,
      'root', concat_ws(' ', v_all ->> 'root', v_facts ->> 'root'));
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.sweep_archived(jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Sweeps one batch of archived rows. Returns {"rows", "root", "rN": rows per rule}.';

create or replace function lethe_private.look_archived(program jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror jsonb;
  v_facts jsonb;
  v_all jsonb := '{}';
begin
  for v_mirror in select m.value from jsonb_each(nullif(program #> '{archived,mirrors}', 'null')) as m loop
    if v_mirror ? 'failure' then
      raise exception using errcode = v_mirror ->> 'failure',
        message = format('what is in archive table %s cannot be asked for what its rules count by', v_mirror ->> 'name'),
        hint = 'let the rules count by what was there when it was archived';
    end if;
    select r.facts into v_facts
    from lethe_private.run_on_archive(format('select (%s), null::oid, null::tid[]', v_mirror ->> 'look')) as r;
    select coalesce(jsonb_object_agg(f.key, jsonb_build_object(
        'due', (f.value ->> 'due')::bigint + coalesce((v_all #>> array[f.key, 'due'])::bigint, 0),
        'held', (f.value ->> 'held')::bigint + coalesce((v_all #>> array[f.key, 'held'])::bigint, 0),
        'kept', 0)), '{}')
        || jsonb_build_object('rows', (v_facts ->> 'rows')::bigint + coalesce((v_all ->> 'rows')::bigint, 0))
      into v_facts
    from jsonb_each(v_facts - 'rows') as f;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.look_archived(jsonb) is 'Counts what is due and held in a table''s archive, from the data as it stands.';
