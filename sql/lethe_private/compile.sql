-- Everything a cycle runs on one table for one controller and one local day, as text. lethe.preview
-- shows it; sweep_step runs it. In the texts:
--   $1              tid[], the addresses of a batch
--   $2, $3          the controller's HMAC pads; never literals, so that no log or statistics view shows a key
--   {from}, {here}  where the batch lives: the table, or one partition of it
--
-- Shape of the result:
--   {"rules": [{"flag", "rule", "phase", "table_name"}], "unlocked",
--    "purge", "archive": null | {"discover", "flag", "lock", "pick", "before": [{"table", "rule", "statement"}], "delete"},
--    "columns": null | {"discover", "lock", "act", "act_on_all": null | {"own_rows", "actions", "key"}},
--    "archived": null | {"discover", "mirrors": {oid: {"look", "purge", "emptied", "columns"}}}, see archived_program.sql
--    "look": text, "unclocked": text, "forget": null | text, "holds": text, "shape": null | {"of", "mark"}}

-- Actions that fall due together are tested together, so that the clock stands in front, where an index
-- can use it, and "not yet masked" reads as in the partial index.
create or replace function lethe_private.any_due_sql(actions lethe_private.action_parts[])
  returns text
  language sql
  stable
begin atomic
  select '(' || string_agg(format('(%s)%s', g.due, case when g.needed = 'true' then '' else format(E'\n      and (%s)', g.needed) end), E'\n    or ' order by g.n) || ')'
  from (
    select a.due, string_agg(a.needed, ' or ' order by a.n) as needed, min(a.n) as n
    from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
    group by a.due
  ) as g;
end;

comment on function lethe_private.any_due_sql(lethe_private.action_parts[]) is 'True when at least one of the actions is to be done on a row.';

-- An action's test where it is known that at least one of the actions is to be done: where all fall due
-- together, what is left to ask is whether each is still needed.
create or replace function lethe_private.tests_sql(actions lethe_private.action_parts[])
  returns text
  language sql
  stable
begin atomic
  select string_agg(format('%s as %s',
    case when (select count(distinct x.due) from unnest(actions) as x) = 1 then format('(%s)', a.needed) else a.test end, a.flag),
    E',\n    ' order by a.n)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n);
end;

comment on function lethe_private.tests_sql(lethe_private.action_parts[]) is
  'The select list of which actions are to be done on a row that any_due_sql has found.';

-- A function takes a hundred arguments at the most, and a table may have more rules than that allows.
create or replace function lethe_private.object_sql(pairs text[])
  returns text
  language sql
  immutable
begin atomic
  select string_agg('jsonb_build_object(' || g.pairs || ')', ' || ' order by g.part)
  from (
    select (x.n - 1) / 50 as part, string_agg(x.pair, E',\n  ' order by x.n) as pairs
    from unnest(object_sql.pairs) with ordinality as x (pair, n)
    group by 1
  ) as g;
end;

comment on function lethe_private.object_sql(text[]) is 'SQL that builds one jsonb object of any number of "key, value" pairs.';

create or replace function lethe_private.discover_sql(
  source text,
  condition text,
  actions lethe_private.action_parts[],
  in_order_of text,
  has_leaves boolean,
  batch_rows int
)
  returns text
  language sql
  stable
begin atomic
  -- Rows on which the same rules are to be done are put together where there are enough of them: their
  -- batches need no test of each rule on each row.
  select format($sql$with f as materialized (
  select c.tableoid as target, c.ctid as tid,%s
    %s
  from %s as c
  where %s
), flagged as (
  select f.*, %s as flags from f
), common as (
  select x.flags from flagged as x group by x.flags having count(*) >= %s
)
select %s as facts, d.target, array_agg(d.tid) as tids
from (
  select x.*, m.flags as common, row_number() over (partition by %sm.flags order by %sx.tid) as n
  from flagged as x
  left join common as m on m.flags = x.flags
) as d
group by d.target, d.common, (d.n - 1) / %s
order by d.target, d.common, (d.n - 1) / %s$sql$,
    case when in_order_of is null then '' else format(' c.%I as clock,', in_order_of) end,
    lethe_private.tests_sql(actions),
    source, condition,
    string_agg(format('case when f.%s then ''1'' else ''0'' end', a.flag), ' || ' order by a.n),
    greatest(batch_rows / 5, 1),
    lethe_private.object_sql(array['''rows'', count(*)', '''flags'', d.common']
      || array_agg(format('%L, count(*) filter (where d.%s)', a.flag, a.flag) order by a.n)),
    case when has_leaves then 'x.target, ' else '' end,
    case when in_order_of is null then '' else 'x.clock, ' end,
    batch_rows, batch_rows)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n);
end;

comment on function lethe_private.discover_sql(text, text, lethe_private.action_parts[], text, boolean, int) is
  'Finds all due rows once and groups their addresses into batches.';

-- Asked when a batch has met other people's locks more than once: what can be had now.
create or replace function lethe_private.unlocked_sql()
  returns text
  language sql
  immutable
return $sql$select null::jsonb as facts, null::oid as target, array_agg(c.tid) as tids
from (select c.ctid as tid from {from} as c where c.ctid = any ($1){here} for update skip locked) as c$sql$;

comment on function lethe_private.unlocked_sql() is 'Locks the rows of a batch that nobody else has locked, and returns them.';

-- Lengths in front of the keys, so that no two lists of keys read the same.
create or replace function lethe_private.root_sql(key text)
  returns text
  language sql
  immutable
return format(
  'encode(lethe.keyed_hash(coalesce(string_agg(length(%1$s) || '':'' || %1$s, '','' order by %1$s collate "C"), ''''), $2, $3), ''hex'')', key);

comment on function lethe_private.root_sql(text) is 'The keyed root over the ordered keys of a batch.';

create or replace function lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  -- A program is read by other sessions than the one that wrote it, so its days are written in the one
  -- form that every DateStyle reads alike.
  set datestyle = 'ISO, YMD'
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_source text := lethe_private.host_name(v_oid);
  v_owner text := lethe_private.controller_sql('c', managed, v_oid, controller);
  v_held text := lethe_private.held_sql('c', managed, v_oid, today);
  v_key text := lethe_private.key_sql('c', v_oid, managed.key_columns);
  v_rows int := (select batch_rows from lethe.settings);
  v_leaves boolean := exists (select from pg_inherits where inhparent = v_oid);
  v_actions lethe_private.action_parts[] := array(select a from lethe_private.actions('c', managed, v_oid, controller, today) as a);
  v_columns lethe_private.action_parts[] := array(select a from unnest(v_actions) as a where a.phase = 'columns');
  v_batch lethe_private.action_parts[] := case when not lethe_private.has_linked_clock(managed) then v_actions
    else array(select a from lethe_private.actions('c', managed, v_oid, controller, today, true) as a) end;
  v_order text := lethe_private.plain_clock_index(managed, v_oid, controller);
  v_leaving lethe_private.action_parts;
  -- A clock over other rows changes without the row: it is locked first, and looked at in a second statement.
  v_linked boolean := exists (
    select from lethe_private.effective_terms(managed.id, controller.id) as t
    join lethe.rules as r on r.id = t.rule_id and (r.column_name is not null or r.action = 'minimum')
    cross join unnest(t.since) as s
    where lethe_private.is_linked(s));
  v_condition text;
  v_archive text;
  v_program jsonb;
begin
  if cardinality(v_actions) = 0 then
    return null;
  end if;
  v_program := jsonb_build_object(
    'unlocked', lethe_private.unlocked_sql(),
    'rules', (select jsonb_agg(jsonb_build_object('flag', a.flag, 'rule', a.rule, 'phase', a.phase)) from unnest(v_actions) as a)
      || lethe_private.archived_rules(managed, controller, today),
    'look', lethe_private.look_sql(v_source, concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_actions)),
      v_actions, v_held, lethe_private.kept_sql('c', v_oid, controller, today, true),
      case when exists (select from unnest(v_actions) as a where a.phase <> 'columns') then
        lethe_private.staying_sql(managed, v_oid, controller, today, false, array['purge', 'archive']) end),
    'unclocked', lethe_private.unclocked_sql(v_source, v_owner, v_actions),
    'forget', case when lethe_private.has_linked_clock(managed) then lethe_private.forget_sql(managed, v_oid, controller) end);

  foreach v_leaving in array array(select a from unnest(v_actions) as a where a.phase <> 'columns') loop
    v_condition := concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(array[v_leaving]),
      lethe_private.not_held_sql('c', managed, v_oid, today));
    v_program := v_program || jsonb_build_object(v_leaving.phase,
      lethe_private.leaving_program(managed, v_oid, controller, today,
        concat_ws(E'\n    and ', nullif(v_owner, 'true'),
          lethe_private.any_due_sql(array(select b from unnest(v_batch) as b where b.flag = v_leaving.flag)),
          lethe_private.not_held_sql('c', managed, v_oid, today)), v_key, v_leaving)
      || jsonb_build_object('discover', lethe_private.discover_sql(v_source, v_condition, array[v_leaving], null, v_leaves, v_rows))
      || case v_leaving.phase when 'purge' then lethe_private.partitions_program(managed, v_oid, v_owner, array[v_leaving], v_held) else '{}' end);
  end loop;
  if cardinality(v_columns) > 0 then
    v_condition := concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_columns),
      lethe_private.not_held_sql('c', managed, v_oid, today));
    v_archive := case when exists (select from unnest(v_columns) as a where lethe_private.archives(a)) then
      lethe_private.archive_values_sql(managed, v_oid, controller.id, v_columns) end;
    v_program := v_program || jsonb_build_object('columns', jsonb_build_object(
      'shape', case when v_archive is not null then lethe_private.shape_of(managed) end,
      'discover', lethe_private.discover_sql(v_source, v_condition, v_columns, v_order, v_leaves, v_rows),
      'lock', case when v_linked then lethe_private.lock_sql() end,
      'act', lethe_private.act_sql(
        concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(array(select a from unnest(v_batch) as a where a.phase = 'columns')),
          lethe_private.not_held_sql('c', managed, v_oid, today)),
        array(select a from unnest(v_batch) as a where a.phase = 'columns'), v_key, lethe_private.is_watched(v_oid),
        v_archive, lethe_private.linked_clocks_sql('c', managed, v_oid, controller, today)),
      'act_on_all', case when v_archive is null and not v_linked and not lethe_private.is_watched(v_oid) then jsonb_build_object(
        'own_rows', concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.not_held_sql('c', managed, v_oid, today)),
        'actions', to_jsonb(v_columns), 'key', v_key) end));
  end if;
  v_program := v_program || jsonb_build_object('archived', lethe_private.archived_program(managed, controller, today),
    'holds', lethe_private.holds_mark(today));
  return v_program || jsonb_build_object('shape', case
    when coalesce(v_program ->> 'archive', v_program #>> '{columns,shape}', v_program ->> 'archived') is not null then
      lethe_private.shape_of(managed) end);
end
$$;

comment on function lethe_private.compile(lethe.managed_tables, lethe.controllers, date) is
  'The statements of one table, for one controller and one local day; null when no rule applies.';
