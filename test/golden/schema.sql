

CREATE SCHEMA lethe;

ALTER SCHEMA lethe OWNER TO lethe_owner;

CREATE SCHEMA lethe_private;

ALTER SCHEMA lethe_private OWNER TO lethe_owner;

CREATE TYPE lethe.sweep_progress AS (
	state text,
	rows_done bigint,
	rows_to_do bigint,
	took interval
);

ALTER TYPE lethe.sweep_progress OWNER TO lethe_owner;

COMMENT ON TYPE lethe.sweep_progress IS 'What one step did: its state (discovered, swept, retry, wait, busy, done, failed), rows changed, rows still on the worklist, time taken.';

CREATE TYPE lethe_private.action_parts AS (
	flag text,
	rule text,
	phase text,
	column_name text,
	due text,
	unclocked text,
	needed text,
	test text,
	new_value text
);

ALTER TYPE lethe_private.action_parts OWNER TO lethe_owner;

CREATE TYPE lethe_private.rule_parts AS (
	due text,
	unclocked text
);

ALTER TYPE lethe_private.rule_parts OWNER TO lethe_owner;

CREATE TYPE lethe_private.term_parts AS (
	applies text,
	usable text,
	unusable text,
	expired text
);

ALTER TYPE lethe_private.term_parts OWNER TO lethe_owner;

CREATE FUNCTION lethe.add_member(login name, controller text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(add_member.controller);
begin
  perform lethe_private.assert_may_change(null);
  if not exists (select from pg_roles as r where r.rolname = add_member.login) then
    raise exception using errcode = 'LE108',
      message = format('role %I does not exist', add_member.login),
      hint = 'create it first: create role ... login';
  end if;
  insert into lethe.memberships (login, controller_id) values (add_member.login, v_controller.id) on conflict do nothing;
end
$$;

ALTER FUNCTION lethe.add_member(login name, controller text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.add_member(login name, controller text) IS 'Lets a login act for a controller. Raises LE101, LE108, LE502.';

CREATE FUNCTION lethe.already_masked("table" text, controller_name text DEFAULT NULL::text) RETURNS TABLE(controller text, rule text, looks_masked bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller lethe.controllers;
  v_action lethe_private.action_parts;
begin
  perform lethe_private.assert_intact(v_managed);
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(controller_name) as r on r.name = c.name
    where lethe_private.has_controller(v_managed, c) and lethe_private.acts_for(c.id)
    order by c.name
  loop
    for v_action in
      select a.* from lethe_private.actions('c', v_managed, v_oid, v_controller, lethe_private.today(v_controller.time_zone)) as a
      where a.phase = 'columns'
    loop
      return query select v_controller.name, v_action.rule, lethe_private.count_as_sweeper(
        format('select to_jsonb(count(*)) from %s as c where %s and c.%I is not null and not (%s) and not coalesce(%s, false)',
          lethe_private.host_name(v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller),
          v_action.column_name, v_action.needed, v_action.due), v_managed)::bigint;
    end loop;
  end loop;
end
$$;

ALTER FUNCTION lethe.already_masked("table" text, controller_name text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.already_masked("table" text, controller_name text) IS 'Values that a rule''s method takes for its own output although the rule is not due on them, per controller and rule. Reads the whole table. Raises LE101 to LE103.';

CREATE FUNCTION lethe.apply_policy(policy jsonb, reason text DEFAULT NULL::text) RETURNS TABLE(change text, object text, before jsonb, after jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_last bigint;
begin
  perform lethe_private.assert_may_change(null);
  select coalesce(max(c.id), 0) into v_last from lethe.policy_changes as c;
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.apply_controllers(policy);
  perform lethe_private.apply_tables(coalesce(policy -> 'tables', '{}'));
  perform lethe_private.apply_links(policy);
  perform lethe_private.apply_rules(policy, reason);

  -- Links are laid anew each time. Those that came back as they were have not changed.
  with same as (
    select array[a.id, b.id] as ids
    from lethe.policy_changes as a
    join lethe.policy_changes as b on b.object = a.object and b.id > v_last and b.before is null and b.after - 'id' = a.before - 'id'
    where a.id > v_last and a.after is null and a.object = 'links'
  )
  delete from lethe.policy_changes as c using same as s where c.id = any (s.ids);

  return query
    select case when c.before is null then 'added' when c.after is null then 'removed' else 'changed' end,
      c.object, c.before, c.after
    from lethe.policy_changes as c
    where c.id > v_last and c.by = session_user
    order by c.id;
end
$$;

ALTER FUNCTION lethe.apply_policy(policy jsonb, reason text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.apply_policy(policy jsonb, reason text) IS 'Makes the policy what the document says, in one transaction, and lists what changed. The document is described by docs/policy.schema.json.';

CREATE TABLE lethe.controllers (
    id integer NOT NULL,
    name text NOT NULL,
    title text,
    time_zone text NOT NULL,
    reference text,
    CONSTRAINT name_is_a_plain_word CHECK ((name ~ '^[a-z][a-z0-9_-]{0,62}$'::text))
);

ALTER TABLE lethe.controllers OWNER TO lethe_owner;

COMMENT ON TABLE lethe.controllers IS 'Who the data belongs to (GDPR Art. 4(7)). Rows, rules and people of one controller are invisible to another.';

COMMENT ON COLUMN lethe.controllers.time_zone IS 'IANA name. A day of this controller begins at midnight there.';

COMMENT ON COLUMN lethe.controllers.reference IS 'The value, as text, that a managed table''s controller column holds for this controller.';

CREATE TABLE lethe.managed_tables (
    id integer NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    controller_id integer,
    controller_column text,
    time_zone text,
    search_path text,
    key_columns text[] NOT NULL,
    sentinels date[] DEFAULT '{}'::date[] NOT NULL,
    CONSTRAINT controller_by_column_xor_constant CHECK ((num_nonnulls(controller_id, controller_column) = 1)),
    CONSTRAINT key_is_not_empty CHECK ((cardinality(key_columns) > 0))
);

ALTER TABLE lethe.managed_tables OWNER TO lethe_owner;

COMMENT ON TABLE lethe.managed_tables IS 'Tables of the host told to Lethe. Nothing else is ever read or changed.';

COMMENT ON COLUMN lethe.managed_tables.time_zone IS 'Zone in which the table''s timestamps without time zone are to be read; null: each controller''s own.';

COMMENT ON COLUMN lethe.managed_tables.search_path IS 'Search path under which the table''s triggers work; null: none but pg_catalog.';

COMMENT ON COLUMN lethe.managed_tables.sentinels IS 'Days that stand for "none" in this table''s clocks. Never due, and reported.';

CREATE FUNCTION lethe_private.has_controller(managed lethe.managed_tables, controller lethe.controllers) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN ((managed).controller_column IS NULL) THEN ((managed).controller_id = (controller).id) ELSE ((controller).reference IS NOT NULL) END;

ALTER FUNCTION lethe_private.has_controller(managed lethe.managed_tables, controller lethe.controllers) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.has_controller(managed lethe.managed_tables, controller lethe.controllers) IS 'True when the table can hold rows of the controller.';

CREATE FUNCTION lethe_private.today(time_zone text) RETURNS date
    LANGUAGE sql STABLE
    RETURN ((now() AT TIME ZONE time_zone))::date;

ALTER FUNCTION lethe_private.today(time_zone text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.today(time_zone text) IS 'The local day in a time zone.';

CREATE TABLE lethe.cycles (
    id bigint NOT NULL,
    controller_id integer NOT NULL,
    local_date date NOT NULL,
    covers_since date NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT covers_up_to_its_day CHECK ((covers_since <= local_date)),
    CONSTRAINT finished_unless_open CHECK (((finished_at IS NULL) = (state = 'open'::text))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'complete'::text, 'incomplete'::text])))
);

ALTER TABLE lethe.cycles OWNER TO lethe_owner;

COMMENT ON TABLE lethe.cycles IS 'One run over all that one controller has due on one of its local days.';

COMMENT ON COLUMN lethe.cycles.covers_since IS 'First local day that no earlier cycle covered: earlier than local_date when days were missed.';

CREATE FUNCTION lethe.controllers_due() RETURNS TABLE(controller text, local_date date)
    LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC
 SELECT c.name,
     lethe_private.today(c.time_zone) AS today
    FROM lethe.controllers c
   WHERE ((NOT (EXISTS ( SELECT
            FROM lethe.cycles y
           WHERE ((y.controller_id = c.id) AND (y.state <> 'open'::text) AND (y.local_date >= lethe_private.today(c.time_zone)))))) AND (EXISTS ( SELECT
            FROM lethe.managed_tables m
           WHERE lethe_private.has_controller(m.*, c.*))))
   ORDER BY c.name;
END;

ALTER FUNCTION lethe.controllers_due() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.controllers_due() IS 'Controllers whose local day has turned and has no finished cycle yet; one with an open cycle is listed, to be gone on with.';

CREATE FUNCTION lethe.controllers_to_run(controller text DEFAULT NULL::text) RETURNS TABLE(name text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if controllers_to_run.controller is not null then
    perform lethe_private.get_controller(controllers_to_run.controller);
  end if;
  return query
    select c.name from lethe.controllers as c
    where c.name = coalesce(controllers_to_run.controller, c.name)
    order by c.name;
end
$$;

ALTER FUNCTION lethe.controllers_to_run(controller text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.controllers_to_run(controller text) IS 'One controller, which must exist, or all. Raises LE101.';

CREATE TABLE lethe.cycle_tables (
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    table_name text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    phase text DEFAULT 'purge'::text NOT NULL,
    round integer DEFAULT 1 NOT NULL,
    pass integer DEFAULT 0 NOT NULL,
    found_in_pass bigint DEFAULT 0 NOT NULL,
    done_before_pass bigint DEFAULT 0 NOT NULL,
    done_before_round bigint DEFAULT 0 NOT NULL,
    rows_done bigint DEFAULT 0 NOT NULL,
    rows_found bigint DEFAULT 0 NOT NULL,
    batches integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    found jsonb DEFAULT '{}'::jsonb NOT NULL,
    skipped jsonb DEFAULT '{}'::jsonb NOT NULL,
    failure jsonb,
    CONSTRAINT failed_with_its_cause CHECK (((state = 'failed'::text) = (failure IS NOT NULL))),
    CONSTRAINT phase_is_known CHECK ((phase = ANY (ARRAY['purge'::text, 'columns'::text]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['waiting'::text, 'sweeping'::text, 'swept'::text, 'verified'::text, 'left over'::text, 'failed'::text])))
);

ALTER TABLE lethe.cycle_tables OWNER TO lethe_owner;

COMMENT ON TABLE lethe.cycle_tables IS 'How far a cycle has come with each managed table.';

COMMENT ON COLUMN lethe.cycle_tables.found IS 'Rows per rule that the first discovery found.';

COMMENT ON COLUMN lethe.cycle_tables.skipped IS 'Rows set aside one by one because the database refused them: phase, then SQLSTATE and constraint, then how many.';

COMMENT ON COLUMN lethe.cycle_tables.failure IS 'SQLSTATE, constraint and table of the error that stopped it. Never its message or detail: those carry people''s data.';

CREATE TABLE lethe.evidence (
    cycle_id bigint NOT NULL,
    table_name text NOT NULL,
    rule text NOT NULL,
    table_id integer NOT NULL,
    due bigint DEFAULT 0 NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    kept_by_child bigint DEFAULT 0 NOT NULL,
    skipped bigint DEFAULT 0 NOT NULL,
    skipped_why jsonb,
    unclocked bigint DEFAULT 0 NOT NULL,
    left_over bigint,
    CONSTRAINT skipped_with_its_causes CHECK (((skipped = 0) = (skipped_why IS NULL)))
);

ALTER TABLE lethe.evidence OWNER TO lethe_owner;

COMMENT ON TABLE lethe.evidence IS 'What a cycle did, in figures, per table and rule.';

COMMENT ON COLUMN lethe.evidence.due IS 'Rows found due when the cycle looked first, held ones included.';

COMMENT ON COLUMN lethe.evidence.kept_by_child IS 'Due rows that stay because a row that is not leaving references them.';

COMMENT ON COLUMN lethe.evidence.unclocked IS 'Rows that no term can ever make due as they stand: clock null, infinite or a sentinel.';

COMMENT ON COLUMN lethe.evidence.left_over IS 'Rows still due when the data was read again after the last batch. Zero, or the cycle is incomplete; null: the table could not be read.';

CREATE FUNCTION lethe.cycle_faults(cycle_id bigint) RETURNS TABLE(table_name text, state text, sqlstate text, "constraint" text, left_over bigint, skipped_why jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC
 SELECT t.table_name,
     t.state,
     (t.failure ->> 'sqlstate'::text),
     (t.failure ->> 'constraint'::text),
     ( SELECT (sum(e.left_over))::bigint AS sum
            FROM lethe.evidence e
           WHERE ((e.cycle_id = t.cycle_id) AND (e.table_id = t.table_id))) AS sum,
     NULLIF(t.skipped, '{}'::jsonb) AS "nullif"
    FROM lethe.cycle_tables t
   WHERE ((t.cycle_id = cycle_faults.cycle_id) AND (t.state = ANY (ARRAY['failed'::text, 'left over'::text])))
   ORDER BY t.table_name;
END;

ALTER FUNCTION lethe.cycle_faults(cycle_id bigint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.cycle_faults(cycle_id bigint) IS 'The tables that keep a cycle from being complete, and why: SQLSTATE and constraint, or how many rows are left.';

CREATE FUNCTION lethe.cycle_report(cycle_id bigint) RETURNS TABLE(table_name text, rule text, due bigint, done bigint, held bigint, kept_by_child bigint, skipped bigint, skipped_why jsonb, unclocked bigint, left_over bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC
 SELECT e.table_name,
     e.rule,
     e.due,
     e.done,
     e.held,
     e.kept_by_child,
     e.skipped,
     e.skipped_why,
     e.unclocked,
     e.left_over
    FROM lethe.evidence e
   WHERE (e.cycle_id = cycle_report.cycle_id)
   ORDER BY e.table_name, e.rule;
END;

ALTER FUNCTION lethe.cycle_report(cycle_id bigint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.cycle_report(cycle_id bigint) IS 'The evidence of a cycle, for whoever runs it.';

CREATE FUNCTION lethe.drop_rule("table" text, action text, "column" text DEFAULT NULL::text, purpose text DEFAULT NULL::text, controller text DEFAULT NULL::text, reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) IS 'Takes one term of a rule back; the rule goes with its last term. Raises LE101, LE102, LE107, LE502.';

CREATE FUNCTION lethe.export_policy() RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform lethe_private.assert_may_change(null);
  return jsonb_build_object(
    'version', 1,
    'controllers', coalesce((
      select jsonb_object_agg(c.name, jsonb_strip_nulls(jsonb_build_object('title', c.title, 'time_zone', c.time_zone, 'reference', c.reference)))
      from lethe.controllers as c), '{}'),
    'subjects', coalesce((
      select jsonb_object_agg(s.name, jsonb_strip_nulls(jsonb_build_object('table', lethe_private.plain_name(m),
        'identifiers', nullif(to_jsonb(s.identifiers), '[]'), 'links', lethe_private.export_links(s.id))))
      from lethe.subject_types as s join lethe.managed_tables as m on m.id = s.table_id), '{}'),
    'tables', coalesce((
      select jsonb_object_agg(lethe_private.plain_name(m), lethe_private.export_rules(m.id, null) || jsonb_strip_nulls(jsonb_build_object(
        'controller', case when m.controller_column is null then jsonb_build_object('constant', c.name) else jsonb_build_object('column', m.controller_column) end,
        'time_zone', m.time_zone, 'search_path', m.search_path, 'key', m.key_columns,
        'sentinels', nullif(to_jsonb(m.sentinels), '[]'),
        'with', (select jsonb_agg(x.name order by x.n) from (
                   select unnest(l.columns) as name, generate_subscripts(l.columns, 1) as n from lethe.links as l
                   where l.table_id = m.id and l.subject_type_id is null and l.on_purge = 'with parent') as x),
        'unlink', (select jsonb_agg(l.columns[1] order by l.columns[1]) from lethe.links as l
                   where l.table_id = m.id and l.subject_type_id is null and l.on_purge = 'unlink'))))
      from lethe.managed_tables as m left join lethe.controllers as c on c.id = m.controller_id), '{}'))
    || coalesce((
      select jsonb_build_object('overrides', jsonb_object_agg(o.name, o.tables))
      from (
        select c.name, jsonb_object_agg(lethe_private.plain_name(m), lethe_private.export_rules(m.id, c.id)) as tables
        from lethe.controllers as c
        cross join lethe.managed_tables as m
        where exists (select from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where t.controller_id = c.id and r.table_id = m.id)
        group by c.name
      ) as o
      having count(*) > 0), '{}');
end
$$;

ALTER FUNCTION lethe.export_policy() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.export_policy() IS 'The policy in force as a document; applying it changes nothing. Raises LE502.';

CREATE FUNCTION lethe.finish_cycle(cycle_id bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_open int;
begin
  if v_cycle.state <> 'open' then
    return v_cycle.state;
  end if;
  select count(*) into v_open from lethe.cycle_tables as t
  where t.cycle_id = finish_cycle.cycle_id and t.state in ('waiting', 'sweeping', 'swept');
  if v_open > 0 then
    return 'open';
  end if;

  update lethe.cycles as c
  set state = case when exists (
        select from lethe.cycle_tables as t
        where t.cycle_id = finish_cycle.cycle_id and t.state <> 'verified') then 'incomplete' else 'complete' end,
      finished_at = clock_timestamp()
  where c.id = finish_cycle.cycle_id
  returning * into v_cycle;
  delete from lethe_private.worklist as w where w.cycle_id = finish_cycle.cycle_id;
  delete from lethe_private.compiled as p where p.cycle_id = finish_cycle.cycle_id;
  return v_cycle.state;
end
$$;

ALTER FUNCTION lethe.finish_cycle(cycle_id bigint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.finish_cycle(cycle_id bigint) IS 'Closes a cycle whose tables are all verified, left over or failed: complete or incomplete; open while some are not. Raises LE403.';

CREATE FUNCTION lethe.generalize_date(value date, "to" text, width integer) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (isfinite(value) IS NOT TRUE) THEN value WHEN ("to" = 'month'::text) THEN (GREATEST(value, '0001-01-01'::date) - ((EXTRACT(day FROM GREATEST(value, '0001-01-01'::date)))::integer - 1)) WHEN ("to" = 'year'::text) THEN make_date(GREATEST(1, (EXTRACT(year FROM value))::integer), 1, 1) ELSE make_date(GREATEST(1, ((EXTRACT(year FROM value))::integer - ((EXTRACT(year FROM value))::integer % GREATEST(width, 1)))), 1, 1) END;

ALTER FUNCTION lethe.generalize_date(value date, "to" text, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_date(value date, "to" text, width integer) IS 'First day of the month, the year or the age_band (of so many years) that the date lies in. Infinite dates stay.';

CREATE FUNCTION lethe.generalize_date(value timestamp without time zone, "to" text, width integer) RETURNS timestamp without time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (isfinite(value) IS NOT TRUE) THEN value WHEN ("to" = 'month'::text) THEN date_trunc('month'::text, GREATEST(value, '0001-01-01 00:00:00'::timestamp without time zone)) WHEN ("to" = 'year'::text) THEN date_trunc('year'::text, GREATEST(value, '0001-01-01 00:00:00'::timestamp without time zone)) ELSE make_timestamp(GREATEST(1, ((EXTRACT(year FROM value))::integer - ((EXTRACT(year FROM value))::integer % GREATEST(width, 1)))), 1, 1, 0, 0, (0)::double precision) END;

ALTER FUNCTION lethe.generalize_date(value timestamp without time zone, "to" text, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_date(value timestamp without time zone, "to" text, width integer) IS 'First instant of the month, the year or the age_band (of so many years) that the timestamp lies in. Infinite ones stay.';

CREATE FUNCTION lethe.generalize_date(value timestamp with time zone, "to" text, width integer) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (lethe.generalize_date((value AT TIME ZONE 'UTC'::text), "to", width) AT TIME ZONE 'UTC'::text);

ALTER FUNCTION lethe.generalize_date(value timestamp with time zone, "to" text, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_date(value timestamp with time zone, "to" text, width integer) IS 'First instant, in UTC, of the month, the year or the age_band (of so many years) that the instant lies in. Infinite ones stay.';

CREATE FUNCTION lethe.generalize_ip(value cidr, v4 integer, v6 integer) RETURNS cidr
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN set_masklen(value, LEAST(masklen((value)::inet), CASE family((value)::inet) WHEN 4 THEN v4 ELSE v6 END));

ALTER FUNCTION lethe.generalize_ip(value cidr, v4 integer, v6 integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_ip(value cidr, v4 integer, v6 integer) IS 'The network around the network, of at most v4 or v6 bits.';

CREATE FUNCTION lethe.generalize_ip(value inet, v4 integer, v6 integer) RETURNS inet
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN network(set_masklen(value, LEAST(masklen(value), CASE family(value) WHEN 4 THEN v4 ELSE v6 END)));

ALTER FUNCTION lethe.generalize_ip(value inet, v4 integer, v6 integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_ip(value inet, v4 integer, v6 integer) IS 'The network of the address, of at most v4 or v6 bits.';

CREATE FUNCTION lethe.generalize_ip(value text, v4 integer, v6 integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (COALESCE(value, ''::text) = (''::text COLLATE "C")) THEN value WHEN ((value COLLATE "C") ~ '^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'::text) THEN host((network(set_masklen((value)::inet, v4)))::inet) WHEN ((value COLLATE "C") ~* '^::ffff:((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'::text) THEN host((network(set_masklen((substr(value, 8))::inet, v4)))::inet) WHEN ((value COLLATE "C") ~* '^(([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?!(.*:){8})([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?::([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?)$'::text) THEN host((network(set_masklen((value)::inet, v6)))::inet) ELSE '0.0.0.0'::text END;

ALTER FUNCTION lethe.generalize_ip(value text, v4 integer, v6 integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_ip(value text, v4 integer, v6 integer) IS 'The first address of the network of v4 or v6 bits around an address written as text; 0.0.0.0 for text that is none.';

CREATE FUNCTION lethe.generalize_number(value real, width integer) RETURNS real
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (abs(value) < (GREATEST(width, 1))::double precision) THEN (0)::real WHEN ((value > '-Infinity'::real) AND (value < 'Infinity'::real)) THEN (((trunc((GREATEST(('-16777216'::integer)::double precision, LEAST((16777216)::double precision, (value)::double precision)) / (GREATEST(width, 1))::double precision)) * (GREATEST(width, 1))::double precision) + (0)::double precision))::real ELSE value END;

ALTER FUNCTION lethe.generalize_number(value real, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_number(value real, width integer) IS 'The multiple of the width at or next to the value, towards zero, within 2^24 of zero. NaN and infinite values stay.';

CREATE FUNCTION lethe.generalize_number(value double precision, width integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (abs(value) < (GREATEST(width, 1))::double precision) THEN (0)::double precision WHEN ((value > '-Infinity'::double precision) AND (value < 'Infinity'::double precision)) THEN ((trunc((GREATEST(('-9007199254740992'::bigint)::double precision, LEAST(('9007199254740992'::bigint)::double precision, value)) / (GREATEST(width, 1))::double precision)) * (GREATEST(width, 1))::double precision) + (0)::double precision) ELSE value END;

ALTER FUNCTION lethe.generalize_number(value double precision, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_number(value double precision, width integer) IS 'The multiple of the width at or next to the value, towards zero, within 2^53 of zero. NaN and infinite values stay.';

CREATE FUNCTION lethe.generalize_number(value smallint, width integer) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value - ((value)::integer % GREATEST(width, 1))))::smallint;

ALTER FUNCTION lethe.generalize_number(value smallint, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_number(value smallint, width integer) IS 'The multiple of the width at or next to the value, towards zero.';

CREATE FUNCTION lethe.generalize_number(value integer, width integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value - (value % GREATEST(width, 1)));

ALTER FUNCTION lethe.generalize_number(value integer, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_number(value integer, width integer) IS 'The multiple of the width at or next to the value, towards zero.';

CREATE FUNCTION lethe.generalize_number(value bigint, width integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value - (value % (GREATEST(width, 1))::bigint));

ALTER FUNCTION lethe.generalize_number(value bigint, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_number(value bigint, width integer) IS 'The multiple of the width at or next to the value, towards zero.';

CREATE FUNCTION lethe.generalize_number(value numeric, width integer) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((value > '-Infinity'::numeric) AND (value < 'Infinity'::numeric)) THEN (value - (value % (GREATEST(width, 1))::numeric)) ELSE value END;

ALTER FUNCTION lethe.generalize_number(value numeric, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.generalize_number(value numeric, width integer) IS 'The multiple of the width at or next to the value, towards zero. NaN and infinite values stay.';

CREATE FUNCTION lethe.is_generalize_date(value date, "to" text, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_date(value, "to", width));

ALTER FUNCTION lethe.is_generalize_date(value date, "to" text, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_date(value date, "to" text, width integer) IS 'True when lethe.generalize_date would leave the date as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_date(value timestamp without time zone, "to" text, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_date(value, "to", width));

ALTER FUNCTION lethe.is_generalize_date(value timestamp without time zone, "to" text, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_date(value timestamp without time zone, "to" text, width integer) IS 'True when lethe.generalize_date would leave the timestamp as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_date(value timestamp with time zone, "to" text, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_date(value, "to", width));

ALTER FUNCTION lethe.is_generalize_date(value timestamp with time zone, "to" text, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_date(value timestamp with time zone, "to" text, width integer) IS 'True when lethe.generalize_date would leave the instant as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_ip(value cidr, v4 integer, v6 integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value)::inet = (lethe.generalize_ip(value, v4, v6))::inet);

ALTER FUNCTION lethe.is_generalize_ip(value cidr, v4 integer, v6 integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_ip(value cidr, v4 integer, v6 integer) IS 'True when lethe.generalize_ip would leave the network as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_ip(value inet, v4 integer, v6 integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_ip(value, v4, v6));

ALTER FUNCTION lethe.is_generalize_ip(value inet, v4 integer, v6 integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_ip(value inet, v4 integer, v6 integer) IS 'True when lethe.generalize_ip would leave the address as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_ip(value text, v4 integer, v6 integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value COLLATE "C") = lethe.generalize_ip(value, v4, v6));

ALTER FUNCTION lethe.is_generalize_ip(value text, v4 integer, v6 integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_ip(value text, v4 integer, v6 integer) IS 'True when lethe.generalize_ip would leave the text as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_number(value real, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_number(value, width));

ALTER FUNCTION lethe.is_generalize_number(value real, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_number(value real, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_number(value double precision, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_number(value, width));

ALTER FUNCTION lethe.is_generalize_number(value double precision, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_number(value double precision, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_number(value smallint, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_number(value, width));

ALTER FUNCTION lethe.is_generalize_number(value smallint, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_number(value smallint, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_number(value integer, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_number(value, width));

ALTER FUNCTION lethe.is_generalize_number(value integer, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_number(value integer, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_number(value bigint, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_number(value, width));

ALTER FUNCTION lethe.is_generalize_number(value bigint, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_number(value bigint, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

CREATE FUNCTION lethe.is_generalize_number(value numeric, width integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value = lethe.generalize_number(value, width));

ALTER FUNCTION lethe.is_generalize_number(value numeric, width integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_generalize_number(value numeric, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

CREATE FUNCTION lethe.is_partial(value text, keep_start integer, keep_end integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (char_length(value) < (2 * (keep_start + keep_end))) THEN (ltrim(value, '*'::text) = (''::text COLLATE "C")) ELSE (ltrim(substr(value, (keep_start + 1), ((char_length(value) - keep_start) - keep_end)), '*'::text) = (''::text COLLATE "C")) END;

ALTER FUNCTION lethe.is_partial(value text, keep_start integer, keep_end integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_partial(value text, keep_start integer, keep_end integer) IS 'True when lethe.partial would leave the value as it is; null for null.';

CREATE FUNCTION lethe.is_pseudonym(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((octet_length(value) >= 10) AND (octet_length(value) <= 34)) AND ((value COLLATE "C") ~ '^p-[0-9a-f]+$'::text));

ALTER FUNCTION lethe.is_pseudonym(value text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_pseudonym(value text) IS 'True for p- and 8 to 32 hexadecimal digits; null for null.';

CREATE FUNCTION lethe.is_pseudonym_email(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((octet_length(value) >= 27) AND (octet_length(value) <= 51)) AND ("right"(value, 19) = ('@anonymized.invalid'::text COLLATE "C")) AND (("left"(value, '-19'::integer) COLLATE "C") ~ '^[0-9a-f]+$'::text));

ALTER FUNCTION lethe.is_pseudonym_email(value text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_pseudonym_email(value text) IS 'True for 8 to 32 hexadecimal digits at anonymized.invalid; null for null.';

CREATE FUNCTION lethe.is_pseudonym_uuid(value uuid) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (substr((value)::text, 15, 9) = ('8e7e-8e7e'::text COLLATE "C"));

ALTER FUNCTION lethe.is_pseudonym_uuid(value uuid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_pseudonym_uuid(value uuid) IS 'True for a uuid of the form ********-****-8e7e-8e7e-************; null for null.';

CREATE FUNCTION lethe.is_scrub(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value COLLATE "C") !~ '[0-9@\uFF20\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19]'::text);

ALTER FUNCTION lethe.is_scrub(value text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.is_scrub(value text) IS 'True for text without a digit and without an at sign; null for null.';

CREATE FUNCTION lethe.keyed_hash(value text, inner_pad bytea, outer_pad bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256((outer_pad || sha256((inner_pad || (replace((value COLLATE "C"), '\'::text, '\\'::text))::bytea))));

ALTER FUNCTION lethe.keyed_hash(value text, inner_pad bytea, outer_pad bytea) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.keyed_hash(value text, inner_pad bytea, outer_pad bytea) IS 'HMAC-SHA-256 of a text in the database''s encoding. The key comes as its inner and outer pad (key xor 0x3636..., key xor 0x5c5c...), 64 bytes each.';

CREATE FUNCTION lethe.manage_table("table" text, controller text DEFAULT NULL::text, controller_column text DEFAULT NULL::text, time_zone text DEFAULT NULL::text, search_path text DEFAULT NULL::text, key text[] DEFAULT NULL::text[], sentinels text[] DEFAULT NULL::text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_oid oid := lethe_private.resolve_table("table");
  v_controller_id int;
  v_key text[];
  v_missing text;
  v_id int;
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_manageable(v_oid);
  v_controller_id := lethe_private.table_controller(v_oid, manage_table.controller, manage_table.controller_column);
  v_key := coalesce(manage_table.key, lethe_private.usable_key(v_oid));
  if v_key is null or manage_table.key is not null and not lethe_private.identifies_rows(v_oid, manage_table.key) then
    raise exception using errcode = 'LE201',
      message = format('table %s has no usable key%s', lethe_private.host_name(v_oid), coalesce(' in ' || array_to_string(manage_table.key, ', '), '')),
      hint = 'add a primary key, or a complete unique index over columns that are NOT NULL';
  end if;
  if manage_table.time_zone is not null then
    perform lethe_private.assert_time_zone(manage_table.time_zone);
  end if;
  select string_agg(p.name, ', ') into v_missing
  from (select btrim(btrim(s), '"') as name from unnest(string_to_array(manage_table.search_path, ',')) as s) as p
  where p.name <> '$user' and p.name <> 'pg_temp' and not exists (select from pg_namespace as n where n.nspname = p.name);
  if v_missing is not null then
    raise exception using errcode = 'LE106',
      message = format('search path of %s names schema %s, which does not exist', lethe_private.host_name(v_oid), v_missing),
      hint = 'name existing schemas, separated by commas';
  end if;

  insert into lethe.managed_tables as m
    (schema_name, table_name, controller_id, controller_column, time_zone, search_path, key_columns, sentinels)
  select n.nspname, c.relname, v_controller_id, manage_table.controller_column, manage_table.time_zone,
    manage_table.search_path, v_key, lethe_private.read_days(manage_table.sentinels)
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid
  on conflict (schema_name, table_name) do update
  set controller_id = excluded.controller_id, controller_column = excluded.controller_column, time_zone = excluded.time_zone,
      search_path = excluded.search_path, key_columns = excluded.key_columns, sentinels = excluded.sentinels
  returning m.id into v_id;
  return v_id;
end
$_$;

ALTER FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[]) IS 'Tells Lethe of a table: whose rows it holds (one controller, or a column that says), in which zone its timestamps are, and so on. Returns its id. Raises LE101 to LE106, LE201 to LE203, LE502.';

CREATE FUNCTION lethe_private.host_name(relation oid) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT format('%I.%I'::text, n.nspname, c.relname) AS format
    FROM (pg_class c
      JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
   WHERE (c.oid = host_name.relation);
END;

ALTER FUNCTION lethe_private.host_name(relation oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.host_name(relation oid) IS 'The quoted, qualified name of a relation.';

CREATE FUNCTION lethe_private.host_table(schema_name text, table_name text) RETURNS oid
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT c.oid
    FROM (pg_class c
      JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
   WHERE ((n.nspname = host_table.schema_name) AND (c.relname = host_table.table_name) AND (c.relkind = ANY (ARRAY['r'::"char", 'p'::"char", 'v'::"char", 'm'::"char", 'f'::"char"])));
END;

ALTER FUNCTION lethe_private.host_table(schema_name text, table_name text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.host_table(schema_name text, table_name text) IS 'The oid of a relation by its exact names; null when there is none.';

CREATE TABLE lethe.links (
    id integer NOT NULL,
    subject_type_id integer,
    table_id integer NOT NULL,
    columns text[] NOT NULL,
    to_table_id integer NOT NULL,
    to_columns text[] NOT NULL,
    foreign_key text,
    kind text,
    on_purge text DEFAULT 'keep'::text NOT NULL,
    on_erasure jsonb,
    CONSTRAINT columns_pair_up CHECK (((cardinality(columns) > 0) AND (cardinality(columns) = cardinality(to_columns)))),
    CONSTRAINT kind_goes_with_a_subject CHECK (((kind IS NULL) = (subject_type_id IS NULL))),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['own'::text, 'share'::text, 'mention'::text, 'ignore'::text]))),
    CONSTRAINT on_purge_is_known CHECK ((on_purge = ANY (ARRAY['keep'::text, 'with parent'::text, 'unlink'::text])))
);

ALTER TABLE lethe.links OWNER TO lethe_owner;

COMMENT ON TABLE lethe.links IS 'How rows of one managed table refer to another, to whom they belong, and what happens to them when that row is purged.';

COMMENT ON COLUMN lethe.links.foreign_key IS 'Name of the constraint behind the link; null: declared by hand.';

COMMENT ON COLUMN lethe.links.on_purge IS 'keep: the referenced row stays while this one exists. with parent: this row goes with it. unlink: the reference is set to null.';

CREATE VIEW lethe_private.host_references AS
 SELECT k.oid AS constraint_id,
    (k.conname)::text AS foreign_key,
    k.conrelid AS child,
    k.confrelid AS parent,
        CASE
            WHEN COALESCE(((to_jsonb(k.*) ->> 'conenforced'::text))::boolean, true) THEN k.confdeltype
            ELSE 'a'::"char"
        END AS on_delete,
    k.conkey AS child_positions,
    ( SELECT array_agg((a.attname)::text ORDER BY p.n) AS array_agg
           FROM (unnest(k.conkey) WITH ORDINALITY p(attnum, n)
             JOIN pg_attribute a ON (((a.attrelid = k.conrelid) AND (a.attnum = p.attnum))))) AS child_columns,
    ( SELECT array_agg((a.attname)::text ORDER BY p.n) AS array_agg
           FROM (unnest(k.confkey) WITH ORDINALITY p(attnum, n)
             JOIN pg_attribute a ON (((a.attrelid = k.confrelid) AND (a.attnum = p.attnum))))) AS parent_columns
   FROM pg_constraint k
  WHERE ((k.contype = 'f'::"char") AND (k.conparentid = (0)::oid));

ALTER TABLE lethe_private.host_references OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.host_references IS 'Foreign keys, each once.';

CREATE FUNCTION lethe_private.references_to(parent oid) RETURNS TABLE(child oid, child_columns text[], parent_columns text[], foreign_key text, cascades boolean, on_purge text, managed_id integer)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 WITH RECURSIVE family AS (
          SELECT references_to.parent AS oid
         UNION
          SELECT i.inhrelid
            FROM (family f
              JOIN pg_inherits i ON ((i.inhparent = f.oid)))
         ), refs AS (
          SELECT r.child,
             r.child_columns,
             r.parent_columns,
             r.foreign_key,
             (r.on_delete = 'c'::"char") AS cascades
            FROM (lethe_private.host_references r
              JOIN family f ON ((f.oid = r.parent)))
         UNION ALL
          SELECT lethe_private.host_table(c.schema_name, c.table_name) AS host_table,
             l_1.columns,
             l_1.to_columns,
             NULL::text,
             false
            FROM ((lethe.links l_1
              JOIN lethe.managed_tables c ON ((c.id = l_1.table_id)))
              JOIN lethe.managed_tables p ON ((p.id = l_1.to_table_id)))
           WHERE ((l_1.foreign_key IS NULL) AND (lethe_private.host_table(p.schema_name, p.table_name) = references_to.parent))
         )
  SELECT DISTINCT ON (refs.child, refs.child_columns, refs.parent_columns) refs.child,
     refs.child_columns,
     refs.parent_columns,
     refs.foreign_key,
     refs.cascades,
     COALESCE(l.on_purge, 'keep'::text) AS "coalesce",
     m.id
    FROM ((refs
      LEFT JOIN lethe.managed_tables m ON ((lethe_private.host_table(m.schema_name, m.table_name) = refs.child)))
      LEFT JOIN lethe.links l ON (((l.table_id = m.id) AND (l.columns = refs.child_columns) AND (( SELECT lethe_private.host_table(t.schema_name, t.table_name) AS host_table
            FROM lethe.managed_tables t
           WHERE (t.id = l.to_table_id)) = references_to.parent))))
   ORDER BY refs.child, refs.child_columns, refs.parent_columns,
         CASE COALESCE(l.on_purge, 'keep'::text)
             WHEN 'keep'::text THEN 1
             WHEN 'unlink'::text THEN 2
             ELSE 3
         END;
END;

ALTER FUNCTION lethe_private.references_to(parent oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.references_to(parent oid) IS 'Every way in which rows of other tables, or of its own, refer to a table, and what the policy says of each.';

CREATE TABLE lethe.rules (
    id integer NOT NULL,
    table_id integer NOT NULL,
    column_name text,
    action text NOT NULL,
    CONSTRAINT action_is_known CHECK ((action = ANY (ARRAY['anonymize'::text, 'purge'::text]))),
    CONSTRAINT rows_are_purged CHECK (((column_name IS NOT NULL) OR (action = 'purge'::text)))
);

ALTER TABLE lethe.rules OWNER TO lethe_owner;

COMMENT ON TABLE lethe.rules IS 'What happens to a column (or, where column_name is null, to the whole row) of a managed table. When is said by its terms.';

CREATE TABLE lethe.settings (
    only_row boolean DEFAULT true NOT NULL,
    batch_rows integer DEFAULT 5000 NOT NULL,
    lock_timeout interval DEFAULT '00:00:02'::interval NOT NULL,
    attempts_max integer DEFAULT 5 NOT NULL,
    rounds_max integer DEFAULT 5 NOT NULL,
    skipped_rows_max integer DEFAULT 1000 NOT NULL,
    pause_ratio numeric DEFAULT 1 NOT NULL,
    window_starts_at time without time zone DEFAULT '00:00:00'::time without time zone NOT NULL,
    window_ends_at time without time zone DEFAULT '24:00:00'::time without time zone NOT NULL,
    replica_lag_max interval,
    CONSTRAINT attempts_max_positive CHECK ((attempts_max > 0)),
    CONSTRAINT batch_rows_positive CHECK (((batch_rows >= 1) AND (batch_rows <= 100000))),
    CONSTRAINT lock_timeout_positive CHECK ((lock_timeout > '00:00:00'::interval)),
    CONSTRAINT one_row CHECK (only_row),
    CONSTRAINT pause_ratio_not_negative CHECK ((pause_ratio >= (0)::numeric)),
    CONSTRAINT replica_lag_max_positive CHECK ((replica_lag_max > '00:00:00'::interval)),
    CONSTRAINT rounds_max_positive CHECK ((rounds_max > 0)),
    CONSTRAINT skipped_rows_max_not_negative CHECK ((skipped_rows_max >= 0))
);

ALTER TABLE lethe.settings OWNER TO lethe_owner;

COMMENT ON TABLE lethe.settings IS 'How cycles share the machine. One row.';

COMMENT ON COLUMN lethe.settings.pause_ratio IS 'The worker pauses after each batch for as long as it took, times this.';

COMMENT ON COLUMN lethe.settings.window_starts_at IS 'Local time of the controller from which the worker may sweep; a window that ends before it starts spans midnight.';

COMMENT ON COLUMN lethe.settings.replica_lag_max IS 'Sweeping waits while any replica replays later than this; null: never.';

CREATE TABLE lethe.terms (
    id integer NOT NULL,
    rule_id integer NOT NULL,
    controller_id integer,
    purpose text,
    after interval NOT NULL,
    since text[] NOT NULL,
    "when" text,
    condition text,
    method text,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT after_is_whole_days_or_more CHECK (((after >= '1 day'::interval) AND (after = date_trunc('day'::text, after)) AND (EXTRACT(year FROM after) >= (0)::numeric) AND (EXTRACT(month FROM after) >= (0)::numeric) AND (EXTRACT(day FROM after) >= (0)::numeric))),
    CONSTRAINT condition_comes_from_when CHECK ((("when" IS NULL) = (condition IS NULL))),
    CONSTRAINT since_is_not_empty CHECK ((cardinality(since) > 0))
);

ALTER TABLE lethe.terms OWNER TO lethe_owner;

COMMENT ON TABLE lethe.terms IS 'One purpose''s term of a rule. A value is due when the last term that applies to it has expired. A controller''s own term replaces the default of the same purpose.';

COMMENT ON COLUMN lethe.terms.since IS 'The clock: one column, or several of which the latest counts (nulls ignored).';

COMMENT ON COLUMN lethe.terms."when" IS 'The predicate as it was given; the term applies where it holds. Null: applies where the clock is usable.';

COMMENT ON COLUMN lethe.terms.condition IS 'The same predicate as PostgreSQL reads it, names qualified: this is what runs.';

CREATE VIEW lethe_private.host_columns AS
 SELECT a.attrelid AS relation,
    a.attnum AS "position",
    (a.attname)::text AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    format_type(
        CASE
            WHEN (t.typtype = 'd'::"char") THEN t.typbasetype
            ELSE a.atttypid
        END, '-1'::integer) AS base_type,
    (COALESCE(b.typname, t.typname))::text AS type_name,
    COALESCE(b.typcategory, t.typcategory) AS type_category,
    (COALESCE(bn.nspname, tn.nspname))::text AS type_schema,
    (tn.nspname)::text AS declared_type_schema,
        CASE
            WHEN (COALESCE(b.typname, t.typname) = ANY (ARRAY['varchar'::name, 'bpchar'::name])) THEN (NULLIF(
            CASE
                WHEN (a.atttypmod >= 0) THEN a.atttypmod
                ELSE t.typtypmod
            END, '-1'::integer) - 4)
            ELSE NULL::integer
        END AS length,
    (a.attnotnull OR t.typnotnull) AS not_null,
    (a.attgenerated <> ''::"char") AS is_generated,
    (a.attidentity <> ''::"char") AS is_identity
   FROM ((((pg_attribute a
     JOIN pg_type t ON ((t.oid = a.atttypid)))
     JOIN pg_namespace tn ON ((tn.oid = t.typnamespace)))
     LEFT JOIN pg_type b ON (((t.typtype = 'd'::"char") AND (b.oid = t.typbasetype))))
     LEFT JOIN pg_namespace bn ON ((bn.oid = b.typnamespace)))
  WHERE ((a.attnum > 0) AND (NOT a.attisdropped));

ALTER TABLE lethe_private.host_columns OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.host_columns IS 'Live columns of every relation, domains resolved to their base type.';

CREATE FUNCTION lethe.missing_rights() RETURNS TABLE(object text, need text, remedy text)
    LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC
 WITH managed AS (
          SELECT m.id,
             lethe_private.host_table(m.schema_name, m.table_name) AS oid,
             m.controller_column,
             m.key_columns
            FROM lethe.managed_tables m
         ), child AS (
          SELECT r.child AS oid,
             r.on_purge,
             r.cascades,
             r.child_columns
            FROM (managed m
              CROSS JOIN LATERAL lethe_private.references_to(m.oid) r(child, child_columns, parent_columns, foreign_key, cascades, on_purge, managed_id))
           WHERE ((EXISTS ( SELECT
                    FROM lethe.rules u
                   WHERE ((u.table_id = m.id) AND (u.column_name IS NULL)))) OR (EXISTS ( SELECT
                    FROM lethe.links l
                   WHERE ((l.table_id = m.id) AND (l.on_purge = 'with parent'::text)))))
         ), needed AS (
          SELECT m.oid,
             'select'::text AS privilege,
             NULL::text AS column_name
            FROM managed m
         UNION
          SELECT c.oid,
             'select'::text,
             NULL::text
            FROM child c
         UNION
          SELECT c.oid,
             'delete'::text,
             NULL::text
            FROM child c
           WHERE ((c.on_purge = 'with parent'::text) AND (NOT c.cascades))
         UNION
          SELECT c.oid,
             'update'::text,
             c.child_columns[1] AS child_columns
            FROM child c
           WHERE ((c.on_purge = 'with parent'::text) AND (EXISTS ( SELECT
                    FROM lethe_private.references_to(c.oid) references_to(child, child_columns, parent_columns, foreign_key, cascades, on_purge, managed_id))))
         UNION
          SELECT c.oid,
             'update'::text,
             x.x
            FROM (child c
              CROSS JOIN LATERAL unnest(c.child_columns) x(x))
           WHERE (c.on_purge = 'unlink'::text)
         UNION
          SELECT m.oid,
             'update'::text,
             r.column_name
            FROM (managed m
              JOIN lethe.rules r ON (((r.table_id = m.id) AND (r.column_name IS NOT NULL))))
         UNION
          SELECT m.oid,
             'delete'::text,
             NULL::text
            FROM (managed m
              JOIN lethe.rules r ON (((r.table_id = m.id) AND (r.column_name IS NULL))))
         UNION
          SELECT m.oid,
             'update'::text,
             m.key_columns[1] AS key_columns
            FROM (managed m
              JOIN lethe.rules r ON (((r.table_id = m.id) AND (r.column_name IS NULL))))
           WHERE ((EXISTS ( SELECT
                    FROM lethe_private.references_to(m.oid) references_to(child, child_columns, parent_columns, foreign_key, cascades, on_purge, managed_id))) AND (NOT (EXISTS ( SELECT
                    FROM lethe.rules u
                   WHERE ((u.table_id = m.id) AND (u.column_name IS NOT NULL))))))
         ), missing AS (
          SELECT n.oid,
             n.privilege,
             n.column_name,
             ((n.oid IS NOT NULL) AND
                 CASE
                     WHEN (n.column_name IS NULL) THEN has_table_privilege('lethe_sweeper'::name, n.oid, n.privilege)
                     ELSE (EXISTS ( SELECT
                        FROM lethe_private.host_columns h
                       WHERE ((h.relation = n.oid) AND (h.name = n.column_name) AND has_column_privilege('lethe_sweeper'::name, n.oid, h."position", 'update'::text))))
                 END) AS granted
            FROM needed n
         )
  SELECT format('schema %I'::text, s.nspname) AS format,
     'lethe_sweeper: usage'::text,
     format('grant usage on schema %I to lethe_sweeper'::text, s.nspname) AS format
    FROM ( SELECT DISTINCT n.nspname,
             n.oid
            FROM ((needed d
              JOIN pg_class c ON ((c.oid = d.oid)))
              JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
         UNION
          SELECT n.nspname,
             n.oid
            FROM ((managed m
              JOIN lethe_private.host_columns h ON ((h.relation = m.oid)))
              JOIN pg_namespace n ON (((n.nspname = h.declared_type_schema) OR (n.nspname = h.type_schema))))
           WHERE ((n.nspname <> 'pg_catalog'::name) AND ((h.name = m.controller_column) OR (EXISTS ( SELECT
                    FROM lethe.rules r
                   WHERE ((r.table_id = m.id) AND (r.column_name = h.name) AND (r.action = 'anonymize'::text)))) OR (EXISTS ( SELECT
                    FROM (lethe.rules r
                      JOIN lethe.terms t ON ((t.rule_id = r.id)))
                   WHERE ((r.table_id = m.id) AND (strpos(t.condition, (quote_ident((n.nspname)::text) || '.'::text)) > 0))))))) s
   WHERE (NOT has_schema_privilege('lethe_sweeper'::name, s.oid, 'usage'::text))
 UNION ALL
  SELECT lethe_private.host_name(m.oid) AS host_name,
     ('lethe_sweeper: '::text || string_agg(DISTINCT m.privilege, ', '::text)),
     format('grant %s on %s to lethe_sweeper'::text, string_agg(DISTINCT
         CASE
             WHEN (m.column_name IS NULL) THEN m.privilege
             ELSE format('update (%s)'::text, ( SELECT string_agg(quote_ident(x.column_name), ', '::text) AS string_agg
                FROM missing x
               WHERE ((x.oid = m.oid) AND (x.column_name IS NOT NULL) AND (NOT x.granted))))
         END, ', '::text), lethe_private.host_name(m.oid)) AS format
    FROM missing m
   WHERE ((m.oid IS NOT NULL) AND (NOT m.granted))
   GROUP BY m.oid
 UNION ALL
  SELECT DISTINCT lethe_private.host_name(c.oid) AS host_name,
     'lethe_sweeper: not filtered by row security'::text,
     'alter role lethe_sweeper bypassrls'::text
    FROM (needed n
      JOIN pg_class c ON ((c.oid = n.oid)))
   WHERE (c.relrowsecurity AND (NOT ( SELECT (r.rolbypassrls OR r.rolsuper)
            FROM pg_roles r
           WHERE (r.rolname = 'lethe_sweeper'::name))))
 UNION ALL
  SELECT 'pg_stat_replication'::text,
     'lethe_owner: see the lag of replicas'::text,
     'grant pg_read_all_stats to lethe_owner'::text
    FROM lethe.settings s
   WHERE ((s.replica_lag_max IS NOT NULL) AND (NOT pg_has_role('lethe_owner'::name, 'pg_read_all_stats'::name, 'usage'::text)))
 UNION ALL
  SELECT 'database'::text,
     'lethe_owner: temporary tables, to read predicates'::text,
     format('grant temporary on database %I to lethe_owner'::text, current_database()) AS format
   WHERE (NOT has_database_privilege('lethe_owner'::name, (current_database())::text, 'temporary'::text));
END;

ALTER FUNCTION lethe.missing_rights() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.missing_rights() IS 'Rights that the policy needs on the host''s objects and that are missing, each with the statement that grants it.';

CREATE FUNCTION lethe.ownerless_rows() RETURNS TABLE(table_name text, ownerless_rows bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_owned text;
  v_rows bigint;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m where m.controller_column is not null order by m.schema_name, m.table_name
  loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    continue when v_oid is null;
    select string_agg(lethe_private.controller_sql('c', v_managed, v_oid, c), ' or ') into v_owned
    from lethe.controllers as c where c.reference is not null;
    v_rows := lethe_private.count_as_sweeper(format('select to_jsonb(count(*)) from %s as c where (%s) is not true',
      lethe_private.host_name(v_oid), coalesce(v_owned, 'false')), v_managed)::bigint;
    if v_rows > 0 then
      return query select lethe_private.host_name(v_oid), v_rows;
    end if;
  end loop;
end
$$;

ALTER FUNCTION lethe.ownerless_rows() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.ownerless_rows() IS 'Rows that no controller''s cycle ever reaches, per table. Reads the tables whole.';

CREATE FUNCTION lethe.pace() RETURNS numeric
    LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC
 SELECT s.pause_ratio
    FROM lethe.settings s;
END;

ALTER FUNCTION lethe.pace() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.pace() IS 'How long to pause after a batch, as a multiple of the time it took.';

CREATE FUNCTION lethe.partial(value text, keep_start integer, keep_end integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (char_length(value) < (2 * (keep_start + keep_end))) THEN repeat('*'::text, char_length(value)) ELSE (("left"(value, keep_start) || repeat('*'::text, ((char_length(value) - keep_start) - keep_end))) || "right"(value, keep_end)) END;

ALTER FUNCTION lethe.partial(value text, keep_start integer, keep_end integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.partial(value text, keep_start integer, keep_end integer) IS 'Keeps the length and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

CREATE FUNCTION lethe.plan(as_of date DEFAULT NULL::date, controller_name text DEFAULT NULL::text) RETURNS TABLE(controller text, table_name text, rule text, due bigint, held bigint, kept_by_child bigint, unclocked bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_controller lethe.controllers;
  v_managed lethe.managed_tables;
begin
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(plan.controller_name) as r on r.name = c.name
    where lethe_private.acts_for(c.id) or pg_has_role(session_user, 'lethe_worker', 'member')
    order by c.name
  loop
    for v_managed in
      select m.* from lethe.managed_tables as m
      where lethe_private.has_controller(m, v_controller)
        and exists (select from lethe_private.effective_terms(m.id, v_controller.id))
      order by m.schema_name, m.table_name
    loop
      return query select v_controller.name, p.*
      from lethe_private.plan_table(v_managed, v_controller, coalesce(as_of, lethe_private.today(v_controller.time_zone))) as p;
    end loop;
  end loop;
end
$$;

ALTER FUNCTION lethe.plan(as_of date, controller_name text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.plan(as_of date, controller_name text) IS 'Rows due, held, kept by a child and unclocked, per controller, table and rule; "rows" counts the rows that would change; rows of other tables that would go or be unlinked with them stand on lines of their own. as_of: a local day, default today. Raises LE101 to LE103, LE501, LE503.';

CREATE FUNCTION lethe.preview("table" text, controller_name text DEFAULT NULL::text) RETURNS TABLE(controller text, step text, statement text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_program jsonb;
begin
  perform lethe_private.assert_intact(v_managed);
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(preview.controller_name) as r on r.name = c.name
    where lethe_private.has_controller(v_managed, c)
      and (lethe_private.acts_for(c.id) or pg_has_role(session_user, 'lethe_worker', 'member'))
    order by c.name
  loop
    v_program := lethe_private.compile(v_managed, v_controller, lethe_private.today(v_controller.time_zone));
    return query
      select v_controller.name, s.step, lethe_private.place(s.statement,
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name), lethe_private.host_table(v_managed.schema_name, v_managed.table_name))
      from (
        select n::numeric as n, 'purge: ' || k as step, v_program #>> array['purge', k] as statement
        from unnest(array['discover', 'lock', 'pick']) with ordinality as x (k, n)
        union all
        select 10 + n, 'purge: ' || concat_ws(' ', b ->> 'rule', b ->> 'table_name'),
          coalesce(b ->> 'statement', '-- by the foreign key''s own ON DELETE CASCADE')
        from jsonb_array_elements(v_program #> '{purge,before}') with ordinality as x (b, n)
        union all
        select 100, 'purge: delete', v_program #>> '{purge,delete}'
        union all
        select 200 + n, 'columns: ' || k, v_program #>> array['columns', k] from unnest(array['discover', 'act']) with ordinality as x (k, n)
        union all
        select 250, 'columns: act where all rules are due', lethe_private.act_on_all_sql(v_program #>> '{columns,act_on_all,own_rows}',
          array(select jsonb_populate_record(null::lethe_private.action_parts, e)
                from jsonb_array_elements(v_program #> '{columns,act_on_all,actions}') as e), v_program #>> '{columns,act_on_all,key}')
        where jsonb_typeof(v_program #> '{columns,act_on_all}') = 'object'
        union all
        select 300, 'verify', v_program ->> 'look'
        union all
        select 301, 'verify: unclocked', v_program ->> 'unclocked'
      ) as s
      where s.statement is not null
      order by s.n;
  end loop;
end
$$;

ALTER FUNCTION lethe.preview("table" text, controller_name text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.preview("table" text, controller_name text) IS 'The exact statements a cycle would run on a table today. $1: addresses of a batch; $2, $3: the controller''s key. Raises LE101 to LE103.';

CREATE FUNCTION lethe.pseudonym(value text, inner_pad bytea, outer_pad bytea, length integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN lethe.is_pseudonym(value) THEN value ELSE "left"(('p-'::text || encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'::text)), LEAST(34, length)) END;

ALTER FUNCTION lethe.pseudonym(value text, inner_pad bytea, outer_pad bytea, length integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.pseudonym(value text, inner_pad bytea, outer_pad bytea, length integer) IS 'p- and 32 hexadecimal digits of the value''s HMAC, or fewer to fit a length limit (null: none; 10 characters at least).';

CREATE FUNCTION lethe.pseudonym_email(value text, inner_pad bytea, outer_pad bytea, length integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN lethe.is_pseudonym_email(value) THEN value ELSE "left"(("left"(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'::text), GREATEST(LEAST(32, (length - 19)), 0)) || '@anonymized.invalid'::text), LEAST(51, length)) END;

ALTER FUNCTION lethe.pseudonym_email(value text, inner_pad bytea, outer_pad bytea, length integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.pseudonym_email(value text, inner_pad bytea, outer_pad bytea, length integer) IS '32 hexadecimal digits of the value''s HMAC at anonymized.invalid, or fewer to fit a length limit (null: none; 27 characters at least). Takes any text, an address or not.';

CREATE FUNCTION lethe.pseudonym_uuid(value uuid, inner_pad bytea, outer_pad bytea) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN lethe.is_pseudonym_uuid(value) THEN value ELSE (OVERLAY("left"(encode(lethe.keyed_hash((value)::text, inner_pad, outer_pad), 'hex'::text), 32) PLACING '8e7e8e7e'::text FROM 13 FOR 8))::uuid END;

ALTER FUNCTION lethe.pseudonym_uuid(value uuid, inner_pad bytea, outer_pad bytea) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.pseudonym_uuid(value uuid, inner_pad bytea, outer_pad bytea) IS 'A version 8 uuid made of 96 bits of the value''s HMAC and a mark in its two middle groups.';

CREATE FUNCTION lethe.ready_tables(cycle_id bigint) RETURNS TABLE(table_id integer, table_name text)
    LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC
 WITH waiting AS (
          SELECT c.table_id,
             c.table_name,
             c.state,
             lethe_private.host_table(m.schema_name, m.table_name) AS oid
            FROM (lethe.cycle_tables c
              JOIN lethe.managed_tables m ON ((m.id = c.table_id)))
           WHERE ((c.cycle_id = ready_tables.cycle_id) AND (c.state = ANY (ARRAY['waiting'::text, 'sweeping'::text])))
         ), ready AS (
          SELECT w.table_id,
             w.table_name,
             (NOT (EXISTS ( SELECT
                    FROM (lethe_private.references_to(w.oid) r_1(child, child_columns, parent_columns, foreign_key, cascades, on_purge, managed_id)
                      JOIN waiting child ON ((child.table_id = r_1.managed_id)))
                   WHERE (child.table_id <> w.table_id)))) AS is_free
            FROM waiting w
           WHERE (w.state = 'waiting'::text)
         )
  SELECT r.table_id,
     r.table_name
    FROM ready r
   WHERE (r.is_free OR ((NOT (EXISTS ( SELECT
            FROM ready f
           WHERE f.is_free))) AND (NOT (EXISTS ( SELECT
            FROM waiting w
           WHERE (w.state = 'sweeping'::text)))) AND (r.table_id = ( SELECT min(x.table_id) AS min
            FROM ready x))))
   ORDER BY r.table_id;
END;

ALTER FUNCTION lethe.ready_tables(cycle_id bigint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.ready_tables(cycle_id bigint) IS 'The tables of a cycle that can be swept now.';

CREATE FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean DEFAULT false, parameters jsonb DEFAULT '{}'::jsonb, description text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET standard_conforming_strings TO 'on'
    AS $_$
declare
  v_before lethe.methods;
  v_method lethe.methods;
  v_type oid;
begin
  if not lethe_private.is_operator() then
    raise exception using errcode = 'LE502',
      message = format('role %I may not register methods', session_user),
      hint = format('grant lethe_owner to %I', session_user);
  end if;
  if name is null or name !~ '^[a-z][a-z0-9_]{0,62}$' then
    raise exception using errcode = 'LE106',
      message = format('%L cannot be the name of a method', name),
      hint = 'a lowercase letter, then lowercase letters, digits and underscores';
  end if;
  select m.* into v_before from lethe.methods as m where m.name = register_method.name;
  if v_before.builtin then
    raise exception using errcode = 'LE106',
      message = format('method %s is one of Lethe''s own and cannot be replaced', name),
      hint = 'choose another name';
  end if;
  if output is null or output not in ('anonymous', 'pseudonymous') then
    raise exception using errcode = 'LE106',
      message = format('the output of method %s cannot be %L', name, output),
      hint = 'anonymous or pseudonymous';
  end if;
  perform lethe_private.assert_declared_parameters(name, parameters);
  perform lethe_private.assert_template(name, 'mask', mask, parameters);
  perform lethe_private.assert_template(name, 'recogniser', recogniser, parameters);
  perform lethe_private.assert_trusted_names(name, 'mask', mask);
  perform lethe_private.assert_trusted_names(name, 'recogniser', recogniser);

  v_method := row(name, mask, recogniser, types, output, coalesce(keeps_unique, false), concat(mask, recogniser) like '%{key}%',
    false, null, null, parameters, coalesce(description, ''), false);
  if coalesce(cardinality(types), 0) = 0 then
    raise exception using errcode = 'LE304',
      message = format('method %s names no type', name),
      hint = 'name base types as pg_type does: text, varchar, int4, date';
  end if;
  for v_type in select t from lethe_private.types_to_try(name, types) as t loop
    v_method := lethe_private.try_method(v_method, v_type);
  end loop;

  insert into lethe.methods values (v_method.*)
  on conflict on constraint methods_pkey do update
  set mask = excluded.mask,
      recogniser = excluded.recogniser,
      type_categories = excluded.type_categories,
      output = excluded.output,
      keeps_unique = excluded.keeps_unique,
      keyed = excluded.keyed,
      nulls_out = excluded.nulls_out,
      length_min = excluded.length_min,
      length_min_unique = excluded.length_min_unique,
      parameters = excluded.parameters,
      description = excluded.description;

  insert into lethe.policy_changes (reason, object, before, after)
  select nullif(current_setting('lethe.reason', true), ''), 'methods', case when v_before.name is not null then to_jsonb(v_before) end, to_jsonb(v_method)
  where v_before is distinct from v_method;
end
$_$;

ALTER FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) IS 'Adds or replaces a method of your own: two SQL expressions with {value}, {type}, {length}, {key} and {parameter} in them. Names in them are schema-qualified. Raises LE106, LE303, LE304, LE502.';

CREATE FUNCTION lethe.release_controller(controller text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_unlock(lethe_private.lock_id((lethe_private.get_controller(controller)).id));
end
$$;

ALTER FUNCTION lethe.release_controller(controller text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.release_controller(controller text) IS 'Gives back what start_cycle(..., alone => true) took for this session.';

CREATE FUNCTION lethe.remove_member(login name, controller text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(remove_member.controller);
begin
  perform lethe_private.assert_may_change(null);
  delete from lethe.memberships as m where m.login = remove_member.login and m.controller_id = v_controller.id;
end
$$;

ALTER FUNCTION lethe.remove_member(login name, controller text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.remove_member(login name, controller text) IS 'Ends what add_member began. Raises LE101, LE502.';

CREATE PROCEDURE lethe.run_cycle(IN controller text DEFAULT NULL::text, IN pause_ratio numeric DEFAULT 0)
    LANGUAGE plpgsql
    AS $$
declare
  v_controller pg_catalog.text;
  v_cycle bigint;
  v_table record;
  v_step lethe.sweep_progress;
  v_rows bigint;
  v_state pg_catalog.text;
  v_incomplete pg_catalog.text[] := '{}';
begin
  if not pg_catalog.pg_has_role(current_user, 'lethe_worker', 'usage') and not pg_catalog.pg_has_role(current_user, 'lethe_owner', 'usage') then
    raise exception using errcode = 'LE502', message = pg_catalog.format('role %I may not run cycles', current_user),
      hint = pg_catalog.format('grant lethe_worker to %I', current_user);
  end if;

  for v_controller in select c.name from lethe.controllers_to_run(run_cycle.controller) as c loop
    v_cycle := lethe.start_cycle(v_controller, alone => true);
    commit;
    loop
      -- Sweep what is ready until nothing is, children before parents; then read everything again.
      loop
        select t.table_id, t.table_name into v_table from lethe.ready_tables(v_cycle) as t limit 1;
        if v_table.table_id is null then
          select t.table_id, t.table_name into v_table from lethe.unfinished_tables(v_cycle) as t limit 1;
        end if;
        exit when v_table.table_id is null;
        loop
          commit;
          set transaction isolation level read committed;
          v_step := lethe.sweep_step(v_cycle, v_table.table_id);
          commit;
          exit when v_step.state in ('done', 'failed');
          if v_step.state in ('retry', 'busy') then
            perform pg_catalog.pg_sleep(1);
          elsif pause_ratio > 0 then
            perform pg_catalog.pg_sleep(pause_ratio * extract(epoch from v_step.took));
          end if;
        end loop;
        raise notice '%  %: % (% rows)', v_controller, v_table.table_name, v_step.state, coalesce(v_step.rows_done, 0);
      end loop;

      v_rows := lethe.verify_cycle(v_cycle);
      commit;
      exit when v_rows = 0;
    end loop;

    v_state := lethe.finish_cycle(v_cycle);
    perform lethe.release_controller(v_controller);
    commit;
    raise notice '%: cycle % is %', v_controller, v_cycle, v_state;
    if v_state <> 'complete' then
      v_incomplete := v_incomplete || pg_catalog.format('%s of %s', v_cycle, v_controller);
    end if;
  end loop;

  if pg_catalog.cardinality(v_incomplete) > 0 then
    raise exception using errcode = 'LE404',
      message = pg_catalog.format('cycle %s is incomplete', pg_catalog.array_to_string(v_incomplete, ', ')),
      hint = 'select * from lethe.cycle_tables and lethe.evidence of that cycle: they say which table, and why';
  end if;
end
$$;

ALTER PROCEDURE lethe.run_cycle(IN controller text, IN pause_ratio numeric) OWNER TO lethe_owner;

COMMENT ON PROCEDURE lethe.run_cycle(IN controller text, IN pause_ratio numeric) IS 'Runs today''s cycle of one controller, or of all the login acts for, to its end. pause_ratio: pause after each batch, as a multiple of its time. Raises LE101, LE401, LE404 (incomplete), LE502.';

CREATE FUNCTION lethe.scrub(value text, length integer DEFAULT NULL::integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN "left"(regexp_replace(regexp_replace((value COLLATE "C"), '\S*[@\uFF20]\S*'::text, '[email]'::text, 'g'::text), '[0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19]([0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19 ().+/-]*[0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19])?'::text, '[number]'::text, 'g'::text), COALESCE(length, 2147483647));

ALTER FUNCTION lethe.scrub(value text, length integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.scrub(value text, length integer) IS 'Replaces each word with an at sign by [email] and each run of digits by [number], cut to a length limit (null: none).';

CREATE FUNCTION lethe.set_column("table" text, "column" text, category text DEFAULT NULL::text, purposes text[] DEFAULT NULL::text[], legal_basis text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_columns(v_managed, array["column"]);
  if set_column.category not in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content', 'technical', 'not personal') then
    raise exception using errcode = 'LE106',
      message = format('category %L is unknown', set_column.category),
      hint = 'one of direct identifier, contact, quasi-identifier, special category, content, technical, not personal';
  end if;
  insert into lethe.managed_columns (table_id, column_name, category, purposes, legal_basis)
  values (v_managed.id, "column", set_column.category, coalesce(set_column.purposes, '{}'), set_column.legal_basis)
  on conflict (table_id, column_name) do update
  set category = excluded.category, purposes = excluded.purposes, legal_basis = excluded.legal_basis;
end
$$;

ALTER FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) IS 'Says what a column holds, for which purposes and on which legal basis. Raises LE102, LE103, LE106, LE502.';

CREATE FUNCTION lethe.set_controller(name text, time_zone text, reference text DEFAULT NULL::text, title text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_id int;
begin
  perform lethe_private.assert_may_change(null);
  if set_controller.name !~ '^[a-z][a-z0-9_-]{0,62}$' or set_controller.name is null then
    raise exception using errcode = 'LE101',
      message = format('%s is no name for a controller', coalesce(quote_literal(set_controller.name), 'null')),
      hint = 'use lower-case letters, digits, - and _, beginning with a letter';
  end if;
  perform lethe_private.assert_time_zone(set_controller.time_zone);
  if exists (select from lethe.controllers as c where c.reference = set_controller.reference and c.name <> set_controller.name) then
    raise exception using errcode = 'LE203',
      message = format('reference %L already names another controller', set_controller.reference),
      hint = 'a row belongs to one controller';
  end if;

  insert into lethe.controllers as c (name, time_zone, reference, title)
  values (set_controller.name, set_controller.time_zone, set_controller.reference, set_controller.title)
  on conflict on constraint controllers_name_key do update
  set time_zone = excluded.time_zone, reference = excluded.reference, title = excluded.title
  returning c.id into v_id;
  if not exists (select from lethe_private.controller_keys as k where k.controller_id = v_id) then
    perform lethe_private.new_key(v_id);
  end if;
end
$_$;

ALTER FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) IS 'Adds or changes a controller. reference: what a table''s controller column holds for it. Raises LE101, LE105, LE203, LE502.';

CREATE FUNCTION lethe.set_link("table" text, "to" text DEFAULT NULL::text, columns text[] DEFAULT NULL::text[], to_columns text[] DEFAULT NULL::text[], on_purge text DEFAULT 'keep'::text, subject text DEFAULT NULL::text, kind text DEFAULT NULL::text, on_erasure jsonb DEFAULT NULL::jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_child lethe.managed_tables := lethe_private.get_managed("table");
  v_parent lethe.managed_tables;
  v_type_id int;
  v_link record;
begin
  perform lethe_private.assert_may_change(null);
  if on_purge not in ('keep', 'with parent', 'unlink') or kind not in ('own', 'share', 'mention', 'ignore') then
    raise exception using errcode = 'LE106',
      message = format('link of %s has an unknown kind or on_purge', "table"),
      hint = 'kind is own, share, mention or ignore; on_purge is keep, with parent or unlink';
  end if;
  if subject is not null then
    select s.id into v_type_id from lethe.subject_types as s where s.name = subject;
    if v_type_id is null then
      raise exception using errcode = 'LE109',
        message = format('subject type %L does not exist', subject),
        hint = 'lethe.subject_types lists them';
    end if;
  end if;
  perform lethe_private.assert_columns(v_child, columns);

  if to_columns is not null then
    v_parent := lethe_private.get_managed("to");
    perform lethe_private.assert_columns(v_parent, to_columns);
    if cardinality(columns) is distinct from cardinality(to_columns) then
      raise exception using errcode = 'LE106',
        message = format('link of %s to %s pairs %s columns with %s', "table", "to", coalesce(cardinality(columns), 0), cardinality(to_columns)),
        hint = 'name as many columns on either side';
    end if;
    -- The columns named may be those of a foreign key after all, in either direction: a person's row
    -- may point to the row that several share.
    select min(r.foreign_key) as foreign_key, columns as child_columns, to_columns as parent_columns into v_link
    from lethe_private.host_references as r
    where (r.child, r.parent, r.child_columns, r.parent_columns) in (
      (lethe_private.host_table(v_child.schema_name, v_child.table_name), lethe_private.host_table(v_parent.schema_name, v_parent.table_name), columns, to_columns),
      (lethe_private.host_table(v_parent.schema_name, v_parent.table_name), lethe_private.host_table(v_child.schema_name, v_child.table_name), to_columns, columns));
  else
    select * into v_link from lethe_private.find_reference(v_child, "to", columns);
    v_parent := lethe_private.get_managed(lethe_private.host_name(v_link.parent));
  end if;
  perform lethe_private.assert_on_purge(v_child, v_parent, v_link.child_columns, on_purge);

  insert into lethe.links (subject_type_id, table_id, columns, to_table_id, to_columns, foreign_key, kind, on_purge, on_erasure)
  values (v_type_id, v_child.id, v_link.child_columns, v_parent.id, v_link.parent_columns, v_link.foreign_key, set_link.kind, set_link.on_purge, set_link.on_erasure)
  on conflict on constraint links_table_id_columns_to_table_id_subject_type_id_key do update
  set to_columns = excluded.to_columns, foreign_key = excluded.foreign_key, kind = excluded.kind,
      on_purge = excluded.on_purge, on_erasure = excluded.on_erasure;
end
$$;

ALTER FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) IS 'Declares how rows of a table refer to another: through its foreign key, or by the columns named. Raises LE102, LE103, LE106, LE109, LE305, LE502.';

CREATE FUNCTION lethe.set_rule("table" text, action text, after text, "column" text DEFAULT NULL::text, since text[] DEFAULT NULL::text[], method text DEFAULT NULL::text, parameters jsonb DEFAULT '{}'::jsonb, purpose text DEFAULT NULL::text, "when" text DEFAULT NULL::text, controller text DEFAULT NULL::text, reason text DEFAULT NULL::text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_rule_id int := lethe_private.put_rule("table", action, after, "column", since, method, parameters, purpose, "when", controller, reason);
begin
  perform lethe_private.assert_rules(lethe_private.get_managed("table"));
  return v_rule_id;
end
$$;

ALTER FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) IS 'Sets one term of a rule: what happens (anonymize, purge) to a column, or to the row, how long (ISO 8601) after which clock, for which purpose. Returns the rule''s id. Raises LE101 to LE106, LE301 to LE316, LE502.';

CREATE FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[] DEFAULT '{}'::text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_columns(v_managed, set_subject_type.identifiers);
  if set_subject_type.name !~ '^[a-z][a-z0-9_-]{0,62}$' or set_subject_type.name is null then
    raise exception using errcode = 'LE109',
      message = format('%s is no name for a subject type', coalesce(quote_literal(set_subject_type.name), 'null')),
      hint = 'use lower-case letters, digits, - and _, beginning with a letter';
  end if;
  insert into lethe.subject_types as s (name, table_id, identifiers)
  values (set_subject_type.name, v_managed.id, coalesce(set_subject_type.identifiers, '{}'))
  on conflict on constraint subject_types_name_key do update
  set table_id = excluded.table_id, identifiers = excluded.identifiers;
end
$_$;

ALTER FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) IS 'Names a kind of person: its root table and the columns by which one is looked up. Raises LE102, LE103, LE109, LE502.';

CREATE FUNCTION lethe.share_controller(controller text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(controller);
begin
  perform pg_advisory_lock_shared(lethe_private.lock_id(v_controller.id));
  perform pg_advisory_unlock(lethe_private.lock_id(v_controller.id));
end
$$;

ALTER FUNCTION lethe.share_controller(controller text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.share_controller(controller text) IS 'Turns what start_cycle(..., alone => true) took for this session into a shared lock, until the session ends or unlocks all. Raises LE101.';

CREATE FUNCTION lethe.start_cycle(controller text, local_date date DEFAULT NULL::date, alone boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(controller);
  v_today date := lethe_private.today(v_controller.time_zone);
  v_cycle lethe.cycles;
begin
  if local_date > v_today then
    raise exception using errcode = 'LE402',
      message = format('day %s has not begun for controller %s', local_date, controller),
      hint = 'a cycle acts on what is due today; lethe plan --as-of shows what will be';
  end if;
  -- A session that was interrupted still holds it. Taken twice it would have to be given back twice.
  if alone
    and not exists (
      select from pg_locks as l
      where l.pid = pg_backend_pid() and l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.objsubid = 1
        and (l.classid::bigint << 32) + l.objid::bigint = lethe_private.lock_id(v_controller.id))
    and not pg_try_advisory_lock(lethe_private.lock_id(v_controller.id))
  then
    raise exception using errcode = 'LE401',
      message = format('a cycle of controller %s is already running', controller),
      hint = 'wait until it has finished; lethe status shows how far it is. A session that was interrupted holds on until it is closed or calls it again';
  end if;

  select c.* into v_cycle from lethe.cycles as c
  where c.controller_id = v_controller.id and c.state = 'open';
  if found then
    return v_cycle.id;
  end if;

  insert into lethe.cycles (controller_id, local_date, covers_since)
  select v_controller.id, coalesce(start_cycle.local_date, v_today),
    least(coalesce(start_cycle.local_date, v_today),
      coalesce((select max(c.local_date) + 1 from lethe.cycles as c
                where c.controller_id = v_controller.id and c.state = 'complete'), coalesce(start_cycle.local_date, v_today)))
  on conflict do nothing
  returning * into v_cycle;
  if v_cycle.id is null then  -- somebody opened it at this very moment
    select c.* into strict v_cycle from lethe.cycles as c
    where c.controller_id = v_controller.id and c.state = 'open';
    return v_cycle.id;
  end if;

  perform lethe_private.compile_cycle(v_cycle, v_controller);
  return v_cycle.id;
end
$$;

ALTER FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) IS 'Opens or resumes the cycle of a controller''s local day (default: today). alone: for this session only. Raises LE101, LE401, LE402.';

CREATE FUNCTION lethe.suggested_indexes("table" text) RETURNS TABLE(statement text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller lethe.controllers;
  v_alias text := 'lethe_index';
begin
  select c.* into v_controller from lethe.controllers as c where lethe_private.has_controller(v_managed, c) order by c.id limit 1;
  return query
    select format('create index concurrently %I on %s (%I) where %s', left(v_managed.table_name, 50) || '_lethe_due',
      lethe_private.host_name(v_oid), min(t.clock), string_agg(distinct replace(a.needed, v_alias || '.', ''), ' or '))
    from lethe_private.actions(v_alias, v_managed, v_oid, v_controller, current_date) as a
    join lethe.rules as r on r.table_id = v_managed.id and r.column_name = a.column_name
    cross join lateral (
      select e.since[1] as clock from lethe_private.effective_terms(v_managed.id, v_controller.id) as e where e.rule_id = r.id limit 1) as t
    where a.phase = 'columns'
    having count(*) > 0
    union all
    select format('create index concurrently on %s (%I)', lethe_private.host_name(v_oid), e.since[1])
    from lethe_private.effective_terms(v_managed.id, v_controller.id) as e
    join lethe.rules as r on r.id = e.rule_id and r.column_name is null
    where lethe_private.plain_clock_index(v_managed, v_oid, v_controller) is distinct from e.since[1]
    limit 2;
end
$$;

ALTER FUNCTION lethe.suggested_indexes("table" text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.suggested_indexes("table" text) IS 'Indexes that keep a daily cycle cheap, as statements for the table''s owner to review and run.';

CREATE FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean DEFAULT false) RETURNS lethe.sweep_progress
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_started timestamptz := clock_timestamp();
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_controller lethe.controllers;
  v_table lethe.cycle_tables;
  v_program jsonb;
  v_batch lethe_private.worklist;
  v_state text;
begin
  -- Each statement of a batch must see what was committed before it: a hold, a child, a changed row.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LE405',
      message = format('a batch cannot run at isolation level %s', current_setting('transaction_isolation')),
      hint = 'begin the transaction with: set transaction isolation level read committed';
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = v_cycle.controller_id;
  if not pg_try_advisory_xact_lock_shared(lethe_private.lock_id(v_controller.id)) then
    return lethe_private.progress('busy', null, v_started);
  end if;
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id
  for update skip locked;
  if v_table.cycle_id is null then
    return lethe_private.progress(lethe_private.absent_table(v_cycle, sweep_step.table_id), null, v_started);
  elsif v_table.state = 'failed' then
    return lethe_private.progress('failed', v_table, v_started);
  elsif v_cycle.state <> 'open' or v_table.state not in ('waiting', 'sweeping') then
    return lethe_private.progress('done', v_table, v_started);
  elsif paced and not lethe_private.may_sweep_now(v_controller) then
    return lethe_private.progress('wait', v_table, v_started);
  end if;

  if not pg_try_advisory_xact_lock(lethe_private.table_lock_id(sweep_step.table_id)) then
    return lethe_private.progress('busy', v_table, v_started);
  end if;

  -- Tried and not waited for: whoever changes holds may take long to commit.
  if not pg_try_advisory_xact_lock_shared(lethe_private.holds_lock_id()) then
    return lethe_private.progress('busy', v_table, v_started);
  end if;
  perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::bigint::text, true) from lethe.settings as s;
  v_program := lethe_private.program_of(v_cycle, v_table);
  if v_program is null then
    return lethe_private.progress('failed', v_table, v_started);
  end if;
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id;
  select w.* into v_batch from lethe_private.worklist as w
  where w.cycle_id = sweep_step.cycle_id and w.table_id = sweep_step.table_id
  order by w.attempts, w.batch
  limit 1;
  v_state := case when v_batch.batch is not null then lethe_private.take_batch(v_table, v_controller, v_program, v_batch)
    else lethe_private.search_again(v_table, v_program) end;

  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id;
  return lethe_private.progress(v_state, v_table, v_started);
end
$$;

ALTER FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) IS 'One batch of one table of a cycle. paced: not outside the time window, nor while replicas lag. Call until the state is done or failed; after retry, wait or busy, pause first. Raises LE403, LE405.';

CREATE FUNCTION lethe.unfinished_tables(cycle_id bigint) RETURNS TABLE(table_id integer, table_name text, state text)
    LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC
 SELECT t.table_id,
     t.table_name,
     t.state
    FROM lethe.cycle_tables t
   WHERE ((t.cycle_id = unfinished_tables.cycle_id) AND (t.state = ANY (ARRAY['waiting'::text, 'sweeping'::text])))
   ORDER BY t.state, t.table_id;
END;

ALTER FUNCTION lethe.unfinished_tables(cycle_id bigint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.unfinished_tables(cycle_id bigint) IS 'The tables of a cycle that are not swept yet.';

CREATE FUNCTION lethe.unmanage_table("table" text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform lethe_private.assert_may_change(null);
  delete from lethe.managed_tables as m
  where format('%s.%s', m.schema_name, m.table_name) = unmanage_table."table"
     or format('%I.%I', m.schema_name, m.table_name) = unmanage_table."table";
  if not found then
    raise exception using errcode = 'LE102',
      message = format('table %s is not managed', coalesce("table", '(null)')),
      hint = 'lethe.managed_tables lists those that are';
  end if;
end
$$;

ALTER FUNCTION lethe.unmanage_table("table" text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.unmanage_table("table" text) IS 'Forgets a table with its rules, links and subject types; the table itself is not touched. Raises LE102, LE502.';

CREATE FUNCTION lethe.verify_cycle(cycle_id bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_table lethe.cycle_tables;
begin
  for v_table in
    select t.* from lethe.cycle_tables as t
    where t.cycle_id = verify_cycle.cycle_id and t.state in ('swept', 'failed')
    order by t.table_id
  loop
    perform lethe.verify_table(v_table.cycle_id, v_table.table_id);
  end loop;
  return (select count(*) from lethe.cycle_tables as t where t.cycle_id = verify_cycle.cycle_id and t.state in ('waiting', 'sweeping'));
end
$$;

ALTER FUNCTION lethe.verify_cycle(cycle_id bigint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.verify_cycle(cycle_id bigint) IS 'Re-reads every swept table of a cycle. Returns how many are to be swept once more.';

CREATE FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_table lethe.cycle_tables;
  v_managed lethe.managed_tables;
  v_program jsonb;
  v_look jsonb;
  v_unclocked jsonb;
  v_left bigint;
begin
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id for update;
  if not found then
    perform lethe_private.absent_table(v_cycle, verify_table.table_id);
  elsif v_cycle.state <> 'open' or v_table.state in ('waiting', 'sweeping', 'verified') then
    return v_table.state = 'verified';
  end if;

  select m.* into v_managed from lethe.managed_tables as m where m.id = v_table.table_id;
  if v_table.state = 'failed' and v_managed.id is null then
    return false;
  end if;
  v_program := lethe_private.program_of(v_cycle, v_table);
  if v_program is null then
    return false;
  elsif v_program -> 'rules' = '[]' then
    update lethe.cycle_tables as t set state = 'verified'
    where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id and t.state <> 'failed';
    return v_table.state <> 'failed';
  end if;
  begin
    v_look := lethe_private.count_as_sweeper(v_program ->> 'look', v_managed);
    v_unclocked := lethe_private.count_as_sweeper(v_program ->> 'unclocked', v_managed);
  exception when others then
    v_look := null;
    v_unclocked := null;
    perform lethe_private.table_failed(v_table, jsonb_build_object('sqlstate', sqlstate));
  end;

  perform lethe_private.write_evidence(v_table, v_program, v_look, v_unclocked);
  select sum(e.left_over) into v_left from lethe.evidence as e
  where e.cycle_id = verify_table.cycle_id and e.table_id = verify_table.table_id;

  if v_look is null or v_table.state = 'failed' then
    return false;
  elsif v_left > 0 and v_table.round < (select s.rounds_max from lethe.settings as s)
    and (v_table.round = 1 or v_table.rows_done > v_table.done_before_round)
  then
    -- Written meanwhile, or kept by a child that has left since: once more from the beginning.
    update lethe.cycle_tables as t
    set state = 'waiting', phase = 'purge', pass = 0, round = t.round + 1,
        done_before_round = t.rows_done, done_before_pass = t.rows_done, skipped = '{}'
    where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id;
    return false;
  end if;
  update lethe.cycle_tables as t
  set state = case when v_left > 0 then 'left over' else 'verified' end
  where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id;
  return v_left = 0;
end
$$;

ALTER FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) IS 'Re-reads one swept table and writes its evidence. True: nothing due is left. False: it waits to be swept again, is left over, or failed. Raises LE403.';

CREATE FUNCTION lethe_private.absent_table(cycle lethe.cycles, table_id integer) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (select from lethe.cycle_tables as t where t.cycle_id = cycle.id and t.table_id = absent_table.table_id) then
    raise exception using errcode = 'LE403',
      message = format('cycle %s has no table %s', cycle.id, coalesce(absent_table.table_id::text, '(null)')),
      hint = 'lethe.cycle_tables lists them';
  end if;
  return 'busy';
end
$$;

ALTER FUNCTION lethe_private.absent_table(cycle lethe.cycles, table_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.absent_table(cycle lethe.cycles, table_id integer) IS 'Why a table''s row could not be locked: somebody sweeps it ("busy"), or it is not part of the cycle (LE403).';

CREATE FUNCTION lethe_private.object_sql(pairs text[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
 SELECT string_agg((('jsonb_build_object('::text || g.pairs) || ')'::text), ' || '::text ORDER BY g.part) AS string_agg
    FROM ( SELECT ((x.n - 1) / 50) AS part,
             string_agg(x.pair, ',
  '::text ORDER BY x.n) AS pairs
            FROM unnest(object_sql.pairs) WITH ORDINALITY x(pair, n)
           GROUP BY ((x.n - 1) / 50)) g;
END;

ALTER FUNCTION lethe_private.object_sql(pairs text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.object_sql(pairs text[]) IS 'SQL that builds one jsonb object of any number of "key, value" pairs.';

CREATE FUNCTION lethe_private.root_sql(key text) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN format('encode(lethe.keyed_hash(coalesce(string_agg(length(%1$s) || '':'' || %1$s, '','' order by %1$s collate "C"), ''''), $2, $3), ''hex'')'::text, key);

ALTER FUNCTION lethe_private.root_sql(key text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.root_sql(key text) IS 'The keyed root over the ordered keys of a batch.';

CREATE FUNCTION lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT format('with acted as (
  update {from} as c
  set %s
  where c.ctid = any ($1){here}
    and %s
  returning %s as key
)
select %s as facts,
  null::oid as target, null::tid[] as tids
from acted as a'::text, ( SELECT string_agg(format('%I = %s'::text, x.column_name, x.new_value), ',
    '::text ORDER BY x.n) AS string_agg
            FROM ( SELECT DISTINCT ON (a.column_name) a.column_name,
                     a.new_value,
                     a.n
                    FROM unnest(act_on_all_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
                   ORDER BY a.column_name, (a.new_value = 'null'::text) DESC, a.n) x), concat_ws('
    and '::text, own_rows, ( SELECT string_agg(format('(%s)'::text, t.test), '
    and '::text ORDER BY t.n) AS string_agg
            FROM ( SELECT x.test,
                     min(x.n) AS n
                    FROM ( SELECT a.due AS test,
                             a.n
                            FROM unnest(act_on_all_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
                         UNION ALL
                          SELECT a.needed,
                             (1000 + a.n)
                            FROM unnest(act_on_all_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
                           WHERE ((a.new_value <> 'null'::text) AND (strpos(a.new_value, format('c.%I'::text, a.column_name)) = 0))) x
                   GROUP BY x.test) t)), key, ( SELECT lethe_private.object_sql((ARRAY['''rows'', count(*)'::text, ('''root'', '::text || lethe_private.root_sql('a.key'::text))] || array_agg(format('%L, count(*)'::text, a.flag)))) AS object_sql
            FROM unnest(act_on_all_sql.actions) a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value))) AS format;
END;

ALTER FUNCTION lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text) IS 'Applies all of the given actions to the rows of a batch on which all of them are to be done.';

CREATE FUNCTION lethe_private.tests_sql(actions lethe_private.action_parts[]) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT string_agg(format('%s as %s'::text,
         CASE
             WHEN (( SELECT count(DISTINCT x.due) AS count
                FROM unnest(tests_sql.actions) x(flag, rule, phase, column_name, due, unclocked, needed, test, new_value)) = 1) THEN format('(%s)'::text, a.needed)
             ELSE a.test
         END, a.flag), ',
    '::text ORDER BY a.n) AS string_agg
    FROM unnest(tests_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n);
END;

ALTER FUNCTION lethe_private.tests_sql(actions lethe_private.action_parts[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.tests_sql(actions lethe_private.action_parts[]) IS 'The select list of which actions are to be done on a row that any_due_sql has found.';

CREATE FUNCTION lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 WITH columns AS (
          SELECT a.column_name,
             min(a.n) AS n,
             string_agg(format('when p.%s then %s'::text, a.flag, a.new_value), ' '::text ORDER BY (a.new_value = 'null'::text) DESC, a.n) AS choices
            FROM unnest(act_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
           GROUP BY a.column_name
         )
  SELECT format('with picked as materialized (
  select c.ctid as tid, c.xmin as version,
    %s
  from {from} as c
  where c.ctid = any ($1){here}
    and %s
), acted as (
  update {from} as c
  set %s
  from picked as p
  where c.ctid = p.tid{here} and c.xmin = p.version
  returning %s as key, %s
)
select %s as facts,
  null::oid as target, null::tid[] as tids
from acted as a%s'::text, lethe_private.tests_sql(actions), condition, ( SELECT string_agg(format('%I = case %s else c.%I end'::text, x.column_name, x.choices, x.column_name), ',
    '::text ORDER BY x.n) AS string_agg
            FROM columns x), key, ( SELECT string_agg(
                 CASE
                     WHEN act_sql.watched THEN format('p.%1$s and (%2$s) is not true as %1$s'::text, a.flag, a.needed)
                     ELSE format('p.%s'::text, a.flag)
                 END, ', '::text) AS string_agg
            FROM unnest(act_sql.actions) a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value)), ( SELECT lethe_private.object_sql((ARRAY['''rows'', count(*)'::text, ('''root'', '::text || lethe_private.root_sql('a.key'::text))] || array_agg(format('%L, count(*) filter (where a.%s)'::text, a.flag, a.flag)))) AS object_sql
            FROM unnest(act_sql.actions) a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value)),
         CASE
             WHEN watched THEN ( SELECT (' where '::text || string_agg(('a.'::text || a.flag), ' or '::text))
                FROM unnest(act_sql.actions) a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value))
             ELSE ''::text
         END) AS format;
END;

ALTER FUNCTION lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean) IS 'Applies every action due on the rows of a batch in one statement, and counts them.';

CREATE FUNCTION lethe_private.actions(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) RETURNS SETOF lethe_private.action_parts
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_rule record;
  v_parts lethe_private.rule_parts;
  v_action lethe_private.action_parts;
  v_column lethe_private.host_columns;
  v_method lethe.methods;
begin
  for v_rule in
    select r.id, r.column_name, r.action, row_number() over (order by (r.column_name is not null), h.position, r.action) as n
    from lethe.rules as r
    left join lethe_private.host_columns as h on h.relation = table_oid and h.name = r.column_name
    where r.table_id = managed.id
    order by n
  loop
    v_parts := lethe_private.rule_sql(alias, managed, table_oid, controller, today, v_rule.id);
    continue when v_parts.due is null;
    v_action := row('r' || v_rule.n, concat_ws(': ', v_rule.column_name, v_rule.action),
      case when v_rule.column_name is null then 'purge' else 'columns' end,
      v_rule.column_name, v_parts.due, v_parts.unclocked, 'true', null, 'null');

    if v_rule.column_name is not null then
      select h.* into v_column from lethe_private.host_columns as h
      where h.relation = table_oid and h.name = v_rule.column_name;
      v_action.needed := format('%s.%I is not null', alias, v_column.name);
    end if;

    if v_rule.action = 'anonymize' then
      select m.* into v_method
      from lethe_private.effective_terms(managed.id, controller.id) as t
      join lethe.methods as m on m.name = t.method
      where t.rule_id = v_rule.id
      limit 1;
      select
        format('not (%s)', lethe_private.method_sql(v_method.recogniser, alias, v_column, v_method, t.parameters)),
        format('(%s)::%s', lethe_private.method_sql(v_method.mask, alias, v_column, v_method, t.parameters), v_column.type)
        into v_action.needed, v_action.new_value
      from lethe_private.effective_terms(managed.id, controller.id) as t
      where t.rule_id = v_rule.id
      limit 1;
    end if;
    v_action.test := case when v_action.needed = 'true' then format('(%s)', v_action.due)
      else format('(%s and %s)', v_action.due, v_action.needed) end;
    return next v_action;
  end loop;
end
$$;

ALTER FUNCTION lethe_private.actions(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.actions(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) IS 'The actions in force on a managed table for one controller and one local day, row purge first.';

CREATE FUNCTION lethe_private.is_operator() RETURNS boolean
    LANGUAGE sql STABLE
    RETURN pg_has_role(SESSION_USER, 'lethe_owner'::name, 'member'::text);

ALTER FUNCTION lethe_private.is_operator() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.is_operator() IS 'True for superusers and members of lethe_owner: they act for every controller.';

CREATE TABLE lethe.memberships (
    login name NOT NULL,
    controller_id integer NOT NULL
);

ALTER TABLE lethe.memberships OWNER TO lethe_owner;

COMMENT ON TABLE lethe.memberships IS 'Which database login may act for which controller. Members of lethe_owner act for all.';

CREATE FUNCTION lethe_private.acts_for(controller_id integer) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC
 SELECT (lethe_private.is_operator() OR (EXISTS ( SELECT
            FROM lethe.memberships m
           WHERE ((m.login = SESSION_USER) AND (m.controller_id = acts_for.controller_id)))));
END;

ALTER FUNCTION lethe_private.acts_for(controller_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.acts_for(controller_id integer) IS 'True when the login may act for the controller.';

CREATE FUNCTION lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN (rows = 0) THEN skipped ELSE jsonb_set(jsonb_set(skipped, ARRAY[phase], COALESCE((skipped -> phase), '{}'::jsonb)), ARRAY[phase, cause], to_jsonb((COALESCE(((skipped #>> ARRAY[phase, cause]))::bigint, (0)::bigint) + rows))) END;

ALTER FUNCTION lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint) IS 'Counts rows set aside under their cause.';

CREATE FUNCTION lethe_private.any_due_sql(actions lethe_private.action_parts[]) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT (('('::text || string_agg(format('(%s)%s'::text, g.due,
         CASE
             WHEN (g.needed = 'true'::text) THEN ''::text
             ELSE format('
      and (%s)'::text, g.needed)
         END), '
    or '::text ORDER BY g.n)) || ')'::text)
    FROM ( SELECT a.due,
             string_agg(a.needed, ' or '::text ORDER BY a.n) AS needed,
             min(a.n) AS n
            FROM unnest(any_due_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
           GROUP BY a.due) g;
END;

ALTER FUNCTION lethe_private.any_due_sql(actions lethe_private.action_parts[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.any_due_sql(actions lethe_private.action_parts[]) IS 'True when at least one of the actions is to be done on a row.';

CREATE FUNCTION lethe_private.apply_controllers(policy jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_controllers jsonb := coalesce(policy -> 'controllers', '{}');
  v_name text;
  v_controller jsonb;
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  perform lethe_private.assert_keys(policy, array['version', 'controller', 'time_zone', 'controllers', 'subjects', 'tables', 'overrides'], 'the policy');
  if policy -> 'version' is distinct from '1' then
    v_pointer := '/version';
    raise exception using errcode = 'LE605',
      message = format('policy version %s is unknown', coalesce(policy ->> 'version', 'null')),
      hint = 'this Lethe reads version: 1';
  end if;
  if policy -> 'controller' is not null then
    v_controllers := v_controllers || jsonb_build_object(policy ->> 'controller', jsonb_build_object('time_zone', policy -> 'time_zone'));
  end if;
  for v_name, v_controller in select e.key, e.value from jsonb_each(v_controllers) as e loop
    v_pointer := case when policy ->> 'controller' = v_name then '/time_zone' else lethe_private.pointer('controllers', v_name) end;
    perform lethe_private.assert_keys(v_controller, array['title', 'time_zone', 'reference'], 'controller ' || v_name);
    perform lethe.set_controller(v_name, v_controller ->> 'time_zone', v_controller ->> 'reference', v_controller ->> 'title');
  end loop;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

ALTER FUNCTION lethe_private.apply_controllers(policy jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.apply_controllers(policy jsonb) IS 'The controllers of a policy document.';

CREATE FUNCTION lethe_private.apply_links(policy jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_type text; v_subject jsonb; v_name text; v_spec jsonb; v_columns text;
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  for v_type, v_subject in select e.key, e.value from jsonb_each(policy -> 'subjects') as e loop
    v_pointer := lethe_private.pointer('subjects', v_type);
    perform lethe_private.assert_keys(v_subject, array['table', 'identifiers', 'links'], 'subject type ' || v_type);
    perform lethe.set_subject_type(v_type, v_subject ->> 'table', lethe_private.text_list(v_subject -> 'identifiers'));
  end loop;
  delete from lethe.subject_types as s where not coalesce(policy -> 'subjects', '{}') ? s.name;
  delete from lethe.links;

  for v_name, v_spec in select e.key, e.value from jsonb_each(policy -> 'tables') as e loop
    v_pointer := lethe_private.pointer('tables', v_name, 'with');
    if v_spec -> 'with' is not null then
      perform lethe.set_link(v_name, columns => case when v_spec ->> 'with' <> 'parent' then lethe_private.text_list(v_spec -> 'with') end, on_purge => 'with parent');
    end if;
    v_pointer := lethe_private.pointer('tables', v_name, 'unlink');
    foreach v_columns in array coalesce(lethe_private.text_list(v_spec -> 'unlink'), '{}') loop
      perform lethe.set_link(v_name, columns => array[v_columns], on_purge => 'unlink');
    end loop;
  end loop;

  for v_type, v_subject in select e.key, e.value from jsonb_each(policy -> 'subjects') as e loop
    for v_name, v_spec in select e.key, e.value from jsonb_each(v_subject -> 'links') as e loop
      v_pointer := lethe_private.pointer('subjects', v_type, 'links', v_name);
      perform lethe_private.assert_keys(v_spec, array['kind', 'with', 'to', 'columns', 'on_erasure'], 'link ' || v_name);
      perform lethe_private.apply_subject_link(v_type, v_subject ->> 'table', v_name, v_spec);
    end loop;
  end loop;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

ALTER FUNCTION lethe_private.apply_links(policy jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.apply_links(policy jsonb) IS 'The subject types and links of a policy document.';

CREATE FUNCTION lethe_private.apply_rules(policy jsonb, reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_rule record;
  v_managed lethe.managed_tables;
  v_seen text[] := '{}';
  v_pointer text := '/tables';
  v_message text; v_state text; v_hint text; v_detail text;
begin
  for v_rule in select * from lethe_private.rules_of(policy) loop
    v_pointer := v_rule.pointer;
    if not coalesce(policy -> 'tables', '{}') ? v_rule."table" then
      raise exception using errcode = 'LE102',
        message = format('override names table %s, which the policy does not manage', v_rule."table"),
        hint = 'add it under tables';
    end if;
    v_seen := v_seen || lethe_private.apply_terms(v_rule."table", v_rule."column", v_rule.action, v_rule.terms, v_rule.since, v_rule.controller, reason);
  end loop;
  delete from lethe.terms as t
  where jsonb_build_array(t.rule_id, (select c.name from lethe.controllers as c where c.id = t.controller_id), t.purpose)::text <> all (v_seen);
  delete from lethe.rules as r where not exists (select from lethe.terms as t where t.rule_id = r.id);

  for v_managed in select m.* from lethe.managed_tables as m order by m.id loop
    v_pointer := coalesce((
      select lethe_private.pointer('tables', k) from jsonb_object_keys(policy -> 'tables') as k
      where lethe_private.resolve_table(k) = lethe_private.host_table(v_managed.schema_name, v_managed.table_name)), '/tables');
    perform lethe_private.assert_rules(v_managed);
  end loop;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint, v_detail = pg_exception_detail;
  raise exception using errcode = v_state, message = v_message, hint = v_hint,
    detail = 'at ' || v_pointer || case when v_detail ~ '^/\d+$' then v_detail else '' end;
end
$_$;

ALTER FUNCTION lethe_private.apply_rules(policy jsonb, reason text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.apply_rules(policy jsonb, reason text) IS 'The rules of a policy document; terms it does not name are taken out.';

CREATE FUNCTION lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_child oid := lethe_private.resolve_table("table");
  v_root oid := lethe_private.resolve_table(root);
  v_columns text[] := array(select jsonb_object_keys(spec -> 'columns'));
  v_to_columns text[] := array(select spec -> 'columns' ->> c from unnest(v_columns) as c);
  v_to text := coalesce(spec ->> 'to', case when spec -> 'columns' is not null
    or exists (select from lethe_private.host_references as r where r.child = v_child and r.parent = v_root) then root end);
begin
  if v_to is null and not exists (
    select from lethe_private.host_references as r
    join lethe.managed_tables as m on lethe_private.host_table(m.schema_name, m.table_name) = r.parent
    where r.child = v_child)
  then
    select r.parent_columns, r.child_columns, root into v_columns, v_to_columns, v_to
    from lethe_private.host_references as r
    where r.child = v_root and r.parent = v_child
    limit 1;
  end if;
  perform lethe.set_link("table", "to" => v_to,
    columns => nullif(v_columns, '{}'),
    to_columns => nullif(v_to_columns, '{}'),
    on_purge => case when spec ->> 'with' = 'parent' then 'with parent' else coalesce((
      select l.on_purge from lethe.links as l
      join lethe.managed_tables as m on m.id = l.table_id
      where l.subject_type_id is null and lethe_private.host_table(m.schema_name, m.table_name) = v_child
        and (v_columns = '{}' or l.columns = v_columns)
        and (v_to is null or lethe_private.resolve_table(v_to) = (
          select lethe_private.host_table(p.schema_name, p.table_name) from lethe.managed_tables as p where p.id = l.to_table_id))
      limit 1), 'keep') end,
    subject => subject, kind => spec ->> 'kind', on_erasure => spec -> 'on_erasure');
end
$$;

ALTER FUNCTION lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb) IS 'One link of one subject type of a policy document.';

CREATE FUNCTION lethe_private.apply_tables(tables jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_name text; v_table jsonb; v_column text; v_spec jsonb; v_id int;
  v_seen int[] := '{}';
  v_pointer text := '/tables';
  v_message text; v_state text; v_hint text;
begin
  perform lethe_private.assert_keys(tables, array(select jsonb_object_keys(tables)), 'tables');
  for v_name, v_table in select e.key, e.value from jsonb_each(tables) as e loop
    v_pointer := lethe_private.pointer('tables', v_name);
    perform lethe_private.assert_keys(v_table,
      array['controller', 'time_zone', 'search_path', 'key', 'sentinels', 'since', 'columns', 'purge', 'archive', 'with', 'unlink'], 'table ' || v_name);
    v_id := lethe.manage_table(v_name, v_table #>> '{controller,constant}', v_table #>> '{controller,column}', v_table ->> 'time_zone',
      v_table ->> 'search_path', lethe_private.text_list(v_table -> 'key'), lethe_private.text_list(v_table -> 'sentinels'));
    v_seen := v_seen || v_id;
    for v_column, v_spec in select e.key, e.value from jsonb_each(v_table -> 'columns') as e loop
      v_pointer := lethe_private.pointer('tables', v_name, 'columns', v_column);
      perform lethe_private.assert_keys(v_spec, array['category', 'purposes', 'legal_basis', 'anonymize', 'archive', 'purge'], 'column ' || v_column);
      perform lethe.set_column(v_name, v_column, v_spec ->> 'category', lethe_private.text_list(v_spec -> 'purposes'), v_spec ->> 'legal_basis');
    end loop;
    delete from lethe.managed_columns as c where c.table_id = v_id and not coalesce(v_table -> 'columns', '{}') ? c.column_name;
  end loop;
  delete from lethe.managed_tables as m where m.id <> all (v_seen);
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

ALTER FUNCTION lethe_private.apply_tables(tables jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.apply_tables(tables jsonb) IS 'The managed tables and columns of a policy document.';

CREATE FUNCTION lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_term jsonb; v_index bigint; v_using jsonb; v_rule int;
  v_seen text[] := '{}';
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  for v_term, v_index in
    select e, n - 1 from jsonb_array_elements(case jsonb_typeof(terms) when 'array' then terms else jsonb_build_array(terms) end) with ordinality as x (e, n)
  loop
    v_pointer := case jsonb_typeof(terms) when 'array' then '/' || v_index else '' end;
    perform lethe_private.assert_keys(v_term, array['purpose', 'after', 'since', 'when', 'using'], 'a term');
    v_using := v_term -> 'using';
    v_rule := lethe_private.put_rule("table", action, v_term ->> 'after', "column",
      since => lethe_private.text_list(coalesce(v_term -> 'since', default_since)),
      method => case jsonb_typeof(v_using) when 'object' then v_using ->> 'method' else v_using #>> '{}' end,
      parameters => case jsonb_typeof(v_using) when 'object' then v_using - 'method' else '{}' end,
      purpose => v_term ->> 'purpose', "when" => v_term ->> 'when', controller => controller, reason => reason);
    v_seen := v_seen || jsonb_build_array(v_rule, controller, v_term ->> 'purpose')::text;
  end loop;
  return v_seen;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = v_pointer;
end
$$;

ALTER FUNCTION lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text) IS 'The terms of one rule of a policy document. Returns a mark for each; the DETAIL of an error is a pointer relative to the rule.';

CREATE FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) RETURNS TABLE(facts jsonb, target oid, found_tids tid[])
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET row_security TO 'off'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1'
    SET "IntervalStyle" TO 'postgres'
    SET jit TO 'off'
    AS $$
declare
  v_settings pg_catalog.text[];
begin
  if current_user operator(pg_catalog.<>) 'lethe_sweeper'::pg_catalog.name then
    raise exception using errcode = 'LE505', message = 'function lethe_private.as_sweeper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  perform pg_catalog.set_config('search_path', host_search_path, true);
  v_settings := array[
    pg_catalog.current_setting('search_path'), pg_catalog.current_setting('row_security'),
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')];

  return query execute statement using tids, inner_pad, outer_pad;
  set constraints all immediate;

  -- A setting that a trigger changed would outlive this function: it would be met by code with more rights,
  -- or end the cycle for every table.
  if v_settings operator(pg_catalog.<>) array[
    pg_catalog.current_setting('search_path'), 'off',
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')]
    or pg_catalog.current_setting('row_security') operator(pg_catalog.<>) 'off'
  then
    raise exception using errcode = 'LE504', message = 'a trigger changed search_path, row_security or another setting of the session',
      hint = 'give the trigger''s function a "set" clause for what it needs';
  end if;
end
$$;

ALTER FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) OWNER TO lethe_sweeper;

COMMENT ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) IS 'Runs one statement as lethe_sweeper, row security off, under the search path declared for the table. Raises LE504, LE505.';

CREATE FUNCTION lethe_private.assert_action(managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_column lethe_private.host_columns;
  v_method lethe.methods;
begin
  if action = 'archive' then
    raise exception using errcode = 'LE315',
      message = 'action archive is not available in this version',
      hint = 'anonymize or purge';
  elsif action is null or action not in ('anonymize', 'purge') or "column" is null and action <> 'purge' then
    raise exception using errcode = 'LE106',
      message = format('action %s is unknown for a %s', coalesce(quote_literal(action), 'null'), case when "column" is null then 'row' else 'column' end),
      hint = 'a column is anonymized or purged; a row is purged';
  elsif action = 'anonymize' and method is null then
    raise exception using errcode = 'LE104',
      message = format('the rule on %s.%I names no method', lethe_private.host_name(relation), "column"),
      hint = 'lethe.methods lists them';
  elsif action = 'purge' and method is not null then
    raise exception using errcode = 'LE106',
      message = format('a purge of %s takes no method', lethe_private.host_name(relation)),
      hint = 'leave the method out, or anonymize';
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

ALTER FUNCTION lethe_private.assert_action(managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_action(managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb) IS 'Raises LE103 to LE106, LE304 to LE309, LE315 or LE316 when the action cannot be done to the column or row.';

CREATE FUNCTION lethe_private.assert_clock(relation oid, since text[]) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_name text;
  v_column lethe_private.host_columns;
begin
  if coalesce(cardinality(since), 0) = 0 then
    raise exception using errcode = 'LE302',
      message = format('a rule on %s names no clock', lethe_private.host_name(relation)),
      hint = 'say since which column the delay counts';
  end if;
  foreach v_name in array since loop
    if v_name ~ '^\s*\w+\s*\(.*\)\s*$' then
      raise exception using errcode = 'LE315',
        message = format('clock %s aggregates over other rows, which this version cannot do', quote_literal(v_name)),
        hint = 'keep the date in a column of the table itself';
    end if;
    select h.* into v_column from lethe_private.host_columns as h where h.relation = assert_clock.relation and h.name = v_name;
    if not found then
      raise exception using errcode = 'LE103',
        message = format('table %s has no column %I', lethe_private.host_name(relation), v_name),
        hint = 'the clock of a rule is a column of its table';
    elsif v_column.type_name not in ('date', 'timestamp', 'timestamptz') or v_column.type_schema <> 'pg_catalog' then
      raise exception using errcode = 'LE302',
        message = format('column %I of %s is of type %s, which is no clock', v_name, lethe_private.host_name(relation), v_column.type),
        hint = 'a clock is a date, a timestamp or a timestamp with time zone';
    end if;
  end loop;
end
$_$;

ALTER FUNCTION lethe_private.assert_clock(relation oid, since text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_clock(relation oid, since text[]) IS 'Raises LE103, LE302, LE315 unless every name is a date or time column of the table.';

CREATE FUNCTION lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_found record;
begin
  select g.tgname, c.name as clock into v_found
  from pg_trigger as g
  join pg_proc as p on p.oid = g.tgfoid
  cross join (
    select distinct unnest(t.since) as name
    from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
    where r.table_id = managed.id) as c
  where g.tgrelid = relation
    and not g.tgisinternal
    and g.tgenabled in ('O', 'A')
    and g.tgtype & 19 = 19  -- before, for each row, on update
    and (p.prosrc ~* ('\mnew\s*\.\s*"?' || c.name || '"?\s*:?=')
      or strpos(encode(g.tgargs, 'escape'), c.name || '\000') > 0)
    and (coalesce(pg_get_triggerdef(g.oid), '') || p.prosrc) !~ 'lethe_sweeper'
  limit 1;
  if found then
    raise exception using errcode = 'LE312',
      message = format('trigger %I on %s sets clock %I at every update', v_found.tgname, lethe_private.host_name(relation), v_found.clock),
      hint = 'count since another column; or spare Lethe in the trigger: when (current_user <> ''lethe_sweeper'')';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid) IS 'Raises LE312 when a trigger restarts a clock of the table.';

CREATE FUNCTION lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_name text := format('column %I of %s', target.name, lethe_private.host_name(relation));
  v_reference text;
begin
  if target.is_generated or target.is_identity then
    raise exception using errcode = 'LE308',
      message = format('%s is a generated or identity column', v_name),
      hint = 'anonymize the columns it is computed from';
  end if;
  if exists (
    select
    from pg_partitioned_table as p
    where p.partrelid in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i)
      and target.name in (select a.attname from pg_attribute as a where a.attrelid = p.partrelid and a.attnum = any (p.partattrs::int2[])))
  then
    raise exception using errcode = 'LE308',
      message = format('%s is a partition key', v_name),
      hint = 'purge the row, or its partition, instead';
  end if;
  select r.foreign_key into v_reference
  from lethe_private.host_references as r
  where (r.child in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i) and target.name = any (r.child_columns))
     or (r.parent = relation and target.name = any (r.parent_columns))
  limit 1;
  if v_reference is not null then
    raise exception using errcode = 'LE309',
      message = format('%s is part of foreign key %I', v_name, v_reference),
      hint = 'purge the row, or declare the reference "unlink" on the referencing table';
  end if;
  if target.name = managed.controller_column or target.name = any (managed.key_columns) then
    raise exception using errcode = 'LE316',
      message = format('%s is the table''s key or names its controller', v_name),
      hint = 'purge the row instead';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns) IS 'Raises LE308, LE309 or LE316 for a column that no rule may rewrite.';

CREATE FUNCTION lethe_private.assert_columns(managed lethe.managed_tables, columns text[]) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text;
begin
  foreach v_name in array coalesce(columns, '{}') loop
    if not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = v_name) then
      raise exception using errcode = 'LE103',
        message = format('table %s has no column %I', lethe_private.host_name(v_oid), v_name),
        hint = 'it has ' || (select string_agg(quote_ident(h.name), ', ' order by h.position) from lethe_private.host_columns as h where h.relation = v_oid);
    end if;
  end loop;
end
$$;

ALTER FUNCTION lethe_private.assert_columns(managed lethe.managed_tables, columns text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_columns(managed lethe.managed_tables, columns text[]) IS 'Raises LE103 for the first column the table does not have.';

CREATE TABLE lethe.methods (
    name text NOT NULL,
    mask text NOT NULL,
    recogniser text NOT NULL,
    type_categories text[] NOT NULL,
    output text NOT NULL,
    keeps_unique boolean NOT NULL,
    keyed boolean NOT NULL,
    nulls_out boolean NOT NULL,
    length_min integer,
    length_min_unique integer,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    description text NOT NULL,
    builtin boolean DEFAULT false NOT NULL,
    CONSTRAINT output_is_anonymous_or_pseudonymous CHECK ((output = ANY (ARRAY['anonymous'::text, 'pseudonymous'::text])))
);

ALTER TABLE lethe.methods OWNER TO lethe_owner;

COMMENT ON TABLE lethe.methods IS 'How values are anonymized (ISO/IEC 20889): SQL templates of the mask and of the predicate that recognises its output.';

CREATE FUNCTION lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_stands boolean;
begin
  if method.mask ~ '\{value\}' or method.nulls_out then
    return;
  end if;
  begin
    -- As lethe_sweeper: a domain of the host's runs the host's code.
    v_stands := lethe_private.count_as_sweeper(format('select to_jsonb(coalesce(%s, false)) from (select (%s)::%s as %I) as c',
      lethe_private.method_sql(method.recogniser, 'c', target, method, parameters),
      lethe_private.method_sql(method.mask, 'c', target, method, parameters), target.type, target.name), null)::boolean;
  exception
    when insufficient_privilege then
      return;  -- a type of the host's; its statements will say so
    when others then
      v_stands := false;
  end;
  if v_stands is distinct from true then
    raise exception using errcode = 'LE304',
      message = format('column %I of %s, of type %s, does not store the given value as it is', target.name, lethe_private.host_name(relation), target.type),
      hint = 'give a value that the column can hold and give back unchanged';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) IS 'Raises LE304 when a constant would not be recognised once it is stored.';

CREATE FUNCTION lethe_private.assert_declared_parameters(method text, parameters jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_name text;
  v_spec jsonb;
begin
  if jsonb_typeof(parameters) is distinct from 'object' then
    raise exception using errcode = 'LE106',
      message = format('the parameters of method %s are not an object', method),
      hint = '{"width": {"type": "integer", "default": 10, "minimum": 1}}';
  end if;
  for v_name, v_spec in select p.key, p.value from jsonb_each(parameters) as p loop
    if v_name !~ '^[a-z_][a-z0-9_]*$' or v_name = any (array['value', 'type', 'length', 'key', 'method']) then
      raise exception using errcode = 'LE106',
        message = format('method %s cannot have a parameter named %I', method, v_name),
        hint = 'lowercase words; value, type, length, key and method are taken';
    end if;
    if jsonb_typeof(v_spec) <> 'object' or coalesce(v_spec ->> 'type', '') not in ('integer', 'number', 'string', 'boolean') then
      raise exception using errcode = 'LE106',
        message = format('parameter %s of method %s does not say its type', v_name, method),
        hint = '{"type": "integer"}, or number, string, boolean';
    end if;
  end loop;
end
$_$;

ALTER FUNCTION lethe_private.assert_declared_parameters(method text, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_declared_parameters(method text, parameters jsonb) IS 'Raises LE106 unless each parameter of a method has a usable name and a known type.';

CREATE FUNCTION lethe_private.assert_intact(managed lethe.managed_tables) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_missing text;
begin
  if v_oid is null then
    raise exception using errcode = 'LE102',
      message = format('table %I.%I does not exist', managed.schema_name, managed.table_name),
      hint = 'it was dropped or renamed: take it out of the policy, or name it anew';
  end if;
  select string_agg(distinct quote_ident(n.name), ', ') into v_missing
  from (
    select unnest(managed.key_columns) as name
    union all select managed.controller_column
    union all select r.column_name from lethe.rules as r where r.table_id = managed.id
    union all select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
  ) as n
  where n.name is not null
    and not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = n.name);
  if v_missing is not null then
    raise exception using errcode = 'LE103',
      message = format('table %s has no column %s', lethe_private.host_name(v_oid), v_missing),
      hint = 'it was dropped or renamed: take it out of the policy, or name it anew';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_intact(managed lethe.managed_tables) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_intact(managed lethe.managed_tables) IS 'Raises LE102 or LE103 when the table, or a column the policy needs, is no longer there.';

CREATE FUNCTION lethe_private.assert_keys(document jsonb, allowed text[], what text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_key text;
begin
  if document is null or jsonb_typeof(document) = 'null' then
    return;
  elsif jsonb_typeof(document) <> 'object' then
    raise exception using errcode = 'LE605',
      message = format('%s is a %s, not a mapping', what, jsonb_typeof(document)),
      hint = 'see docs/policy.schema.json';
  end if;
  select k into v_key from jsonb_object_keys(document) as k where k <> all (allowed) limit 1;
  if found then
    raise exception using errcode = 'LE106',
      message = format('%s has no key %s', what, v_key),
      hint = 'it may have ' || array_to_string(allowed, ', ');
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_keys(document jsonb, allowed text[], what text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_keys(document jsonb, allowed text[], what text) IS 'Raises LE605 (no mapping) or LE106 (unknown key).';

CREATE FUNCTION lethe_private.assert_manageable(relation oid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_name text := lethe_private.host_name(relation);
  v_kind "char" := (select c.relkind from pg_class as c where c.oid = relation);
  v_parent oid := (select i.inhparent from pg_inherits as i where i.inhrelid = relation order by i.inhseqno limit 1);
begin
  if v_kind not in ('r', 'p') then
    raise exception using errcode = 'LE201',
      message = format('%s is %s, which cannot be managed', v_name,
      case v_kind when 'v' then 'a view' when 'm' then 'a materialized view' else 'a foreign table' end),
      hint = 'manage the tables it reads from';
  elsif v_name ~ '^(pg_catalog|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)\.' then
    raise exception using errcode = 'LE201',
      message = format('%s belongs to the system or to Lethe itself', v_name),
      hint = 'name a table of your own';
  elsif (select c.relpersistence from pg_class as c where c.oid = relation) = 't' then
    raise exception using errcode = 'LE201',
      message = format('%s is a temporary table', v_name),
      hint = 'name a permanent table';
  elsif v_parent is not null then
    raise exception using errcode = 'LE202',
      message = format('%s is part of %s', v_name, lethe_private.host_name(v_parent)),
      hint = format('manage %s: its rules reach all its partitions and children', lethe_private.host_name(v_parent));
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_manageable(relation oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_manageable(relation oid) IS 'Raises LE201 or LE202 for what is not a table of its own.';

CREATE FUNCTION lethe_private.assert_may_change(controller_id integer) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if lethe_private.is_operator() then
    return;
  end if;
  if assert_may_change.controller_id is null then
    raise exception using errcode = 'LE502',
      message = format('role %I may not change the policy of all controllers', session_user),
      hint = format('grant lethe_owner to %I; or name a controller this login is a member of', session_user);
  end if;
  if not lethe_private.acts_for(assert_may_change.controller_id) then
    raise exception using errcode = 'LE502',
      message = format('role %I may not act for this controller', session_user),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_may_change(controller_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_may_change(controller_id integer) IS 'Raises LE502 unless the login may change the policy of the controller (null: of all).';

CREATE FUNCTION lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_name text := format('column %I of %s', target.name, lethe_private.host_name(relation));
  v_unique text := (select string_agg(u, ', ') from lethe_private.unique_indexes(relation, target.position) as u);
begin
  if not method.type_categories && array['*', target.type_name, target.type_category::text] then
    raise exception using errcode = 'LE304',
      message = format('method %s does not fit %s of type %s', method.name, v_name, target.type),
      hint = 'it fits ' || array_to_string(method.type_categories, ', ');
  end if;
  if method.nulls_out and target.not_null then
    raise exception using errcode = 'LE305',
      message = format('%s is NOT NULL and method %s makes it null', v_name, method.name),
      hint = 'use constant, partial or a pseudonym; or drop the constraint';
  end if;
  if method.nulls_out then
    perform lethe_private.assert_nulls_fit(relation, target);
  end if;
  if v_unique is not null and not method.keeps_unique and not method.nulls_out then
    raise exception using errcode = 'LE306',
      message = format('%s is unique (%s) and method %s makes values equal', v_name, v_unique, method.name),
      hint = 'use a pseudonym, which keeps values apart; or suppress';
  end if;
  if target.length < coalesce(case when v_unique is null then method.length_min else method.length_min_unique end, 0)
    or method.name = 'constant' and target.length < length(coalesce(parameters, '{}') ->> (select k from jsonb_object_keys(method.parameters) as k limit 1))
  then
    raise exception using errcode = 'LE307',
      message = format('%s holds %s characters, too few for method %s', v_name, target.length, method.name),
      hint = 'use suppress, partial or a shorter constant; or make the column longer';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) IS 'Raises LE304 (type), LE305 (NOT NULL), LE306 (unique) or LE307 (length).';

CREATE FUNCTION lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_rule text;
begin
  select w.rulename into v_rule from pg_rewrite as w
  where w.ev_class in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i)
    and w.ev_type = event and w.ev_enabled <> 'D'
  limit 1;
  if found then
    raise exception using errcode = 'LE311',
      message = format('rule %I rewrites %s on table %s', v_rule, event_name, lethe_private.host_name(relation)),
      hint = 'drop or disable it: what Lethe asks for must be what happens';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text) IS 'Raises LE311 when a rewrite rule stands in the way.';

CREATE FUNCTION lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_index text;
begin
  select x.relname into v_index
  from pg_index as i
  join pg_class as x on x.oid = i.indexrelid
  where i.indrelid = relation and i.indisunique and i.indnullsnotdistinct and target.position = any (i.indkey::int2[])
  limit 1;
  if found then
    raise exception using errcode = 'LE306',
      message = format('column %I of %s is unique, nulls included (%s), and would become null', target.name, lethe_private.host_name(relation), v_index),
      hint = 'use a pseudonym, which keeps values apart';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns) IS 'Raises LE306 when a column may hold one null at the most.';

CREATE FUNCTION lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if on_purge = 'with parent' and child.id = parent.id then
    raise exception using errcode = 'LE316',
      message = format('table %I.%I cannot go with itself', child.schema_name, child.table_name),
      hint = 'leave the reference as it is (a row stays while one refers to it), or declare it unlink';
  elsif on_purge = 'unlink' and exists (
    select from lethe_private.host_columns as h
    where h.relation = lethe_private.host_table(child.schema_name, child.table_name) and h.name = any (columns) and h.not_null)
  then
    raise exception using errcode = 'LE305',
      message = format('reference %s of %I.%I is NOT NULL and cannot be unlinked', array_to_string(columns, ', '), child.schema_name, child.table_name),
      hint = 'declare it with parent, or leave it: a row stays while one refers to it';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text) IS 'Raises LE305 (unlinking what is NOT NULL) or LE316 (a table that would go with itself).';

CREATE FUNCTION lethe_private.assert_parameters(method lethe.methods, parameters jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_key text;
  v_spec jsonb;
  v_value jsonb;
begin
  select k into v_key from jsonb_object_keys(parameters) as k where not method.parameters ? k limit 1;
  if v_key is not null then
    raise exception using errcode = 'LE106',
      message = format('method %s has no parameter %I', method.name, v_key),
      hint = coalesce('it has ' || (select string_agg(k, ', ') from jsonb_object_keys(method.parameters) as k), 'it has none');
  end if;
  for v_key, v_spec in select d.key, d.value from jsonb_each(method.parameters) as d loop
    v_value := coalesce(parameters -> v_key, v_spec -> 'default');
    if v_value is null then
      raise exception using errcode = 'LE106',
        message = format('method %s needs parameter %I', method.name, v_key),
        hint = coalesce(v_spec ->> 'description', 'give it under using');
    end if;
    if v_spec ->> 'type' in ('integer', 'number') and (
        jsonb_typeof(v_value) <> 'number'
        or (v_spec ->> 'type' = 'integer' and v_value::numeric <> trunc(v_value::numeric))
        or v_value::numeric < (v_spec ->> 'minimum')::numeric
        or v_value::numeric > (v_spec ->> 'maximum')::numeric)
      or v_spec ->> 'type' = 'string' and jsonb_typeof(v_value) <> 'string'
      or v_spec -> 'enum' is not null and not v_spec -> 'enum' @> v_value
    then
      raise exception using errcode = 'LE106',
        message = format('parameter %I of method %s cannot be %s', v_key, method.name, v_value),
        hint = concat_ws('; ', 'it takes ' || (v_spec ->> 'type'), 'at least ' || (v_spec ->> 'minimum'),
          'at most ' || (v_spec ->> 'maximum'), 'one of ' || (v_spec ->> 'enum'));
    end if;
  end loop;
end
$$;

ALTER FUNCTION lethe_private.assert_parameters(method lethe.methods, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_parameters(method lethe.methods, parameters jsonb) IS 'Raises LE106 for a parameter that is unknown, missing or of the wrong kind.';

CREATE FUNCTION lethe_private.assert_references(relation oid, path oid[] DEFAULT '{}'::oid[]) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reference record;
  v_positions int2[];
  v_schema text;
  v_leaf text;
begin
  for v_reference in
    select * from lethe_private.references_to(relation) as r where r.child <> all (path)
  loop
    select array_agg(h.position order by x.n)::int2[] into v_positions
    from unnest(v_reference.child_columns) with ordinality as x (name, n)
    join lethe_private.host_columns as h on h.relation = v_reference.child and h.name = x.name;
    if not lethe_private.has_leading_index(v_reference.child, v_positions) then
      raise exception using errcode = 'LE310',
        message = format('%s of %s refers to %s without an index',
          array_to_string(v_reference.child_columns, ', '), lethe_private.host_name(v_reference.child), lethe_private.host_name(relation)),
        hint = format('create index concurrently on %s (%s)', lethe_private.host_name(v_reference.child),
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.child_columns) as c));
    end if;

    -- A type with an equality of its own (citext) is compared by it only where it is found; by the plain one
    -- a referring row could be overlooked, and a cascade nobody declared would take it.
    select n.nspname into v_schema
    from pg_constraint as k
    cross join unnest(k.conpfeqop) as e (operator)
    join pg_operator as o on o.oid = e.operator
    join pg_namespace as n on n.oid = o.oprnamespace
    where k.contype = 'f' and k.conrelid = v_reference.child and k.conname = v_reference.foreign_key
      and n.nspname <> 'pg_catalog'
      and not exists (
        select from lethe.managed_tables as m
        cross join unnest(string_to_array(m.search_path, ',')) as p
        where lethe_private.host_table(m.schema_name, m.table_name) = coalesce(path[1], relation)
          and btrim(btrim(p), '"') = n.nspname)
    limit 1;
    if v_schema is not null then
      raise exception using errcode = 'LE315',
        message = format('reference %s of %s compares by an operator of schema %I, which the search path of %s does not name',
          array_to_string(v_reference.child_columns, ', '), lethe_private.host_name(v_reference.child), v_schema,
          lethe_private.host_name(coalesce(path[1], relation))),
        hint = format('declare the table''s search path: search_path: "%s, pg_temp"', quote_ident(v_schema));
    end if;

    -- A partition whose siblings declare this foreign key, each for itself, and which does not.
    select lethe_private.host_name(s.inhrelid) into v_leaf
    from pg_inherits as i
    join pg_inherits as s on s.inhparent = i.inhparent
    where i.inhrelid = v_reference.child
      and (select c.relispartition from pg_class as c where c.oid = s.inhrelid)
      and not exists (
        select from pg_constraint as k
        where k.conrelid in (s.inhrelid, s.inhparent) and k.contype = 'f' and k.confrelid = relation)
    limit 1;
    if v_leaf is not null then
      raise exception using errcode = 'LE313',
        message = format('partition %s lacks the foreign key to %s that its siblings have', v_leaf, lethe_private.host_name(relation)),
        hint = format('alter table %s add foreign key (%s) references %s (%s)', v_leaf,
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.child_columns) as c), lethe_private.host_name(relation),
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.parent_columns) as c));
    end if;
    if v_reference.on_purge = 'with parent' then
      perform lethe_private.assert_no_rewrite_rule(v_reference.child, '4', 'DELETE');
      perform lethe_private.assert_references(v_reference.child, path || relation);
    end if;
  end loop;
end
$$;

ALTER FUNCTION lethe_private.assert_references(relation oid, path oid[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_references(relation oid, path oid[]) IS 'Raises LE310 (a reference without an index) or LE313 (a partition without its siblings'' foreign key).';

CREATE FUNCTION lethe_private.assert_rules(managed lethe.managed_tables) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_purges boolean := exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is null);
  v_updates boolean := exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is not null);
begin
  perform lethe_private.assert_terms_agree(managed, v_oid);
  if v_purges then
    perform lethe_private.assert_no_rewrite_rule(v_oid, '4', 'DELETE');
    perform lethe_private.assert_references(v_oid);
  end if;
  if v_updates then
    perform lethe_private.assert_no_rewrite_rule(v_oid, '2', 'UPDATE');
    perform lethe_private.assert_clock_stands(managed, v_oid);
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_rules(managed lethe.managed_tables) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_rules(managed lethe.managed_tables) IS 'Raises LE310 to LE314 or LE316 when the rules of a table cannot work together or on it.';

CREATE FUNCTION lethe_private.assert_single_expression(expression text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_rest text;
  v_depth int := 0;
  v_char text;
begin
  -- One pass over both kinds of quotes: which of them is open decides what the other one means.
  v_rest := regexp_replace(coalesce(expression, ''), '''([^'']|'''')*''|"([^"]|"")*"', '''''', 'g');
  if v_rest ~ '(^|[^[:alnum:]_])([eE]|[uU]&)''''' or v_rest ~ '\$' then
    raise exception using errcode = 'LE303',
      message = 'an expression uses an escape string (E, U&) or dollar quoting',
      hint = 'write plain literals';
  end if;
  v_rest := replace(v_rest, '''''', ' x ');
  if v_rest ~ '[;''"]|--|/\*' or btrim(v_rest, E' \t\r\n') = '' then
    raise exception using errcode = 'LE303',
      message = 'an expression is empty, or holds a comment, a semicolon or an open quote',
      hint = 'write one expression and nothing else';
  end if;
  foreach v_char in array regexp_split_to_array(regexp_replace(v_rest, '[^][()]', '', 'g'), '') loop
    v_depth := v_depth + case when v_char in ('(', '[') then 1 when v_char in (')', ']') then -1 else 0 end;
    exit when v_depth < 0;
  end loop;
  if v_depth <> 0 then
    raise exception using errcode = 'LE303',
      message = 'an expression does not balance its parentheses',
      hint = 'close what it opens, and nothing else';
  end if;
end
$_$;

ALTER FUNCTION lethe_private.assert_single_expression(expression text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_single_expression(expression text) IS 'Raises LE303 unless the text can only be one expression.';

CREATE FUNCTION lethe_private.assert_template(method text, part text, template text, parameters jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_unquoted text := regexp_replace(coalesce(template, ''), '''([^'']|'''')*''|"([^"]|"")*"', ' ', 'g');
  v_word text;
begin
  perform lethe_private.assert_single_expression(template);
  -- Under standard_conforming_strings = off a backslash would take the quote after it into the literal.
  if template like E'%\\\\''%' then
    raise exception using errcode = 'LE303',
      message = format('the %s of method %s has a backslash before a quote', part, method),
      hint = 'write chr(92)';
  end if;
  -- A negative number after a minus sign would read as a comment.
  if v_unquoted ~ '-\{' then
    raise exception using errcode = 'LE303',
      message = format('the %s of method %s has a minus sign right before a placeholder', part, method),
      hint = 'put a space between them';
  end if;
  select p.word[1] into v_word
  from regexp_matches(template, '\{(\w+)\}', 'g') as p (word)
  where p.word[1] <> all (array['value', 'type', 'length', 'key'])
    and not parameters ? p.word[1]
  limit 1;
  if v_word is not null then
    raise exception using errcode = 'LE106',
      message = format('the %s of method %s has an unknown placeholder {%s}', part, method, v_word),
      hint = 'it may hold {value}, {type}, {length}, {key} and the parameters it declares';
  end if;
  if regexp_count(v_unquoted, '\{\w+\}') <> regexp_count(template, '\{\w+\}') then
    raise exception using errcode = 'LE106',
      message = format('the %s of method %s has a placeholder inside quotes', part, method),
      hint = 'placeholders bring their own quotes';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_template(method text, part text, template text, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_template(method text, part text, template text, parameters jsonb) IS 'Raises LE303 unless the template is one expression, LE106 unless its placeholders are known and outside of quotes.';

CREATE FUNCTION lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_conflict record;
begin
  select r.column_name, c.name as controller into v_conflict
  from lethe.controllers as c
  cross join lateral lethe_private.effective_terms(managed.id, c.id) as t
  join lethe.rules as r on r.id = t.rule_id
  where r.action = 'anonymize'
  group by c.name, r.id, r.column_name
  having count(distinct (t.method, t.parameters)) > 1
  limit 1;
  if found then
    raise exception using errcode = 'LE314',
      message = format('the terms of column %I of %s name different methods for controller %s',
      v_conflict.column_name, lethe_private.host_name(relation), v_conflict.controller),
      hint = 'one value can be masked in one way only';
  end if;

  -- Only where both delays count from the same clock for the same purpose can they be compared at all.
  select coalesce(r.column_name || ': ', '') || r.action as earlier, l.column_name || ': ' || l.action as later into v_conflict
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.rules as l on l.table_id = r.table_id and l.action <= r.action and l.id <> r.id
    and (r.column_name is null or r.column_name = l.column_name)
  join lethe.terms as u on u.rule_id = l.id and u.since = t.since
    and u.condition is not distinct from t.condition
    and u.purpose is not distinct from t.purpose and u.controller_id is not distinct from t.controller_id
  where r.table_id = managed.id and r.action = 'purge' and l.column_name is not null and u.after >= t.after
    and 1 = (select count(*) from lethe.terms as x where x.rule_id = r.id and x.controller_id is not distinct from t.controller_id)
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('rule "%s" on %s can never be due: "%s" comes first or at once',
      v_conflict.later, lethe_private.host_name(relation), v_conflict.earlier),
      hint = 'give it a shorter delay, or leave it out';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid) IS 'Raises LE314 (one column, two methods) or LE316 (a rule that another always precedes).';

CREATE FUNCTION lethe_private.assert_time_zone(time_zone text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (select from pg_timezone_names where name = assert_time_zone.time_zone) then
    raise exception using errcode = 'LE105',
      message = format('time zone %s is unknown', coalesce(quote_literal(assert_time_zone.time_zone), 'null')),
      hint = 'use an IANA name such as Europe/Paris; pg_timezone_names lists them';
  end if;
end
$$;

ALTER FUNCTION lethe_private.assert_time_zone(time_zone text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_time_zone(time_zone text) IS 'Raises LE105 unless PostgreSQL knows the zone by this very name.';

CREATE FUNCTION lethe_private.assert_trusted_names(method text, part text, template text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_unquoted text := regexp_replace(template, '''([^'']|'''')*''', ' ', 'g');
  v_name text;
begin
  if v_unquoted ~* '\moperator\s*\(' then
    raise exception using errcode = 'LE303',
      message = format('the %s of method %s names an operator by its schema', part, method),
      hint = 'use the operators of pg_catalog, or a function';
  end if;
  select format('%I.%I', n.nspname, o.name) into v_name
  from regexp_matches(v_unquoted, '([[:alpha:]_][[:alnum:]_$]*|"[^"]+")\s*\.\s*([[:alpha:]_][[:alnum:]_$]*|"[^"]+")', 'g') as m (word)
  cross join lateral (select case when w ~ '^"' then btrim(w, '"') else lower(w) end as schema, case when x ~ '^"' then btrim(x, '"') else lower(x) end as name
                      from (values (m.word[1], m.word[2])) as y (w, x)) as q
  join pg_namespace as n on n.nspname = q.schema and n.nspname not in ('pg_catalog', 'lethe')
  cross join lateral (
    select p.proname as name, p.proowner as owner from pg_proc as p where p.pronamespace = n.oid and p.proname = q.name
    union all
    select t.typname, t.typowner from pg_type as t where t.typnamespace = n.oid and t.typname = q.name
  ) as o
  where not pg_has_role(o.owner, 'lethe_owner', 'member')
  limit 1;
  if v_name is not null then
    raise exception using errcode = 'LE502',
      message = format('the %s of method %s calls %s, whose owner could act as lethe_owner through it', part, method, v_name),
      hint = format('alter function %s(...) owner to lethe_owner', v_name);
  end if;
end
$_$;

ALTER FUNCTION lethe_private.assert_trusted_names(method text, part text, template text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.assert_trusted_names(method text, part text, template text) IS 'Raises LE502 when a template names a function or type of somebody who may not act as lethe_owner.';

CREATE TABLE lethe_private.worklist (
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    batch bigint NOT NULL,
    target oid NOT NULL,
    tids tid[] NOT NULL,
    rows integer GENERATED ALWAYS AS (cardinality(tids)) STORED NOT NULL,
    flags text,
    attempts integer DEFAULT 0 NOT NULL
);

ALTER TABLE lethe_private.worklist OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.worklist IS 'Due rows by physical address, one row a batch. An address may go stale: every statement checks the row again.';

COMMENT ON COLUMN lethe_private.worklist.flags IS 'Where the same rules are to be done on all rows of the batch: which, one digit a rule. Null: it differs from row to row.';

CREATE FUNCTION lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_settings lethe.settings;
  v_class text := left(cause ->> 'sqlstate', 2);
begin
  select s.* into v_settings from lethe.settings as s;
  if v_class = '40' or cause ->> 'sqlstate' in ('55P03', '55006') then
    if batch.attempts + 1 >= v_settings.attempts_max then
      return lethe_private.table_failed(cycle_table, cause);
    end if;
    update lethe_private.worklist as w set attempts = w.attempts + 1
    where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = batch_failed.batch.batch;
    return 'retry';
  end if;

  if v_class not in ('21', '22', '23', '27', '44', 'P0') and v_class <> '09' then
    return lethe_private.table_failed(cycle_table, cause);
  end if;
  return lethe_private.halve_batch(cycle_table, batch, cause);
end
$$;

ALTER FUNCTION lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) IS 'What to do after an error: try again later (retry), halve the batch (swept), or give the table up (failed).';

CREATE FUNCTION lethe_private.before_purge(table_oid oid, depth integer DEFAULT 0, joins text DEFAULT ''::text, path oid[] DEFAULT '{}'::oid[]) RETURNS TABLE(table_name text, rule text, statement text, count_statement text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_reference record;
  v_parent text := case depth when 0 then 'c' else 'k' || depth end;
  v_child text := 'k' || depth + 1;
  v_name text;
  v_on text;
  v_count text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r
    where r.on_purge <> 'keep' and r.child <> all (path)
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    v_name := lethe_private.host_name(v_reference.child);
    v_on := lethe_private.reference_sql(v_child, v_reference.child_columns, v_parent, v_reference.parent_columns);
    v_count := format('select to_jsonb(count(*)) from {from} as c%s join %s as %s on %s where {leaves}', joins, v_name, v_child, v_on);
    if v_reference.on_purge = 'unlink' then
      return query select v_name, 'unlink ' || array_to_string(v_reference.child_columns, ', '), format(
        'with changed as (update %s as %s set %s from {from} as c%s where c.ctid = any ($1){here} and %s returning 1) select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from changed',
        v_name, v_child, (select string_agg(format('%I = null', x), ', ') from unnest(v_reference.child_columns) as x), joins,
        -- A leaving row that refers to another one is left as it is: changing it would move it.
        v_on || case when v_reference.child = table_oid
          then format(' and not (%1$s.ctid = any ($1) and %1$s.tableoid = c.tableoid)', v_child) else '' end), v_count;
      continue;
    end if;
    return query select * from lethe_private.before_purge(
      v_reference.child, depth + 1, format('%s join %s as %s on %s', joins, v_name, v_child, v_on), path || table_oid);
    return query select v_name, 'with parent'::text, case when not v_reference.cascades then format(
      'with gone as (delete from %s as %s using {from} as c%s where c.ctid = any ($1){here} and %s returning 1) select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from gone',
      v_name, v_child, joins, v_on) end, v_count;
  end loop;
end
$_$;

ALTER FUNCTION lethe_private.before_purge(table_oid oid, depth integer, joins text, path oid[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.before_purge(table_oid oid, depth integer, joins text, path oid[]) IS 'Statements over a batch of leaving rows ($1: tid[]), and what counts them beforehand; a null statement marks a table that PostgreSQL''s own cascade empties.';

CREATE FUNCTION lethe_private.cascade_mark(table_oid oid) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 WITH RECURSIVE family AS (
          SELECT cascade_mark.table_oid AS oid
         UNION
          SELECT x.oid
            FROM (family f_1
              CROSS JOIN LATERAL ( SELECT i.inhrelid AS oid
                    FROM pg_inherits i
                   WHERE (i.inhparent = f_1.oid)
                 UNION ALL
                  SELECT k_1.conrelid
                    FROM pg_constraint k_1
                   WHERE ((k_1.contype = 'f'::"char") AND (k_1.confrelid = f_1.oid) AND (k_1.confdeltype = 'c'::"char"))) x)
         )
  SELECT md5(COALESCE(string_agg(concat_ws(' '::text, k.oid, k.confdeltype, (to_jsonb(k.*) ->> 'conenforced'::text)), ','::text ORDER BY k.oid), ''::text)) AS md5
    FROM (family f
      JOIN pg_constraint k ON (((k.confrelid = f.oid) AND (k.contype = 'f'::"char"))))
   WHERE (k.confdeltype = ANY (ARRAY['c'::"char", 'n'::"char", 'd'::"char"]));
END;

ALTER FUNCTION lethe_private.cascade_mark(table_oid oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.cascade_mark(table_oid oid) IS 'A mark of all foreign keys by which PostgreSQL itself would delete or change rows along with rows of a table.';

CREATE FUNCTION lethe_private.children_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, false);
  v_kept text := lethe_private.kept_sql('c', table_oid, controller, today, true);
  v_leaves text := case
    when v_staying is not null then
      '(c.tableoid, c.ctid) in (select d.target, d.tid from due as d where (d.target, d.tid) not in (select x.target, x.tid from staying as x))'
    else condition || coalesce(E'\n    and not (' || v_kept || ')', '')
  end;
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('table', b.table_name, 'rule', b.rule, 'statement',
      coalesce(v_staying, '') || lethe_private.fill(b.count_statement, jsonb_build_object('from', lethe_private.host_name(table_oid), 'leaves', v_leaves)))), '[]')
    from lethe_private.before_purge(table_oid) as b);
end
$$;

ALTER FUNCTION lethe_private.children_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.children_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text) IS 'The statements that count what would follow the leaving rows: [{"table", "rule", "statement"}].';

CREATE FUNCTION lethe_private.clock_ceiling() RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN '294000-01-01'::text;

ALTER FUNCTION lethe_private.clock_ceiling() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.clock_ceiling() IS 'Clocks from here on stand for "never".';

CREATE FUNCTION lethe_private.clock_floor() RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN '4713-01-01 BC'::text;

ALTER FUNCTION lethe_private.clock_floor() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.clock_floor() IS 'Clocks up to here stand for "none".';

CREATE FUNCTION lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    AS $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_source text := lethe_private.host_name(v_oid);
  v_owner text := lethe_private.controller_sql('c', managed, v_oid, controller);
  v_held text := lethe_private.held_sql('c', managed, v_oid, today);
  v_key text := lethe_private.key_sql('c', v_oid, managed.key_columns);
  v_rows int := (select batch_rows from lethe.settings);
  v_leaves boolean := exists (select from pg_inherits where inhparent = v_oid);
  v_actions lethe_private.action_parts[] := array(select a from lethe_private.actions('c', managed, v_oid, controller, today) as a);
  v_purge lethe_private.action_parts[] := array(select a from unnest(v_actions) as a where a.phase = 'purge');
  v_columns lethe_private.action_parts[] := array(select a from unnest(v_actions) as a where a.phase = 'columns');
  v_order text := lethe_private.plain_clock_index(managed, v_oid, controller);
  v_condition text;
  v_program jsonb;
begin
  if cardinality(v_actions) = 0 then
    return null;
  end if;
  v_program := jsonb_build_object(
    'unlocked', lethe_private.unlocked_sql(),
    'rules', (select jsonb_agg(jsonb_build_object('flag', a.flag, 'rule', a.rule, 'phase', a.phase)) from unnest(v_actions) as a),
    'look', lethe_private.look_sql(v_source, concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_actions)),
      v_actions, v_held, lethe_private.kept_sql('c', v_oid, controller, today, true),
      case when cardinality(v_purge) > 0 then lethe_private.staying_sql(managed, v_oid, controller, today, false) end),
    'unclocked', lethe_private.unclocked_sql(v_source, v_owner, v_actions));

  if cardinality(v_purge) > 0 then
    v_condition := concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_purge),
      lethe_private.not_held_sql('c', managed, v_oid, today));
    v_program := v_program || jsonb_build_object('purge',
      lethe_private.purge_program(managed, v_oid, controller, today, v_condition, v_key)
      || jsonb_build_object('discover', lethe_private.discover_sql(v_source, v_condition, v_purge, null, v_leaves, v_rows)));
  end if;
  if cardinality(v_columns) > 0 then
    v_condition := concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_columns),
      lethe_private.not_held_sql('c', managed, v_oid, today));
    v_program := v_program || jsonb_build_object('columns', jsonb_build_object(
      'discover', lethe_private.discover_sql(v_source, v_condition, v_columns, v_order, v_leaves, v_rows),
      'act', lethe_private.act_sql(v_condition, v_columns, v_key, lethe_private.is_watched(v_oid)),
      'act_on_all', case when not lethe_private.is_watched(v_oid) then jsonb_build_object(
        'own_rows', concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.not_held_sql('c', managed, v_oid, today)),
        'actions', to_jsonb(v_columns), 'key', v_key) end));
  end if;
  return v_program;
end
$$;

ALTER FUNCTION lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The statements of one table, for one controller and one local day; null when no rule applies.';

CREATE FUNCTION lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_table lethe.cycle_tables;
begin
  insert into lethe.cycle_tables (cycle_id, table_id, table_name)
  select cycle.id, m.id, format('%I.%I', m.schema_name, m.table_name)
  from lethe.managed_tables as m
  where lethe_private.has_controller(m, controller)
    and exists (select from lethe_private.effective_terms(m.id, controller.id))
  order by m.id;
  for v_table in select t.* from lethe.cycle_tables as t where t.cycle_id = cycle.id order by t.table_id loop
    perform lethe_private.program_of(cycle, v_table);
  end loop;
end
$$;

ALTER FUNCTION lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers) IS 'Lists and compiles the managed tables of a new cycle.';

CREATE FUNCTION lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT
         CASE
             WHEN ((managed).controller_column IS NULL) THEN 'true'::text
             ELSE ( SELECT format('%s.%I = %L::%s'::text, controller_sql.alias, h.name, (controller_sql.controller).reference, h.base_type) AS format
                FROM lethe_private.host_columns h
               WHERE ((h.relation = controller_sql.table_oid) AND (h.name = (controller_sql.managed).controller_column)))
         END AS format;
END;

ALTER FUNCTION lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers) IS 'True when the row belongs to the controller.';

CREATE FUNCTION lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_facts jsonb;
  v_state text;
begin
  -- The planner cannot know how few rows a partial index still holds. Starting helpers for those takes
  -- longer than counting them; for a table that must be read whole they pay all the same.
  perform set_config('parallel_setup_cost', '10000', true);
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(
    format('select (%s), null::oid, null::tid[]', count_as_sweeper.statement), count_as_sweeper.managed) as r;
  return v_facts;
exception
  when insufficient_privilege then
    raise;
  -- The message of a cast or a division that fails on some row quotes the row, whosever it is.
  when others then
    get stacked diagnostics v_state = returned_sqlstate;
    if v_state like 'LE%' then
      raise;
    end if;
    raise exception using errcode = v_state,
      message = format('a statement over %I.%I fails on some row (SQLSTATE %s)', managed.schema_name, managed.table_name, v_state),
      hint = 'a predicate must be able to read every value of its columns';
end
$$;

ALTER FUNCTION lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables) IS 'The one jsonb value of a statement run as lethe_sweeper.';

CREATE FUNCTION lethe_private.deleted_in_transaction(relation oid) RETURNS bigint
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT (COALESCE(sum(pg_stat_get_xact_tuples_deleted(t.relid)), (0)::numeric))::bigint AS "coalesce"
    FROM ( SELECT deleted_in_transaction.relation AS relid
         UNION
          SELECT p.relid
            FROM pg_partition_tree((deleted_in_transaction.relation)::regclass) p(relid, parentrelid, isleaf, level)) t;
END;

ALTER FUNCTION lethe_private.deleted_in_transaction(relation oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.deleted_in_transaction(relation oid) IS 'Rows deleted from a table so far by this transaction, cascades included, as PostgreSQL''s own statistics count them.';

CREATE FUNCTION lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_found jsonb;
  v_rows bigint;
begin
  -- Addresses of many rows are sorted and put together here, once a table and not once a batch.
  perform set_config('work_mem', '64MB', true);
  with found as (
    select r.facts, r.target, r.found_tids
    from lethe_private.run_as_sweeper(statement, managed) as r
  ), listed as (
    insert into lethe_private.worklist (cycle_id, table_id, target, tids, flags)
    select cycle_table.cycle_id, cycle_table.table_id, f.target, f.found_tids, f.facts ->> 'flags'
    from found as f
    returning 1
  )
  select coalesce(jsonb_object_agg(t.key, t.total), '{}'), coalesce(max(t.total) filter (where t.key = 'rows'), 0)
    into v_found, v_rows
  from (
    select e.key, sum(e.value::bigint)::bigint as total
    from found as f cross join jsonb_each_text(f.facts - 'flags') as e
    group by e.key
  ) as t;

  update lethe.cycle_tables as c
  set state = 'sweeping',
      pass = c.pass + 1,
      found_in_pass = v_rows,
      done_before_pass = c.rows_done,
      rows_found = case when c.round = 1 and c.pass = 0 then c.rows_found + v_rows else c.rows_found end,
      found = case when c.round = 1 and c.pass = 0 then c.found || (v_found - 'rows') else c.found end
  where c.cycle_id = cycle_table.cycle_id and c.table_id = cycle_table.table_id;
  return v_rows;
end
$$;

ALTER FUNCTION lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text) IS 'One search for all due rows of a table''s phase.';

CREATE FUNCTION lethe_private.discover_sql(source text, condition text, actions lethe_private.action_parts[], in_order_of text, has_leaves boolean, batch_rows integer) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT format('with f as materialized (
  select c.tableoid as target, c.ctid as tid,%s
    %s
  from %s as c
  where %s
), flagged as (
  select f.*, %s as flags from f
), common as (
  select x.flags from flagged as x group by x.flags having count(*) >= %s
)
select %s as facts, d.target, array_agg(d.tid) as tids
from (
  select x.*, m.flags as common, row_number() over (partition by %sm.flags order by %sx.tid) as n
  from flagged as x
  left join common as m on m.flags = x.flags
) as d
group by d.target, d.common, (d.n - 1) / %s
order by d.target, d.common, (d.n - 1) / %s'::text,
         CASE
             WHEN (discover_sql.in_order_of IS NULL) THEN ''::text
             ELSE format(' c.%I as clock,'::text, discover_sql.in_order_of)
         END, lethe_private.tests_sql(discover_sql.actions), discover_sql.source, discover_sql.condition, string_agg(format('case when f.%s then ''1'' else ''0'' end'::text, a.flag), ' || '::text ORDER BY a.n), GREATEST((discover_sql.batch_rows / 5), 1), lethe_private.object_sql((ARRAY['''rows'', count(*)'::text, '''flags'', d.common'::text] || array_agg(format('%L, count(*) filter (where d.%s)'::text, a.flag, a.flag) ORDER BY a.n))),
         CASE
             WHEN discover_sql.has_leaves THEN 'x.target, '::text
             ELSE ''::text
         END,
         CASE
             WHEN (discover_sql.in_order_of IS NULL) THEN ''::text
             ELSE 'x.clock, '::text
         END, discover_sql.batch_rows, discover_sql.batch_rows) AS format
    FROM unnest(discover_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n);
END;

ALTER FUNCTION lethe_private.discover_sql(source text, condition text, actions lethe_private.action_parts[], in_order_of text, has_leaves boolean, batch_rows integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.discover_sql(source text, condition text, actions lethe_private.action_parts[], in_order_of text, has_leaves boolean, batch_rows integer) IS 'Finds all due rows once and groups their addresses into batches.';

CREATE FUNCTION lethe_private.effective_terms(table_id integer, controller_id integer) RETURNS SETOF lethe.terms
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT DISTINCT ON (t.rule_id, t.purpose) t.id,
     t.rule_id,
     t.controller_id,
     t.purpose,
     t.after,
     t.since,
     t."when",
     t.condition,
     t.method,
     t.parameters
    FROM (lethe.terms t
      JOIN lethe.rules r ON ((r.id = t.rule_id)))
   WHERE ((r.table_id = effective_terms.table_id) AND ((t.controller_id IS NULL) OR (t.controller_id = effective_terms.controller_id)))
   ORDER BY t.rule_id, t.purpose, t.controller_id;
END;

ALTER FUNCTION lethe_private.effective_terms(table_id integer, controller_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.effective_terms(table_id integer, controller_id integer) IS 'The terms in force on a managed table for a controller.';

CREATE FUNCTION lethe_private.plain_name(managed lethe.managed_tables) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN (strpos((managed).schema_name, '.'::text) > 0) THEN format('%I.%I'::text, (managed).schema_name, (managed).table_name) ELSE (((managed).schema_name || '.'::text) || (managed).table_name) END;

ALTER FUNCTION lethe_private.plain_name(managed lethe.managed_tables) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.plain_name(managed lethe.managed_tables) IS 'schema.table without quotes, as a policy document names it.';

CREATE FUNCTION lethe_private.export_links(subject_type_id integer) RETURNS jsonb
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT jsonb_object_agg(lethe_private.plain_name(m.*), jsonb_strip_nulls(jsonb_build_object('kind', l.kind, 'with',
         CASE
             WHEN (l.on_purge = 'with parent'::text) THEN 'parent'::text
             ELSE NULL::text
         END, 'to',
         CASE
             WHEN (l.foreign_key IS NULL) THEN lethe_private.plain_name(p.*)
             ELSE NULL::text
         END, 'columns',
         CASE
             WHEN (l.foreign_key IS NULL) THEN ( SELECT jsonb_object_agg(x.c, x.t) AS jsonb_object_agg
                FROM UNNEST(l.columns, l.to_columns) x(c, t))
             ELSE NULL::jsonb
         END, 'on_erasure', l.on_erasure))) AS jsonb_object_agg
    FROM ((lethe.links l
      JOIN lethe.managed_tables m ON ((m.id = l.table_id)))
      JOIN lethe.managed_tables p ON ((p.id = l.to_table_id)))
   WHERE (l.subject_type_id = export_links.subject_type_id);
END;

ALTER FUNCTION lethe_private.export_links(subject_type_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.export_links(subject_type_id integer) IS 'The links of a subject type as a policy document writes them.';

CREATE FUNCTION lethe_private.format_delay(after interval) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN ((('P'::text || COALESCE((NULLIF(EXTRACT(year FROM after), (0)::numeric) || 'Y'::text), ''::text)) || COALESCE((NULLIF(EXTRACT(month FROM after), (0)::numeric) || 'M'::text), ''::text)) || COALESCE((NULLIF(EXTRACT(day FROM after), (0)::numeric) || 'D'::text), ''::text));

ALTER FUNCTION lethe_private.format_delay(after interval) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.format_delay(after interval) IS 'The inverse of parse_delay; weeks come back as days.';

CREATE FUNCTION lethe_private.export_terms(rule_id integer, controller_id integer) RETURNS jsonb
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 WITH terms AS (
          SELECT t.purpose,
             jsonb_strip_nulls(jsonb_build_object('purpose', t.purpose, 'after', lethe_private.format_delay(t.after), 'since',
                 CASE cardinality(t.since)
                     WHEN 1 THEN to_jsonb(t.since[1])
                     ELSE to_jsonb(t.since)
                 END, 'when', t."when", 'using',
                 CASE
                     WHEN (t.parameters = '{}'::jsonb) THEN to_jsonb(t.method)
                     ELSE (jsonb_build_object('method', t.method) || t.parameters)
                 END)) AS term
            FROM lethe.terms t
           WHERE ((t.rule_id = export_terms.rule_id) AND (NOT (t.controller_id IS DISTINCT FROM export_terms.controller_id)))
         )
  SELECT
         CASE count(*)
             WHEN 0 THEN NULL::jsonb
             WHEN 1 THEN (jsonb_agg(terms.term) -> 0)
             ELSE jsonb_agg(terms.term ORDER BY terms.purpose NULLS FIRST)
         END AS jsonb_agg
    FROM terms;
END;

ALTER FUNCTION lethe_private.export_terms(rule_id integer, controller_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.export_terms(rule_id integer, controller_id integer) IS 'The terms of a rule as a policy document writes them.';

CREATE TABLE lethe.managed_columns (
    table_id integer NOT NULL,
    column_name text NOT NULL,
    category text,
    purposes text[] DEFAULT '{}'::text[] NOT NULL,
    legal_basis text,
    CONSTRAINT category_is_known CHECK ((category = ANY (ARRAY['direct identifier'::text, 'contact'::text, 'quasi-identifier'::text, 'special category'::text, 'content'::text, 'technical'::text, 'not personal'::text])))
);

ALTER TABLE lethe.managed_columns OWNER TO lethe_owner;

COMMENT ON TABLE lethe.managed_columns IS 'What a column holds, for which purposes, on which legal basis.';

CREATE FUNCTION lethe_private.export_rules(table_id integer, controller_id integer) RETURNS jsonb
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT jsonb_strip_nulls(jsonb_build_object('columns', ( SELECT jsonb_object_agg(x.column_name, x.spec) AS jsonb_object_agg
            FROM ( SELECT n.column_name,
                     (COALESCE(( SELECT jsonb_strip_nulls(jsonb_build_object('category', c.category, 'purposes', NULLIF(to_jsonb(c.purposes), '[]'::jsonb), 'legal_basis', c.legal_basis)) AS jsonb_strip_nulls
                            FROM lethe.managed_columns c
                           WHERE ((export_rules.controller_id IS NULL) AND (c.table_id = export_rules.table_id) AND (c.column_name = n.column_name))), '{}'::jsonb) || COALESCE(( SELECT jsonb_object_agg(r.action, lethe_private.export_terms(r.id, export_rules.controller_id)) AS jsonb_object_agg
                            FROM lethe.rules r
                           WHERE ((r.table_id = export_rules.table_id) AND (r.column_name = n.column_name) AND (lethe_private.export_terms(r.id, export_rules.controller_id) IS NOT NULL))), '{}'::jsonb)) AS spec
                    FROM ( SELECT c.column_name
                            FROM lethe.managed_columns c
                           WHERE ((c.table_id = export_rules.table_id) AND (export_rules.controller_id IS NULL))
                         UNION
                          SELECT r.column_name
                            FROM lethe.rules r
                           WHERE ((r.table_id = export_rules.table_id) AND (r.column_name IS NOT NULL) AND (lethe_private.export_terms(r.id, export_rules.controller_id) IS NOT NULL))) n) x), 'purge', ( SELECT lethe_private.export_terms(r.id, export_rules.controller_id) AS export_terms
            FROM lethe.rules r
           WHERE ((r.table_id = export_rules.table_id) AND (r.column_name IS NULL) AND (r.action = 'purge'::text))))) AS jsonb_strip_nulls;
END;

ALTER FUNCTION lethe_private.export_rules(table_id integer, controller_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.export_rules(table_id integer, controller_id integer) IS 'The rules of a table, of all controllers or of one, as a policy document writes them.';

CREATE FUNCTION lethe_private.fill(statement text, words jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
 SELECT string_agg(COALESCE((fill.words ->> m.part[1]), m.part[2], (('{'::text || m.part[1]) || '}'::text)), ''::text ORDER BY m.n) AS string_agg
    FROM regexp_matches(fill.statement, '\{(from|here|leaves)\}|("(?:[^"]|"")*"|''(?:[^'']|'''')*''|[^"''{]+|\{)'::text, 'g'::text) WITH ORDINALITY m(part, n);
END;

ALTER FUNCTION lethe_private.fill(statement text, words jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.fill(statement text, words jsonb) IS 'A statement with the given words in place of its marks.';

CREATE FUNCTION lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[]) RETURNS lethe_private.host_references
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_child oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_to oid := case when "to" is not null then lethe_private.resolve_table("to") end;
  v_found lethe_private.host_references[];
begin
  select array_agg(r) into v_found
  from lethe_private.host_references as r
  where r.child = v_child
    and (v_to is null or r.parent = v_to)
    and (find_reference.columns is null or r.child_columns = find_reference.columns)
    and exists (select from lethe.managed_tables as m where lethe_private.host_table(m.schema_name, m.table_name) = r.parent);
  if cardinality(v_found) = 1 then
    return v_found[1];
  end if;
  raise exception using errcode = 'LE106',
    message = format('%s has %s foreign key to %s%s', lethe_private.host_name(v_child),
      case when v_found is null then 'no' else 'more than one' end, coalesce(lethe_private.host_name(v_to), 'a managed table'),
      coalesce(' over ' || array_to_string(columns, ', '), '')),
    hint = case when v_found is null then 'declare the link by hand: name the columns on both sides, and manage the other table first'
      else 'name the columns: ' || (select string_agg('[' || array_to_string(f.child_columns, ', ') || ']', ' or ') from unnest(v_found) as f) end;
end
$$;

ALTER FUNCTION lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[]) IS 'The one foreign key of a managed table that fits. Raises LE106 when none or several do.';

CREATE FUNCTION lethe_private.get_controller(name text) RETURNS lethe.controllers
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_controller lethe.controllers;
begin
  select c.* into v_controller from lethe.controllers as c where c.name = get_controller.name;
  if not found then
    raise exception using errcode = 'LE101',
      message = format('controller %s does not exist', coalesce(quote_literal(get_controller.name), '(null)')),
      hint = 'lethe.controllers lists them; lethe.set_controller adds one';
  end if;
  return v_controller;
end
$$;

ALTER FUNCTION lethe_private.get_controller(name text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.get_controller(name text) IS 'A controller by its name. Raises LE101.';

CREATE FUNCTION lethe_private.get_cycle(cycle_id bigint) RETURNS lethe.cycles
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_cycle lethe.cycles;
begin
  select c.* into v_cycle from lethe.cycles as c where c.id = get_cycle.cycle_id;
  if not found then
    raise exception using errcode = 'LE403',
      message = format('cycle %s does not exist', coalesce(get_cycle.cycle_id::text, '(null)')),
      hint = 'lethe.cycles lists them';
  end if;
  return v_cycle;
end
$$;

ALTER FUNCTION lethe_private.get_cycle(cycle_id bigint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.get_cycle(cycle_id bigint) IS 'A cycle by its id. Raises LE403.';

CREATE FUNCTION lethe_private.get_managed("table" text) RETURNS lethe.managed_tables
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_oid oid := lethe_private.resolve_table("table");
  v_managed lethe.managed_tables;
begin
  select m.* into v_managed from lethe.managed_tables as m
  where lethe_private.host_table(m.schema_name, m.table_name) = v_oid;
  if not found then
    raise exception using errcode = 'LE102',
      message = format('table %s is not managed', lethe_private.host_name(v_oid)),
      hint = format('select lethe.manage_table(%L)', lethe_private.host_name(v_oid));
  end if;
  return v_managed;
end
$$;

ALTER FUNCTION lethe_private.get_managed("table" text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.get_managed("table" text) IS 'A managed table as a person names it. Raises LE102.';

CREATE FUNCTION lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_size int := cardinality(batch.tids);
  v_name text := concat_ws(' ', cause ->> 'sqlstate', cause ->> 'constraint');
begin
  if (select s.skipped_rows_max from lethe.settings as s) <= (
    select sum(n.value::bigint) from jsonb_each(cycle_table.skipped) as p cross join jsonb_each_text(p.value) as n)
  then
    return lethe_private.table_failed(cycle_table, cause);
  end if;

  delete from lethe_private.worklist as w
  where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = halve_batch.batch.batch;
  if v_size = 1 then
    update lethe.cycle_tables as t
    set skipped = lethe_private.add_skipped(t.skipped, t.phase, v_name, 1)
    where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
    return 'swept';
  end if;
  insert into lethe_private.worklist (cycle_id, table_id, target, tids, flags, attempts)
  values (batch.cycle_id, batch.table_id, batch.target, batch.tids[:v_size / 2], batch.flags, batch.attempts),
         (batch.cycle_id, batch.table_id, batch.target, batch.tids[v_size / 2 + 1:], batch.flags, batch.attempts);
  return 'swept';
end
$$;

ALTER FUNCTION lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) IS 'Takes a batch apart to find the row that cannot be changed, which is skipped once it stands alone; too many of them fail the table.';

CREATE FUNCTION lethe_private.has_leading_index(relation oid, positions smallint[]) RETURNS boolean
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT (EXISTS ( SELECT
            FROM pg_index i
           WHERE ((i.indrelid = has_leading_index.relation) AND i.indisvalid AND ((i.indpred IS NULL) OR (pg_get_expr(i.indpred, i.indrelid) IN ( SELECT format('(%I IS NOT NULL)'::text, a.attname) AS format
                    FROM pg_attribute a
                   WHERE ((a.attrelid = has_leading_index.relation) AND (a.attnum = ANY (has_leading_index.positions)))))) AND (( SELECT array_agg(k.attnum ORDER BY k.attnum) AS array_agg
                    FROM unnest((i.indkey)::smallint[]) WITH ORDINALITY k(attnum, n)
                   WHERE (k.n <= cardinality(has_leading_index.positions))) = ( SELECT array_agg(p.p ORDER BY p.p) AS array_agg
                    FROM unnest(has_leading_index.positions) p(p)))))) AS "exists";
END;

ALTER FUNCTION lethe_private.has_leading_index(relation oid, positions smallint[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.has_leading_index(relation oid, positions smallint[]) IS 'True when some complete index begins with these columns, so that a reference can be looked up.';

CREATE FUNCTION lethe_private.key_sql(alias text, table_oid oid, key_columns text[]) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT
         CASE
             WHEN ((cardinality(key_sql.key_columns) = 1) AND (min((h.type_category)::text) = ANY (ARRAY['N'::text, 'S'::text, 'U'::text]))) THEN format('%s.%I::text'::text, key_sql.alias, (key_sql.key_columns)[1])
             ELSE (('jsonb_build_array('::text || string_agg(format(
             CASE
                 WHEN (h.type_name = 'timestamptz'::text) THEN '%s.%I at time zone ''UTC'''::text
                 ELSE '%s.%I'::text
             END, key_sql.alias, h.name), ', '::text ORDER BY k.n)) || ')::text'::text)
         END AS "case"
    FROM (unnest(key_sql.key_columns) WITH ORDINALITY k(name, n)
      JOIN lethe_private.host_columns h ON (((h.relation = key_sql.table_oid) AND (h.name = k.name))));
END;

ALTER FUNCTION lethe_private.key_sql(alias text, table_oid oid, key_columns text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.key_sql(alias text, table_oid oid, key_columns text[]) IS 'SQL that renders a row''s key as text, independent of DateStyle and TimeZone.';

CREATE FUNCTION lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date) RETURNS text[]
    LANGUAGE sql STABLE
    RETURN ARRAY[format('exists (select from lethe_private.held as h where h.table_id = %s and h.key is null and (h.ends_on is null or h.ends_on >= date %L))'::text, (managed).id, today), format('exists (select from lethe_private.held as h where h.table_id = %s and h.key = %s and (h.ends_on is null or h.ends_on >= date %L))'::text, (managed).id, lethe_private.key_sql(alias, table_oid, (managed).key_columns), today)];

ALTER FUNCTION lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'Two predicates: the whole table is held; the row is held.';

CREATE FUNCTION lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) RETURNS text
    LANGUAGE sql STABLE
    RETURN format('(exists (select from lethe_private.held as h where h.table_id = %s) and (%s))'::text, (managed).id, array_to_string(lethe_private.held_exists(alias, managed, table_oid, today), ' or '::text));

ALTER FUNCTION lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'True when the row is under a hold on the given day.';

CREATE FUNCTION lethe_private.hmac_pad(key bytea, mixed_with integer) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_pad bytea := decode(repeat(lpad(to_hex(mixed_with), 2, '0'), 64), 'hex');
begin
  for i in 0 .. length(hmac_pad.key) - 1 loop
    v_pad := set_byte(v_pad, i, get_byte(hmac_pad.key, i) # mixed_with);
  end loop;
  return v_pad;
end
$$;

ALTER FUNCTION lethe_private.hmac_pad(key bytea, mixed_with integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.hmac_pad(key bytea, mixed_with integer) IS 'A key of at most 64 bytes, filled with zeros and mixed with 0x36 (inner) or 0x5c (outer).';

CREATE FUNCTION lethe_private.holds_lock_id() RETURNS bigint
    LANGUAGE sql IMMUTABLE
    RETURN (('01001100010001010101010001000100'::"bit")::bigint << 32);

ALTER FUNCTION lethe_private.holds_lock_id() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.holds_lock_id() IS 'The advisory lock that batches share and that whoever changes holds takes alone: when a hold has been committed, no batch is under way that did not see it.';

CREATE FUNCTION lethe_private.hostile_values(type oid) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT
         CASE
             WHEN (t.typname = 'char'::name) THEN ARRAY[''::text, 'a'::text, '*'::text, ''''::text, '\x5c'::text]
             WHEN (t.typname = 'name'::name) THEN ARRAY[''::text, 'a'::text, 'B'::text, '''"'::text, 'bob@example.com'::text, '0612345678'::text]
             WHEN (t.typcategory = 'S'::"char") THEN ARRAY[''::text, ' '::text, 'a'::text, 'B'::text, chr(233), 'ab'::text, 'Ab c'::text, '*'::text, '***'::text, ''''::text, ''''''::text, '"'::text, '\'::text, '\\x41'::text, '
'::text, 'a
b
'::text, '%_'::text, '{}'::text, 'p-'::text, 'p-0123456789abcdef'::text, '0123456789abcdef@anonymized.invalid'::text, 'bob@example.com'::text, 'BOB@EXAMPLE.COM'::text, '@'::text, 'a@'::text, '@@a b@c@d'::text, '0'::text, '-1'::text, '0612345678'::text, '+33 6 12'::text, '1.2.3.4'::text, '::1'::text, 'null'::text, '[email] [number]'::text, repeat('x'::text, 300), repeat('1'::text, 5000)]
             WHEN (t.typname = 'int2'::name) THEN ARRAY['0'::text, '1'::text, '-1'::text, '7'::text, '32767'::text, '-32768'::text]
             WHEN (t.typname = 'int4'::name) THEN ARRAY['0'::text, '1'::text, '-1'::text, '7'::text, '2147483647'::text, '-2147483648'::text]
             WHEN (t.typname = 'int8'::name) THEN ARRAY['0'::text, '1'::text, '-1'::text, '7'::text, '9223372036854775807'::text, '-9223372036854775808'::text]
             WHEN (t.typname = 'numeric'::name) THEN ARRAY['0'::text, '1'::text, '-1'::text, '0.5'::text, '-1234.56'::text, '1e300'::text, '-1e-300'::text, 'NaN'::text, 'Infinity'::text, '-Infinity'::text]
             WHEN (t.typname = 'float4'::name) THEN ARRAY['0'::text, '-0'::text, '1'::text, '-1'::text, '0.1'::text, '-1234.56'::text, '3e38'::text, '1e-38'::text, 'NaN'::text, 'Infinity'::text, '-Infinity'::text]
             WHEN (t.typname = 'float8'::name) THEN ARRAY['0'::text, '-0'::text, '1'::text, '-1'::text, '0.1'::text, '-1234.56'::text, '1e308'::text, '1e-300'::text, 'NaN'::text, 'Infinity'::text, '-Infinity'::text]
             WHEN (t.typcategory = 'N'::"char") THEN ARRAY['0'::text, '1'::text, '7'::text, '32767'::text]
             WHEN (t.typname = 'date'::name) THEN ARRAY['2000-01-01'::text, '1987-05-06'::text, '2024-02-29'::text, '0001-01-01'::text, '4714-11-24 BC'::text, '5874897-12-31'::text, 'infinity'::text, '-infinity'::text]
             WHEN (t.typname = ANY (ARRAY['timestamp'::name, 'timestamptz'::name])) THEN ARRAY['2000-01-01 00:00:00'::text, '1987-05-06 23:59:59.999999'::text, '2024-02-29 12:00:00'::text, '0001-01-01 00:00:00'::text, '4714-11-25 00:00:00 BC'::text, '294276-12-30 23:59:59'::text, 'infinity'::text, '-infinity'::text]
             WHEN (t.typcategory = 'D'::"char") THEN ARRAY['00:00:00'::text, '12:34:56.789'::text, '23:59:59.999999'::text, '24:00:00'::text]
             WHEN (t.typcategory = 'T'::"char") THEN ARRAY['0'::text, '1 microsecond'::text, '1 day'::text, '-100 years'::text, '1 year 2 mons -3 days 04:05:06'::text]
             WHEN (t.typcategory = 'B'::"char") THEN ARRAY['true'::text, 'false'::text]
             WHEN (t.typname = 'cidr'::name) THEN ARRAY['0.0.0.0/0'::text, '10.0.0.0/8'::text, '192.0.2.1/32'::text, '::/0'::text, '2001:db8::/32'::text, '2001:db8::1/128'::text]
             WHEN (t.typcategory = 'I'::"char") THEN ARRAY['0.0.0.0/0'::text, '10.1.2.3/8'::text, '192.0.2.1'::text, '255.255.255.255'::text, '::/0'::text, '::1'::text, '::ffff:192.0.2.1'::text, '2001:db8:1:2::1/64'::text]
             WHEN (t.typname = 'uuid'::name) THEN ARRAY['00000000-0000-0000-0000-000000000000'::text, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::text, '8c1f0f0e-5a3b-4c1d-9e2f-0123456789ab'::text, '0123456789ab-8e7e8e7e-cdef01234567'::text]
             WHEN (t.typname = ANY (ARRAY['json'::name, 'jsonb'::name])) THEN ARRAY['{}'::text, '[]'::text, 'null'::text, '"x"'::text, '1'::text, '{"a": 1}'::text, '{"a": {"b": [null, "it''s"]}}'::text]
             WHEN (t.typname = 'bytea'::name) THEN ARRAY['\x'::text, '\x00'::text, '\xff5c27'::text]
             WHEN (t.typname = 'xml'::name) THEN ARRAY['<a/>'::text, '<a b="c">d</a>'::text]
             WHEN (t.typcategory = 'A'::"char") THEN ARRAY['{}'::text, '{1}'::text, '{1,NULL,2}'::text]
             WHEN (t.typtype = 'e'::"char") THEN ( SELECT array_agg((e.enumlabel)::text) AS array_agg
                FROM pg_enum e
               WHERE (e.enumtypid = t.oid))
             ELSE NULL::text[]
         END AS "case"
    FROM pg_type t
   WHERE (t.oid = hostile_values.type);
END;

ALTER FUNCTION lethe_private.hostile_values(type oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.hostile_values(type oid) IS 'Sample values of a type on which methods tend to fail; null for a type that has none.';

CREATE FUNCTION lethe_private.identifies_rows(relation oid, columns text[]) RETURNS boolean
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT (EXISTS ( SELECT
            FROM pg_index i
           WHERE ((i.indrelid = identifies_rows.relation) AND i.indisunique AND i.indisvalid AND i.indimmediate AND (i.indpred IS NULL) AND (i.indexprs IS NULL) AND (( SELECT array_agg((a.attname)::text ORDER BY a.attname) AS array_agg
                    FROM (unnest((i.indkey)::smallint[]) WITH ORDINALITY k(attnum, n)
                      JOIN pg_attribute a ON (((a.attrelid = identifies_rows.relation) AND (a.attnum = k.attnum) AND a.attnotnull)))
                   WHERE (k.n <= i.indnkeyatts)) = ( SELECT array_agg(c.c ORDER BY c.c) AS array_agg
                    FROM unnest(identifies_rows.columns) c(c)))))) AS "exists";
END;

ALTER FUNCTION lethe_private.identifies_rows(relation oid, columns text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.identifies_rows(relation oid, columns text[]) IS 'True when a unique index over exactly these columns, all NOT NULL, identifies every row.';

CREATE FUNCTION lethe_private.is_watched(relation oid) RETURNS boolean
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT (EXISTS ( SELECT
            FROM pg_trigger t
           WHERE ((t.tgrelid IN ( SELECT is_watched.relation AS relation
                 UNION
                  SELECT i.relid
                    FROM pg_partition_tree((is_watched.relation)::regclass) i(relid, parentrelid, isleaf, level)
                 UNION
                  SELECT i.inhrelid
                    FROM pg_inherits i
                   WHERE (i.inhparent = is_watched.relation))) AND (NOT t.tgisinternal) AND (t.tgenabled <> 'D'::"char") AND (((t.tgtype)::integer & 19) = 19)))) AS "exists";
END;

ALTER FUNCTION lethe_private.is_watched(relation oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.is_watched(relation oid) IS 'True when a trigger may change what an UPDATE of the table writes.';

CREATE FUNCTION lethe_private.kept_sql(alias text, table_oid oid, controller lethe.controllers, today date, look_ahead boolean, path oid[] DEFAULT '{}'::oid[]) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reference record;
  v_child text := 'k' || cardinality(path) + 1;
  v_managed lethe.managed_tables;
  v_stays text;
  v_kept text;
  v_sql text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r where r.child <> table_oid
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_reference.managed_id;
    v_stays := case
      when v_reference.child = any (path || table_oid) then 'true'
      when v_reference.on_purge = 'keep' and not look_ahead then 'true'
      when v_reference.on_purge = 'keep' then
        'not coalesce(' || lethe_private.leaves_sql(v_child, v_managed, v_reference.child, controller, today, path || table_oid) || ', false)'
      else lethe_private.untouchable_sql(v_child, v_managed, v_reference.child, controller, today)
    end;
    v_sql := concat_ws(' or ', v_sql, format('exists (select from %s as %s where %s%s)',
      lethe_private.host_name(v_reference.child), v_child,
      lethe_private.reference_sql(v_child, v_reference.child_columns, alias, v_reference.parent_columns),
      case when v_stays in ('true', 'not coalesce(false, false)') then '' else ' and (' || v_stays || ')' end));
    -- Asked apart from the holds, which are as good as never there.
    v_kept := case when v_reference.on_purge = 'with parent' and v_stays <> 'true' then
      lethe_private.kept_sql(v_child, v_reference.child, controller, today, look_ahead, path || table_oid) end;
    if v_kept is not null then
      v_sql := v_sql || format(' or exists (select from %s as %s where %s and (%s))',
        lethe_private.host_name(v_reference.child), v_child,
        lethe_private.reference_sql(v_child, v_reference.child_columns, alias, v_reference.parent_columns), v_kept);
    end if;
  end loop;
  return v_sql;
end
$$;

ALTER FUNCTION lethe_private.kept_sql(alias text, table_oid oid, controller lethe.controllers, today date, look_ahead boolean, path oid[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.kept_sql(alias text, table_oid oid, controller lethe.controllers, today date, look_ahead boolean, path oid[]) IS 'True when a row that stays refers to the row; null when nothing can refer to it.';

CREATE FUNCTION lethe_private.last_due_day(today date, after interval) RETURNS date
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
 SELECT max(near.d) AS max
    FROM ( SELECT (((last_due_day.today - last_due_day.after))::date + n.n) AS d
            FROM generate_series('-10'::integer, 10) n(n)) near
   WHERE (((near.d + last_due_day.after))::date < last_due_day.today);
END;

ALTER FUNCTION lethe_private.last_due_day(today date, after interval) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.last_due_day(today date, after interval) IS 'The latest local day d for which d + after < today, by PostgreSQL''s calendar.';

CREATE FUNCTION lethe_private.local_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN ((clock).type_name = 'date'::text) THEN format('%s.%I'::text, alias, (clock).name) WHEN ((clock).type_name = 'timestamptz'::text) THEN format('(%s.%I at time zone %L)::date'::text, alias, (clock).name, controller_zone) WHEN (COALESCE(table_zone, controller_zone) = controller_zone) THEN format('%s.%I::date'::text, alias, (clock).name) ELSE format('((%s.%I at time zone %L) at time zone %L)::date'::text, alias, (clock).name, table_zone, controller_zone) END;

ALTER FUNCTION lethe_private.local_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.local_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text) IS 'The controller''s local day of a clock column of type date, timestamp or timestamptz.';

CREATE FUNCTION lethe_private.latest_day_sql(alias text, table_oid oid, since text[], table_zone text, controller_zone text, past_sentinels text) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT (('greatest('::text || string_agg(format('case when %1$s.%2$I >= %6$L then date ''infinity'' when %1$s.%2$I > %3$L%4$s then %5$s end'::text, latest_day_sql.alias, h.name, lethe_private.clock_floor(), COALESCE(((((' and '::text || lethe_private.local_day_sql(latest_day_sql.alias, h.*, latest_day_sql.table_zone, latest_day_sql.controller_zone)) || ' not in ('::text) || latest_day_sql.past_sentinels) || ')'::text), ''::text), lethe_private.local_day_sql(latest_day_sql.alias, h.*, latest_day_sql.table_zone, latest_day_sql.controller_zone), lethe_private.clock_ceiling()), ', '::text ORDER BY s.n)) || ')'::text)
    FROM (unnest(latest_day_sql.since) WITH ORDINALITY s(name, n)
      JOIN lethe_private.host_columns h ON (((h.relation = latest_day_sql.table_oid) AND (h.name = s.name))));
END;

ALTER FUNCTION lethe_private.latest_day_sql(alias text, table_oid oid, since text[], table_zone text, controller_zone text, past_sentinels text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.latest_day_sql(alias text, table_oid oid, since text[], table_zone text, controller_zone text, past_sentinels text) IS 'The latest local day of several clocks; null when none is usable.';

CREATE FUNCTION lethe_private.leaves_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, path oid[]) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT COALESCE(( SELECT format('%s and (%s) and not %s%s'::text, lethe_private.controller_sql(leaves_sql.alias, leaves_sql.managed, leaves_sql.table_oid, leaves_sql.controller), a.due, lethe_private.held_sql(leaves_sql.alias, leaves_sql.managed, leaves_sql.table_oid, leaves_sql.today), COALESCE(((' and not ('::text || lethe_private.kept_sql(leaves_sql.alias, leaves_sql.table_oid, leaves_sql.controller, leaves_sql.today, true, leaves_sql.path)) || ')'::text), ''::text)) AS format
            FROM lethe_private.actions(leaves_sql.alias, leaves_sql.managed, leaves_sql.table_oid, leaves_sql.controller, leaves_sql.today) a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value)
           WHERE (((leaves_sql.managed).id IS NOT NULL) AND (a.phase = 'purge'::text))), 'false'::text) AS "coalesce";
END;

ALTER FUNCTION lethe_private.leaves_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, path oid[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.leaves_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, path oid[]) IS 'True when the row will itself be purged in this cycle.';

CREATE FUNCTION lethe_private.lock_children(table_oid oid, depth integer DEFAULT 0, joins text DEFAULT ''::text, path oid[] DEFAULT '{}'::oid[]) RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_reference record;
  v_child text := 'k' || depth + 1;
  v_joins text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r
    where r.on_purge = 'with parent' and r.child <> all (path)
      and exists (select from lethe_private.references_to(r.child))
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    v_joins := format('%s join %s as %s on %s', joins, lethe_private.host_name(v_reference.child), v_child,
      lethe_private.reference_sql(v_child, v_reference.child_columns, case depth when 0 then 'c' else 'k' || depth end, v_reference.parent_columns));
    return next format($sql$select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from (select from {from} as c%s where c.ctid = any ($1){here} for update of %s) as c$sql$, v_joins, v_child);
    return query select * from lethe_private.lock_children(v_reference.child, depth + 1, v_joins, path || table_oid);
  end loop;
end
$_$;

ALTER FUNCTION lethe_private.lock_children(table_oid oid, depth integer, joins text, path oid[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.lock_children(table_oid oid, depth integer, joins text, path oid[]) IS 'Statements that lock what would go with a batch of rows ($1: tid[]) and is referred to itself.';

CREATE FUNCTION lethe_private.lock_id(controller_id integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    RETURN ((('01001100010001010101010001001000'::"bit")::bigint << 32) + controller_id);

ALTER FUNCTION lethe_private.lock_id(controller_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.lock_id(controller_id integer) IS 'The advisory lock of a controller''s cycle.';

CREATE FUNCTION lethe_private.look_sql(source text, condition text, actions lethe_private.action_parts[], held text, kept text, staying text) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT format('%sselect %s
from (
  select %s,
    %s as held,
    %s as kept
  from %s as c
  where %s
  offset 0
) as d'::text, COALESCE(look_sql.staying, ''::text), lethe_private.object_sql((ARRAY[format('''rows'', count(*) filter (where not d.held and (%s))'::text, string_agg(
         CASE a.phase
             WHEN 'purge'::text THEN format('d.%s and not d.kept'::text, a.flag)
             ELSE format('d.%s'::text, a.flag)
         END, ' or '::text ORDER BY a.n))] || array_agg(format('%1$L, jsonb_build_object(''due'', count(*) filter (where d.%2$s%4$s), ''held'', count(*) filter (where d.%2$s and d.held), ''kept'', %3$s)'::text, a.flag, a.flag,
         CASE a.phase
             WHEN 'purge'::text THEN format('count(*) filter (where d.%s and d.kept and not d.held)'::text, a.flag)
             ELSE '0'::text
         END,
         CASE
             WHEN ((a.phase = 'columns'::text) AND (p.flag IS NOT NULL)) THEN format(' and not (d.%s and not d.kept and not d.held)'::text, p.flag)
             ELSE ''::text
         END) ORDER BY a.n))), string_agg(format('%s as %s'::text, a.test, a.flag), ',
    '::text ORDER BY a.n), look_sql.held,
         CASE
             WHEN (min(a.phase) FILTER (WHERE (a.phase = 'purge'::text)) IS NULL) THEN 'false'::text
             WHEN (look_sql.staying IS NOT NULL) THEN format('exists (select from staying as x where (x.target, x.tid) = (c.tableoid, c.ctid))'::text)
             WHEN (look_sql.kept IS NULL) THEN 'false'::text
             ELSE format('(%s) and (%s)'::text, min(a.due) FILTER (WHERE (a.phase = 'purge'::text)), look_sql.kept)
         END, look_sql.source, look_sql.condition) AS format
    FROM (unnest(look_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
      LEFT JOIN unnest(look_sql.actions) p(flag, rule, phase, column_name, due, unclocked, needed, test, new_value) ON ((p.phase = 'purge'::text)));
END;

ALTER FUNCTION lethe_private.look_sql(source text, condition text, actions lethe_private.action_parts[], held text, kept text, staying text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.look_sql(source text, condition text, actions lethe_private.action_parts[], held text, kept text, staying text) IS 'Counts what is due, held and kept, from the data as it stands.';

CREATE FUNCTION lethe_private.may_sweep_now(controller lethe.controllers) RETURNS boolean
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT (
         CASE
             WHEN (s.window_starts_at <= s.window_ends_at) THEN ((n.local >= s.window_starts_at) AND (n.local < s.window_ends_at))
             ELSE ((n.local >= s.window_starts_at) OR (n.local < s.window_ends_at))
         END AND (NOT (EXISTS ( SELECT
            FROM pg_stat_replication r
           WHERE (r.replay_lag > s.replica_lag_max)))))
    FROM (lethe.settings s
      CROSS JOIN ( SELECT ((now() AT TIME ZONE (may_sweep_now.controller).time_zone))::time without time zone AS local) n);
END;

ALTER FUNCTION lethe_private.may_sweep_now(controller lethe.controllers) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.may_sweep_now(controller lethe.controllers) IS 'True within the time window, in the controller''s zone, and while no replica lags too far.';

CREATE FUNCTION lethe_private.method_sql(template text, alias text, column_facts lethe_private.host_columns, method lethe.methods, parameters jsonb) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 WITH words AS (
          SELECT
                 CASE d.key
                     WHEN 'value'::text THEN 'constant'::text
                     ELSE d.key
                 END AS word,
                 CASE jsonb_typeof(COALESCE((method_sql.parameters -> d.key), (d.value -> 'default'::text)))
                     WHEN 'number'::text THEN (COALESCE((method_sql.parameters -> d.key), (d.value -> 'default'::text)) #>> '{}'::text[])
                     WHEN 'boolean'::text THEN (COALESCE((method_sql.parameters -> d.key), (d.value -> 'default'::text)) #>> '{}'::text[])
                     ELSE quote_nullable((COALESCE((method_sql.parameters -> d.key), (d.value -> 'default'::text)) #>> '{}'::text[]))
                 END AS sql
            FROM jsonb_each((method_sql.method).parameters) d(key, value)
         UNION ALL
          VALUES ('value'::text,format(
                 CASE
                     WHEN (((method_sql.column_facts).type_category = 'S'::"char") AND ((method_sql.column_facts).type_name <> 'text'::text)) THEN '%s.%I::text'::text
                     ELSE '%s.%I'::text
                 END, method_sql.alias, (method_sql.column_facts).name)), ('type'::text,(method_sql.column_facts).base_type), ('length'::text,COALESCE(((method_sql.column_facts).length)::text, 'null::int'::text)), ('key'::text,'$2, $3'::text)
         )
  SELECT string_agg(COALESCE(w.sql, m.part[2]), ''::text ORDER BY m.n) AS string_agg
    FROM (regexp_matches(method_sql.template, '\{(\w+)\}|([^{]+|\{)'::text, 'g'::text) WITH ORDINALITY m(part, n)
      LEFT JOIN words w ON ((w.word = m.part[1])));
END;

ALTER FUNCTION lethe_private.method_sql(template text, alias text, column_facts lethe_private.host_columns, method lethe.methods, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.method_sql(template text, alias text, column_facts lethe_private.host_columns, method lethe.methods, parameters jsonb) IS 'The mask or the recogniser of a method over one column of a row.';

CREATE TABLE lethe_private.controller_keys (
    controller_id integer NOT NULL,
    version integer NOT NULL,
    inner_pad bytea NOT NULL,
    outer_pad bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pads_are_one_sha256_block CHECK (((length(inner_pad) = 64) AND (length(outer_pad) = 64)))
);

ALTER TABLE lethe_private.controller_keys OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.controller_keys IS 'HMAC keys (RFC 2104) for pseudonyms and evidence, kept as their two pads so that a statement needs no exclusive-or.';

CREATE FUNCTION lethe_private.new_key(controller_id integer) RETURNS void
    LANGUAGE sql
    BEGIN ATOMIC
 WITH fresh AS MATERIALIZED (
          SELECT sha256((((uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) || uuid_send(gen_random_uuid())) || uuid_send(gen_random_uuid()))) AS key
         )
  INSERT INTO lethe_private.controller_keys (controller_id, version, inner_pad, outer_pad)  SELECT new_key.controller_id AS controller_id,
             (1 + COALESCE(( SELECT max(k.version) AS max
                    FROM lethe_private.controller_keys k
                   WHERE (k.controller_id = new_key.controller_id)), 0)),
             lethe_private.hmac_pad(fresh.key, 54) AS hmac_pad,
             lethe_private.hmac_pad(fresh.key, 92) AS hmac_pad
            FROM fresh;
END;

ALTER FUNCTION lethe_private.new_key(controller_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.new_key(controller_id integer) IS 'Gives a controller its next key version.';

CREATE FUNCTION lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) RETURNS text
    LANGUAGE sql STABLE
    RETURN ('not '::text || array_to_string(lethe_private.held_exists(alias, managed, table_oid, today), '
    and not '::text));

ALTER FUNCTION lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'The opposite of held_sql, in the form that PostgreSQL can turn into an anti-join.';

CREATE FUNCTION lethe_private.parameters_to_try(declared jsonb) RETURNS SETOF jsonb
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
 SELECT DISTINCT COALESCE(( SELECT jsonb_object_agg(p.key, COALESCE((p.value -> e.edge), (p.value -> 'default'::text), ((p.value -> 'enum'::text) -> 0),
                 CASE (p.value ->> 'type'::text)
                     WHEN 'string'::text THEN '"x"'::jsonb
                     WHEN 'boolean'::text THEN 'false'::jsonb
                     ELSE COALESCE((p.value -> 'minimum'::text), '1'::jsonb)
                 END)) AS jsonb_object_agg
            FROM jsonb_each(parameters_to_try.declared) p(key, value)), '{}'::jsonb) AS "coalesce"
    FROM unnest(ARRAY['default'::text, 'minimum'::text, 'maximum'::text]) e(edge);
END;

ALTER FUNCTION lethe_private.parameters_to_try(declared jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.parameters_to_try(declared jsonb) IS 'Values for the declared parameters of a method: defaults, minima, maxima.';

CREATE FUNCTION lethe_private.parse_delay(after text) RETURNS interval
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "IntervalStyle" TO 'postgres'
    AS $_$
declare
  v_delay interval;
begin
  if parse_delay.after ~ '^P(\d{1,6}Y)?(\d{1,6}M)?(\d{1,6}W)?(\d{1,6}D)?$' and parse_delay.after <> 'P' then
    v_delay := parse_delay.after::interval;
  end if;
  if v_delay is null or v_delay < interval '1 day' or v_delay > interval '1000 years' then
    raise exception using errcode = 'LE301',
      message = format('delay %s is not a whole number of days, weeks, months or years', coalesce(quote_literal(parse_delay.after), 'null')),
      hint = 'write it as ISO 8601: P30D, P2W, P18M, P3Y; at least one day, at most 1000 years';
  end if;
  return v_delay;
end
$_$;

ALTER FUNCTION lethe_private.parse_delay(after text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.parse_delay(after text) IS 'An ISO 8601 period of whole days or more as an interval. Raises LE301.';

CREATE FUNCTION lethe_private.place(statement text, table_oid oid, target oid) RETURNS text
    LANGUAGE sql STABLE
    RETURN lethe_private.fill(statement, CASE WHEN (NOT (EXISTS (SELECT FROM pg_inherits i WHERE (i.inhparent = place.table_oid)))) THEN jsonb_build_object('from', lethe_private.host_name(table_oid), 'here', '') WHEN ((target <> table_oid) AND has_table_privilege('lethe_sweeper'::name, target, 'select'::text) AND has_table_privilege('lethe_sweeper'::name, target, 'update'::text) AND has_table_privilege('lethe_sweeper'::name, target, 'delete'::text) AND (NOT (EXISTS (SELECT FROM pg_trigger t WHERE ((t.tgrelid = place.table_oid) AND (((t.tgtype)::integer & 1) = 0)))))) THEN jsonb_build_object('from', ('only '::text || lethe_private.host_name(target)), 'here', '') ELSE jsonb_build_object('from', lethe_private.host_name(table_oid), 'here', format(' and c.tableoid = %s'::text, target)) END);

ALTER FUNCTION lethe_private.place(statement text, table_oid oid, target oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.place(statement text, table_oid oid, target oid) IS 'A statement of a program, directed at the table or at one partition of it.';

CREATE FUNCTION lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT t.since[1] AS since
    FROM ((((lethe_private.effective_terms((plain_clock_index.managed).id, (plain_clock_index.controller).id) t(id, rule_id, controller_id, purpose, after, since, "when", condition, method, parameters)
      JOIN lethe_private.host_columns h ON (((h.relation = plain_clock_index.table_oid) AND (h.name = t.since[1]))))
      JOIN pg_index i ON (((i.indrelid = plain_clock_index.table_oid) AND (i.indpred IS NULL) AND (i.indkey[0] = h."position"))))
      JOIN pg_class x ON ((x.oid = i.indexrelid)))
      JOIN pg_am m ON (((m.oid = x.relam) AND (m.amname = 'btree'::name))))
   WHERE (cardinality(t.since) = 1)
   GROUP BY t.since[1]
   ORDER BY (count(*)) DESC, t.since[1]
  LIMIT 1;
END;

ALTER FUNCTION lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) IS 'The clock of this table that has an index over all rows; null when there is none.';

CREATE FUNCTION lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date) RETURNS TABLE(table_name text, rule text, due bigint, held bigint, kept_by_child bigint, unclocked bigint)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_program jsonb;
  v_look jsonb;
  v_unclocked jsonb;
  v_children jsonb;
  v_name text := format('%I.%I', managed.schema_name, managed.table_name);
begin
  perform lethe_private.assert_intact(managed);
  v_program := lethe_private.compile(managed, controller, today);
  begin
    v_look := lethe_private.count_as_sweeper(v_program ->> 'look', managed);
    v_unclocked := lethe_private.count_as_sweeper(v_program ->> 'unclocked', managed);
    select jsonb_agg(c || jsonb_build_object('rows', lethe_private.count_as_sweeper(c ->> 'statement', managed))) into v_children
    from jsonb_array_elements(v_program #> '{purge,children}') as c;
  exception when insufficient_privilege then
    if exists (select from lethe.missing_rights() as r where r.need ~ 'row security') then
      raise exception using errcode = 'LE503',
        message = format('row security would hide rows of %I.%I, or of a table that refers to it, from the engine', managed.schema_name, managed.table_name),
        hint = 'alter role lethe_sweeper bypassrls';
    end if;
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read %I.%I or a table that refers to it', managed.schema_name, managed.table_name),
      hint = 'select remedy from lethe.missing_rights(), or lethe doctor, shows the grants it needs';
  end;
  return query
    select v_name, r.rule, (v_look #>> array[r.flag, 'due'])::bigint, (v_look #>> array[r.flag, 'held'])::bigint,
      (v_look #>> array[r.flag, 'kept'])::bigint, (v_unclocked ->> r.flag)::bigint
    from jsonb_to_recordset(v_program -> 'rules') as r (flag text, rule text)
    union all
    select v_name, 'rows', (v_look ->> 'rows')::bigint, null, null, null
    union all
    select c."table", c.rule || ' ' || v_name, sum(c.rows)::bigint, null, null, null
    from jsonb_to_recordset(v_children) as c ("table" text, rule text, rows bigint)
    group by c."table", c.rule
    having sum(c.rows) > 0;
end
$$;

ALTER FUNCTION lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The plan of one table. Raises LE102, LE103, LE501, LE503.';

CREATE FUNCTION lethe_private.pointer(VARIADIC steps text[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
 SELECT string_agg(('/'::text || replace(replace(x.s, '~'::text, '~0'::text), '/'::text, '~1'::text)), ''::text ORDER BY x.n) AS string_agg
    FROM unnest(pointer.steps) WITH ORDINALITY x(s, n);
END;

ALTER FUNCTION lethe_private.pointer(VARIADIC steps text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.pointer(VARIADIC steps text[]) IS 'A JSON pointer (RFC 6901).';

CREATE FUNCTION lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_program jsonb;
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_state text;
begin
  select c.program into v_program from lethe_private.compiled as c
  where c.cycle_id = cycle.id and c.table_id = cycle_table.table_id
  for share;
  if found then
    if v_program -> 'purge' is null or v_program #>> '{purge,cascades}' = (
      select lethe_private.cascade_mark(lethe_private.host_table(m.schema_name, m.table_name))
      from lethe.managed_tables as m where m.id = cycle_table.table_id)
    then
      return v_program;
    end if;
    delete from lethe_private.compiled as c where c.cycle_id = cycle.id and c.table_id = cycle_table.table_id;
  end if;

  begin
    select m.* into v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    select c.* into v_controller from lethe.controllers as c where c.id = cycle.controller_id;
    perform lethe_private.assert_intact(v_managed);
    -- Rules that were all taken out meanwhile leave an empty program.
    v_program := coalesce(lethe_private.compile(v_managed, v_controller, cycle.local_date), '{"rules": []}');
    insert into lethe_private.compiled (cycle_id, table_id, program) values (cycle.id, cycle_table.table_id, v_program);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_state is not null then
    perform lethe_private.table_failed(cycle_table, jsonb_build_object('sqlstate', v_state));
    return null;
  end if;

  delete from lethe_private.worklist as w where w.cycle_id = cycle.id and w.table_id = cycle_table.table_id;
  update lethe.cycle_tables as t set phase = 'purge', pass = 0, done_before_pass = t.rows_done
  where t.cycle_id = cycle.id and t.table_id = cycle_table.table_id;
  return v_program;
end
$$;

ALTER FUNCTION lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables) IS 'The compiled statements of one table of a cycle; null when it could not be compiled, which fails the table.';

CREATE FUNCTION lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamp with time zone) RETURNS lethe.sweep_progress
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT ROW(state, (cycle_table).rows_done, COALESCE(( SELECT sum(w.rows) AS sum
            FROM lethe_private.worklist w
           WHERE ((w.cycle_id = (progress.cycle_table).cycle_id) AND (w.table_id = (progress.cycle_table).table_id))), (0)::bigint), (clock_timestamp() - started))::lethe.sweep_progress AS "row";
END;

ALTER FUNCTION lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamp with time zone) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamp with time zone) IS 'What a step reports.';

CREATE FUNCTION lethe_private.purge_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, key text) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, true);
  v_kept text := lethe_private.kept_sql('c', table_oid, controller, today, false);
  v_referenced boolean := exists (select from lethe_private.references_to(table_oid));
  -- Rows that refer to each other in a circle can only go in one statement. Those that fell into several
  -- batches are gathered into one when nothing else is left.
  v_together text := case when v_staying is not null then lethe_private.staying_sql(managed, table_oid, controller, today, false)
    || $sql$select jsonb_build_object('rows', count(*)) as facts, d.target, array_agg(d.tid order by d.tid) as tids
from due as d
where not exists (select from staying as x where (x.target, x.tid) = (d.target, d.tid))
group by d.target$sql$ end;
  v_delete text := $sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1){here}%s
  returning %s as key
)
select jsonb_build_object('rows', count(*), 'root', %s, 'r1', count(*)) as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$;
begin
  if not v_referenced then
    return jsonb_build_object('cascades', lethe_private.cascade_mark(table_oid), 'delete', format(v_delete, E'\n    and ' || condition, key, lethe_private.root_sql('a.key')));
  end if;
  return jsonb_build_object(
    'cascades', lethe_private.cascade_mark(table_oid),
    'lock', $sql$select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from (select from {from} as c where c.ctid = any ($1){here} for update) as c$sql$,
    'pick', case
      when v_staying is not null then
        v_staying || 'select null::jsonb as facts, null::oid as target, array_agg(d.tid) as tids from due as d where d.tid not in (select x.tid from staying as x)'
      else format($sql$select null::jsonb as facts, null::oid as target, array_agg(c.ctid) as tids
from {from} as c
where c.ctid = any ($1){here}
    and %s%s$sql$,
        condition, coalesce(E'\n    and not (' || v_kept || ')', ''))
    end,
    'together', v_together,
    'lock_children', (select coalesce(jsonb_agg(l), '[]') from lethe_private.lock_children(table_oid) as l),
    'before', (select coalesce(jsonb_agg(to_jsonb(b) - 'count_statement'), '[]') from lethe_private.before_purge(table_oid) as b),
    'children', lethe_private.children_program(managed, table_oid, controller, today, condition),
    'delete', format(v_delete, '', key, lethe_private.root_sql('a.key')));
end
$_$;

ALTER FUNCTION lethe_private.purge_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, key text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.purge_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, key text) IS 'The statements that purge a batch of rows: "delete" alone where nothing refers to the table, else lock, pick, before, delete.';

CREATE FUNCTION lethe_private.put_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller_id int := case when controller is not null then (lethe_private.get_controller(controller)).id end;
  v_term lethe.terms;
begin
  perform lethe_private.assert_may_change(v_controller_id);
  perform lethe_private.assert_action(v_managed, v_oid, action, "column", method, parameters);
  perform lethe_private.assert_clock(v_oid, since);
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
  values (v_term.rule_id, v_controller_id, put_rule.purpose, v_term.after, put_rule.since, put_rule."when", v_term.condition,
    put_rule.method, coalesce(put_rule.parameters, '{}'))
  on conflict on constraint terms_rule_id_controller_id_purpose_key do update
  set after = excluded.after, since = excluded.since, "when" = excluded."when", condition = excluded.condition,
      method = excluded.method, parameters = excluded.parameters
  where (t.after, t.since, t."when", t.method, t.parameters)
    is distinct from (excluded.after, excluded.since, excluded."when", excluded.method, excluded.parameters);
  return v_term.rule_id;
end
$$;

ALTER FUNCTION lethe_private.put_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.put_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) IS 'Sets one term of a rule, judged by itself. Whoever calls it judges the rules of the table together (assert_rules).';

CREATE FUNCTION lethe_private.read_condition(relation oid, condition text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET standard_conforming_strings TO 'on'
    SET "DateStyle" TO 'ISO, YMD'
    SET "IntervalStyle" TO 'postgres'
    SET "TimeZone" TO 'UTC'
    SET extra_float_digits TO '1'
    AS $$
declare
  v_read text;
  v_message text;
  v_schema text;
begin
  perform lethe_private.assert_single_expression(condition);
  -- Reading it already runs code: functions of constants are folded, literals go through the checks of
  -- domains. Here that would be with the rights of Lethe's owner, so nothing of the host's or of the
  -- session's is let in, but columns of plain types.
  select lower(btrim(d.name[1], '"')) into v_schema
  from regexp_matches(regexp_replace(condition, '''([^'']|'''')*''', ' ', 'g'), '("(?:[^"]|"")*"|[[:alnum:]_]+)\s*\.\s*["[:alpha:]_]', 'g') as d (name)
  where lower(btrim(d.name[1], '"')) not in ('pg_catalog', 'lethe')
  limit 1;
  if found then
    raise exception using errcode = 'LE303',
      message = format('predicate on %s names something of %I', lethe_private.host_name(relation), v_schema),
      hint = 'name columns alone, without a table or a cast to a type of yours; functions are PostgreSQL''s own or Lethe''s';
  elsif exists (select from pg_type as t where t.typnamespace = pg_my_temp_schema()) then
    raise exception using errcode = 'LE303',
      message = 'this session has temporary tables or types, which a predicate could name',
      hint = 'change the policy in a fresh session';
  end if;
  begin
    execute format('create temporary table lethe_condition (%s)',
      (select string_agg(format('%I %s', h.name, h.base_type), ', ' order by h.position)
       from lethe_private.host_columns as h
       join pg_namespace as n on n.nspname = h.type_schema
       join pg_type as t on t.typname = h.type_name and t.typnamespace = n.oid
       left join pg_type as e on e.oid = t.typelem
       where h.relation = read_condition.relation
         and (h.type_schema = 'pg_catalog'
           or t.typtype in ('b', 'e') and coalesce(e.typtype, 'b') in ('b', 'e') and has_schema_privilege(current_user, h.type_schema, 'usage'))));
    execute format(E'create index lethe_condition_index on pg_temp.lethe_condition ((1)) where (\n%s\n)', condition);
    select pg_get_expr(i.indpred, i.indrelid) into v_read
    from pg_index as i where i.indexrelid = to_regclass('pg_temp.lethe_condition_index');
    execute 'drop table pg_temp.lethe_condition';
  exception when others then
    get stacked diagnostics v_message = message_text;
    raise exception using errcode = 'LE303',
      message = format('predicate on %s cannot be used: %s', lethe_private.host_name(relation), v_message),
      hint = case when exists (
          select from lethe_private.host_columns as h
          where h.relation = read_condition.relation and h.type_schema <> 'pg_catalog'
            and not has_schema_privilege(current_user, h.type_schema, 'usage'))
        then (select string_agg(distinct format('grant usage on schema %I to lethe_owner', h.type_schema), '; ')
              from lethe_private.host_columns as h
              where h.relation = read_condition.relation and h.type_schema <> 'pg_catalog'
                and not has_schema_privilege(current_user, h.type_schema, 'usage'))
        else 'write one immutable, boolean expression over the columns of this table; no subqueries, no now()' end;
  end;
  -- A backslash would mean something else to a session with standard_conforming_strings off.
  return (
    select string_agg(case when r.token[1] like '''%\%' escape '' then 'E' || replace(r.token[1], '\', '\\') else r.token[1] end, '' order by r.n)
    from regexp_matches(v_read, '"(?:[^"]|"")*"|''(?:[^'']|'''')*''|[^"'']+', 'g') with ordinality as r (token, n));
end
$$;

ALTER FUNCTION lethe_private.read_condition(relation oid, condition text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.read_condition(relation oid, condition text) IS 'A predicate over one table as PostgreSQL reads it, every name qualified. Raises LE303.';

CREATE FUNCTION lethe_private.read_days(days text[]) RETURNS date[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    AS $$
begin
  return coalesce(days::date[], '{}');
exception when others then
  raise exception using errcode = 'LE302',
    message = 'a sentinel is not a day',
    hint = 'write it as 9999-12-31';
end
$$;

ALTER FUNCTION lethe_private.read_days(days text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.read_days(days text[]) IS 'Days written as ISO 8601. Raises LE302.';

CREATE FUNCTION lethe_private.record_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if tg_op = 'UPDATE' and to_jsonb(old) = to_jsonb(new) then
    return null;
  end if;
  insert into lethe.policy_changes (by, reason, object, before, after)
  values (session_user, nullif(current_setting('lethe.reason', true), ''), tg_table_name,
    case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end);
  -- An open cycle goes on under the policy as it is now. This waits for batches under way.
  if tg_table_name not in ('memberships', 'managed_columns', 'subject_types', 'holds') then
    delete from lethe_private.compiled;
  end if;
  return null;
end
$$;

ALTER FUNCTION lethe_private.record_change() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.record_change() IS 'Trigger: keeps who changed which part of the policy, when and why, and has open cycles compiled anew.';

CREATE FUNCTION lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
 SELECT string_agg(format('%s.%I = %s.%I'::text, reference_sql.child_alias, x.c, reference_sql.parent_alias, x.p), ' and '::text ORDER BY x.n) AS string_agg
    FROM UNNEST(reference_sql.child_columns, reference_sql.parent_columns) WITH ORDINALITY x(c, p, n);
END;

ALTER FUNCTION lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[]) IS 'True when the child row refers to the parent row.';

CREATE FUNCTION lethe_private.resolve_table("table" text) RETURNS oid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_parts text[];
  v_table oid;
begin
  v_table := lethe_private.host_table(
    split_part(resolve_table."table", '.', 1),
    substr(resolve_table."table", strpos(resolve_table."table", '.') + 1));
  if v_table is not null then
    return v_table;
  end if;

  begin
    v_parts := parse_ident(resolve_table."table");
  exception when others then
    v_parts := null;
  end;

  if cardinality(v_parts) = 2 then
    v_table := lethe_private.host_table(v_parts[1], v_parts[2]);
  end if;
  if v_table is null then
    raise exception using errcode = 'LE102',
      message = format('table %s does not exist', coalesce(resolve_table."table", '(null)')),
      hint = 'write it as schema.table, with double quotes around a name that needs them';
  end if;
  return v_table;
end
$$;

ALTER FUNCTION lethe_private.resolve_table("table" text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.resolve_table("table" text) IS 'The oid of a table named by a person. Raises LE102.';

CREATE FUNCTION lethe_private.rule_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer) RETURNS lethe_private.rule_parts
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_term lethe.terms;
  v_parts lethe_private.term_parts[];
  v_conditional boolean[];
  v_plain boolean;
  v_rule lethe_private.rule_parts;
begin
  for v_term in
    select * from lethe_private.effective_terms(managed.id, controller.id) as t
    where t.rule_id = rule_sql.rule_id
    order by t.purpose nulls first
  loop
    v_parts := array_append(v_parts, lethe_private.term_sql(alias, managed, table_oid, controller.time_zone, today,
      v_term.after, v_term.since, v_term.condition));
    v_conditional := v_conditional || (v_term.condition is not null);
    -- Terms without "when" on one and the same clock all apply, or none does.
    v_plain := coalesce(v_plain, true) and v_term.condition is null
      and v_parts[cardinality(v_parts)].usable = v_parts[1].usable;
  end loop;
  if v_parts is null then
    return null;
  end if;

  select
    case
      when v_plain then string_agg(p.expired, ' and ')
      when count(*) = 1 then format('%s and %s', min(p.applies), min(p.expired))
      else string_agg(format('(not coalesce(%s, false) or coalesce(%s, false))', p.applies, p.expired), ' and ' order by p.n)
        || ' and (' || string_agg(format('coalesce(%s, false)', p.applies), ' or ' order by p.n) || ')'
    end,
    case
      when not bool_or(v_conditional[p.n]) then string_agg(distinct format('(%s)', p.unusable), ' and ')
      else 'not (' || string_agg(format('coalesce(%s and not (%s), false)', p.applies, p.unusable), ' or ' order by p.n)
        || ') and (' || string_agg(format('coalesce(%s, false)', case when v_conditional[p.n] then p.applies else p.unusable end), ' or ' order by p.n) || ')'
    end
    into v_rule.due, v_rule.unclocked
  from unnest(v_parts) with ordinality as p (applies, usable, unusable, expired, n);
  return v_rule;
end
$$;

ALTER FUNCTION lethe_private.rule_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.rule_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer) IS 'When a row is due under a rule, for one controller and one local day; null when the rule has no term for it.';

CREATE FUNCTION lethe_private.rules_of(policy jsonb) RETURNS TABLE(pointer text, controller text, "table" text, "column" text, action text, terms jsonb, since jsonb)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 WITH tables AS (
          SELECT lethe_private.pointer(VARIADIC ARRAY['tables'::text, t.key]) AS pointer,
             NULL::text AS controller,
             t.key AS "table",
             t.value AS spec,
             (t.value -> 'since'::text) AS since
            FROM jsonb_each((rules_of.policy -> 'tables'::text)) t(key, value)
         UNION ALL
          SELECT lethe_private.pointer(VARIADIC ARRAY['overrides'::text, o.key, t.key]) AS pointer,
             o.key,
             t.key,
             t.value,
             COALESCE((t.value -> 'since'::text), (((rules_of.policy -> 'tables'::text) -> t.key) -> 'since'::text)) AS "coalesce"
            FROM (jsonb_each((rules_of.policy -> 'overrides'::text)) o(key, value)
              CROSS JOIN LATERAL jsonb_each(o.value) t(key, value))
         )
  SELECT ((t.pointer || '/columns'::text) || lethe_private.pointer(VARIADIC ARRAY[c.key, a.key])),
     t.controller,
     t."table",
     c.key,
     a.key,
     a.value,
     t.since
    FROM ((tables t
      CROSS JOIN LATERAL jsonb_each((t.spec -> 'columns'::text)) c(key, value))
      CROSS JOIN LATERAL jsonb_each(c.value) a(key, value))
   WHERE (a.key = ANY (ARRAY['anonymize'::text, 'archive'::text, 'purge'::text]))
 UNION ALL
  SELECT ((t.pointer || '/'::text) || a.key),
     t.controller,
     t."table",
     NULL::text,
     a.key,
     a.value,
     t.since
    FROM (tables t
      CROSS JOIN LATERAL jsonb_each(t.spec) a(key, value))
   WHERE (a.key = ANY (ARRAY['archive'::text, 'purge'::text]));
END;

ALTER FUNCTION lethe_private.rules_of(policy jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.rules_of(policy jsonb) IS 'Every rule of a policy document, defaults first, with a pointer to it.';

CREATE FUNCTION lethe_private.run_as_sweeper(statement text, managed lethe.managed_tables, tids tid[] DEFAULT NULL::tid[], inner_pad bytea DEFAULT NULL::bytea, outer_pad bytea DEFAULT NULL::bytea) RETURNS TABLE(facts jsonb, target oid, found_tids tid[])
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (
    select from pg_proc as p
    where p.oid = to_regprocedure('lethe_private.as_sweeper(text, tid[], bytea, bytea, text)')
      and p.prosecdef and p.provolatile = 'v' and not p.proisstrict
      and p.proowner = (select r.oid from pg_roles as r where r.rolname = 'lethe_sweeper')
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off', 'bytea_output=hex', 'extra_float_digits=1', 'IntervalStyle=postgres', 'jit=off']
      and not exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where a.grantee not in (select r.oid from pg_roles as r where r.rolname in ('lethe_sweeper', 'lethe_owner')))
  ) then
    raise exception using errcode = 'LE505',
      message = 'function lethe_private.as_sweeper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  -- The addresses of a batch lie close together, but the planner takes each for a random read and, on a
  -- table that is not very large, would rather read all of it again and again.
  if run_as_sweeper.tids is not null then
    perform set_config('random_page_cost', '0.1', true);
  end if;
  return query select * from lethe_private.as_sweeper(
    statement, tids, inner_pad, outer_pad, coalesce(managed.search_path, 'pg_catalog, pg_temp'));

  -- A search path that a trigger set for the whole session, be it to the very value it had, is still in
  -- force here: from now on the host's schema would be searched on our behalf.
  if pg_catalog.current_setting('search_path') operator(pg_catalog.<>) 'pg_catalog, pg_temp' then
    raise exception using errcode = 'LE504', message = 'a trigger changed search_path or row_security of the session',
      hint = 'give the trigger''s function a "set search_path" clause';
  end if;
end
$$;

ALTER FUNCTION lethe_private.run_as_sweeper(statement text, managed lethe.managed_tables, tids tid[], inner_pad bytea, outer_pad bytea) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.run_as_sweeper(statement text, managed lethe.managed_tables, tids tid[], inner_pad bytea, outer_pad bytea) IS 'Runs one statement over a managed table as lethe_sweeper. Raises LE504, LE505.';

CREATE FUNCTION lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_managed lethe.managed_tables;
  v_statement text := program #>> array[cycle_table.phase, 'discover'];
  v_together boolean;
  v_found bigint := 0;
  v_state text;
begin
  select m.* into strict v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;

  -- The last pass changed nothing: what is left is kept, or goes all at once or not at all. Tried once.
  v_together := cycle_table.pass > 0 and cycle_table.rows_done = cycle_table.done_before_pass and cycle_table.found_in_pass > 0;
  if v_together then
    v_statement := program #>> array[cycle_table.phase, 'together'];
  end if;
  -- A pass that changed each row it had found leaves nothing to a second one. What was written meanwhile
  -- is found by verification, which reads all of it again in any case.
  if v_statement is not null and (cycle_table.pass = 0 or v_together
    or (cycle_table.rows_done > cycle_table.done_before_pass
      and (cycle_table.found_in_pass = 0 or cycle_table.rows_done - cycle_table.done_before_pass < cycle_table.found_in_pass)))
  then
    begin
      v_found := lethe_private.discover(cycle_table, v_managed, v_statement);
    exception when others then
      get stacked diagnostics v_state = returned_sqlstate;
    end;
    if left(v_state, 2) = '40' or v_state = '55P03' then
      update lethe.cycle_tables as t set attempts = t.attempts + 1
      where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
      if cycle_table.attempts + 1 < (select s.attempts_max from lethe.settings as s) then
        return 'retry';
      end if;
    end if;
    if v_state is not null then
      return lethe_private.table_failed(cycle_table, jsonb_build_object('sqlstate', v_state));
    elsif v_found > 0 and v_together then
      update lethe.cycle_tables as t set found_in_pass = 0
      where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
      return 'discovered';
    elsif v_found > 0 and (v_found < cycle_table.found_in_pass or cycle_table.pass < (select s.rounds_max from lethe.settings as s)) then
      return 'discovered';
    end if;
    -- As many rows are due as before although they were changed: something undoes what we do. Verification
    -- will say what is left.
    delete from lethe_private.worklist as w
    where w.cycle_id = cycle_table.cycle_id and w.table_id = cycle_table.table_id;
  end if;

  update lethe.cycle_tables as t
  set phase = case t.phase when 'purge' then 'columns' else t.phase end,
      state = case t.phase when 'purge' then 'sweeping' else 'swept' end,
      pass = 0,
      done_before_pass = t.rows_done
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return case cycle_table.phase when 'purge' then 'discovered' else 'done' end;
end
$$;

ALTER FUNCTION lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb) IS 'Discovers due rows once more, or ends the phase. Returns discovered, retry, failed or done.';

CREATE FUNCTION lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_pad bytea := decode(repeat('36', 64), 'hex');
  v_masked lethe_private.host_columns := column_facts;
  v_fits boolean := false;
begin
  if method.mask not like '%{length}%' then
    return length_max;
  end if;
  v_masked.name := 'masked';
  for v_length in 1 .. coalesce(length_max, 1) loop
    v_masked.length := v_length;
    column_facts.length := v_length;
    begin
      execute format('update pg_temp.lethe_trial as t set masked = %s', lethe_private.method_sql(method.mask, 't', column_facts, method, parameters))
        using null::tid[], v_pad, v_pad;
      execute format('select bool_and(length(t.masked::text) <= %s and coalesce((%s), false)) from pg_temp.lethe_trial as t where t.masked is not null and length(t.value::text) <= %s',
        v_length, lethe_private.method_sql(method.recogniser, 't', v_masked, method, parameters), v_length)
        into v_fits using null::tid[], v_pad, v_pad;
    exception when others then
      v_fits := false;
    end;
    if v_fits then
      return nullif(v_length, 1);
    end if;
  end loop;
  return length_max;
end
$$;

ALTER FUNCTION lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max integer) IS 'The shortest length limit under which a method''s output fits and is recognised; null when any does.';

CREATE FUNCTION lethe_private.staying_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_due text;
  v_due_child text;
  v_held text := lethe_private.held_sql('c', managed, table_oid, today);
  v_stays text;
  v_untouchable text := lethe_private.untouchable_sql('s', managed, table_oid, controller, today);
  v_refs text;
  v_fks text;
begin
  select format('%s and %s', lethe_private.controller_sql('c', managed, table_oid, controller), a.due) into v_due
  from lethe_private.actions('c', managed, table_oid, controller, today) as a where a.phase = 'purge';
  select format('%s and (%s) and not %s', lethe_private.controller_sql('s', managed, table_oid, controller), a.due,
      lethe_private.held_sql('s', managed, table_oid, today)) into v_due_child
  from lethe_private.actions('s', managed, table_oid, controller, today) as a where a.phase = 'purge';

  select
    string_agg(format(
      'exists (select from %s as s where %s and (s.tableoid, s.ctid) <> (c.tableoid, c.ctid) and not coalesce(%s%s, false))',
      lethe_private.host_name(table_oid), lethe_private.reference_sql('s', r.child_columns, 'c', r.parent_columns),
      case when batch then 's.tableoid = c.tableoid and s.ctid = any ($1) and ' else '' end, v_due_child), ' or '),
    string_agg(format('jsonb_build_array(%s, %s)', r.n, (select string_agg(format('c.%I', x), ', ') from unnest(r.parent_columns) as x)), ', '),
    string_agg(format('jsonb_build_array(%s, %s)', r.n, (select string_agg(format('c.%I', x), ', ') from unnest(r.child_columns) as x)), ', ')
    into v_stays, v_refs, v_fks
  from (
    select *, row_number() over () as n from lethe_private.references_to(table_oid) as r
    where r.child = table_oid and r.on_purge <> 'unlink'
  ) as r;
  -- A reference that would be set to null, in a row that must not change.
  select concat_ws(' or ', v_stays, string_agg(format('exists (select from %s as s where %s and (%s))',
      lethe_private.host_name(table_oid), lethe_private.reference_sql('s', r.child_columns, 'c', r.parent_columns), v_untouchable), ' or '))
    into v_stays
  from lethe_private.references_to(table_oid) as r
  where r.child = table_oid and r.on_purge = 'unlink';
  if v_stays = '' then
    return null;
  end if;

  return format(
    'with recursive due as materialized ('
      'select c.tableoid as target, c.ctid as tid, %1$s or %2$s as stays, array[%3$s] as refs, array[%4$s] as fks '
      'from %5$s as c where %6$s%7$s), '
    'staying as ('
      'select d.target, d.tid, f.fk from due as d cross join unnest(d.fks) as f (fk) where d.stays '
      'union '
      'select d.target, d.tid, f.fk from staying as s '
      'join (select d.target, d.tid, d.fks, unnest(d.refs) as ref from due as d) as d on d.ref = s.fk '
      'cross join unnest(d.fks) as f (fk)) ',
    v_held,
    concat_ws(' or ', lethe_private.kept_sql('c', table_oid, controller, today, not batch), v_stays),
    coalesce(v_refs, 'null::jsonb'), coalesce(v_fks, 'null::jsonb'),
    case when batch then '{from}' else lethe_private.host_name(table_oid) end,
    case when batch then 'c.ctid = any ($1){here} and ' else '' end,
    v_due);
end
$_$;

ALTER FUNCTION lethe_private.staying_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.staying_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean) IS 'The WITH clause that finds the due rows which stay because of references within their own table; null when it has none.';

CREATE FUNCTION lethe_private.sweep_columns(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_act jsonb := nullif(program #> '{columns,act_on_all}', 'null');
  v_statement text := program #>> '{columns,act}';
  v_facts jsonb;
begin
  if v_act is not null and batch.flags is not null then
    v_statement := lethe_private.act_on_all_sql(v_act ->> 'own_rows', array(
        select jsonb_populate_record(null::lethe_private.action_parts, e.value)
        from jsonb_array_elements(v_act -> 'actions') with ordinality as e (value, n)
        where substr(batch.flags, e.n::int, 1) = '1'
        order by e.n), v_act ->> 'key');
  end if;
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(lethe_private.place(v_statement, v_oid, batch.target),
    managed, batch.tids, pads.inner_pad, pads.outer_pad) as r;
  return v_facts;
end
$$;

ALTER FUNCTION lethe_private.sweep_columns(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.sweep_columns(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) IS 'Applies the column rules to one batch. Returns {"rows", "root", "rN": rows per rule}.';

CREATE FUNCTION lethe_private.sweep_purge(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_tids tid[] := batch.tids;
  v_before jsonb;
  v_children jsonb := '[]';
  v_deleted_before jsonb;
  v_facts jsonb;
begin
  if program #> '{purge,pick}' is not null then
    perform r.facts from lethe_private.run_as_sweeper(
      lethe_private.place(program #>> '{purge,lock}', v_oid, batch.target), managed, v_tids) as r;
    for v_before in select l from jsonb_array_elements(program #> '{purge,lock_children}') as l loop
      perform r.facts from lethe_private.run_as_sweeper(
        lethe_private.place(v_before #>> '{}', v_oid, batch.target), managed, v_tids) as r;
    end loop;
    select r.found_tids into v_tids from lethe_private.run_as_sweeper(
      lethe_private.place(program #>> '{purge,pick}', v_oid, batch.target), managed, v_tids) as r;
    if v_tids is null then
      return jsonb_build_object('rows', 0);
    end if;
  end if;

  -- Cascaded rows are nobody''s RETURNING; the difference in the transaction''s statistics counts them.
  select jsonb_object_agg(x.name, lethe_private.deleted_in_transaction(lethe_private.resolve_table(x.name))) into v_deleted_before
  from (select distinct b ->> 'table_name' as name from jsonb_array_elements(program #> '{purge,before}') as b
        where b ->> 'rule' = 'with parent') as x;

  for v_before in
    select b from jsonb_array_elements(program #> '{purge,before}') as b where b ->> 'statement' is not null
  loop
    select r.facts into v_facts from lethe_private.run_as_sweeper(
      lethe_private.place(v_before ->> 'statement', v_oid, batch.target), managed, v_tids) as r;
    if v_before ->> 'rule' <> 'with parent' then
      v_children := v_children || jsonb_build_object('table', v_before -> 'table_name', 'rule', v_before -> 'rule', 'rows', v_facts -> 'rows');
    end if;
  end loop;

  select r.facts into v_facts from lethe_private.run_as_sweeper(
    lethe_private.place(program #>> '{purge,delete}', v_oid, batch.target), managed, v_tids, pads.inner_pad, pads.outer_pad) as r;

  -- The DELETE locks its table against new foreign keys, so one that came since the program was written
  -- shows now at the latest. What it took along was not asked about: all is undone, and compiled anew.
  if lethe_private.cascade_mark(v_oid) is distinct from program #>> '{purge,cascades}' then
    raise exception using errcode = 'serialization_failure', message = 'a foreign key to the table has come or gone';
  end if;

  select v_children || coalesce(jsonb_agg(jsonb_build_object('table', d.key, 'rule', 'with parent',
      'rows', lethe_private.deleted_in_transaction(lethe_private.resolve_table(d.key)) - d.value::bigint)), '[]')
    into v_children
  from jsonb_each_text(v_deleted_before) as d;
  return v_facts || jsonb_build_object('children', v_children);
end
$$;

ALTER FUNCTION lethe_private.sweep_purge(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.sweep_purge(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) IS 'Purges one batch of rows. Returns {"rows", "root", "r1", "children": [{"table", "rule", "rows"}]}.';

CREATE FUNCTION lethe_private.table_controller(relation oid, controller text, controller_column text) RETURNS integer
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_type text;
  v_reference text;
  v_collation text;
begin
  if num_nonnulls(controller, controller_column) = 0 and (select count(*) from lethe.controllers) = 1 then
    return (select c.id from lethe.controllers as c);
  elsif num_nonnulls(controller, controller_column) <> 1 then
    raise exception using errcode = 'LE203',
      message = format('table %s names %s', lethe_private.host_name(relation),
        case when controller is null then 'no controller' else 'both a controller and a controller column' end),
      hint = 'say whose rows it holds: one controller, or the column that tells';
  elsif controller is not null then
    return (lethe_private.get_controller(controller)).id;
  end if;

  select h.base_type, ' collate ' || quote_ident(n.nspname) || '.' || quote_ident(k.collname) into v_type, v_collation
  from lethe_private.host_columns as h
  join pg_attribute as a on a.attrelid = h.relation and a.attnum = h.position
  left join pg_collation as k on k.oid = a.attcollation
  left join pg_namespace as n on n.oid = k.collnamespace
  where h.relation = table_controller.relation and h.name = controller_column;
  if not found then
    raise exception using errcode = 'LE103',
      message = format('table %s has no column %I', lethe_private.host_name(relation), controller_column),
      hint = 'the controller column holds each controller''s reference';
  end if;
  for v_reference in select c.reference from lethe.controllers as c where c.reference is not null loop
    begin
      -- As lethe_sweeper: a domain of the host's runs the host's code.
      perform lethe_private.run_as_sweeper(format('select to_jsonb((%L::%s) is null), null::oid, null::tid[]', v_reference, v_type), null);
    exception when others then
      raise exception using errcode = 'LE203',
        message = format('column %I of %s is of type %s, which cannot hold controller reference %L',
        controller_column, lethe_private.host_name(relation), v_type, v_reference),
        hint = 'set the controllers'' references to values of that column';
    end;
  end loop;
  -- '1' and '01' are two references and one number.
  if (select r.facts::boolean from lethe_private.run_as_sweeper((
    select format('select to_jsonb(count(distinct x.v%s) < count(*)), null::oid, null::tid[] from (values %s) as x (v)',
      v_collation, string_agg(format('(%L::%s)', c.reference, v_type), ', '))
    from lethe.controllers as c
    where c.reference is not null
    having count(*) > 0), null) as r)
  then
    raise exception using errcode = 'LE203',
      message = format('column %I of %s, of type %s, cannot tell the references of two controllers apart',
        controller_column, lethe_private.host_name(relation), v_type),
      hint = 'a row belongs to one controller: give references that the column holds as different values';
  end if;
  return null;
end
$$;

ALTER FUNCTION lethe_private.table_controller(relation oid, controller text, controller_column text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.table_controller(relation oid, controller text, controller_column text) IS 'The id of the one controller of a table; null where a column tells. Raises LE101, LE103, LE203.';

CREATE FUNCTION lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb) RETURNS text
    LANGUAGE sql
    BEGIN ATOMIC
 DELETE FROM lethe_private.worklist w
   WHERE ((w.cycle_id = (table_failed.cycle_table).cycle_id) AND (w.table_id = (table_failed.cycle_table).table_id));
 UPDATE lethe.cycle_tables t SET state = 'failed'::text, failure = table_failed.cause
   WHERE ((t.cycle_id = (table_failed.cycle_table).cycle_id) AND (t.table_id = (table_failed.cycle_table).table_id))
   RETURNING 'failed'::text AS text;
END;

ALTER FUNCTION lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb) IS 'Gives a table up for this cycle, with the cause. The next cycle finds its rows again.';

CREATE FUNCTION lethe_private.table_lock_id(table_id integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    RETURN ((('01001100010001010101010001010100'::"bit")::bigint << 32) + table_id);

ALTER FUNCTION lethe_private.table_lock_id(table_id integer) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.table_lock_id(table_id integer) IS 'The advisory lock that keeps one table from being swept twice at once, by cycles of two controllers too.';

CREATE FUNCTION lethe_private.take_batch(cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_managed lethe.managed_tables;
  v_pads lethe_private.controller_keys;
  v_facts jsonb;
  v_cause jsonb;
  v_state text;
  v_constraint text;
  v_relation text;
  v_locked int := 0;
  v_last_attempt boolean := false;
begin
  begin
    select m.* into strict v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    select k.* into strict v_pads from lethe_private.controller_keys as k
    where k.controller_id = controller.id order by k.version desc limit 1;

    if batch.attempts > 1 then
      v_locked := cardinality(batch.tids);
      select coalesce(r.found_tids, '{}') into batch.tids
      from lethe_private.run_as_sweeper(lethe_private.place(program ->> 'unlocked',
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name), batch.target), v_managed, batch.tids) as r;
      v_locked := v_locked - cardinality(batch.tids);
      -- The batch's own rows are free; what is locked is a row that would go or change with one of them.
      -- The batch is taken apart to find it, and nobody is waited for.
      v_last_attempt := batch.attempts + 1 >= (select s.attempts_max from lethe.settings as s);
      if v_last_attempt then
        perform set_config('lock_timeout', '50ms', true);
      end if;
    end if;
    if cycle_table.phase = 'purge' then
      v_facts := lethe_private.sweep_purge(v_managed, program, batch, v_pads);
    else
      v_facts := lethe_private.sweep_columns(v_managed, program, batch, v_pads);
    end if;
  exception
    -- "others" leaves these two out. Where somebody cancels, the context of the error would hold what a
    -- trigger was just doing, row and all; an ASSERT in a trigger is one more way to refuse a row.
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled within a batch, which is undone',
        hint = 'call it again to go on; see statement_timeout if nobody canceled it';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
      v_cause := jsonb_strip_nulls(jsonb_build_object('sqlstate', v_state,
        'constraint', nullif(v_constraint, ''), 'table', nullif(v_relation, '')));
  end;
  if v_cause is not null and v_last_attempt and v_state = '55P03' then
    update lethe.cycle_tables as t
    set skipped = lethe_private.add_skipped(t.skipped, t.phase, '55P03', v_locked)
    where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
    return lethe_private.halve_batch(cycle_table, batch, v_cause);
  elsif v_cause is not null then
    return lethe_private.batch_failed(cycle_table, batch, v_cause);
  end if;

  if (v_facts ->> 'rows')::bigint > 0 then
    insert into lethe.evidence_batches (cycle_id, table_id, phase, rows_done, counts, root, key_version)
    values (cycle_table.cycle_id, cycle_table.table_id, cycle_table.phase, (v_facts ->> 'rows')::bigint,
      v_facts - 'rows' - 'root', v_facts ->> 'root', v_pads.version);
  end if;
  delete from lethe_private.worklist as w
  where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = take_batch.batch.batch;
  update lethe.cycle_tables as t
  set rows_done = t.rows_done + (v_facts ->> 'rows')::bigint, batches = t.batches + 1,
      skipped = lethe_private.add_skipped(t.skipped, t.phase, '55P03', v_locked)
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return 'swept';
end
$$;

ALTER FUNCTION lethe_private.take_batch(cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.take_batch(cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist) IS 'Sweeps one batch of the worklist. Returns swept, retry or failed.';

CREATE FUNCTION lethe_private.term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller_zone text, today date, after interval, since text[], condition text) RETURNS lethe_private.term_parts
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_last date := lethe_private.last_due_day(term_sql.today, term_sql.after);
  v_past text := (select string_agg(format('date %L', s), ', ') from unnest(managed.sentinels) as s where s < term_sql.today);
  v_all text := (select string_agg(format('date %L', s), ', ') from unnest(managed.sentinels) as s);
  v_clock lethe_private.host_columns;
  v_day text;
  v_parts lethe_private.term_parts;
begin
  if cardinality(term_sql.since) = 1 then
    select h.* into v_clock from lethe_private.host_columns as h
    where h.relation = table_oid and h.name = term_sql.since[1];
    v_day := lethe_private.local_day_sql(alias, v_clock, managed.time_zone, controller_zone);
    v_parts.usable := format('%1$s.%2$I > %3$L and %1$s.%2$I < %5$L%4$s',
      alias, v_clock.name, lethe_private.clock_floor(), coalesce(' and ' || v_day || ' not in (' || v_all || ')', ''),
      lethe_private.clock_ceiling());
    v_parts.unusable := format('%1$s.%2$I is null or %1$s.%2$I <= %3$L or %1$s.%2$I >= %5$L%4$s',
      alias, v_clock.name, lethe_private.clock_floor(), coalesce(' or ' || v_day || ' in (' || v_all || ')', ''),
      lethe_private.clock_ceiling());
    -- What rules most rows out comes first.
    v_parts.expired := format('%4$s and %1$s.%2$I > %3$L%5$s',
      alias, v_clock.name, lethe_private.clock_floor(),
      lethe_private.up_to_day_sql(alias, v_clock, managed.time_zone, controller_zone, v_last),
      coalesce(' and ' || v_day || ' not in (' || v_past || ')', ''));
  else
    v_day := lethe_private.latest_day_sql(alias, table_oid, term_sql.since, managed.time_zone, controller_zone, v_past);
    v_parts.usable := format('%s < ''infinity''%s', v_day, coalesce(' and ' || v_day || ' not in (' || v_all || ')', ''));
    v_parts.unusable := format('not coalesce(%s, false)', v_parts.usable);
    v_parts.expired := format('%s <= date %L', v_day, v_last);
  end if;
  v_parts.applies := coalesce('(' || term_sql.condition || ')', v_parts.usable);
  return v_parts;
end
$_$;

ALTER FUNCTION lethe_private.term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller_zone text, today date, after interval, since text[], condition text) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller_zone text, today date, after interval, since text[], condition text) IS 'The SQL of one term of a rule, for one controller and one local day.';

CREATE FUNCTION lethe_private.text_list(value jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN (jsonb_typeof(value) = 'array'::text) THEN (SELECT array_agg(x.e ORDER BY x.n) AS array_agg FROM jsonb_array_elements_text(text_list.value) WITH ORDINALITY x(e, n)) WHEN (value <> 'null'::jsonb) THEN ARRAY[(value #>> '{}'::text[])] ELSE NULL::text[] END;

ALTER FUNCTION lethe_private.text_list(value jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.text_list(value jsonb) IS 'One word or a list of words, as a list; null when there is none.';

CREATE FUNCTION lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  execute format(E'create index lethe_trial_index on pg_temp.lethe_trial ((1)) where ((\n%s\n)::%s is null) or (\n%s\n)',
    lethe_private.method_sql(replace(method.mask, '{key}', '''''::bytea, ''''::bytea'), 'lethe_trial', column_facts, method, parameters),
    column_facts.type,
    lethe_private.method_sql(replace(method.recogniser, '{key}', '''''::bytea, ''''::bytea'), 'lethe_trial', column_facts, method, parameters));
  drop index pg_temp.lethe_trial_index;
end
$$;

ALTER FUNCTION lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb) IS 'Raises PostgreSQL''s own error unless mask and recogniser can stand in an index.';

CREATE FUNCTION lethe_private.try_method(method lethe.methods, type oid) RETURNS lethe.methods
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_type text := (select format('%I.%I', n.nspname, t.typname) from pg_type as t join pg_namespace as n on n.oid = t.typnamespace where t.oid = try_method.type);
  v_on text := format('method %s on type %s', method.name, format_type(try_method.type, -1));
  v_column lethe_private.host_columns;
  v_parameters jsonb;
  v_state text;
  v_message text;
begin
  begin
    execute format('create temporary table lethe_trial (n int, value %1$s, masked %1$s, again %1$s) on commit drop', v_type);
    select h.* into v_column from lethe_private.host_columns as h where h.relation = 'pg_temp.lethe_trial'::regclass and h.name = 'value';
    for v_parameters in select p from lethe_private.parameters_to_try(method.parameters) as p loop
      perform lethe_private.try_expressions(method, v_column, v_parameters);
    end loop;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    raise exception using errcode = 'LE303',
      message = format('%s cannot be used: %s', v_on, v_message),
      hint = 'mask and recogniser are immutable expressions, functions in them named with their schema; the recogniser is boolean';
  end;

  begin
    execute format('insert into pg_temp.lethe_trial (n, value) select v.n, v.value::%s from unnest($1) with ordinality as v (value, n)', v_type)
      using lethe_private.hostile_values(try_method.type) || null::text;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE304',
      message = format('%s cannot be tried: sample values do not fit (%s)', v_on, v_state),
      hint = 'name another type';
  end;
  for v_parameters in select p from lethe_private.parameters_to_try(method.parameters) as p loop
    method := lethe_private.try_values(method, v_on, v_column, v_parameters);
  end loop;
  drop table pg_temp.lethe_trial;
  return method;
end
$_$;

ALTER FUNCTION lethe_private.try_method(method lethe.methods, type oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.try_method(method lethe.methods, type oid) IS 'Tries a method on one type and adds what it learns (null results, lengths). Raises LE303 or LE304.';

CREATE FUNCTION lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb) RETURNS lethe.methods
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_recogniser text := lethe_private.method_sql(method.recogniser, 't', column_facts, method, parameters);
  v_mask text := format('(%s)::%s', lethe_private.method_sql(method.mask, 't', column_facts, method, parameters), column_facts.type);
  v_pad bytea := decode(repeat('36', 64), 'hex');
  v_masked lethe_private.host_columns := column_facts;
  v_facts record;
  v_broken text;
  v_state text;
begin
  v_masked.name := 'masked';
  begin
    execute format('update pg_temp.lethe_trial as t set masked = %s', v_mask) using null::tid[], v_pad, v_pad;
    execute format('update pg_temp.lethe_trial as t set again = (%s)::%s',
      lethe_private.method_sql(method.mask, 't', v_masked, method, parameters), column_facts.type) using null::tid[], v_pad, v_pad;
    execute format(
      'select bool_or(t.value is null and not r.raw) as null_refused, bool_or(not r.raw) as any_refused, bool_or(not r.own) as own_refused, '
      'bool_or(t.again::text is distinct from t.masked::text) as drifts, '
      'count(distinct t.masked::text) < count(distinct t.value::text) as collides, '
      'bool_or(t.masked is null and t.value is not null) as nulls_out, '
      'max(length(t.masked::text)) filter (where length(t.masked::text) > length(t.value::text)) as length_max '
      'from pg_temp.lethe_trial as t cross join lateral (select (%s) as raw, (%s) as own) as r',
      v_recogniser, lethe_private.method_sql(method.recogniser, 't', v_masked, method, parameters))
      into v_facts using null::tid[], v_pad, v_pad;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
    v_broken := format('is not total: it raises SQLSTATE %s on some value', v_state);
  end;

  if v_broken is null then
    v_broken := case
      when v_facts.null_refused then 'does not count NULL as masked'
      when v_facts.own_refused then 'does not recognise its own output'
      when v_facts.drifts then 'is not idempotent: masking its output changes it again'
      when not v_facts.any_refused then 'takes every value for masked'
      when method.keeps_unique and v_facts.collides then 'does not keep values apart, though it says so'
    end;
  end if;
  if v_broken is not null then
    raise exception using errcode = 'LE304',
      message = format('%s %s', title, v_broken),
      hint = 'it was tried on empty, long, extreme and already masked values; lethe_private.hostile_values lists them';
  end if;

  method.nulls_out := method.nulls_out or v_facts.nulls_out;
  if column_facts.type_category = 'S' then
    method.length_min := greatest(method.length_min, lethe_private.shortest_fit(method, column_facts, parameters, v_facts.length_max));
    method.length_min_unique := greatest(method.length_min_unique, method.length_min, v_facts.length_max);
  end if;
  return method;
end
$$;

ALTER FUNCTION lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb) IS 'Masks the sample values twice and raises LE304 unless the method is total, recognises its own output, is idempotent and keeps what it says.';

CREATE FUNCTION lethe_private.types_to_try(method text, types text[]) RETURNS SETOF oid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_usual constant jsonb := '{"A": ["_text"], "B": ["bool"], "D": ["date", "timestamp", "timestamptz", "time"], "I": ["inet", "cidr"],
    "N": ["int2", "int4", "int8", "numeric", "float4", "float8"], "S": ["text", "varchar", "bpchar"], "T": ["interval"], "U": ["uuid", "jsonb", "bytea"]}';
  v_name text;
  v_type oid;
begin
  for v_name in
    select distinct n.name
    from unnest(types) as w (word)
    cross join lateral (
      select jsonb_array_elements_text(u.value) from jsonb_each(v_usual) as u where w.word in (u.key, '*')
      union all
      select w.word where w.word <> '*' and not v_usual ? w.word
    ) as n (name)
  loop
    select t.oid into v_type
    from pg_type as t
    where t.typname = v_name and t.typtype in ('b', 'e', 'r', 'm')
    order by (t.typnamespace = 'pg_catalog'::regnamespace) desc
    limit 1;
    if v_type is null or lethe_private.hostile_values(v_type) is null then
      raise exception using errcode = 'LE304',
        message = format('method %s names type %L, on which it cannot be tried', method, v_name),
        hint = 'name base types as pg_type does (text, varchar, int4, date), a category by its letter, or *';
    end if;
    return next v_type;
  end loop;
end
$$;

ALTER FUNCTION lethe_private.types_to_try(method text, types text[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.types_to_try(method text, types text[]) IS 'The types on which a method that is being registered must prove itself. Raises LE304 for a type that is unknown or has no sample values.';

CREATE FUNCTION lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[]) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT format('select %s
from %s as c
where %s
  and (%s)'::text, ( SELECT lethe_private.object_sql(array_agg(format('%L, count(*) filter (where %s and (%s))'::text, a.flag, a.needed, a.unclocked) ORDER BY a.n)) AS object_sql
            FROM unnest(unclocked_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)), unclocked_sql.source, unclocked_sql.owner, string_agg(format('((%s)%s)'::text, g.unclocked,
         CASE
             WHEN (g.needed = 'true'::text) THEN ''::text
             ELSE format('
    and (%s)'::text, g.needed)
         END), ' or '::text ORDER BY g.n)) AS format
    FROM ( SELECT a.unclocked,
             string_agg(a.needed, ' or '::text ORDER BY a.n) AS needed,
             min(a.n) AS n
            FROM unnest(unclocked_sql.actions) WITH ORDINALITY a(flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
           GROUP BY a.unclocked) g;
END;

ALTER FUNCTION lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[]) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[]) IS 'Counts rows that no term can make due as they stand.';

CREATE FUNCTION lethe_private.unique_indexes(relation oid, column_position smallint) RETURNS SETOF text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT DISTINCT (x.relname)::text AS relname
    FROM (pg_index i
      JOIN pg_class x ON ((x.oid = i.indexrelid)))
   WHERE ((i.indrelid = unique_indexes.relation) AND (i.indisunique OR i.indisexclusion) AND ((unique_indexes.column_position = ANY ((i.indkey)::smallint[])) OR (EXISTS ( SELECT
            FROM pg_depend d
           WHERE ((d.classid = ('pg_class'::regclass)::oid) AND (d.objid = i.indexrelid) AND (d.refobjid = unique_indexes.relation) AND (d.refobjsubid = unique_indexes.column_position))))));
END;

ALTER FUNCTION lethe_private.unique_indexes(relation oid, column_position smallint) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.unique_indexes(relation oid, column_position smallint) IS 'Names of the indexes that keep a column''s values apart.';

CREATE FUNCTION lethe_private.unlocked_sql() RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN 'select null::jsonb as facts, null::oid as target, array_agg(c.tid) as tids
from (select c.ctid as tid from {from} as c where c.ctid = any ($1){here} for update skip locked) as c'::text;

ALTER FUNCTION lethe_private.unlocked_sql() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.unlocked_sql() IS 'Locks the rows of a batch that nobody else has locked, and returns them.';

CREATE FUNCTION lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) RETURNS text
    LANGUAGE sql STABLE
    RETURN CASE WHEN (NOT lethe_private.has_controller(managed, controller)) THEN 'true'::text ELSE concat_ws(' or '::text, NULLIF((lethe_private.controller_sql(alias, managed, table_oid, controller) || ' is not true'::text), 'true is not true'::text), lethe_private.held_sql(alias, managed, table_oid, today)) END;

ALTER FUNCTION lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) IS 'True when a row may neither go nor change with another one: it is held, or is not the controller''s.';

CREATE FUNCTION lethe_private.up_to_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, last_day date) RETURNS text
    LANGUAGE sql STABLE
    RETURN CASE WHEN ((clock).type_name = 'date'::text) THEN format('%s.%I <= date %L'::text, alias, (clock).name, last_day) WHEN ((clock).type_name = 'timestamptz'::text) THEN format('%1$s.%2$I < timestamptz %3$L and (%1$s.%2$I < timestamptz %4$L or %5$s <= date %6$L)'::text, alias, (clock).name, (to_char(((((last_day + 2))::timestamp without time zone AT TIME ZONE controller_zone) AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS'::text) || '+00'::text), (to_char(((((last_day - 2))::timestamp without time zone AT TIME ZONE controller_zone) AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS'::text) || '+00'::text), lethe_private.local_day_sql(alias, clock, table_zone, controller_zone), last_day) WHEN (COALESCE(table_zone, controller_zone) = controller_zone) THEN format('%s.%I < timestamp %L'::text, alias, (clock).name, (last_day + 1)) ELSE format('%1$s.%2$I < timestamp %3$L and (%1$s.%2$I < timestamp %4$L or %5$s <= date %6$L)'::text, alias, (clock).name, (last_day + 3), (last_day - 3), lethe_private.local_day_sql(alias, clock, table_zone, controller_zone), last_day) END;

ALTER FUNCTION lethe_private.up_to_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, last_day date) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.up_to_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, last_day date) IS 'True when the clock lies on or before a local day of the controller.';

CREATE FUNCTION lethe_private.usable_key(relation oid) RETURNS text[]
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT array_agg((a.attname)::text ORDER BY k.n) AS array_agg
    FROM ((( SELECT i_1.indexrelid,
             i_1.indrelid,
             i_1.indnatts,
             i_1.indnkeyatts,
             i_1.indisunique,
             i_1.indnullsnotdistinct,
             i_1.indisprimary,
             i_1.indisexclusion,
             i_1.indimmediate,
             i_1.indisclustered,
             i_1.indisvalid,
             i_1.indcheckxmin,
             i_1.indisready,
             i_1.indislive,
             i_1.indisreplident,
             i_1.indkey,
             i_1.indcollation,
             i_1.indclass,
             i_1.indoption,
             i_1.indexprs,
             i_1.indpred
            FROM pg_index i_1
           WHERE ((i_1.indrelid = usable_key.relation) AND i_1.indisunique AND i_1.indisvalid AND i_1.indimmediate AND (i_1.indpred IS NULL) AND (i_1.indexprs IS NULL) AND (NOT (EXISTS ( SELECT
                    FROM (unnest((i_1.indkey)::smallint[]) WITH ORDINALITY k_1(attnum, n)
                      JOIN pg_attribute a_1 ON (((a_1.attrelid = usable_key.relation) AND (a_1.attnum = k_1.attnum))))
                   WHERE ((k_1.n <= i_1.indnkeyatts) AND (NOT a_1.attnotnull))))))
           ORDER BY i_1.indisprimary DESC, i_1.indnkeyatts, i_1.indexrelid
          LIMIT 1) i
      CROSS JOIN LATERAL unnest((i.indkey)::smallint[]) WITH ORDINALITY k(attnum, n))
      JOIN pg_attribute a ON (((a.attrelid = usable_key.relation) AND (a.attnum = k.attnum))))
   WHERE (k.n <= i.indnkeyatts);
END;

ALTER FUNCTION lethe_private.usable_key(relation oid) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.usable_key(relation oid) IS 'The columns that identify a row; null when nothing does.';

CREATE FUNCTION lethe_private.wait_for_batches() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(lethe_private.holds_lock_id());
  return null;
end
$$;

ALTER FUNCTION lethe_private.wait_for_batches() OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.wait_for_batches() IS 'Trigger: no batch runs while holds change.';

CREATE TABLE lethe.evidence_batches (
    id bigint NOT NULL,
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    phase text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    rows_done bigint NOT NULL,
    counts jsonb NOT NULL,
    root text NOT NULL,
    key_version integer NOT NULL
);

ALTER TABLE lethe.evidence_batches OWNER TO lethe_owner;

COMMENT ON TABLE lethe.evidence_batches IS 'One record a batch, committed with the batch itself.';

COMMENT ON COLUMN lethe.evidence_batches.root IS 'HMAC-SHA-256, under the controller''s key, over the ordered keys of the rows the batch changed. Names nobody.';

CREATE FUNCTION lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb) RETURNS void
    LANGUAGE sql
    BEGIN ATOMIC
 INSERT INTO lethe.evidence AS e (cycle_id, table_name, rule, table_id, due, done, held, kept_by_child, skipped, skipped_why, unclocked, left_over)  SELECT (write_evidence.cycle_table).cycle_id AS cycle_id,
             (write_evidence.cycle_table).table_name AS table_name,
             r.rule,
             (write_evidence.cycle_table).table_id AS table_id,
             (GREATEST(COALESCE((((write_evidence.cycle_table).found ->> r.flag))::bigint, (0)::bigint), l.left_over) + COALESCE(((write_evidence.look #>> ARRAY[r.flag, 'held'::text]))::bigint, (0)::bigint)),
             COALESCE(( SELECT sum(((b.counts ->> r.flag))::bigint) AS sum
                    FROM lethe.evidence_batches b
                   WHERE ((b.cycle_id = (write_evidence.cycle_table).cycle_id) AND (b.table_id = (write_evidence.cycle_table).table_id) AND (b.phase = r.phase))), (0)::numeric) AS "coalesce",
             COALESCE(((write_evidence.look #>> ARRAY[r.flag, 'held'::text]))::bigint, (0)::bigint) AS "coalesce",
             COALESCE(((write_evidence.look #>> ARRAY[r.flag, 'kept'::text]))::bigint, (0)::bigint) AS "coalesce",
             LEAST(s.skipped, l.left_over) AS "least",
                 CASE
                     WHEN (LEAST(s.skipped, l.left_over) > 0) THEN ((write_evidence.cycle_table).skipped -> r.phase)
                     ELSE NULL::jsonb
                 END AS "case",
             COALESCE(((write_evidence.unclocked ->> r.flag))::bigint, (0)::bigint) AS "coalesce",
             l.left_over
            FROM ((jsonb_to_recordset((write_evidence.program -> 'rules'::text)) r(flag text, rule text, phase text)
              CROSS JOIN LATERAL ( SELECT (COALESCE(sum((n.value)::bigint), (0)::numeric))::bigint AS skipped
                    FROM jsonb_each_text(((write_evidence.cycle_table).skipped -> r.phase)) n(key, value)) s)
              CROSS JOIN LATERAL ( SELECT ((((write_evidence.look #>> ARRAY[r.flag, 'due'::text]))::bigint - ((write_evidence.look #>> ARRAY[r.flag, 'held'::text]))::bigint) - ((write_evidence.look #>> ARRAY[r.flag, 'kept'::text]))::bigint) AS left_over) l) ON CONFLICT(cycle_id, table_name, rule) DO UPDATE SET due = excluded.due, done = excluded.done, held = excluded.held, kept_by_child = excluded.kept_by_child, skipped = excluded.skipped, skipped_why = excluded.skipped_why, unclocked = excluded.unclocked, left_over = excluded.left_over;
 INSERT INTO lethe.evidence AS e (cycle_id, table_name, rule, table_id, due, done, left_over)  SELECT (write_evidence.cycle_table).cycle_id AS cycle_id,
             c."table",
             ((c.rule || ' '::text) || (write_evidence.cycle_table).table_name),
             (write_evidence.cycle_table).table_id AS table_id,
             sum(c.rows) AS sum,
             sum(c.rows) AS sum,
             0
            FROM (lethe.evidence_batches b
              CROSS JOIN LATERAL jsonb_to_recordset((b.counts -> 'children'::text)) c("table" text, rule text, rows bigint))
           WHERE ((b.cycle_id = (write_evidence.cycle_table).cycle_id) AND (b.table_id = (write_evidence.cycle_table).table_id))
           GROUP BY c."table", c.rule
          HAVING (sum(c.rows) > (0)::numeric) ON CONFLICT(cycle_id, table_name, rule) DO UPDATE SET due = excluded.due, done = excluded.done;
END;

ALTER FUNCTION lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb) OWNER TO lethe_owner;

COMMENT ON FUNCTION lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb) IS 'Puts what was found, done and re-read into lethe.evidence, rule by rule.';

ALTER TABLE lethe.controllers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.controllers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.cycles ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.cycles_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.evidence_batches ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.evidence_batches_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe.holds (
    id integer NOT NULL,
    controller_id integer,
    reason text NOT NULL,
    author name DEFAULT SESSION_USER NOT NULL,
    placed_at timestamp with time zone DEFAULT now() NOT NULL,
    ends_on date,
    released_at timestamp with time zone
);

ALTER TABLE lethe.holds OWNER TO lethe_owner;

COMMENT ON TABLE lethe.holds IS 'Legal holds: what they name is left untouched until released or until the day after ends_on.';

ALTER TABLE lethe.holds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.holds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.links ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.managed_tables ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.managed_tables_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe.policy_changes (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    by name DEFAULT SESSION_USER NOT NULL,
    reason text,
    object text NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT something_changed CHECK ((before IS DISTINCT FROM after))
);

ALTER TABLE lethe.policy_changes OWNER TO lethe_owner;

COMMENT ON TABLE lethe.policy_changes IS 'Every change of the policy: who, when, why, from what to what.';

ALTER TABLE lethe.policy_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.policy_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.rules ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.rules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe.subject_types (
    id integer NOT NULL,
    name text NOT NULL,
    table_id integer NOT NULL,
    identifiers text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT name_is_a_plain_word CHECK ((name ~ '^[a-z][a-z0-9_-]{0,62}$'::text))
);

ALTER TABLE lethe.subject_types OWNER TO lethe_owner;

COMMENT ON TABLE lethe.subject_types IS 'A kind of person: its root table and the columns by which one is looked up.';

ALTER TABLE lethe.subject_types ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.subject_types_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.terms ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.terms_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe_private.compiled (
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    program jsonb NOT NULL
);

ALTER TABLE lethe_private.compiled OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.compiled IS 'The statements a cycle runs on a table, as lethe.preview shows them.';

CREATE TABLE lethe_private.held_keys (
    hold_id integer NOT NULL,
    table_id integer NOT NULL,
    key text
);

ALTER TABLE lethe_private.held_keys OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.held_keys IS 'The rows that a hold names, by key; a null key is the whole table.';

CREATE VIEW lethe_private.held AS
 SELECT k.table_id,
    k.key,
    h.ends_on
   FROM (lethe_private.held_keys k
     JOIN lethe.holds h ON ((h.id = k.hold_id)))
  WHERE (h.released_at IS NULL);

ALTER TABLE lethe_private.held OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.held IS 'Keys under a hold that has not been released; a null key is the whole table.';

CREATE TABLE lethe_private.migrations (
    filename text NOT NULL,
    hash text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE lethe_private.migrations OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.migrations IS 'Which of Lethe''s migrations this database has, and the SHA-256 of the text that was applied.';

ALTER TABLE lethe_private.worklist ALTER COLUMN batch ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe_private.worklist_batch_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY lethe.controllers
    ADD CONSTRAINT controllers_name_key UNIQUE (name);

ALTER TABLE ONLY lethe.controllers
    ADD CONSTRAINT controllers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.controllers
    ADD CONSTRAINT controllers_reference_key UNIQUE (reference);

ALTER TABLE ONLY lethe.cycle_tables
    ADD CONSTRAINT cycle_tables_pkey PRIMARY KEY (cycle_id, table_id);

ALTER TABLE ONLY lethe.cycles
    ADD CONSTRAINT cycles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.evidence_batches
    ADD CONSTRAINT evidence_batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.evidence
    ADD CONSTRAINT evidence_pkey PRIMARY KEY (cycle_id, table_name, rule);

ALTER TABLE ONLY lethe.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_table_id_columns_to_table_id_subject_type_id_key UNIQUE NULLS NOT DISTINCT (table_id, columns, to_table_id, subject_type_id);

ALTER TABLE ONLY lethe.managed_columns
    ADD CONSTRAINT managed_columns_pkey PRIMARY KEY (table_id, column_name);

ALTER TABLE ONLY lethe.managed_tables
    ADD CONSTRAINT managed_tables_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.managed_tables
    ADD CONSTRAINT managed_tables_schema_name_table_name_key UNIQUE (schema_name, table_name);

ALTER TABLE ONLY lethe.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (login, controller_id);

ALTER TABLE ONLY lethe.methods
    ADD CONSTRAINT methods_pkey PRIMARY KEY (name);

ALTER TABLE ONLY lethe.policy_changes
    ADD CONSTRAINT policy_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_table_id_column_name_action_key UNIQUE NULLS NOT DISTINCT (table_id, column_name, action);

ALTER TABLE ONLY lethe.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY lethe.subject_types
    ADD CONSTRAINT subject_types_name_key UNIQUE (name);

ALTER TABLE ONLY lethe.subject_types
    ADD CONSTRAINT subject_types_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_rule_id_controller_id_purpose_key UNIQUE NULLS NOT DISTINCT (rule_id, controller_id, purpose);

ALTER TABLE ONLY lethe_private.compiled
    ADD CONSTRAINT compiled_pkey PRIMARY KEY (cycle_id, table_id);

ALTER TABLE ONLY lethe_private.controller_keys
    ADD CONSTRAINT controller_keys_pkey PRIMARY KEY (controller_id, version);

ALTER TABLE ONLY lethe_private.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (filename);

ALTER TABLE ONLY lethe_private.worklist
    ADD CONSTRAINT worklist_pkey PRIMARY KEY (cycle_id, table_id, batch);

CREATE INDEX cycles_by_controller ON lethe.cycles USING btree (controller_id, local_date);

CREATE UNIQUE INDEX cycles_one_open ON lethe.cycles USING btree (controller_id) WHERE (state = 'open'::text);

CREATE INDEX evidence_batches_by_cycle ON lethe.evidence_batches USING btree (cycle_id, table_id);

CREATE INDEX holds_by_controller ON lethe.holds USING btree (controller_id);

CREATE INDEX links_by_subject_type ON lethe.links USING btree (subject_type_id);

CREATE INDEX links_by_to_table ON lethe.links USING btree (to_table_id);

CREATE INDEX managed_tables_by_controller ON lethe.managed_tables USING btree (controller_id);

CREATE INDEX memberships_by_controller ON lethe.memberships USING btree (controller_id);

CREATE INDEX subject_types_by_table ON lethe.subject_types USING btree (table_id);

CREATE INDEX terms_by_controller ON lethe.terms USING btree (controller_id);

CREATE INDEX terms_by_method ON lethe.terms USING btree (method);

CREATE INDEX held_keys_by_hold ON lethe_private.held_keys USING btree (hold_id);

CREATE INDEX held_keys_by_key ON lethe_private.held_keys USING btree (table_id, key);

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.controllers FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.holds FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.links FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.managed_columns FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.managed_tables FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.memberships FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.settings FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.subject_types FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.terms FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER wait_for_batches BEFORE INSERT OR DELETE OR UPDATE ON lethe.holds FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.wait_for_batches();

CREATE TRIGGER wait_for_batches BEFORE INSERT OR DELETE OR UPDATE ON lethe_private.held_keys FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.wait_for_batches();

ALTER TABLE ONLY lethe.cycle_tables
    ADD CONSTRAINT cycle_tables_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES lethe.cycles(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.cycles
    ADD CONSTRAINT cycles_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.evidence_batches
    ADD CONSTRAINT evidence_batches_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES lethe.cycles(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.evidence
    ADD CONSTRAINT evidence_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES lethe.cycles(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.holds
    ADD CONSTRAINT holds_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_subject_type_id_fkey FOREIGN KEY (subject_type_id) REFERENCES lethe.subject_types(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_to_table_id_fkey FOREIGN KEY (to_table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.managed_columns
    ADD CONSTRAINT managed_columns_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.managed_tables
    ADD CONSTRAINT managed_tables_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.memberships
    ADD CONSTRAINT memberships_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.subject_types
    ADD CONSTRAINT subject_types_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_method_fkey FOREIGN KEY (method) REFERENCES lethe.methods(name) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES lethe.rules(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.compiled
    ADD CONSTRAINT compiled_cycle_id_table_id_fkey FOREIGN KEY (cycle_id, table_id) REFERENCES lethe.cycle_tables(cycle_id, table_id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.controller_keys
    ADD CONSTRAINT controller_keys_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_keys
    ADD CONSTRAINT held_keys_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES lethe.holds(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_keys
    ADD CONSTRAINT held_keys_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.worklist
    ADD CONSTRAINT worklist_cycle_id_table_id_fkey FOREIGN KEY (cycle_id, table_id) REFERENCES lethe.cycle_tables(cycle_id, table_id) ON DELETE CASCADE;

ALTER TABLE lethe.controllers ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.cycle_tables ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.cycles ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.evidence ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.evidence_batches ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.links ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.managed_columns ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.managed_tables ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.methods ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.policy_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.rules ENABLE ROW LEVEL SECURITY;

CREATE POLICY select_own_controller ON lethe.controllers FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(id));

CREATE POLICY select_own_controller ON lethe.cycle_tables FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = cycle_tables.cycle_id))));

CREATE POLICY select_own_controller ON lethe.cycles FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.evidence FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = evidence.cycle_id))));

CREATE POLICY select_own_controller ON lethe.evidence_batches FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = evidence_batches.cycle_id))));

CREATE POLICY select_own_controller ON lethe.holds FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.links FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.managed_columns FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.managed_tables FOR SELECT TO lethe_officer, lethe_auditor USING (((controller_id IS NULL) OR lethe_private.acts_for(controller_id)));

CREATE POLICY select_own_controller ON lethe.memberships FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.methods FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.policy_changes FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.is_operator());

CREATE POLICY select_own_controller ON lethe.rules FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.settings FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.subject_types FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.terms FOR SELECT TO lethe_officer, lethe_auditor USING (((controller_id IS NULL) OR lethe_private.acts_for(controller_id)));

ALTER TABLE lethe.settings ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.subject_types ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.terms ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.compiled ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.controller_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.held_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.migrations ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.worklist ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA lethe TO PUBLIC;

GRANT USAGE ON SCHEMA lethe_private TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe.add_member(login name, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.add_member(login name, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.apply_policy(policy jsonb, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.apply_policy(policy jsonb, reason text) TO lethe_officer;

GRANT SELECT ON TABLE lethe.controllers TO lethe_officer;
GRANT SELECT ON TABLE lethe.controllers TO lethe_auditor;

GRANT SELECT ON TABLE lethe.managed_tables TO lethe_officer;
GRANT SELECT ON TABLE lethe.managed_tables TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.has_controller(managed lethe.managed_tables, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.today(time_zone text) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.cycles TO lethe_officer;
GRANT SELECT ON TABLE lethe.cycles TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.controllers_due() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.controllers_due() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.controllers_to_run(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.controllers_to_run(controller text) TO lethe_worker;

GRANT SELECT ON TABLE lethe.cycle_tables TO lethe_officer;
GRANT SELECT ON TABLE lethe.cycle_tables TO lethe_auditor;

GRANT SELECT ON TABLE lethe.evidence TO lethe_officer;
GRANT SELECT ON TABLE lethe.evidence TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.cycle_faults(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.cycle_faults(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.cycle_report(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.cycle_report(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.export_policy() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.export_policy() TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.finish_cycle(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.finish_cycle(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[]) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.host_name(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.host_table(schema_name text, table_name text) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.links TO lethe_officer;
GRANT SELECT ON TABLE lethe.links TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.references_to(parent oid) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.rules TO lethe_officer;
GRANT SELECT ON TABLE lethe.rules TO lethe_auditor;

GRANT SELECT ON TABLE lethe.settings TO lethe_officer;
GRANT SELECT ON TABLE lethe.settings TO lethe_auditor;

GRANT SELECT ON TABLE lethe.terms TO lethe_officer;
GRANT SELECT ON TABLE lethe.terms TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.missing_rights() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.ownerless_rows() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.pace() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.pace() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.plan(as_of date, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.preview("table" text, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.ready_tables(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ready_tables(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.release_controller(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.release_controller(controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.remove_member(login name, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.remove_member(login name, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.share_controller(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.share_controller(controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.suggested_indexes("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unfinished_tables(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unfinished_tables(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unmanage_table("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unmanage_table("table" text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.verify_cycle(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.verify_cycle(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe_private.absent_table(cycle lethe.cycles, table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.object_sql(pairs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.root_sql(key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.tests_sql(actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.actions(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_operator() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.is_operator() TO lethe_officer;
GRANT ALL ON FUNCTION lethe_private.is_operator() TO lethe_auditor;

GRANT SELECT ON TABLE lethe.memberships TO lethe_officer;
GRANT SELECT ON TABLE lethe.memberships TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.acts_for(controller_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.acts_for(controller_id integer) TO lethe_officer;
GRANT ALL ON FUNCTION lethe_private.acts_for(controller_id integer) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.any_due_sql(actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_controllers(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_links(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_rules(policy jsonb, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_tables(tables jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) TO lethe_owner;

REVOKE ALL ON FUNCTION lethe_private.assert_action(managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_clock(relation oid, since text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_columns(managed lethe.managed_tables, columns text[]) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.methods TO lethe_officer;
GRANT SELECT ON TABLE lethe.methods TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_declared_parameters(method text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_intact(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_keys(document jsonb, allowed text[], what text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_manageable(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_may_change(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_parameters(method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_references(relation oid, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_rules(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_single_expression(expression text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_template(method text, part text, template text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_time_zone(time_zone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_trusted_names(method text, part text, template text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.before_purge(table_oid oid, depth integer, joins text, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.cascade_mark(table_oid oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.children_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clock_ceiling() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clock_floor() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.deleted_in_transaction(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.discover_sql(source text, condition text, actions lethe_private.action_parts[], in_order_of text, has_leaves boolean, batch_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.effective_terms(table_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plain_name(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.export_links(subject_type_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_delay(after interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.export_terms(rule_id integer, controller_id integer) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.managed_columns TO lethe_officer;
GRANT SELECT ON TABLE lethe.managed_columns TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.export_rules(table_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.fill(statement text, words jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_controller(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_cycle(cycle_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_managed("table" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.has_leading_index(relation oid, positions smallint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.key_sql(alias text, table_oid oid, key_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hmac_pad(key bytea, mixed_with integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.holds_lock_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hostile_values(type oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.identifies_rows(relation oid, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_watched(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.kept_sql(alias text, table_oid oid, controller lethe.controllers, today date, look_ahead boolean, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.last_due_day(today date, after interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.local_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.latest_day_sql(alias text, table_oid oid, since text[], table_zone text, controller_zone text, past_sentinels text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.leaves_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_children(table_oid oid, depth integer, joins text, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_id(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_sql(source text, condition text, actions lethe_private.action_parts[], held text, kept text, staying text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.may_sweep_now(controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.method_sql(template text, alias text, column_facts lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.new_key(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.parameters_to_try(declared jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.parse_delay(after text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.place(statement text, table_oid oid, target oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.pointer(VARIADIC steps text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.purge_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_condition(relation oid, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_days(days text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.record_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.resolve_table("table" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rule_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rules_of(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.run_as_sweeper(statement text, managed lethe.managed_tables, tids tid[], inner_pad bytea, outer_pad bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.staying_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sweep_columns(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sweep_purge(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_controller(relation oid, controller text, controller_column text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_lock_id(table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.take_batch(cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller_zone text, today date, after interval, since text[], condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.text_list(value jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_method(method lethe.methods, type oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.types_to_try(method text, types text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unique_indexes(relation oid, column_position smallint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unlocked_sql() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.up_to_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, last_day date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.usable_key(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.wait_for_batches() FROM PUBLIC;

GRANT SELECT ON TABLE lethe.evidence_batches TO lethe_officer;
GRANT SELECT ON TABLE lethe.evidence_batches TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.holds TO lethe_officer;
GRANT SELECT ON TABLE lethe.holds TO lethe_auditor;

GRANT SELECT ON TABLE lethe.policy_changes TO lethe_officer;
GRANT SELECT ON TABLE lethe.policy_changes TO lethe_auditor;

GRANT SELECT ON TABLE lethe.subject_types TO lethe_officer;
GRANT SELECT ON TABLE lethe.subject_types TO lethe_auditor;

GRANT SELECT ON TABLE lethe_private.held TO lethe_sweeper;

