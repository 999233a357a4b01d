create or replace function lethe_private.archived_value(expression text, mirror_type text, source_type text)
  returns text
  language sql
  immutable
return case when mirror_type = 'text' and source_type <> 'text' then expression || '::text' else expression end;

comment on function lethe_private.archived_value(text, text, text) is 'A value in the form in which the archive keeps it.';

-- What a statement that moves rows adds to itself: from "gone" (returning the row, "lethe$key" and
-- "lethe$root") into the mirror that fits.
create or replace function lethe_private.archive_sql(managed lethe.managed_tables, relation oid, root_id int, controller_id int)
  returns text
  language sql
  stable
begin atomic
  select format(E'insert into lethe_private.%I ("lethe$key", "lethe$root", "lethe$clocks", "lethe$root_table", "lethe$controller", %s)\n'
      '  select g."lethe$key", g."lethe$root", g."lethe$clocks", %s, %s, %s\n  from gone as g',
    'door_' || lethe_private.mirror_name(managed, relation, 'rows'),
    string_agg(format('%I', s.column_name), ', ' order by s.number),
    root_id, controller_id,
    string_agg(lethe_private.archived_value(format('g.%I', s.column_name), s.mirror_type, s.source_type), ', ' order by s.number))
  from lethe_private.mirror_shape(managed, relation, 'rows') as s;
end;

comment on function lethe_private.archive_sql(lethe.managed_tables, oid, int, int) is
  'The INSERT that puts rows of "gone" into the archive.';

-- The local days of a row's clocks over other rows, which will not be there to be asked.
create or replace function lethe_private.linked_clocks_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date
)
  returns text
  language sql
  stable
begin atomic
  select coalesce(format('jsonb_build_object(%s)', string_agg(format('%L, %s', e.entry,
    lethe_private.linked_day_sql(alias, managed, table_oid, controller, today, e.entry)), ', ' order by e.entry)), 'null::jsonb')
  from (
    select distinct s.entry
    from lethe.rules as r
    join lethe.terms as t on t.rule_id = r.id
    cross join unnest(t.since) as s (entry)
    where r.table_id = managed.id and lethe_private.is_linked(s.entry)
  ) as e
  having count(*) > 0
  union all
  select 'null::jsonb'
  limit 1;
end;

comment on function lethe_private.linked_clocks_sql(text, lethe.managed_tables, oid, lethe.controllers, date) is
  'A row''s clocks over other rows as {entry: local day}.';

create or replace function lethe_private.archived_row_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, root_key text
)
  returns text
  language sql
  stable
return format('%1$s.*, %2$s as "lethe$key", %3$s as "lethe$root", %4$s as "lethe$clocks"', alias,
  lethe_private.key_sql(alias, table_oid, managed.key_columns), root_key,
  lethe_private.linked_clocks_sql(alias, managed, table_oid, controller, today));

comment on function lethe_private.archived_row_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text) is
  'What a statement that archives rows has to return of each, for archive_sql.';

create or replace function lethe_private.archives(action lethe_private.action_parts)
  returns boolean
  language sql
  immutable
return action.phase = 'columns' and action.rule like '%: archive';

comment on function lethe_private.archives(lethe_private.action_parts) is
  'True when the value that an action replaces goes to the archive.';

-- From "acted", which has each changed row as it was ("original"), its key and one flag an action.
create or replace function lethe_private.archive_values_sql(
  managed lethe.managed_tables, relation oid, controller_id int, actions lethe_private.action_parts[]
)
  returns text
  language sql
  stable
begin atomic
  with kept as (
    select a.column_name, string_agg('g.' || a.flag, ' or ') as flags
    from unnest(actions) as a
    where lethe_private.archives(a)
    group by a.column_name
  )
  select format(E'insert into lethe_private.%I ("lethe$key", "lethe$root", "lethe$clocks", "lethe$root_table", "lethe$controller", %s)\n'
      '  select g.key, g.key, g.clocks, %s, %s, %s\n  from acted as g\n  where %s',
    'door_' || lethe_private.mirror_name(managed, relation, 'values'),
    string_agg(format('%I', s.column_name), ', ' order by s.number),
    managed.id, controller_id,
    string_agg(
      case
        when s.holds_value and k.flags is null then 'null'
        when s.holds_value then format('case when %s then %s end', k.flags,
          lethe_private.archived_value(format('(g.original).%I', s.column_name), s.mirror_type, s.source_type))
        else lethe_private.archived_value(format('(g.original).%I', s.column_name), s.mirror_type, s.source_type)
      end, ', ' order by s.number),
    (select string_agg(x.flags, ' or ') from kept as x))
  from lethe_private.mirror_shape(managed, relation, 'values') as s
  left join kept as k on k.column_name = s.column_name;
end;

comment on function lethe_private.archive_values_sql(lethe.managed_tables, oid, int, lethe_private.action_parts[]) is
  'The INSERT that puts the originals of changed columns into the archive.';
