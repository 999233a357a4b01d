-- The head of a chain commits to all of it. Written down where nobody who may write to this database can
-- change it, it proves that no seal was taken off the end and that the chain was not made anew.
--
--   psql -XAtc 'select line from lethe.evidence_heads()' >> /mnt/worm/lethe.jsonl
create or replace function lethe.evidence_heads()
  returns table (controller text, chain text, number bigint, hash text, sealed_at timestamptz, line text)
  language sql
  stable
  security definer  -- a worker reads none of Lethe's tables; others see the controllers they act for
  set jit = off
begin atomic
  select c.name, f.previous, s.number, s.hash, s.sealed_at,
    json_build_object('controller', c.name, 'number', s.number, 'hash', s.hash, 'chain', f.previous,
      'sealed_at', lethe_private.utc_text(s.sealed_at), 'database', current_database())::text
  from lethe.controllers as c
  cross join lateral (
    select n.* from lethe.seals as n where n.controller_id = c.id order by n.number desc limit 1) as s
  join lethe.seals as f on f.controller_id = c.id and f.number = 1
  where lethe_private.acts_for(c.id) or pg_has_role(session_user, 'lethe_worker', 'member')
  order by c.name;
end;

comment on function lethe.evidence_heads() is
  'The last seal of each controller''s chain. line: what to keep outside the database, and to hand to lethe.verify_evidence().';

-- One line a head; a line that cannot be read has no controller.
create or replace function lethe_private.read_anchor(anchor text)
  returns table (line int, controller text, chain text, number bigint, hash text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_line record;
  v_head jsonb;
begin
  for v_line in
    select l.text, l.n from regexp_split_to_table(anchor, '[\r\n]+') with ordinality as l (text, n) where l.text ~ '\S'
  loop
    begin
      v_head := v_line.text::jsonb;
      line := v_line.n;
      controller := v_head ->> 'controller';
      chain := v_head ->> 'chain';
      number := (v_head ->> 'number')::bigint;
      hash := v_head ->> 'hash';
      if controller is null or chain is null or number is null or hash is null then
        controller := null;
      end if;
    exception when data_exception then
      line := v_line.n;
      controller := null;
    end;
    return next;
  end loop;
end
$$;

comment on function lethe_private.read_anchor(text) is 'The heads in an anchor, one JSON object a line.';

create or replace function lethe_private.anchor_findings(controller lethe.controllers, anchor text)
  returns table (severity text, object text, finding text)
  language sql
  stable
begin atomic
  with head as (
    select max(s.number) as number, max(s.previous) filter (where s.number = 1) as chain
    from lethe.seals as s
    where s.controller_id = controller.id
  ), heads as materialized (
    select a.line, a.chain, a.number, a.hash, s.hash as sealed_hash, h.number as last, h.chain as our_chain,
      a.hash is not distinct from s.hash and a.chain is not distinct from h.chain as kept
    from lethe_private.read_anchor(anchor) as a
    cross join head as h
    left join lethe.seals as s on s.controller_id = controller.id and s.number = a.number
    where a.controller = controller.name
  )
  select 'error', format('anchor, line %s', a.line),
    case
      when a.chain is distinct from a.our_chain then format('seal %s was anchored in another chain than this: the chain was begun anew, or the anchor is of another database', a.number)
      when a.number > coalesce(a.last, 0) then format('seal %s was anchored, and the chain ends at %s: its tail was cut, or an older backup was restored', a.number, coalesce(a.last, 0))
      else format('seal %s was anchored with another hash than it has: the chain was rewritten', a.number)
    end
  from heads as a
  where not a.kept
  union all
  select 'warning', 'anchor', case
      when anchor is null then format('the tail is not anchored: without an anchor, seals cut off after %s, or a chain made anew, would not show', h.number)
      when a.number is null then format('the tail is not anchored: the anchor has no seal of this controller up to %s', h.number)
      else format('the tail is not anchored: the anchor ends at seal %s, the chain at %s', a.number, h.number)
    end
  from head as h
  cross join (select max(a.number) filter (where a.kept) as number from heads as a) as a
  where coalesce(h.number, 0) > coalesce(a.number, 0);
end;

comment on function lethe_private.anchor_findings(lethe.controllers, text) is
  'Where a chain is not what was anchored of it, and how far it is anchored.';
