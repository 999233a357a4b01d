-- Seals what a controller's evidence has gained since the last seal. lethe.finish_cycle does it, once a
-- cycle and in its transaction: batches never wait for a chain. By hand it is needed for cycles that ended
-- before there were seals.
create or replace function lethe.seal(controller_name text default null)
  returns table (controller text, number bigint, rows bigint)
  language plpgsql
  volatile
  security definer  -- nobody may write lethe.seals
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
#variable_conflict use_column
declare
  v_controller lethe.controllers;
  v_number bigint;
begin
  if seal.controller_name is not null then
    perform lethe_private.get_controller(seal.controller_name);
  end if;
  for v_controller in
    select c.* from lethe.controllers as c where c.name = coalesce(seal.controller_name, c.name) order by c.name
  loop
    v_number := lethe_private.seal_controller(v_controller.id);
    return query
      select v_controller.name, s.number, s.rows
      from lethe.seals as s
      where s.controller_id = v_controller.id and s.number = v_number;
  end loop;
end
$$;

comment on function lethe.seal(text) is
  'Seals the evidence of finished cycles that no seal covers yet, of one controller or all; returns the new seals. Cycles are sealed as they end: this is for those that ended before there were seals. Raises LE101, LE405.';

-- Only rows that can no longer change are sealed: those of finished cycles, whole cycles at a time. So
-- nothing arrives late under a seal, whatever order transactions commit in, and a number that a
-- rolled-back transaction used up is missed by nobody: a seal lists its rows one by one.
create or replace function lethe_private.seal_controller(controller_id int)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'iso_8601'
  set extra_float_digits = 1
  set bytea_output = 'hex'
as $$
declare
  v_head lethe.seals;
  v_seal lethe.seals;
  v_cycles bigint[];
begin
  -- After waiting for another seal, what that one covered must be seen.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LE405',
      message = format('evidence cannot be sealed at isolation level %s', current_setting('transaction_isolation')),
      hint = 'begin the transaction with: set transaction isolation level read committed';
  end if;
  -- One at a time: a chain has one head.
  perform from lethe.controllers as c where c.id = seal_controller.controller_id for no key update;
  select s.* into v_head from lethe.seals as s
  where s.controller_id = seal_controller.controller_id order by s.number desc limit 1;

  v_seal.controller_id := seal_controller.controller_id;
  v_seal.number := coalesce(v_head.number, 0) + 1;
  v_seal.format := 1;
  v_seal.previous := coalesce(v_head.hash, encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'));
  v_seal.sealed_at := clock_timestamp();
  v_cycles := array(
    select c.id from lethe.cycles as c
    where c.controller_id = seal_controller.controller_id and c.state <> 'open'
      and not exists (
        select from lethe.sealed_rows as s where s.relation = 'lethe.cycles' and s.key = jsonb_build_array(c.id)::text));

  with fresh as (
    select r.* from lethe_private.evidence_rows as r
    where r.controller_id = seal_controller.controller_id and r.final and r.cycle_id = any (v_cycles)
    union all
    select r.* from lethe_private.evidence_rows as r
    where r.controller_id = seal_controller.controller_id and r.final and r.cycle_id is null
      and not exists (select from lethe.sealed_rows as s where s.relation = r.relation and s.key = r.key)
  ), covered as materialized (
    select row_number() over (order by r.cycle_id, f.relation_order, length(r.key), r.key collate "C") as position,
      r.relation, r.key, f.format, lethe_private.content_hash(r.content, f.columns) as hash
    from fresh as r
    join lethe_private.evidence_formats as f
      on f.relation = r.relation
      and f.format = (select max(n.format) from lethe_private.evidence_formats as n where n.relation = r.relation)
  ), listed as (
    insert into lethe.sealed_rows (controller_id, number, position, relation, key, format, hash)
    select v_seal.controller_id, v_seal.number, c.position, c.relation, c.key, c.format, c.hash
    from covered as c
  ), total as (
    select count(*) as rows, lethe_private.sha256_hex(
      string_agg(lethe_private.sealed_line(c.position, c.relation, c.key, c.format, c.hash), '' order by c.position)) as root
    from covered as c
    having count(*) > 0
  )
  insert into lethe.seals (controller_id, number, format, previous, sealed_at, rows, root, hash)
  select v_seal.controller_id, v_seal.number, v_seal.format, v_seal.previous, v_seal.sealed_at, t.rows, t.root,
    lethe_private.seal_hash(row(v_seal.controller_id, v_seal.number, v_seal.format, v_seal.previous, v_seal.sealed_at, t.rows, t.root, null)::lethe.seals)
  from total as t
  returning number into v_seal.number;
  return case when found then v_seal.number end;
end
$$;

comment on function lethe_private.seal_controller(int) is
  'Adds a seal over what is final and not sealed yet. Returns its number; null where there was nothing to seal. Raises LE405.';
