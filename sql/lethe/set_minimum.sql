-- How long a law has a table or a column kept, whatever purposes say: see lethe_private/minimum_sql.sql. Several laws are
-- several minima, told apart by their basis; all count. A controller's own counts beside that of all.
create or replace function lethe_private.put_minimum(
  "table" text,
  after text,
  since text[],
  basis text,
  "column" text,
  "when" text,
  controller text,
  reason text
)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller_id int := case when controller is not null then (lethe_private.get_controller(controller)).id end;
  v_term lethe.terms;
begin
  perform lethe_private.assert_may_change(v_controller_id);
  if coalesce(btrim(basis), '') = '' then
    raise exception using errcode = 'LE317',
      message = format('a minimum on %s names no law', lethe_private.host_name(v_oid)),
      hint = 'basis: the article that demands it; without a law, a longer term of the purpose is meant';
  end if;
  if "column" is not null then
    perform lethe_private.assert_columns(v_managed, array["column"]);
  end if;
  v_term.since := lethe_private.assert_clock(v_managed, since);
  v_term.after := lethe_private.parse_delay(after);
  v_term.condition := case when "when" is not null then lethe_private.read_condition(v_oid, "when") end;
  perform set_config('lethe.reason', coalesce(reason, ''), true);

  insert into lethe.rules as r (table_id, column_name, action)
  values (v_managed.id, "column", 'minimum')
  on conflict on constraint rules_table_id_column_name_action_key do update set action = excluded.action
  returning r.id into v_term.rule_id;
  insert into lethe.terms as t (rule_id, controller_id, purpose, after, since, "when", condition)
  values (v_term.rule_id, v_controller_id, basis, v_term.after, v_term.since, put_minimum."when", v_term.condition)
  on conflict on constraint terms_rule_id_controller_id_purpose_key do update
  set after = excluded.after, since = excluded.since, "when" = excluded."when", condition = excluded.condition
  where (t.after, t.since, t."when") is distinct from (excluded.after, excluded.since, excluded."when");
  return v_term.rule_id;
end
$$;

comment on function lethe_private.put_minimum(text, text, text[], text, text, text, text, text) is
  'Sets one statutory minimum, judged by itself. Whoever calls it judges the rules of the table together (assert_rules).';

create or replace function lethe.set_minimum(
  "table" text,
  after text,
  since text[],
  basis text,
  "column" text default null,
  "when" text default null,
  controller text default null,
  reason text default null
)
  returns int
  language plpgsql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_rule_id int := lethe_private.put_minimum("table", after, since, basis, "column", "when", controller, reason);
begin
  perform lethe_private.assert_rules(lethe_private.get_managed("table"));
  return v_rule_id;
end
$$;

comment on function lethe.set_minimum(text, text, text[], text, text, text, text, text) is
  'Sets a statutory minimum: how long (ISO 8601) after which clock a law (basis) has a table kept, or one column of it, whatever the rules on it say. It only lengthens. Returns its rule''s id. Raises LE101 to LE103, LE106, LE301 to LE303, LE310, LE315 to LE317, LE502, LE905.';

create or replace function lethe.drop_minimum(
  "table" text, basis text, "column" text default null, controller text default null, reason text default null
)
  returns void
  language sql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set jit = off
begin atomic
  select lethe.drop_rule("table", 'minimum', "column", basis, controller, reason);
end;

comment on function lethe.drop_minimum(text, text, text, text, text) is
  'Takes a statutory minimum back. One of all controllers is an operator''s to take back. Raises LE101, LE102, LE107, LE502.';
