-- The coverage gate. A rule of the check is a line here, a function lethe_private.check_<code> in
-- sql/lethe_private/checks/<code>.sql, a page docs/checks/<code>.md and a test of the same name.
create or replace view lethe.checks as
  select c.code, c.severity, c.reads, c.about
  from (values
    (10, 'unmanaged-table', 'error', 'the catalogue', 'a table that foreign keys join to people, and that the policy does not know'),
    (11, 'unclassified-column', 'error', 'the catalogue', 'a column of a managed table on which nothing was decided'),
    (12, 'kept-for-ever', 'error', 'the catalogue', 'a personal column that no rule ever ends'),
    (13, 'undecided-link', 'error', 'the catalogue', 'a foreign key to people''s rows of which it is not said how the referring rows belong to them'),
    (14, 'undecided-view', 'error', 'the catalogue', 'a view or materialized view over people''s columns on which nothing was decided'),
    (15, 'child-column', 'error', 'the catalogue', 'a column of an inheritance child that no rule can reach'),
    (16, 'missing-object', 'error', 'the catalogue', 'a table, column or view that the policy names and that is gone'),
    (20, 'copying-trigger', 'error', 'the catalogue', 'a trigger or rule that copies people''s rows into a table that is not managed'),
    (21, 'look-alike-table', 'warning', 'the catalogue', 'a table with largely the personal columns of a managed one'),
    (30, 'partition-foreign-key', 'error', 'the catalogue', 'a partition without the foreign key that its siblings have'),
    (31, 'unindexed-reference', 'warning', 'the catalogue', 'a reference to people''s rows without an index'),
    (32, 'restarted-clock', 'error', 'the catalogue', 'a trigger that sets a clock anew at every update'),
    (33, 'pseudonymous-claim', 'error', 'the catalogue', 'a column claimed to end anonymous whose method makes pseudonyms'),
    (34, 'broken-hold', 'error', 'the catalogue', 'a guard that is not as it was put up, or a held table or partition that is gone'),
    (35, 'unguarded-hold', 'note', 'the catalogue', 'a hold that binds Lethe and nobody else'),
    (36, 'unrehearsed-rule', 'note', 'the catalogue', 'a rule that was put in force without a rehearsal'),
    (40, 'row-security-bypass', 'warning', 'the catalogue', 'a role that passes by the row security of people''s tables'),
    (41, 'definer-view', 'warning', 'the catalogue', 'a view that leads others around row security'),
    (42, 'definer-function', 'warning', 'the catalogue', 'a function that lends its owner''s rights over people''s tables'),
    (43, 'archive-reader', 'error', 'the catalogue', 'a grant or policy that opens the archive or the keys'),
    (44, 'unforced-row-security', 'note', 'the catalogue', 'row security that does not bind the owner of the table'),
    (45, 'archive-limit', 'note', 'the catalogue', 'who can read the archive and the keys by being who they are'),
    (50, 'never-due', 'warning', 'the data', 'a rule whose clock no row has, or a condition that no row fulfils'),
    (51, 'unpurposed-value', 'warning', 'the data', 'values to which no purpose of their rule applies'),
    (52, 'identifiable-row', 'warning', 'the data', 'masked rows that what is left of them singles out'),
    (53, 'small-group', 'error', 'the data', 'a view of figures about fewer people than k'),
    (54, 'unkept-format', 'error', 'the data', 'a column that may hold more than its declared format'),
    (60, 'policy-drift', 'error', 'the policy file', 'the policy in force is not what the file says'),
    (70, 'expired-waiver', 'error', 'the findings', 'a waiver whose last day has passed, or whose view has changed'),
    (71, 'unused-waiver', 'warning', 'the findings', 'a waiver that matches no finding'),
    (72, 'not-looked-at', 'error', 'the findings', 'something that could not be looked at')
  ) as c (place, code, severity, reads, about)
  order by c.place;

comment on view lethe.checks is 'The findings that lethe.check() can report. Each has a page in docs/checks.';
comment on column lethe.checks.severity is 'error: lethe check ends with exit code 1. warning: to be looked at. note: a limit that is named.';
comment on column lethe.checks.reads is 'What it is found in.';

create or replace function lethe.check(read_data boolean default true)
  returns table (code text, severity text, object text, sentence text, remedy text)
  language plpgsql
  volatile
  security definer  -- reads the whole policy and the catalogue, and counts as lethe_sweeper; the caller sees names and figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_reached lethe_private.reached[];
  v_check lethe.checks;
  v_found jsonb := '[]';
  v_looked text[] := '{}';
begin
  -- Who acts for all: a view may show a caller the figures of some controllers only, and would look clean.
  perform lethe_private.assert_may_change(null);
  if not exists (select from lethe.managed_tables) then
    raise exception using errcode = 'LE622',
      message = 'there is nothing to check: the policy names no table',
      hint = 'begin with lethe policy apply policy.yaml';
  end if;
  perform set_config('lethe.check_ran_out', 'off', true);
  perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::int::text, true) from lethe.settings as s;
  v_reached := array(select r from lethe_private.reached_tables() as r);

  for v_check in select c.* from lethe.checks as c where c.reads = 'the catalogue' or c.reads = 'the data' and read_data loop
    v_found := v_found || lethe_private.run_check(v_check, v_reached);
    v_looked := v_looked || v_check.code;
  end loop;
  return query select f.code, c.severity, f.object, f.sentence, f.remedy
    from lethe_private.without_waived(v_found, v_looked) as f
    join lethe.checks as c on c.code = f.code
    order by array_position(array['error', 'warning', 'note'], c.severity), array_position(array(select x.code from lethe.checks as x), f.code), f.object, f.sentence;
end
$$;

comment on function lethe.check(boolean) is
  'What about people''s data is not decided, does not hold, or could not be looked at: tables, columns, links, views, rights, and, unless read_data is false, the data. An empty answer means that no column escapes. Raises LE502, LE622.';

create or replace function lethe_private.run_check(checked lethe.checks, reached lethe_private.reached[])
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found jsonb;
begin
  execute format(
    'select coalesce(jsonb_agg(jsonb_build_object(''code'', case when f.looked then %L else ''not-looked-at'' end,
       ''object'', f.object, ''sentence'', f.sentence, ''remedy'', f.remedy, ''by'', %L)), ''[]'') from lethe_private.%I($1) as f',
    checked.code, checked.code, 'check_' || replace(checked.code, '-', '_'))
  into v_found using reached;
  return v_found;
end
$$;

comment on function lethe_private.run_check(lethe.checks, lethe_private.reached[]) is 'The findings of one rule of the check.';

-- A waiver is judged only where its finding was looked for, and could be.
create or replace function lethe_private.without_waived(found jsonb, looked text[])
  returns table (code text, object text, sentence text, remedy text)
  language sql
  stable
begin atomic
  with findings as (
    select distinct f ->> 'code' as code, f ->> 'object' as object, f ->> 'sentence' as sentence, f ->> 'remedy' as remedy, f ->> 'by' as by
    from jsonb_array_elements(found) as f
  ), waivers as (
    select w.*, w.until < lethe_private.latest_today() as is_over,
      w.until >= lethe_private.latest_today() and w.definition is not distinct from coalesce(lethe_private.waived_definition(w.object), w.definition) as holds
    from lethe.waivers as w
  )
  select f.code, f.object, f.sentence, f.remedy
  from findings as f
  where not exists (select from waivers as w where w.holds and w.code = f.code and w.object = f.object)
  union all
  select 'expired-waiver', w.code || ' ' || w.object,
    case when w.is_over then format('the waiver of %s for %s ended on %s', w.code, w.object, w.until)
      else format('the waiver of %1$s for %2$s was given for another definition of %2$s', w.code, w.object) end,
    'decide now; or waive it anew, with a reason: select lethe.waive(…)'
  from waivers as w
  where not w.holds
  union all
  select 'unused-waiver', w.code || ' ' || w.object,
    format('the waiver of %s for %s matches no finding', w.code, w.object),
    format('take it out of the policy file, or select lethe.withdraw_waiver(%L, %L)', w.code, w.object)
  from waivers as w
  where w.holds
    and w.code = any (looked)
    and not exists (select from findings as f where f.code = w.code and f.object = w.object)
    and not exists (select from findings as f where f.code = 'not-looked-at' and f.by = w.code);
end;

comment on function lethe_private.without_waived(jsonb, text[]) is 'Findings that no waiver covers, and what is to be said of the waivers themselves.';
