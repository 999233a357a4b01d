create or replace function lethe_private.names_an_object(message text)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from regexp_matches(message, '^permission denied for (?:table|view|materialized view|schema|function|sequence) (\S.*)$') as m (name)
    where exists (select from pg_catalog.pg_class as c where c.relname = m.name[1])
       or exists (select from pg_catalog.pg_namespace as n where n.nspname = m.name[1])
       or exists (select from pg_catalog.pg_proc as p where p.proname = m.name[1]));
end;

comment on function lethe_private.names_an_object(text) is 'True for the sentence that PostgreSQL says where a right is missing, about an object that exists.';

-- Why something could not be looked at. A message of PostgreSQL may quote a row, and a function of the host may raise
-- any, with any code: only PostgreSQL's own sentence on rights is repeated, where it names an object that there is.
create or replace function lethe_private.look_problem(state text, message text)
  returns text
  language sql
  stable
return case
  when state = '57014' then 'time ran out over it'
  when state = '55P03' then 'it was locked'
  when state = '42501' and lethe_private.names_an_object(message) then message
  when state in ('42501', 'LE501') then 'a right is missing'
  else format('reading it fails (SQLSTATE %s)', state)
end;

comment on function lethe_private.look_problem(text, text) is 'An error met while looking, as a finding says it.';

-- Reads the host's data for a check, as lethe_sweeper. What cannot be read is said, never passed over. Where the
-- caller's statement_timeout runs out, what is left is not begun: the timer of a statement rings once.
create or replace function lethe_private.look(statement text, managed lethe.managed_tables, out facts jsonb, out problem text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
  v_message text;
begin
  if current_setting('lethe.check_ran_out', true) = 'on' then
    problem := 'time ran out before it';
    return;
  end if;
  begin
    select r.facts into look.facts
    from lethe_private.run_as_sweeper(format('select (%s), null::oid, null::tid[]', statement), managed) as r;
  exception when query_canceled or others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    problem := lethe_private.look_problem(v_state, v_message);
    if v_state = '57014' then
      perform set_config('lethe.check_ran_out', 'on', true);
    end if;
  end;
end
$$;

comment on function lethe_private.look(text, lethe.managed_tables) is
  'The one jsonb value of a statement run as lethe_sweeper; or, in problem, why there is none.';

create or replace function lethe_private.not_looked(object text, problem text)
  returns lethe_private.finding
  language sql
  immutable
return (object, format('%s could not be looked at: %s', object, problem),
  case
    when problem = 'it was locked' then 'somebody holds a lock on the table (pg_locks): check again once it is gone, or wait longer (lock_timeout in lethe.settings)'
    when problem like 'time ran out %' then 'give it more time (statement_timeout), or leave the data out: lethe check --no-data'
    else 'lethe doctor prints the rights that are missing; or leave the data out: lethe check --no-data'
  end, false)::lethe_private.finding;

comment on function lethe_private.not_looked(text, text) is 'The finding that something could not be looked at.';

-- Whether something is always so shows in a part of a large table as well. Of 100,000 rows or fewer all are read.
create or replace function lethe_private.sample_sql(relation oid)
  returns text
  language sql
  stable
begin atomic
  select case when sum(greatest(c.reltuples, 0)) > 100000
    then format(' tablesample system (%s) repeatable (0)', round((100 * 100000 / sum(c.reltuples))::numeric, 4)) else '' end
  from pg_catalog.pg_class as c
  where c.oid = sample_sql.relation or c.oid in (select t.relation from lethe_private.topmost as t where t.root = sample_sql.relation);
end;

comment on function lethe_private.sample_sql(oid) is 'The clause that reads some 100,000 rows of a table, spread over it.';
