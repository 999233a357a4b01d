-- Why a plan cannot be carried out as it is, all reasons at once, each by name: {"code", "object", "sentence", "hint",
-- "rows"}. Not one of them quotes a row. Here: what does not take a look at other people's rows; for that see plan_neighbours.sql.

create or replace function lethe_private.refusal(code text, object text, sentence text, hint text, rows bigint)
  returns jsonb
  language sql
  immutable
return jsonb_build_object('code', code, 'object', object, 'sentence', sentence, 'hint', hint, 'rows', rows);

comment on function lethe_private.refusal(text, text, text, text, bigint) is 'One reason why a plan cannot be carried out.';

-- What the execution would say, said before anybody approves: a column for which no stand-in is known, one at a time.
create or replace function lethe_private.refuse_tombs(managed lethe.managed_tables, controller lethe.controllers, rows bigint)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_sentence text;
  v_hint text;
begin
  perform from lethe_private.erased_columns(managed, controller);
  return null;
exception when sqlstate 'LE437' then
  get stacked diagnostics v_sentence = message_text, v_hint = pg_exception_hint;
  return lethe_private.refusal('LE437', lethe_private.plain_name(managed), v_sentence, v_hint, rows);
end
$$;

comment on function lethe_private.refuse_tombs(lethe.managed_tables, lethe.controllers, bigint) is
  'Why rows of a table cannot stay without their person; null where they can.';

create or replace function lethe_private.refuse_plan(rows lethe_private.reached_row[], controller lethe.controllers)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys lethe_private.erasure_references[] := lethe_private.references_of_people();
begin
  return (
    with tables as materialized (
      select r.table_id, t as managed, m.relation, lethe_private.host_name(m.relation) as name,
        count(*) as rows,
        count(*) filter (where r.decision = 'purge') as purged,
        count(*) filter (where r.decision in ('cut', 'anonymize')) as changed,
        bool_or(r.decision = 'anonymize' and r.cut is null) as has_tombs,
        count(*) filter (where r.decision = 'anonymize' and r.cut is null) as tombs
      from unnest(refuse_plan.rows) as r
      join lethe.managed_tables as t on t.id = r.table_id
      join lethe_private.managed_relations as m on m.table_id = r.table_id
      where r.mirror_id is null
      group by r.table_id, t, m.relation
    ), cut as materialized (
      select t.relation, t.name, t.managed, c.name as column_name, r.decision, h.not_null, h.position, count(*) as rows
      from unnest(refuse_plan.rows) as r
      cross join unnest(r.cut) as c (name)
      join tables as t on t.table_id = r.table_id
      join lethe_private.host_columns as h on h.relation = t.relation and h.name = c.name
      where r.mirror_id is null
      group by t.relation, t.name, t.managed, c.name, r.decision, h.not_null, h.position
    ), named_by as materialized (
      select r.link_id, count(*) as rows
      from unnest(refuse_plan.rows) as r
      where r.mirror_id is null and r.decision = 'stay' and r.kind in ('share', 'mention')
      group by r.link_id
    ), in_keys as materialized (
      -- A reference by value that is part of the key: nothing else could stand there.
      select lethe_private.host_name(m.relation) as name, l.columns, n.rows, lethe_private.cutting(l, v_keys) as how
      from named_by as n
      join lethe.links as l on l.id = n.link_id
      join lethe_private.managed_relations as m on m.table_id = l.table_id
    ), written as (
      select c.relation, c.column_name, c.position from cut as c
      union
      select t.relation, h.name, h.position
      from tables as t
      join lethe.managed_columns as m on m.table_id = t.table_id and lethe_private.is_personal(m.category)
      join lethe_private.host_columns as h on h.relation = t.relation and h.name = m.column_name
      where t.has_tombs and not h.is_generated and h.name <> all ((t.managed).key_columns)
    ), rights as (
      select t.name, t.rows, concat_ws(', ',
          case when t.purged > 0 and not has_table_privilege('lethe_sweeper', t.relation, 'delete') then 'delete' end,
          case when not has_any_column_privilege('lethe_sweeper', t.relation, 'update') then format('update (%s)', coalesce(
            (select string_agg(quote_ident(w.column_name), ', ' order by w.position) from written as w where w.relation = t.relation), quote_ident((t.managed).key_columns[1])))
          else (select format('update (%s)', string_agg(quote_ident(w.column_name), ', ' order by w.position)) from written as w
                where w.relation = t.relation and not has_column_privilege('lethe_sweeper', t.relation, w.position, 'update') having count(*) > 0) end) as missing
      from tables as t
    ), found as (
      select 1 as n, c.name || c.column_name as o, lethe_private.refusal('LE424', format('%s.%I', c.name, c.column_name),
        format('column %I of %s names the person, is NOT NULL and has no method by which it could be replaced', c.column_name, c.name),
        format('give it a rule with a method: select lethe.set_rule(%L, ''anonymize'', …, %L, method => …)', c.name, c.column_name), c.rows) as refusal
      from cut as c
      where c.decision = 'anonymize' and c.not_null and not exists (
        select from lethe.rules as u join lethe.terms as x on x.rule_id = u.id
        where u.table_id = (c.managed).id and u.column_name = c.column_name and x.method is not null
          and (x.controller_id is null or x.controller_id = controller.id))
      union all
      select 1, k.name, lethe_private.refusal('LE424', k.name,
        format('%s of %s names the person and is part of the key', (select string_agg(quote_ident(x), ', ') from unnest(k.columns) as x), k.name),
        'declare the rows own, if they are about this person alone', k.rows)
      from in_keys as k where k.how = '{"replace": []}'
      union all
      select 1, t.name, x.refusal
      from tables as t cross join lateral lethe_private.refuse_tombs(t.managed, controller, t.tombs) as x (refusal)
      where t.has_tombs and x.refusal is not null
      union all
      select 2, x.name, lethe_private.refusal('LE425', x.name, format('lethe_sweeper may not do to %s what the plan says', x.name),
        format('grant %s on %s to lethe_sweeper', x.missing, x.name), x.rows)
      from rights as x where x.missing <> ''
      union all
      select 3, t.name || w.rulename, lethe_private.refusal('LE426', t.name,
        format('rewrite rule %I of %s would stand between a %s and its rows', w.rulename, t.name, case w.ev_type when '4' then 'DELETE' else 'UPDATE' end),
        format('alter table %s disable rule %I, or drop it', t.name, w.rulename), case w.ev_type when '4' then t.purged else t.changed end)
      from tables as t
      join pg_catalog.pg_rewrite as w on w.ev_class = t.relation and w.ev_enabled in ('O', 'A')
      where w.ev_type = '4' and t.purged > 0 or w.ev_type = '2' and t.changed > 0
    )
    select coalesce(jsonb_agg(f.refusal order by f.n, f.o collate "C"), '[]') from found as f);
end
$$;

comment on function lethe_private.refuse_plan(lethe_private.reached_row[], lethe.controllers) is
  'Why decided rows cannot be treated as decided: no method, no right, a rewrite rule in between.';
