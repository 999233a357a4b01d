-- One term over one row, in three parts (type lethe_private.term_parts). The rule puts them together.
create or replace function lethe_private.term_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  after interval,
  since text[],
  condition text,
  batch boolean
)
  returns lethe_private.term_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_last date := lethe_private.last_due_day(term_sql.today, term_sql.after);
  v_past text := (select string_agg(format('date %L', s), ', ') from unnest(managed.sentinels) as s where s < term_sql.today);
  v_all text := (select string_agg(format('date %L', s), ', ') from unnest(managed.sentinels) as s);
  v_clock lethe_private.host_columns;
  v_day text;
  v_linked boolean := (select bool_or(lethe_private.is_linked(s)) from unnest(term_sql.since) as s);
  v_parts lethe_private.term_parts;
begin
  -- Over live rows, clocks of other rows are asked in a form that suits how many rows there are. An archived row has
  -- their days with it (linked_day_sql), and is asked like one with clocks of its own.
  if v_linked and not lethe_private.is_archive(table_oid) then
    v_parts := lethe_private.linked_term_sql(alias, managed, table_oid, controller, today, v_last, term_sql.since, batch);
  elsif cardinality(term_sql.since) = 1 and not v_linked then
    select h.* into v_clock from lethe_private.host_columns as h
    where h.relation = table_oid and h.name = term_sql.since[1];
    v_day := lethe_private.local_day_sql(alias, v_clock, managed.time_zone, controller.time_zone);
    v_parts.usable := format('%1$s.%2$I > %3$L and %1$s.%2$I < %5$L%4$s',
      alias, v_clock.name, lethe_private.clock_floor(), coalesce(' and ' || v_day || ' not in (' || v_all || ')', ''),
      lethe_private.clock_ceiling());
    v_parts.unusable := format('%1$s.%2$I is null or %1$s.%2$I <= %3$L or %1$s.%2$I >= %5$L%4$s',
      alias, v_clock.name, lethe_private.clock_floor(), coalesce(' or ' || v_day || ' in (' || v_all || ')', ''),
      lethe_private.clock_ceiling());
    -- What rules most rows out comes first.
    v_parts.expired := format('%4$s and %1$s.%2$I > %3$L%5$s',
      alias, v_clock.name, lethe_private.clock_floor(),
      lethe_private.up_to_day_sql(alias, v_clock, managed.time_zone, controller.time_zone, v_last),
      coalesce(' and ' || v_day || ' not in (' || v_past || ')', ''));
  else
    v_day := lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term_sql.since);
    v_parts.usable := format('%s < ''infinity''', v_day);
    v_parts.unusable := format('not coalesce(%s, false)', v_parts.usable);
    v_parts.expired := format('%s <= date %L', v_day, v_last);
  end if;
  v_parts.applies := coalesce('(' || case when lethe_private.is_archive(table_oid) then lethe_private.archived_condition(term_sql.condition)
    else term_sql.condition end || ')', v_parts.usable);
  if term_sql.condition is not null and v_parts.applies = v_parts.usable then
    raise exception using errcode = 'LE303',
      message = format('a predicate on %I.%I cannot be asked of its archive', managed.schema_name, managed.table_name),
      hint = 'compare an enumeration for equality alone, and other types of yours not at all';
  end if;
  return v_parts;
end
$$;

comment on function lethe_private.term_sql(text, lethe.managed_tables, oid, lethe.controllers, date, interval, text[], text, boolean) is
  'The SQL of one term of a rule, for one controller and one local day.';

create or replace function lethe_private.effective_terms(table_id int, controller_id int)
  returns setof lethe.terms
  language sql
  stable
begin atomic
  -- A controller's own term replaces the default of the same rule and purpose. A minimum is replaced by nothing: the
  -- controller's own counts beside it.
  select distinct on (t.rule_id, t.purpose, r.action = 'minimum' and t.controller_id is null) t.*
  from lethe.terms as t
  join lethe.rules as r on r.id = t.rule_id
  where r.table_id = effective_terms.table_id
    -- Not "=", for which the planner would read the defaults of all tables from the index on controller_id.
    and (t.controller_id is null or t.controller_id is not distinct from effective_terms.controller_id)
  order by t.rule_id, t.purpose, r.action = 'minimum' and t.controller_id is null, t.controller_id nulls last;
end;

comment on function lethe_private.effective_terms(int, int) is
  'The terms in force on a managed table for a controller, minima among them.';

create or replace function lethe_private.has_rules(table_id int, controller_id int)
  returns boolean
  language sql
  stable
return exists (
  select from lethe_private.effective_terms(has_rules.table_id, has_rules.controller_id) as t
  join lethe.rules as r on r.id = t.rule_id and r.action <> 'minimum');

comment on function lethe_private.has_rules(int, int) is
  'True when there is anything to be done on a table for a controller; a minimum alone does nothing.';
