-- What every statement asks. Named columns only: the sweeper may see that a key is held, not why.
create or replace view lethe_private.held as
  select k.table_id, k.key, h.ends_on
  from lethe_private.held_keys as k
  join lethe.holds as h on h.id = k.hold_id
  where h.released_at is null
  union all
  select e.table_id, e.key, e.until
  from lethe_private.exemptions as e;

comment on view lethe_private.held is
  'Keys under a hold that has not been released (a null key is the whole table), or put back from the archive for a time.';

-- Two questions rather than one with "or": the first is asked once a statement, the second is answered
-- by hash or by index. day: the row is held up to and including its ends_on.
create or replace function lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text[]
  language sql
  stable
return array[
  format('exists (select from lethe_private.held as h where h.table_id = %s and h.key is null and (h.ends_on is null or h.ends_on >= date %L))',
    managed.id, today),
  format('exists (select from lethe_private.held as h where h.table_id = %s and h.key = %s and (h.ends_on is null or h.ends_on >= date %L))',
    managed.id, lethe_private.key_sql(alias, table_oid, managed.key_columns), today)];

comment on function lethe_private.held_exists(text, lethe.managed_tables, oid, date) is
  'Two predicates: the whole table is held; the row is held.';

create or replace function lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text
  language sql
  stable
-- Where nothing of the table is held, which is asked once a statement, no row need be asked.
return format('(exists (select from lethe_private.held as h where h.table_id = %s) and (%s))',
  managed.id, array_to_string(lethe_private.held_exists(alias, managed, table_oid, today), ' or '));

comment on function lethe_private.held_sql(text, lethe.managed_tables, oid, date) is 'True when the row is under a hold on the given day.';

create or replace function lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text
  language sql
  stable
return 'not ' || array_to_string(lethe_private.held_exists(alias, managed, table_oid, today), E'\n    and not ');

comment on function lethe_private.not_held_sql(text, lethe.managed_tables, oid, date) is
  'The opposite of held_sql, in the form that PostgreSQL can turn into an anti-join.';
