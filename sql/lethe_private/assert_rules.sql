-- What only shows when all rules of a table are seen together, and what its triggers, rules and
-- references would do to a sweep.
create or replace function lethe_private.assert_rules(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_purges boolean := exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is null and r.action <> 'minimum');
  v_updates boolean := exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is not null and r.action <> 'minimum');
begin
  perform lethe_private.assert_terms_agree(managed, v_oid);
  perform lethe_private.assert_minima(managed);
  perform lethe_private.assert_not_outlasted(managed);
  perform lethe_private.assert_archiving(managed);
  perform lethe_private.assert_events_stand(managed);
  perform lethe_private.assert_formats(managed);
  if v_purges then
    perform lethe_private.assert_no_rewrite_rule(v_oid, '4', 'DELETE');
    perform lethe_private.assert_references(v_oid);
  end if;
  if v_updates then
    perform lethe_private.assert_no_rewrite_rule(v_oid, '2', 'UPDATE');
    perform lethe_private.assert_clock_stands(managed, v_oid);
  end if;
end
$$;

comment on function lethe_private.assert_rules(lethe.managed_tables) is
  'Raises LE310 to LE314, LE316, LE317, LE319 or LE320 when the rules of a table cannot work together or on it.';

-- A rule that rewrites the column which other rows' clocks are computed from would move those clocks, or end them.
create or replace function lethe_private.assert_events_stand(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
begin
  select r.column_name, r.action, c.entry, lethe_private.plain_name(p) as parent, lethe_private.plain_name(m) as child into v_found
  from (
    select x.* from lethe_private.clocks_over(managed) as x
    union
    select x.* from lethe.rules as u join lethe.terms as t on t.rule_id = u.id
    cross join lateral lethe_private.linked_clocks(managed, t.since) as x
    where u.table_id = managed.id
  ) as c
  join lethe.rules as r on r.table_id = c.child_id and r.column_name = c.column_name and r.action <> 'minimum'
  join lethe.managed_tables as m on m.id = c.child_id
  join lethe.managed_tables as p on p.id = c.parent_id
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s cannot be rewritten (%s): rows of %s count since it', v_found.column_name, v_found.child, v_found.action, v_found.parent),
      hint = format('take back the rule on it, or the clock %s', v_found.entry);
  end if;
end
$$;

comment on function lethe_private.assert_events_stand(lethe.managed_tables) is
  'Raises LE316 when a column rule would change what another table''s clock is computed from.';

create or replace function lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_conflict record;
begin
  select r.column_name, c.name as controller into v_conflict
  from lethe.controllers as c
  cross join lateral lethe_private.effective_terms(managed.id, c.id) as t
  join lethe.rules as r on r.id = t.rule_id
  where r.action not in ('purge', 'minimum') and r.column_name is not null
  group by c.name, r.column_name
  having count(distinct (t.method, t.parameters)) > 1
  limit 1;
  if found then
    raise exception using errcode = 'LE314',
      message = format('the terms of column %I of %s name different methods for controller %s',
      v_conflict.column_name, lethe_private.host_name(relation), v_conflict.controller),
      hint = 'one value can be masked in one way only';
  end if;

  -- Only where both delays count from the same clock for the same purpose can they be compared at all.
  select concat_ws(': ', r.column_name, r.action) as earlier, concat_ws(': ', l.column_name, l.action) as later into v_conflict
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.rules as l on l.table_id = r.table_id and l.action <= r.action and l.id <> r.id
    and (r.column_name is null or r.column_name = l.column_name)
  join lethe.terms as u on u.rule_id = l.id and u.since = t.since
    and u.condition is not distinct from t.condition
    and u.purpose is not distinct from t.purpose and u.controller_id is not distinct from t.controller_id
  where r.table_id = managed.id and r.action = 'purge' and (l.column_name is not null or l.action = 'archive') and l.action <> 'minimum'
    and u.after >= t.after
    -- The purge may be put off by a minimum, which the move to the archive is not.
    and (l.column_name is not null or not exists (
      select from lethe.rules as k join lethe.terms as m on m.rule_id = k.id
      where k.table_id = r.table_id and k.action = 'minimum' and k.column_name is null
        and (t.controller_id is null or m.controller_id is null or m.controller_id = t.controller_id)
        and (m.since <> t.since or m.condition <> t.condition or m.condition is not null and t.condition is null or not lethe_private.outlasts(u.after, m.after))))
    and 1 = (select count(*) from lethe.terms as x where x.rule_id = r.id and x.controller_id is not distinct from t.controller_id)
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('rule "%s" on %s can never be due: "%s" comes first or at once',
      v_conflict.later, lethe_private.host_name(relation), v_conflict.earlier),
      hint = 'give it a shorter delay, or leave it out';
  end if;
end
$$;

comment on function lethe_private.assert_terms_agree(lethe.managed_tables, oid) is
  'Raises LE314 (one column, two methods) or LE316 (a rule that another always precedes).';

create or replace function lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule text;
begin
  select w.rulename into v_rule from pg_rewrite as w
  where w.ev_class in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i)
    and w.ev_type = event and w.ev_enabled <> 'D'
  limit 1;
  if found then
    raise exception using errcode = 'LE311',
      message = format('rule %I rewrites %s on table %s', v_rule, event_name, lethe_private.host_name(relation)),
      hint = 'drop or disable it: what Lethe asks for must be what happens';
  end if;
end
$$;

comment on function lethe_private.assert_no_rewrite_rule(oid, "char", text) is 'Raises LE311 when a rewrite rule stands in the way.';

-- Every table whose rows can keep, follow or lose a purged row, down the links that follow.
create or replace function lethe_private.assert_references(relation oid, path oid[] default '{}')
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_positions int2[];
  v_schema text;
  v_leaf text;
begin
  for v_reference in
    select * from lethe_private.references_to(relation) as r where r.child <> all (path)
  loop
    select array_agg(h.position order by x.n)::int2[] into v_positions
    from unnest(v_reference.child_columns) with ordinality as x (name, n)
    join lethe_private.host_columns as h on h.relation = v_reference.child and h.name = x.name;
    if not lethe_private.has_leading_index(v_reference.child, v_positions) then
      raise exception using errcode = 'LE310',
        message = format('%s of %s refers to %s without an index',
          array_to_string(v_reference.child_columns, ', '), lethe_private.host_name(v_reference.child), lethe_private.host_name(relation)),
        hint = format('create index concurrently on %s (%s)', lethe_private.host_name(v_reference.child),
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.child_columns) as c));
    end if;

    -- A type with an equality of its own (citext) is compared by it only where it is found; by the plain one
    -- a referring row could be overlooked, and a cascade nobody declared would take it.
    select n.nspname into v_schema
    from pg_constraint as k
    cross join unnest(k.conpfeqop) as e (operator)
    join pg_operator as o on o.oid = e.operator
    join pg_namespace as n on n.oid = o.oprnamespace
    where k.contype = 'f' and k.conrelid = v_reference.child and k.conname = v_reference.foreign_key
      and n.nspname <> 'pg_catalog'
      and not exists (
        select from lethe_private.managed_relations as r
        join lethe.managed_tables as m on m.id = r.table_id
        cross join unnest(string_to_array(m.search_path, ',')) as p
        where r.relation = coalesce(path[1], assert_references.relation)
          and btrim(btrim(p), '"') = n.nspname)
    limit 1;
    if v_schema is not null then
      raise exception using errcode = 'LE315',
        message = format('reference %s of %s compares by an operator of schema %I, which the search path of %s does not name',
          array_to_string(v_reference.child_columns, ', '), lethe_private.host_name(v_reference.child), v_schema,
          lethe_private.host_name(coalesce(path[1], relation))),
        hint = format('declare the table''s search path: search_path: "%s, pg_temp"', quote_ident(v_schema));
    end if;

    -- A partition whose siblings declare this foreign key, each for itself, and which does not.
    select lethe_private.host_name(s.inhrelid) into v_leaf
    from pg_inherits as i
    join pg_inherits as s on s.inhparent = i.inhparent
    where i.inhrelid = v_reference.child
      and (select c.relispartition from pg_class as c where c.oid = s.inhrelid)
      and not exists (
        select from pg_constraint as k
        where k.conrelid in (s.inhrelid, s.inhparent) and k.contype = 'f' and k.confrelid = relation)
    limit 1;
    if v_leaf is not null then
      raise exception using errcode = 'LE313',
        message = format('partition %s lacks the foreign key to %s that its siblings have', v_leaf, lethe_private.host_name(relation)),
        hint = format('alter table %s add foreign key (%s) references %s (%s)', v_leaf,
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.child_columns) as c), lethe_private.host_name(relation),
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.parent_columns) as c));
    end if;
    if v_reference.on_purge = 'with parent' then
      perform lethe_private.assert_no_rewrite_rule(v_reference.child, '4', 'DELETE');
      perform lethe_private.assert_references(v_reference.child, path || relation);
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_references(oid, oid[]) is
  'Raises LE310 (a reference without an index) or LE313 (a partition without its siblings'' foreign key).';

-- A trigger that sets the clock on every update would make each masked row young again. Whether one
-- does is read from its text; a trigger that names lethe_sweeper has been made to spare it.
create or replace function lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
begin
  select g.tgname, g.tgrelid, c.name as clock into v_found
  from pg_trigger as g
  join pg_proc as p on p.oid = g.tgfoid
  cross join (
    select unnest(t.since) as name
    from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
    where r.table_id = managed.id
    union
    select x.column_name from lethe_private.clocks_over(managed) as x) as c
  where (g.tgrelid = relation or g.tgrelid in (select t.relation from lethe_private.topmost as t where t.root = assert_clock_stands.relation))
    and not g.tgisinternal
    and g.tgenabled in ('O', 'A')
    and g.tgtype & 19 = 19  -- before, for each row, on update
    and (p.prosrc ~* ('\mnew\s*\.\s*"?' || regexp_replace(replace(c.name, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*:?=')
      or strpos(encode(g.tgargs, 'escape'), c.name || '\000') > 0)
    and (coalesce(pg_get_triggerdef(g.oid), '') || p.prosrc) !~ 'lethe_sweeper'
  limit 1;
  if found then
    raise exception using errcode = 'LE312',
      message = format('trigger %I on %s sets clock %I at every update', v_found.tgname, lethe_private.host_name(v_found.tgrelid), v_found.clock),
      hint = 'count since another column; or spare Lethe in the trigger: when (current_user <> ''lethe_sweeper'')';
  end if;
end
$$;

comment on function lethe_private.assert_clock_stands(lethe.managed_tables, oid) is
  'Raises LE312 when a trigger restarts a clock of the table.';
