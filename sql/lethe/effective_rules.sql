-- What holds for a controller once defaults, its own terms, minima and holds are put together: one line a rule, and a
-- sentence that says it. Which term decides is named only where it can be told beforehand: for all rows, from the policy alone.
create or replace function lethe_private.holds_on(table_id int, controller_id int, today date)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('hold', h.id, 'ends_on', h.ends_on) order by h.id), '[]')
  from (
    select distinct h.id, h.ends_on
    from lethe.holds as h
    join lethe_private.held_keys as k on k.hold_id = h.id
    where k.table_id = holds_on.table_id and k.key is null
      and h.released_at is null and (h.ends_on is null or h.ends_on >= holds_on.today)
      and (h.controller_id is null or h.controller_id = holds_on.controller_id)
  ) as h;
end;

comment on function lethe_private.holds_on(int, int, date) is 'The holds in force on a whole table: [{"hold", "ends_on"}].';

create or replace function lethe_private.term_facts(term lethe.terms)
  returns jsonb
  language sql
  immutable
return jsonb_build_object('purpose', term.purpose, 'after', lethe_private.format_delay(term.after), 'since', term.since,
  'when', term."when", 'own', term.controller_id is not null);

comment on function lethe_private.term_facts(lethe.terms) is 'A term for lethe.effective_rules: {"purpose", "after", "since", "when", "own"}.';

create or replace function lethe_private.effective_rule(
  managed lethe.managed_tables, rule lethe.rules, controller lethe.controllers,
  out method text, out terms jsonb, out decides text, out replaced jsonb, out minima jsonb, out holds jsonb, out sentence text
)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_terms lethe.terms[] := array(
    select t from lethe_private.effective_terms(managed.id, controller.id) as t where t.rule_id = rule.id order by t.purpose nulls first);
  -- On one clock and without "when" all terms apply or none does, and the one that outlasts the others decides, if one does.
  v_clock text[] := (select case when min(t.since) = max(t.since) and bool_and(t.condition is null) then min(t.since) end from unnest(v_terms) as t);
  v_longest lethe.terms;
  v_term lethe.terms;
  v_lengthens text;
begin
  if v_terms = '{}' then
    return;
  end if;
  select t.* into v_longest from unnest(v_terms) as t
  order by (select bool_and(lethe_private.outlasts(t.after, o.after)) from unnest(v_terms) as o) desc, t.after desc, t.purpose nulls first limit 1;
  if not (select bool_and(lethe_private.outlasts(v_longest.after, o.after)) from unnest(v_terms) as o) then
    v_clock := null;
  end if;
  method := v_longest.method;
  terms := (select jsonb_agg(lethe_private.term_facts(t) order by t.purpose nulls first) from unnest(v_terms) as t);
  decides := case
    when v_clock is not null then coalesce(v_longest.purpose, 'the term without a purpose')
    when cardinality(v_terms) = 1 then coalesce(v_longest.purpose, 'the term without a purpose') || ', where it applies'
    else 'the last to end of those that apply'
  end;
  sentence := lethe_private.rule_in_words(managed, rule, method) || ' ' || case
    when v_clock is not null and cardinality(v_terms) > 1 then
      lethe_private.term_in_words(managed, v_longest) || (
        select ', which outlasts ' || lethe_private.list_in_words(array_agg(coalesce(t.purpose, 'the term without a purpose')
          || ' (' || lethe_private.delay_in_words(t.after) || ')' order by t.after desc, t.purpose nulls first), 'and')
        from unnest(v_terms) as t where t.id <> v_longest.id)
    when cardinality(v_terms) > 1 then (
      select string_agg(lethe_private.term_in_words(managed, t), ', or ' order by t.purpose nulls first) from unnest(v_terms) as t)
      || ', whichever of those that apply ends last'
    else lethe_private.term_in_words(managed, v_longest)
  end;

  replaced := '[]';
  for v_term in
    select d.* from lethe.terms as d
    join unnest(v_terms) as o on o.rule_id = d.rule_id and o.purpose is not distinct from d.purpose and o.controller_id is not null
    where d.controller_id is null
    order by d.purpose nulls first
  loop
    replaced := replaced || lethe_private.term_facts(v_term);
    sentence := sentence || format('; %s''s own term replaces the default%s, %s after %s', controller.name, ' of ' || v_term.purpose,
      lethe_private.delay_in_words(v_term.after), lethe_private.clock_in_words(managed, v_term.since));
  end loop;

  minima := '[]';
  for v_term in select * from lethe_private.minima_of(managed.id, rule.id, controller.id) loop
    v_lengthens := case
      -- A longer one beside it, since the same clock, is always the last of the two.
      when exists (
        select from lethe_private.minima_of(managed.id, rule.id, controller.id) as o
        where o.since = v_term.since and o.condition is null and o.id <> v_term.id and lethe_private.outlasts(o.after, v_term.after)
          and (o.id > v_term.id or not lethe_private.outlasts(v_term.after, o.after))) then 'never'
      when v_term.since is distinct from v_clock or v_term.condition is not null then 'where it ends later'
      when lethe_private.outlasts(v_longest.after, v_term.after) then 'never'
      when lethe_private.outlasts(v_term.after, v_longest.after) then 'always'
      else 'where it ends later'
    end;
    minima := minima || (lethe_private.term_facts(v_term) - 'purpose' || jsonb_build_object('basis', v_term.purpose, 'lengthens', v_lengthens));
    continue when v_lengthens = 'never';
    sentence := sentence || '; never before ' || lethe_private.term_in_words(managed, v_term);
  end loop;

  holds := lethe_private.holds_on(managed.id, controller.id, lethe_private.today(controller.time_zone));
  sentence := sentence || coalesce((
    select '; nothing of it is touched under ' || lethe_private.list_in_words(array_agg(concat_ws(' until ', 'hold ' || (h ->> 'hold'), h ->> 'ends_on') order by n), 'and')
    from jsonb_array_elements(holds) with ordinality as x (h, n)), '') || '.';
end
$$;

comment on function lethe_private.effective_rule(lethe.managed_tables, lethe.rules, lethe.controllers) is
  'One line of lethe.effective_rules.';

create or replace function lethe.effective_rules("table" text default null, controller_name text default null)
  returns table (
    controller   text,
    table_name   text,
    column_name  text,
    action       text,
    method       text,
    terms        jsonb,
    decides      text,
    replaced     jsonb,
    minima       jsonb,
    holds        jsonb,
    sentence     text
  )
  language plpgsql
  stable
  security definer  -- reads holds and the whole policy; shows the controllers that the login acts for
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
  set jit = off
as $$
declare
  v_table_id int := case when "table" is not null then (lethe_private.get_managed("table")).id end;
begin
  return query
    select c.name, lethe_private.plain_name(m), r.column_name, r.action, e.*
    from lethe.controllers as c
    join lethe.controllers_to_run(effective_rules.controller_name) as n on n.name = c.name
    join lethe.managed_tables as m on lethe_private.has_controller(m, c) and m.id = coalesce(v_table_id, m.id)
    join lethe.rules as r on r.table_id = m.id and r.action <> 'minimum'
    cross join lateral lethe_private.effective_rule(m, r, c) as e
    where lethe_private.acts_for(c.id) and e.terms is not null
    order by c.name, lethe_private.plain_name(m), r.column_name nulls last, r.action;
end
$$;

comment on function lethe.effective_rules(text, text) is
  'What holds for each controller: per table, column (null: the row) and action its terms, which decides, the defaults it replaces, the minima that lengthen it (always, where they end later, never), the holds on the whole table, and all of it as a sentence. Raises LE101, LE102.';
