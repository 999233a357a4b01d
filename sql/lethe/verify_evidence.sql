-- Recomputes every hash from the rows themselves, and compares the chain with what was written down outside.
--
--   select * from lethe.verify_evidence();
--   \set anchor `cat /mnt/worm/lethe.jsonl`
--   select * from lethe.verify_evidence(anchor => :'anchor');
--
-- Stable, so that all of it sees one snapshot: cycles may end meanwhile.
create or replace function lethe.verify_evidence(controller_name text default null, anchor text default null)
  returns table (controller text, severity text, object text, finding text)
  language plpgsql
  stable
  security definer  -- reads the evidence whole, after asking whom the login acts for
  set search_path = pg_catalog, pg_temp
  set jit = off
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'iso_8601'
  set extra_float_digits = 1
  set bytea_output = 'hex'
as $$
#variable_conflict use_column
declare
  v_controllers lethe.controllers[];
  v_controller lethe.controllers;
  v_whole constant boolean := verify_evidence.controller_name is null and lethe_private.is_operator();
begin
  if verify_evidence.controller_name is not null then
    perform lethe_private.get_controller(verify_evidence.controller_name);
  end if;
  v_controllers := array(
    select c from lethe.controllers as c
    where c.name = coalesce(verify_evidence.controller_name, c.name) and lethe_private.acts_for(c.id)
    order by c.name);
  if cardinality(v_controllers) = 0 and not v_whole then
    raise exception using errcode = 'LE502',
      message = format('role %I may not act for %s', session_user, coalesce('controller ' || verify_evidence.controller_name, 'any controller')),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  end if;

  foreach v_controller in array v_controllers loop
    return query
      with findings as materialized (
        select f.severity, f.object, f.finding from lethe_private.seal_findings(v_controller.id) as f
        union all
        select f.severity, f.object, f.finding from lethe_private.row_findings(v_controller.id) as f
        union all
        select f.severity, f.object, f.finding from lethe_private.anchor_findings(v_controller, verify_evidence.anchor) as f
      )
      select v_controller.name, f.severity, f.object, f.finding from findings as f
      union all
      select v_controller.name, c.severity, 'chain', c.finding
      from lethe_private.describe_chain(v_controller.id) as c
      where not exists (select from findings as f where f.severity = 'error');
  end loop;
  if v_whole then
    return query
      select null::text, 'error', r.relation || ' ' || r.key, 'belongs to no cycle: the cycle was taken out, or the row was put in by hand'
      from lethe_private.evidence_rows as r
      where r.controller_id is null;
    return query
      select null::text, 'error', format('anchor, line %s', a.line),
        coalesce('controller ' || a.controller || ' was anchored and is not in this database: another database, or the controller was taken out', 'cannot be read: it was damaged, or is no anchor of Lethe')
      from lethe_private.read_anchor(verify_evidence.anchor) as a
      where a.controller is null or not exists (select from unnest(v_controllers) as c where c.name = a.controller);
  end if;
end
$$;

comment on function lethe.verify_evidence(text, text) is
  'Checks the evidence of one controller, or of all the login acts for, row by row against its seals, and the seals against an anchor (lines of lethe.evidence_heads() kept outside). error: something was changed; warning: not sealed, or not anchored, yet; info: what was found sound. Raises LE101, LE502.';

create or replace function lethe_private.describe_chain(controller_id int)
  returns table (severity text, finding text)
  language sql
  stable
begin atomic
  select
    case count(*) when 0 then 'warning' else 'info' end,
    case count(*)
      when 0 then 'nothing is sealed yet'
      else format('sound: %s over %s rows, up to %s', case count(*) when 1 then '1 seal' else count(*) || ' seals' end,
        sum(s.rows), (array_agg(s.hash order by s.number desc))[1])
    end
  from lethe.seals as s
  where s.controller_id = describe_chain.controller_id;
end;

comment on function lethe_private.describe_chain(int) is 'How long a chain is and where it ends.';

-- The chain itself: numbers without gaps, each seal after the one before, each hash and each list as said.
create or replace function lethe_private.seal_findings(controller_id int)
  returns table (severity text, object text, finding text)
  language sql
  stable
begin atomic
  with seals as (
    select s as seal, s.number, s.previous, s.hash, s.rows, s.root,
      coalesce(lag(s.number) over w, 0) as number_before, lag(s.hash) over w as hash_before
    from lethe.seals as s
    where s.controller_id = seal_findings.controller_id
    window w as (order by s.number)
  ), lists as (
    select l.number, count(*) as rows, lethe_private.sha256_hex(
      string_agg(lethe_private.sealed_line(l.position, l.relation, l.key, l.format, l.hash), '' order by l.position)) as root
    from lethe.sealed_rows as l
    where l.controller_id = seal_findings.controller_id
    group by l.number
  )
  select 'error', 'seal ' || coalesce(s.number, l.number), x.finding
  from seals as s
  full join lists as l on l.number = s.number
  cross join lateral (values
    (s.number is null, format('is missing, and %s rows say that it covers them', l.rows)),
    (s.number > s.number_before + 1, format('comes after seal %s: what was between them is missing', s.number_before)),
    (s.hash <> lethe_private.seal_hash(s.seal), 'was altered: its hash is not that of what it says'),
    (s.number_before > 0 and s.previous <> s.hash_before, format('does not follow seal %s: one of the two was altered, removed or put in', s.number_before)),
    (s.number is not null and (s.rows is distinct from l.rows or s.root is distinct from l.root), 'covers other rows than its list says: lines of lethe.sealed_rows were altered, removed, put in or moved')
  ) as x (found, finding)
  where x.found
  order by coalesce(s.number, l.number);
end;

comment on function lethe_private.seal_findings(int) is 'What is wrong with the seals of a controller and their lists.';

-- The rows: each one that was sealed is there and says the same; none is in a sealed cycle that was not sealed.
create or replace function lethe_private.row_findings(controller_id int)
  returns table (severity text, object text, finding text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with listed as (
      select l.* from lethe.sealed_rows as l where l.controller_id = row_findings.controller_id
    ), present as (
      select r.*, row_number() over (partition by r.relation, r.key) as copy
      from lethe_private.evidence_rows as r where r.controller_id = row_findings.controller_id
    ), compared as materialized (
      select coalesce(l.relation, r.relation) as relation, coalesce(l.key, r.key) as key, l.number, r.final, r.copy,
        r.key is not null as present,
        lethe_private.content_hash(r.content, f.columns) is not distinct from l.hash as same,
        -- A receipt is written and sealed in one transaction.
        l.key is null and (r.relation = 'lethe.receipts' or exists (
          select from lethe.sealed_rows as c
          where c.relation = 'lethe.cycles' and c.key = jsonb_build_array(r.cycle_id)::text)) as too_late
      from listed as l
      full join present as r on r.relation = l.relation and r.key = l.key
      left join lethe_private.evidence_formats as f on f.relation = l.relation and f.format = l.format
    )
    select 'error', c.relation || ' ' || c.key,
      case
        when not c.present then format('was removed: seal %s covers it', c.number)
        when c.copy > 1 then 'is there more than once'
        when c.too_late and c.relation = 'lethe.receipts' then 'is in no seal: its seal was taken away, or it was put in'
        when c.too_late then 'was put in: its cycle is sealed without it'
        else format('was altered after seal %s', c.number)
      end
    from compared as c
    where not c.present or c.copy > 1 or c.too_late or (c.number is not null and not c.same)
    union all
    select 'warning', 'evidence', case when c.final then
        format('not sealed yet: %s rows; the next cycle that ends seals them, or lethe.seal() does', count(*))
      else format('not sealed yet: %s rows of the open cycle, which is sealed when it ends', count(*)) end
    from compared as c
    where c.number is null and not c.too_late
    group by c.final;
end
$$;

comment on function lethe_private.row_findings(int) is 'Rows of evidence that were altered, removed or put in, and how many are not sealed yet.';
