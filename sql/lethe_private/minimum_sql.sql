-- A statutory minimum over one row. It lengthens and does nothing else: it makes no value due, is no purpose that applies,
-- and no controller's own term stands in its place. What its clock says, where it has no "when":
--
--   a day      kept until the delay since then has ended
--   nothing    (null, -infinity, a sentinel of the past) what the law counts from has not been: nothing to wait for
--   never      (infinity, a sentinel to come) it has not ended yet: kept
--
-- With "when" the law says itself where it applies, and a clock that shows no day cannot end it: kept. What is kept for
-- want of a day is counted as unclocked.
create or replace function lethe_private.minima_of(table_id int, rule_id int, controller_id int)
  returns setof lethe.terms
  language sql
  stable
begin atomic
  -- One on the table binds whatever takes data away, and not the move of a row to the archive, where it is kept still.
  -- One on a column binds the rules of that column.
  select t.*
  from lethe.rules as r
  join lethe.rules as m on m.table_id = r.table_id and m.action = 'minimum'
    and (m.column_name is null and (r.column_name is not null or r.action <> 'archive') or m.column_name = r.column_name)
  join lethe_private.effective_terms(minima_of.table_id, minima_of.controller_id) as t on t.rule_id = m.id
  where r.id = minima_of.rule_id and r.action <> 'minimum'
  order by t.after desc, t.purpose, t.id;
end;

comment on function lethe_private.minima_of(int, int, int) is 'The statutory minima that bind a rule for a controller.';

-- due: the minimum lets the row go. unclocked: it keeps the row for want of a day. plain_clock: where all terms of the rule
-- are asked of one and the same clock, that this is usable (term_parts.usable); then an index on it serves both.
create or replace function lethe_private.minimum_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  term lethe.terms,
  batch boolean,
  plain_clock text
)
  returns lethe_private.rule_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts lethe_private.term_parts := lethe_private.term_sql(alias, managed, table_oid, controller, today,
    term.after, term.since, term.condition, batch);
  v_last date := lethe_private.last_due_day(minimum_sql.today, term.after);
  v_of_rows boolean := not batch and not lethe_private.is_archive(table_oid)
    and exists (select from unnest(term.since) as s where lethe_private.is_linked(s));
  v_minimum lethe_private.rule_parts;
begin
  if term.condition is not null then
    v_minimum.due := format('(not coalesce(%s, false) or coalesce(%s, false))', v_parts.applies, v_parts.expired);
    v_minimum.unclocked := format('coalesce(%s and (%s), false)', v_parts.applies, v_parts.unusable);
    return v_minimum;
  end if;
  v_minimum.due := case
    when v_parts.usable = plain_clock then v_parts.expired
    when v_of_rows then (
      select string_agg(x.q, E'\n    and ' order by s.n, x.n)
      from unnest(term.since) with ordinality as s (entry, n)
      cross join lateral unnest(lethe_private.none_later_sql(alias, managed, table_oid, controller, today, v_last, s.entry)) with ordinality as x (q, n))
    else format('coalesce(%s <= date %L, true)', lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term.since), v_last)
  end;
  v_minimum.unclocked := case
    when v_of_rows then (
      select '(' || string_agg(lethe_private.never_sql(alias, managed, table_oid, controller, today, s.entry), ' or ' order by s.n) || ')'
      from unnest(term.since) with ordinality as s (entry, n))
    else format('coalesce(%s = ''infinity'', false)', lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term.since))
  end;
  return v_minimum;
end
$$;

comment on function lethe_private.minimum_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms, boolean, text) is
  'The SQL of one statutory minimum, for one controller and one local day: that it lets a row go; that it keeps it for want of a day.';
