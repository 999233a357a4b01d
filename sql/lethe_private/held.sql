-- What every statement asks. Named columns only: the sweeper may see that a key is held, not why.
create or replace view lethe_private.held as
  select k.table_id, k.key, h.ends_on, h.id as hold_id
  from lethe_private.held_keys as k
  join lethe.holds as h on h.id = k.hold_id
  where h.released_at is null
  union all
  select e.table_id, e.key, e.until, null
  from lethe_private.exemptions as e;

comment on view lethe_private.held is
  'Keys under a hold that has not been released (a null key is the whole table), or put back from the archive for a time (without a hold).';

-- Two questions rather than one with "or": the first is asked once a statement, the second is answered
-- by hash or by index. day: the row is held up to and including its ends_on. Predicates and people follow, where there are any.
create or replace function lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text[]
  language sql
  stable
return array[
  format('exists (select from lethe_private.held as h where h.table_id = %s and h.key is null and (h.ends_on is null or h.ends_on >= date %L))',
    managed.id, today),
  format('exists (select from lethe_private.held as h where h.table_id = %s and h.key = %s and (h.ends_on is null or h.ends_on >= date %L))',
    managed.id, lethe_private.key_sql(alias, table_oid, managed.key_columns), today)]
  || lethe_private.held_more(alias, managed, table_oid, array(
    select f.id from lethe_private.holds_in_force(today) as f (id) join lethe.holds as h on h.id = f.id where h.kind <> 'keys'));

comment on function lethe_private.held_exists(text, lethe.managed_tables, oid, date) is
  'Predicates: the whole table is held; the row is held by its key; and one for each other way in which it may be.';

create or replace function lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text
  language sql
  stable
-- Where no key of the table is held, which is asked once a statement, no row need be asked.
return (
  select format('(exists (select from lethe_private.held as h where h.table_id = %s) and (%s)%s)',
    managed.id, e.parts[1] || ' or ' || e.parts[2], (select string_agg(' or ' || p, '' order by n) from unnest(e.parts[3:]) with ordinality as x (p, n)))
  from (select lethe_private.held_exists(alias, managed, table_oid, today) as parts) as e);

comment on function lethe_private.held_sql(text, lethe.managed_tables, oid, date) is 'True when the row is under a hold on the given day.';

create or replace function lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text
  language sql
  stable
return 'not ' || array_to_string(lethe_private.held_exists(alias, managed, table_oid, today), E'\n    and not ');

comment on function lethe_private.not_held_sql(text, lethe.managed_tables, oid, date) is
  'The opposite of held_sql, in the form that PostgreSQL can turn into an anti-join.';
