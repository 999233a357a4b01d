-- What is left to do on the host's table until a declared format is kept there, in the order in which it does no harm:
-- first nothing richer comes in, then what is there is reduced, then the constraint. The other way round, every update of
-- a row with an old value would be refused meanwhile, whichever column it were about: a constraint that is not valid yet
-- spares old rows only as long as nobody writes them.
create or replace function lethe.format_steps("table" text, "column" text)
  returns table (step int, title text, notes text, must_be_none text, statement text)
  language plpgsql
  stable
  security definer  -- reads the policy
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_declared lethe_private.declared_formats := lethe_private.get_format("table", "column");
  v_state record;
  v_lock constant text := E'set lock_timeout = ''5s'';\n';
  v_done constant text := 'reset lock_timeout;';
begin
  select * into v_state from lethe_private.format_state(v_declared);
  step := 0;
  if v_state.left_over then
    step := step + 1; title := 'Drop what an earlier declaration left';
    notes := 'Locks the table for a moment (ACCESS EXCLUSIVE). What was kept in the former format is in none until the steps below are done.';
    statement := E'begin;\nset local lock_timeout = ''5s'';\n'
      || (select string_agg(l.statement, E'\n' order by l.n, l.statement) from lethe_private.format_leftovers(v_declared) as l) || E'\ncommit;';
    return next;
  end if;
  if not v_state.has_trigger then
    step := step + 1;
    title := case v_declared.on_arrival when 'reduce' then 'Reduce what arrives' else 'Reject what arrives' end;
    notes := lethe_private.trigger_notes(v_declared);
    statement := E'begin;\nset local lock_timeout = ''5s'';\n' || lethe_private.format_trigger_sql(v_declared) || 'commit;';
    return next;
  end if;
  if not v_state.validated and v_declared.reduction is not null then
    step := step + 1; title := 'Reduce what is there';
    notes := lethe_private.reduce_notes(v_declared);
    statement := lethe_private.format_reduce_sql(v_managed, v_declared);
    return next;
  end if;
  if not v_state.has_constraint then
    step := step + 1; title := 'Add the constraint';
    must_be_none := lethe_private.format_left_sql(v_managed, v_declared);
    notes := lethe_private.constraint_notes(v_declared, v_state.name_taken);
    statement := E'begin;\nset local lock_timeout = ''5s'';\n' || lethe_private.format_constraint_sql(v_declared) || 'commit;';
    return next;
    must_be_none := null;
    if v_declared.on_arrival is null and v_declared.reduction is not null then
      step := step + 1; title := 'Reduce what came in meanwhile';
      notes := 'Nothing kept richer values out until now. The same statement again, which finds few rows, or none.';
      statement := lethe_private.format_reduce_sql(v_managed, v_declared);
      return next;
    end if;
  end if;
  if not v_state.validated then
    step := step + 1; title := 'Check every row';
    notes := concat_ws(E'\n', 'Reads the whole table. Nobody who reads or writes waits (SHARE UPDATE EXCLUSIVE). Where it fails, values are left that',
      'are not in the format; everything above can be run again.',
      format('Afterwards: vacuum (analyze) %s; since until then the old values lie in dead rows, and in the planner''s', lethe_private.on_one_line(lethe_private.host_name(v_declared.relation))),
      'statistics. Write-ahead log, replicas and backups forget them with time.');
    statement := v_lock || format(E'alter table %s validate constraint %I;\n', lethe_private.host_name(v_declared.relation), v_declared.constraint_name) || v_done;
    return next;
  end if;
end
$$;

comment on function lethe.format_steps(text, text) is
  'What is left to do until a column keeps the format it is declared to have, as statements for the table''s owner; must_be_none counts the values that a step would leave without a way out. Changes nothing. Raises LE102, LE103, LE113, LE319.';

create or replace function lethe.format_sql("table" text, "column" text)
  returns text
  language plpgsql
  stable
  security definer  -- reads the policy
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_declared lethe_private.declared_formats := lethe_private.get_format("table", "column");
  v_title text := lethe_private.on_one_line(format('-- Column %I of %s: format %s',
    v_declared.column_name, lethe_private.host_name(v_declared.relation), v_declared.format));
  v_steps text;
begin
  select string_agg(format(E'\n-- %s. %s\n%s\n%s\n', s.step, s.title, regexp_replace(s.notes, '^', '-- ', 'gn'), s.statement), '' order by s.step)
    into v_steps
  from lethe.format_steps("table", "column") as s;
  if v_steps is null then
    return v_title || E'.\n-- Nothing is left to do.\n';
  end if;
  return concat(v_title, E', what is left to do. Printed by Lethe, changed by nobody yet.\n',
    E'-- Run it with psql, statement by statement and outside of a transaction, as the owner of the table; where rows are reduced also as a\n',
    E'-- member of lethe_owner, which knows what is held. After an error print it again: it begins with what is left.\n', v_steps);
end
$$;

comment on function lethe.format_sql(text, text) is
  'The steps of lethe.format_steps as one script to read and run with psql (-At prints it as it is). Raises LE102, LE103, LE113, LE319.';

create or replace function lethe_private.trigger_notes(declared lethe_private.declared_formats)
  returns text
  language sql
  stable
begin atomic
  select concat_ws(E'\n',
    'Locks out writers for a moment (SHARE ROW EXCLUSIVE). The function is yours: nothing in it is of Lethe.',
    case declared.on_arrival
      when 'reduce' then 'A value that cannot be read is refused, with a sentence that does not quote it.'
      else 'A value that is not in the format is refused with a sentence that does not quote it; the constraint''s own error would show the row.'
    end,
    'BEFORE triggers fire in the order of their names. This one begins with zz, so it judges what others before it have made of the value;',
    'these have seen it as it came.'
      || coalesce(' Here: ' || (
        select string_agg(distinct lethe_private.on_one_line(quote_ident(g.tgname)), ', ')
        from pg_catalog.pg_trigger as g
        where g.tgrelid = declared.relation and not g.tgisinternal and g.tgtype & 3 = 3 and g.tgname < declared.trigger_name) || '.', ''),
    'It judges what an INSERT or UPDATE brings, not what was there before, and covers COPY, ON CONFLICT and partitions.',
    'It does not fire where session_replication_role is replica; the constraint holds there too.');
end;

comment on function lethe_private.trigger_notes(lethe_private.declared_formats) is 'What the DBA should know of the trigger.';

create or replace function lethe_private.reduce_notes(declared lethe_private.declared_formats)
  returns text
  language sql
  stable
begin atomic
  select concat_ws(E'\n',
    'Reads the table once, 500 pages a transaction, and locks the rows it changes for as long as one batch lasts. Stop it at any time and run it',
    'again: what is done is read, and not written. It does not write what it cannot read, and what is under a hold.',
    'These triggers of yours will see the updates: ' || (
      select string_agg(distinct lethe_private.on_one_line(quote_ident(g.tgname)), ', ')
      from pg_catalog.pg_trigger as g
      where g.tgrelid = declared.relation and not g.tgisinternal and g.tgtype & 16 = 16 and g.tgname <> declared.trigger_name)
      || '. One that sets updated_at would set it on every row.');
end;

comment on function lethe_private.reduce_notes(lethe_private.declared_formats) is 'What the DBA should know of the reduction.';

create or replace function lethe_private.constraint_notes(declared lethe_private.declared_formats, name_taken boolean)
  returns text
  language sql
  stable
return concat_ws(E'\n',
  'Locks the table for a moment (ACCESS EXCLUSIVE, reads no row), and gives up after five seconds of waiting for it.',
  'From here on an update of a row whose old value is not in the format is refused, whichever column it is about. So look first:',
  lethe_private.on_one_line(format('  select count(*) from %s where not (%s);',
    lethe_private.host_name(declared.relation), replace(declared.recogniser, '{value}', declared.own_value))),
  'Are there any, they could not be read, or are held. Correct them, or empty them:',
  lethe_private.on_one_line(format('  update %s set %I = null where not (%s);',
    lethe_private.host_name(declared.relation), declared.column_name, replace(declared.recogniser, '{value}', declared.own_value))),
  case when name_taken then 'The table has another constraint of this name, which Lethe did not write: rename it first.' end);

comment on function lethe_private.constraint_notes(lethe_private.declared_formats, boolean) is 'What the DBA should know of the constraint.';
