-- A clock may be the latest event among the rows that refer to a row: max(invoices.issued_on), or
-- max(public.invoices.issued_on). Where several references lead from there to the table, the one meant is named
-- by its columns: max(messages.sent_at via sender_id). Counterpart: linked_sql.sql, which writes it as SQL, and
-- last_events.sql, which keeps the clock when its events go.
create or replace function lethe_private.is_linked(entry text)
  returns boolean
  language sql
  immutable
return entry ~ '^\s*\w+\s*\(.*\)\s*$';

comment on function lethe_private.is_linked(text) is 'True for a clock that is computed from other rows.';

-- Names are taken as they are written, and folded only where nothing is found so.
create or replace function lethe_private.name_list(list text, separator text)
  returns text[]
  language sql
  immutable
begin atomic
  select array_agg(case when r.name[1] like '"%' then replace(substr(r.name[1], 2, length(r.name[1]) - 2), '""', '"') else r.name[1] end order by r.n)
  from regexp_matches(list, '"(?:[^"]|"")+"|[^\s."(),]+', 'g') with ordinality as r (name, n)
  where list ~ replace($re$^\s*(?:"(?:[^"]|"")+"|[^\s."(),]+)(?:\s*{}\s*(?:"(?:[^"]|"")+"|[^\s."(),]+))*\s*$$re$, '{}', '[' || separator || ']');
end;

comment on function lethe_private.name_list(text, text) is 'The names of a list such as public.invoices."Issued on"; null where it is none.';

create or replace function lethe_private.plain_names(names text[], separator text)
  returns text
  language sql
  immutable
begin atomic
  select string_agg(case when x.name ~ '^[^\s."(),]+$' then x.name else '"' || replace(x.name, '"', '""') || '"' end, separator order by x.n)
  from unnest(names) with ordinality as x (name, n);
end;

comment on function lethe_private.plain_names(text[], text) is 'The inverse of name_list.';

create or replace function lethe_private.linked_child(entry text, path text[])
  returns lethe.managed_tables
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_path text[] := path[:cardinality(path) - 1];
  v_found lethe.managed_tables[];
begin
  select array_agg(m order by m.schema_name) into v_found
  from lethe.managed_tables as m
  where m.table_name = v_path[cardinality(v_path)] and (cardinality(v_path) = 1 or m.schema_name = v_path[1]);
  if v_found is null then
    select array_agg(m order by m.schema_name) into v_found
    from lethe.managed_tables as m
    where m.table_name = lower(v_path[cardinality(v_path)]) and (cardinality(v_path) = 1 or m.schema_name = lower(v_path[1]));
  end if;
  if v_found is null then
    raise exception using errcode = 'LE102',
      message = format('table %s of clock %s is not managed', lethe_private.plain_names(v_path, '.'), entry),
      hint = 'manage it first: lethe.manage_table, or add it under tables';
  elsif cardinality(v_found) > 1 then
    raise exception using errcode = 'LE102',
      message = format('clock %s does not say which table %s is meant', entry, v_path[1]),
      hint = 'write ' || (select string_agg(format('max(%s)', lethe_private.plain_names(array[f.schema_name, f.table_name, path[2]], '.')), ' or ')
                          from unnest(v_found) as f);
  end if;
  return v_found[1];
end
$$;

comment on function lethe_private.linked_child(text, text[]) is 'The managed table that a linked clock names. Raises LE102.';

create or replace function lethe_private.linked_clock(managed lethe.managed_tables, entry text)
  returns lethe_private.linked_clock
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_function text := lower((regexp_match(entry, '^\s*(\w+)\s*\('))[1]);
  v_parts text[] := regexp_split_to_array(regexp_replace(entry, '^\s*\w+\s*\(|\)\s*$', '', 'g'), '\s+via\s+', 'i');
  v_path text[] := lethe_private.name_list(v_parts[1], '.');
  v_via text[] := lethe_private.name_list(v_parts[2], ',');
  v_parent oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_child lethe.managed_tables;
  v_oid oid;
  v_column lethe_private.host_columns;
  v_reference record;
  v_links text[];
  v_positions int2[];
  v_clock lethe_private.linked_clock;
begin
  if v_function is distinct from 'max' then
    raise exception using errcode = 'LE315',
      message = format('clock %s is not available: a clock is a column, or the latest of other rows'' columns', quote_literal(entry)),
      hint = 'write it as max(table.column)';
  elsif cardinality(v_parts) > 2 or cardinality(v_parts) = 2 and v_via is null or coalesce(cardinality(v_path), 0) not in (2, 3) then
    raise exception using errcode = 'LE302',
      message = format('clock %s names no column of another table', quote_literal(entry)),
      hint = 'write it as max(table.column) or max(schema.table.column), and "via" the referring columns where there are several references';
  end if;

  v_child := lethe_private.linked_child(entry, v_path);
  v_oid := lethe_private.host_table(v_child.schema_name, v_child.table_name);
  select h.* into v_column from lethe_private.host_columns as h
  where h.relation = v_oid and h.name in (v_path[cardinality(v_path)], lower(v_path[cardinality(v_path)]))
  order by h.name = v_path[cardinality(v_path)] desc
  limit 1;
  if v_oid is null or v_column.name is null then
    raise exception using errcode = case when v_oid is null then 'LE102' else 'LE103' end,
      message = case when v_oid is null then format('table %I.%I does not exist', v_child.schema_name, v_child.table_name)
        else format('table %s has no column %I', lethe_private.host_name(v_oid), v_path[cardinality(v_path)]) end,
      hint = format('clock %s counts since it: it was dropped or renamed, or never there', entry);
  end if;
  perform lethe_private.assert_clock_type(v_oid, v_column);

  for v_reference in select * from lethe_private.references_to(v_parent) loop
    if v_reference.child = v_oid and (v_via is null or v_reference.child_columns @> v_via and v_reference.child_columns <@ v_via) then
      v_links := v_links || format('max(%s via %s)', lethe_private.plain_names(v_path, '.'), lethe_private.plain_names(v_reference.child_columns, ', '));
      v_clock.child_columns := v_reference.child_columns;
      v_clock.parent_columns := v_reference.parent_columns;
    end if;
  end loop;
  if coalesce(cardinality(v_links), 0) <> 1 then
    raise exception using errcode = 'LE106',
      message = format('clock %s: %s %s to %s', entry, lethe_private.host_name(v_oid),
        case when v_links is null then 'does not refer' else 'refers in more than one way' end, lethe_private.host_name(v_parent)),
      hint = case when v_links is null then 'declare the link: a foreign key, or lethe.set_link with the columns on both sides'
        else 'write ' || array_to_string(v_links, ' or ') end;
  end if;

  select array_agg(h.position) into v_positions
  from lethe_private.host_columns as h
  where h.relation = v_oid and h.name = any (v_clock.child_columns);
  if not lethe_private.has_leading_index(v_oid, v_positions) then
    raise exception using errcode = 'LE310',
      message = format('%s of %s refers to %s without an index', array_to_string(v_clock.child_columns, ', '),
        lethe_private.host_name(v_oid), lethe_private.host_name(v_parent)),
      hint = format('create index concurrently on %s (%s, %I)', lethe_private.host_name(v_oid),
        (select string_agg(quote_ident(c), ', ') from unnest(v_clock.child_columns) as c), v_column.name);
  end if;
  v_clock.entry := format('max(%s%s)', lethe_private.plain_names(array[v_child.schema_name, v_child.table_name, v_column.name], '.'),
    case when v_via is not null then ' via ' || lethe_private.plain_names(v_clock.child_columns, ', ') else '' end);
  v_clock.parent_id := managed.id;
  v_clock.child_id := v_child.id;
  v_clock.column_name := v_column.name;
  return v_clock;
end
$$;

comment on function lethe_private.linked_clock(lethe.managed_tables, text) is
  'What a clock over other rows means, its entry written in full. Raises LE102, LE103, LE106, LE302, LE310 or LE315.';

create or replace function lethe_private.linked_clocks(managed lethe.managed_tables, since text[])
  returns setof lethe_private.linked_clock
  language sql
  stable
begin atomic
  select c.*
  from unnest(since) with ordinality as s (entry, n)
  cross join lateral lethe_private.linked_clock(managed, s.entry) as c
  where lethe_private.is_linked(s.entry)
  order by s.n;
end;

comment on function lethe_private.linked_clocks(lethe.managed_tables, text[]) is 'The clocks over other rows among those of a term.';

-- Every clock of any table that is computed from the rows of this one. Terms write them in full, so that only
-- those which name this table are looked at: the broken clock of another table is that one's affair.
create or replace function lethe_private.clocks_over(child lethe.managed_tables)
  returns setof lethe_private.linked_clock
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_start text := format('max(%s.', lethe_private.plain_names(array[child.schema_name, child.table_name], '.'));
  v_found record;
begin
  for v_found in
    select distinct r.table_id, s.entry
    from lethe.terms as t
    join lethe.rules as r on r.id = t.rule_id
    cross join unnest(t.since) as s (entry)
    where t.since::text like '%max(%'  -- the whole list first: few have one, and all terms are read for every table
      and starts_with(s.entry, v_start)
    order by r.table_id, s.entry
  loop
    return next lethe_private.linked_clock((select m from lethe.managed_tables as m where m.id = v_found.table_id), v_found.entry);
  end loop;
end
$$;

comment on function lethe_private.clocks_over(lethe.managed_tables) is 'Clocks, of whatever table, that are the latest of this table''s rows.';

create or replace function lethe_private.has_linked_clock(managed lethe.managed_tables)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from lethe.terms as t
    join lethe.rules as r on r.id = t.rule_id
    cross join unnest(t.since) as s (entry)
    where r.table_id = managed.id and lethe_private.is_linked(s.entry));
end;

comment on function lethe_private.has_linked_clock(lethe.managed_tables) is 'True when some clock of the table is computed from other rows.';
