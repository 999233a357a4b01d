-- What a law has kept must be kept by everything that could take it away: what the rules of a table together would let slip
-- through is refused when the policy is set.
create or replace function lethe_private.assert_minima(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('%I.%I', managed.schema_name, managed.table_name);
  v_found record;
begin
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'minimum') then
    return;
  end if;
  -- Its rows leave by the rules of another table.
  select t.purpose, format('%I.%I', p.schema_name, p.table_name) as parent into v_found
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.links as l on l.table_id = r.table_id and l.on_purge = 'with parent'
  join lethe.managed_tables as p on p.id = l.to_table_id
  where r.table_id = managed.id and r.action = 'minimum' and r.column_name is null
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('rows of %s go with those of %s, which the minimum %L could not keep', v_name, v_found.parent, v_found.purpose),
      hint = format('put the minimum on %s: what goes with its rows is kept with them', v_found.parent);
  end if;

  -- To whom a row belonged is part of what is kept, and may be what the minimum goes by.
  select t.purpose, format('%I.%I', p.schema_name, p.table_name) as parent, array_to_string(l.columns, ', ') as columns into v_found
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.links as l on l.table_id = r.table_id and l.on_purge = 'unlink'
    and (r.column_name is null or r.column_name = any (l.columns) or t.since && l.columns
      or exists (select from unnest(l.columns) as c where lethe_private.names_column(t.condition, c)))
  join lethe.managed_tables as p on p.id = l.to_table_id
  where r.table_id = managed.id and r.action = 'minimum'
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('%s of %s is set to null when a row of %s goes, which the minimum %L could not keep', v_found.columns, v_name, v_found.parent, v_found.purpose),
      hint = format('put the minimum on %s too and let the reference keep its rows: leave unlink out', v_found.parent);
  end if;

  -- A rule that the minimum does not bind could take away the day that it counts from, and with it the minimum.
  select t.purpose, w.column_name, w.action, r.column_name as kept into v_found
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.rules as w on w.table_id = r.table_id and w.action <> 'minimum' and w.column_name <> r.column_name
    and (w.column_name = any (t.since) or lethe_private.names_column(t.condition, w.column_name))
  where r.table_id = managed.id and r.action = 'minimum'
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('minimum %L on column %I of %s counts by column %I, which a rule rewrites (%s)',
        v_found.purpose, v_found.kept, v_name, v_found.column_name, v_found.action),
      hint = 'put the minimum on the table, so that it binds that rule too, or let it count by another column';
  end if;

  -- It does not keep the row, so it is of no use where the row goes before.
  select m.purpose, k.column_name, lethe_private.format_delay(t.after) as after into v_found
  from lethe.rules as k
  join lethe.terms as m on m.rule_id = k.id
  join lethe.rules as r on r.table_id = k.table_id and r.column_name is null and r.action = 'purge'
  join lethe.terms as t on t.rule_id = r.id and t.since = m.since and t.after <> m.after and lethe_private.outlasts(m.after, t.after)
    and t.condition is not distinct from coalesce(m.condition, t.condition)
    and (m.controller_id is null or m.controller_id is not distinct from t.controller_id)
  where k.table_id = managed.id and k.action = 'minimum' and k.column_name is not null
    and 1 = (select count(*) from lethe.terms as x where x.rule_id = r.id and (x.controller_id is null or x.controller_id is not distinct from t.controller_id))
    and not exists (select from lethe.rules as x where x.table_id = k.table_id and x.action = 'minimum' and x.column_name is null)
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('minimum %L on column %I of %s is longer than its rows live: they are purged after %s',
        v_found.purpose, v_found.column_name, v_name, v_found.after),
      hint = 'put the minimum on the table, which keeps the row';
  end if;

  select d.purpose, c.name as controller, lethe_private.format_delay(d.after) as after into v_found
  from lethe.rules as r
  join lethe.terms as d on d.rule_id = r.id and d.controller_id is null
  join lethe.terms as o on o.rule_id = r.id and o.purpose = d.purpose and o.since = d.since
    and o.condition is not distinct from d.condition and lethe_private.outlasts(d.after, o.after)
  join lethe.controllers as c on c.id = o.controller_id
  where r.table_id = managed.id and r.action = 'minimum'
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('controller %s cannot shorten the minimum %L of %s, which is %s', v_found.controller, v_found.purpose, v_name, v_found.after),
      hint = 'a controller may have a longer one: both count';
  end if;
end
$$;

comment on function lethe_private.assert_minima(lethe.managed_tables) is
  'Raises LE317 when a minimum could not keep what it is to keep, or would shorten another.';

-- A rule that a minimum puts off until another comes first or at once is never due. Only where all count from the same clock
-- under the same condition can they be compared at all.
create or replace function lethe_private.assert_not_outlasted(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
begin
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'minimum') then
    return;
  end if;
  select concat_ws(': ', r.column_name, r.action) as earlier, concat_ws(': ', l.column_name, l.action) as later, m.purpose into v_found
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.rules as l on l.table_id = r.table_id and l.column_name is not null and l.action <= r.action and l.id <> r.id
    and l.action <> 'minimum' and (r.column_name is null or r.column_name = l.column_name)
  join lethe.rules as k on k.table_id = r.table_id and k.action = 'minimum' and (k.column_name is null or k.column_name = l.column_name)
  join lethe.terms as m on m.rule_id = k.id and m.since = t.since and lethe_private.outlasts(m.after, t.after)
    and (m.condition is null or m.condition = t.condition)
    and (m.controller_id is null or m.controller_id is not distinct from t.controller_id)
  where r.table_id = managed.id and r.action = 'purge'
    and 1 = all (
      select count(*) from lethe.terms as x
      where x.rule_id in (r.id, l.id) and (x.controller_id is null or x.controller_id is not distinct from t.controller_id)
      group by x.rule_id)
    -- Where the later rule is due, the earlier one applies.
    and exists (
      select from lethe.terms as u
      where u.rule_id = l.id and u.since = t.since and u.condition is not distinct from t.condition
        and u.purpose is not distinct from t.purpose and u.controller_id is not distinct from t.controller_id)
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('minimum %L puts off rule "%s" on %I.%I until "%s" comes first or at once',
        v_found.purpose, v_found.later, managed.schema_name, managed.table_name, v_found.earlier),
      hint = format('leave rule "%s" out, or give "%s" a longer delay', v_found.later, v_found.earlier);
  end if;
end
$$;

comment on function lethe_private.assert_not_outlasted(lethe.managed_tables) is 'Raises LE317 for a rule that a minimum keeps from ever being due.';
