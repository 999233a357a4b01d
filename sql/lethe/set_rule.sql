-- One term of a rule; the rule comes into being with its first term. A controller's own term (controller
-- given) replaces the default of the same purpose for that controller.
create or replace function lethe_private.put_rule(
  "table" text,
  action text,
  after text,
  "column" text,
  since text[],
  method text,
  parameters jsonb,
  purpose text,
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
  perform lethe_private.assert_action(v_managed, v_oid, action, "column", method, parameters);
  v_term.since := lethe_private.assert_clock(v_managed, since);
  if action <> 'purge' and "column" = any (since) then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s is its own clock', "column", lethe_private.host_name(v_oid)),
      hint = 'count since another column';
  end if;
  v_term.after := lethe_private.parse_delay(after);
  v_term.condition := case when "when" is not null then lethe_private.read_condition(v_oid, "when") end;
  perform set_config('lethe.reason', coalesce(reason, ''), true);

  insert into lethe.rules as r (table_id, column_name, action)
  values (v_managed.id, "column", put_rule.action)
  on conflict on constraint rules_table_id_column_name_action_key do update set action = excluded.action
  returning r.id into v_term.rule_id;
  insert into lethe.terms as t (rule_id, controller_id, purpose, after, since, "when", condition, method, parameters)
  values (v_term.rule_id, v_controller_id, put_rule.purpose, v_term.after, v_term.since, put_rule."when", v_term.condition,
    put_rule.method, coalesce(put_rule.parameters, '{}'))
  on conflict on constraint terms_rule_id_controller_id_purpose_key do update
  set after = excluded.after, since = excluded.since, "when" = excluded."when", condition = excluded.condition,
      method = excluded.method, parameters = excluded.parameters
  where (t.after, t.since, t."when", t.method, t.parameters)
    is distinct from (excluded.after, excluded.since, excluded."when", excluded.method, excluded.parameters);
  return v_term.rule_id;
end
$$;

comment on function lethe_private.put_rule(text, text, text, text, text[], text, jsonb, text, text, text, text) is
  'Sets one term of a rule, judged by itself. Whoever calls it judges the rules of the table together (assert_rules).';

create or replace function lethe.set_rule(
  "table" text,
  action text,
  after text,
  "column" text default null,
  since text[] default null,
  method text default null,
  parameters jsonb default '{}',
  purpose text default null,
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
  v_rule_id int := lethe_private.put_rule("table", action, after, "column", since, method, parameters, purpose, "when", controller, reason);
begin
  perform lethe_private.assert_rules(lethe_private.get_managed("table"));
  return v_rule_id;
end
$$;

comment on function lethe.set_rule(text, text, text, text, text[], text, jsonb, text, text, text, text) is
  'Sets one term of a rule: what happens (anonymize, archive, purge) to a column, or to the row (archive, purge), how long (ISO 8601) after which clock, for which purpose. Returns the rule''s id. Raises LE101 to LE106, LE301 to LE316, LE319, LE320, LE502.';

create or replace function lethe_private.assert_action(
  managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column lethe_private.host_columns;
  v_method lethe.methods;
begin
  if action is null or action not in ('anonymize', 'archive', 'purge') or "column" is null and action = 'anonymize' then
    raise exception using errcode = 'LE106',
      message = format('action %s is unknown for a %s', coalesce(quote_literal(action), 'null'), case when "column" is null then 'row' else 'column' end),
      hint = 'a column is anonymized, archived or purged; a row is archived or purged';
  elsif "column" is not null and action <> 'purge' and method is null then
    raise exception using errcode = 'LE104',
      message = format('the rule on %s.%I names no method', lethe_private.host_name(relation), "column"),
      hint = 'lethe.methods lists them';
  elsif (action = 'purge' or "column" is null) and method is not null then
    raise exception using errcode = 'LE106',
      message = format('a rule that %ss %s takes no method', action, lethe_private.host_name(relation)),
      hint = 'leave the method out, or anonymize a column';
  end if;
  if action = 'archive' then
    perform lethe_private.assert_archivable(relation);
  end if;
  if "column" is null then
    return;
  end if;

  perform lethe_private.assert_columns(managed, array["column"]);
  select h.* into v_column from lethe_private.host_columns as h where h.relation = assert_action.relation and h.name = "column";
  perform lethe_private.assert_column_may_change(managed, relation, v_column);
  if action = 'purge' then
    if v_column.not_null then
      raise exception using errcode = 'LE305',
        message = format('column %I of %s is NOT NULL and cannot be purged', "column", lethe_private.host_name(relation)),
        hint = 'anonymize it with constant, partial or a pseudonym; or drop the constraint';
    end if;
    perform lethe_private.assert_nulls_fit(relation, v_column);
    return;
  end if;
  select m.* into v_method from lethe.methods as m where m.name = assert_action.method;
  if not found then
    raise exception using errcode = 'LE104',
      message = format('method %L does not exist', method),
      hint = 'one of ' || (select string_agg(m.name, ', ' order by m.name) from lethe.methods as m);
  end if;
  perform lethe_private.assert_parameters(v_method, coalesce(parameters, '{}'));
  perform lethe_private.assert_method_fits(relation, v_column, v_method, parameters);
  perform lethe_private.assert_constant_stands(relation, v_column, v_method, coalesce(parameters, '{}'));
end
$$;

comment on function lethe_private.assert_action(lethe.managed_tables, oid, text, text, text, jsonb) is
  'Raises LE103 to LE106, LE304 to LE309, LE315 or LE316 when the action cannot be done to the column or row.';

create or replace function lethe_private.assert_archivable(relation oid)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  -- Through the parent, a row of an inheritance child would lose the columns of its own, and its way back.
  select lethe_private.host_name(i.inhrelid) into v_name
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid and not c.relispartition
  where i.inhparent = assert_archivable.relation
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('rows of %s cannot be archived: %s inherits from it', lethe_private.host_name(relation), v_name),
      hint = 'purge them instead';
  end if;
  select h.name into v_name from lethe_private.host_columns as h
  where h.relation = assert_archivable.relation and starts_with(h.name, 'lethe$') limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s has a name that the archive keeps for itself', v_name, lethe_private.host_name(relation)),
      hint = 'rename the column';
  end if;
end
$$;

comment on function lethe_private.assert_archivable(oid) is 'Raises LE316 for a table with a column named like those of the archive, or with inheritance children.';

create or replace function lethe.drop_rule(
  "table" text, action text, "column" text default null, purpose text default null, controller text default null, reason text default null
)
  returns void
  language plpgsql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller_id int := case when controller is not null then (lethe_private.get_controller(controller)).id end;
begin
  perform lethe_private.assert_may_change(v_controller_id);
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  delete from lethe.terms as t
  using lethe.rules as r
  where r.id = t.rule_id
    and r.table_id = v_managed.id
    and r.action = drop_rule.action
    and r.column_name is not distinct from "column"
    and t.purpose is not distinct from drop_rule.purpose
    and t.controller_id is not distinct from v_controller_id;
  if not found then
    raise exception using errcode = 'LE107',
      message = format('table %s has no such rule', "table"),
      hint = 'lethe.terms lists them; name action, column, purpose and controller as there';
  end if;
  delete from lethe.rules as r where not exists (select from lethe.terms as t where t.rule_id = r.id);
end
$$;

comment on function lethe.drop_rule(text, text, text, text, text, text) is
  'Takes one term of a rule back; the rule goes with its last term. Raises LE101, LE102, LE107, LE502.';
