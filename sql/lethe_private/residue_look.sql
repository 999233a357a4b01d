-- Looking through the database on behalf of requests of one controller. Each function lists what it found, and what it
-- could not look at. A statement that fails loses its table and nothing else.

-- One statement, run as lethe_sweeper (host), as Lethe's owner (evidence, own, jobs), or on the archive; null when it failed, with the SQLSTATE.
create or replace function lethe_private.look_through(who text, statement text, wanted jsonb, relation oid default null, out facts jsonb, out failure text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted bytea := convert_to(wanted::text, 'UTF8');
begin
  case who
    when 'host' then select r.facts into facts from lethe_private.run_as_sweeper(statement, null, null, v_wanted) as r;
    when 'archive' then select r.facts into facts from lethe_private.run_on_archive(statement, null, v_wanted) as r;
    when 'jobs' then facts := lethe_private.look_at_jobs(relation, statement, v_wanted);
    else execute statement into facts using null::tid[], v_wanted;
  end case;
exception when others then
  get stacked diagnostics failure = returned_sqlstate;
end
$$;

comment on function lethe_private.look_through(text, text, jsonb, oid) is 'What a statement of residue_sql found, or the SQLSTATE with which it failed.';

-- The tables of the jobs are lethe_worker's, and this reads them with more rights than that: nothing of its making may run
-- here. From the lock on no policy, no column and no index changes, and jobs come and go; it is given back at once, since
-- the transaction may still be long.
create or replace function lethe_private.look_at_jobs(relation oid, statement text, wanted bytea)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_facts jsonb;
begin
  begin
    execute format('lock table only %s in share update exclusive mode', lethe_private.host_name(look_at_jobs.relation));
    if not lethe_private.reads_plainly(look_at_jobs.relation) or exists (
      select from pg_policy as p
      where p.polrelid = look_at_jobs.relation and (p.polname <> 'lethe_residue' or pg_get_expr(p.polqual, p.polrelid) <> 'true'))
    then
      raise insufficient_privilege;
    end if;
    execute statement into v_facts using null::tid[], wanted;
    raise exception using errcode = 'RB000';
  exception when sqlstate 'RB000' then
    null;
  end;
  return v_facts;
end
$$;

comment on function lethe_private.look_at_jobs(oid, text, bytea) is
  'What a statement finds in a table of the jobs. Raises 42501 where reading it would run what others put there, 55P03 where it is being worked on.';

-- [request, object, number of the text, rows, [[columns]]] as rows.
create or replace function lethe_private.found_rows(facts jsonb, names text[])
  returns table (request bigint, object text, rows bigint, by_columns text[])
  language sql
  immutable
begin atomic
  select (f ->> 0)::bigint, coalesce(f ->> 1, names[(f ->> 2)::int]), (f ->> 3)::bigint,
    array(select distinct k from jsonb_array_elements(f -> 4) as s cross join lateral jsonb_array_elements_text(s) as k order by k)
  from jsonb_array_elements(facts) as f;
end;

comment on function lethe_private.found_rows(jsonb, text[]) is 'What a statement of residue_sql found; names: of the texts it read.';

create or replace function lethe_private.look_at_host(requests bigint[], controller lethe.controllers, wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_relation record;
  v_columns record;
  v_managed lethe.managed_tables;
  v_look record;
  v_why text;
  v_place text;
begin
  for v_relation in select * from lethe_private.residue_relations() loop
    select array_agg(t.expression order by t.position) filter (where t.may) as expressions,
      array_agg(v_relation.named || '.' || quote_ident(t.name) order by t.position) filter (where t.may) as names,
      array_agg(v_relation.named || '.' || quote_ident(t.name) order by t.position) filter (where not t.may) as unread, count(*) as total
      into v_columns
    from (select x.*, has_column_privilege('lethe_sweeper', v_relation.relation, x.position, 'select') as may
          from lethe_private.text_columns(v_relation.relation) as x) as t;
    continue when v_columns.total = 0;
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_relation.managed_id;
    continue when v_managed.id is not null and not lethe_private.has_controller(v_managed, controller);
    v_place := case v_relation.kind when 'm' then 'materialized view' else 'table' end;
    v_why := case
      when v_relation.kind = 'f' then 'it is a foreign table: what it shows is stored elsewhere'
      when not has_schema_privilege('lethe_sweeper', (select c.relnamespace from pg_class as c where c.oid = v_relation.relation), 'usage')
        or v_columns.expressions is null then 'lethe_sweeper may not read it'
      when v_managed.controller_column is not null and not has_column_privilege('lethe_sweeper', v_relation.relation, v_managed.controller_column, 'select')
        then 'lethe_sweeper may not read whose rows they are'
      when v_managed.id is null and not lethe_private.reads_plainly(v_relation.relation) then 'reading it would run functions of its owner: manage it first' end;
    if v_why is null then
      select * into v_look from lethe_private.look_through('host', lethe_private.residue_sql(v_relation."from", v_columns.expressions,
        case when v_managed.id is not null then lethe_private.controller_sql('c', v_managed, v_relation.relation, controller) end, 'null::text', wanted), wanted);
      return query
        select f.request, v_place, f.object, case v_place when 'table' then 'found' else 'found: REFRESH MATERIALIZED VIEW takes it out once its sources are without' end,
          f.rows, f.by_columns
        from lethe_private.found_rows(v_look.facts, v_columns.names) as f;
      v_why := 'reading it failed (SQLSTATE ' || v_look.failure || ')';
      return query
        select r, 'not looked at', u, 'lethe_sweeper may not read it', null::bigint, null::text[]
        from unnest(requests) as r cross join unnest(v_columns.unread) as u;
    end if;
    return query select r, 'not looked at', v_relation.name, v_why, null::bigint, null::text[] from unnest(requests) as r where v_why is not null;
  end loop;
end
$$;

comment on function lethe_private.look_at_host(bigint[], lethe.controllers, jsonb) is
  'Looks through every table and materialized view that lethe_sweeper may read. Of a managed table only through the rows of the controller.';

create or replace function lethe_private.look_at_archive(requests bigint[], controller lethe.controllers, wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror record;
  v_columns record;
  v_look record;
begin
  for v_mirror in
    select m.name, x.relation, t.schema_name, t.table_name
    from lethe_private.mirrors as m
    join lethe.managed_tables as t on t.id = m.table_id
    cross join lateral (select lethe_private.host_table('lethe_archive', m.name) as relation) as x
    order by m.id
  loop
    -- One name for all mirrors of a table: which of them it is says nothing to anybody.
    select array_agg(t.expression order by t.position) as expressions,
      array_agg(format('%I.%I.%I', v_mirror.schema_name, v_mirror.table_name, t.name) order by t.position) as names into v_columns
    from lethe_private.text_columns(v_mirror.relation) as t;
    select * into v_look from lethe_private.look_through('archive', lethe_private.residue_sql(format('lethe_archive.%I as c', v_mirror.name),
      v_columns.expressions, format('c."lethe$controller" = %s', controller.id), 'null::text', wanted), wanted);
    return query select f.request, 'archive', f.object, 'found', f.rows, f.by_columns from lethe_private.found_rows(v_look.facts, v_columns.names) as f;
    return query
      select r, 'not looked at', format('archive of %I.%I', v_mirror.schema_name, v_mirror.table_name),
        'reading it failed (SQLSTATE ' || v_look.failure || ')', null::bigint, null::text[]
      from unnest(requests) as r where v_look.failure is not null;
  end loop;
end
$$;

comment on function lethe_private.look_at_archive(bigint[], lethe.controllers, jsonb) is 'Looks through what is archived of a controller.';

-- Whose a row of Lethe's own is: by its controller, or by what it belongs to. What belongs to no controller is everybody's.
create or replace function lethe_private.own_rows_sql(relation oid, controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select string_agg(format(case a.attname
      when 'controller_id' then '(c.controller_id is null or c.controller_id = %1$s)'
      when 'request_id' then 'c.request_id in (select r.id from lethe.requests as r where r.controller_id = %1$s)'
      when 'notification_id' then 'c.notification_id in (select n.id from lethe.notifications as n join lethe.requests as r on r.id = n.request_id where r.controller_id = %1$s)'
      when 'cycle_id' then 'c.cycle_id in (select y.id from lethe.cycles as y where y.controller_id = %1$s)'
      when 'hold_id' then 'c.hold_id in (select h.id from lethe.holds as h where h.controller_id is null or h.controller_id = %1$s)'
    end, controller.id), ' and ')
  from pg_attribute as a
  where a.attrelid = own_rows_sql.relation and not a.attisdropped
    and (a.attname = 'controller_id' or a.attname in ('request_id', 'notification_id', 'cycle_id', 'hold_id') and not exists (
      select from pg_attribute as o where o.attrelid = a.attrelid and o.attname = 'controller_id' and not o.attisdropped));
end;

comment on function lethe_private.own_rows_sql(oid, lethe.controllers) is
  'True for the rows of a table of Lethe''s own (alias c) that are the controller''s, or nobody''s; null: all are nobody''s.';

-- What Lethe itself has written down, and the payloads of its jobs. Not what it keeps of the person in order to do the
-- request (roots and identifiers), which goes with it.
create or replace function lethe_private.look_at_own(requests bigint[], controller lethe.controllers, wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set row_security = on  -- the jobs are lethe_worker's: a policy lets their readers in
as $$
declare
  v_table record;
  v_columns record;
  v_statement text;
  v_look record;
begin
  for v_table in
    select c.oid, c.relname, format('%I.%I', n.nspname, c.relname) as name, case n.nspname when 'lethe_jobs' then 'jobs' else 'evidence' end as place,
      has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as may
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('lethe', 'lethe_private', 'lethe_jobs') and c.relkind = 'r'
      and (n.nspname, c.relname) not in (('lethe_private', 'request_identifiers'), ('lethe_private', 'request_roots'), ('lethe', 'formats'))
    order by 2
  loop
    select array_agg(t.expression order by t.position) as expressions,
      array_agg(v_table.name || '.' || quote_ident(t.name) order by t.position) as names into v_columns
    from lethe_private.text_columns(v_table.oid) as t;
    continue when v_columns.expressions is null;
    if v_table.may then
      v_statement := lethe_private.residue_sql(v_table.name || ' as c', v_columns.expressions,
        case v_table.place when 'evidence' then lethe_private.own_rows_sql(v_table.oid, controller) end, 'null::text', wanted);
      select * into v_look from lethe_private.look_through(v_table.place, v_statement, wanted, v_table.oid);
      return query
        select f.request, v_table.place, f.object, case v_table.place when 'jobs' then 'found: it goes with the job' else 'found' end, f.rows, f.by_columns
        from lethe_private.found_rows(v_look.facts, v_columns.names) as f;
      continue when v_look.failure is null;
      v_table.may := v_look.failure <> '42501';
      return query select r, 'not looked at', v_table.name, 'reading it failed (SQLSTATE ' || v_look.failure || ')', null::bigint, null::text[] from unnest(requests) as r where v_table.may;
    end if;
    if not v_table.may then
      return query select r, 'not looked at', v_table.name, 'Lethe may not read it, or would run what others put there: lethe init restores it', null::bigint, null::text[] from unnest(requests) as r;
    end if;
  end loop;
end
$$;

comment on function lethe_private.look_at_own(bigint[], lethe.controllers, jsonb) is 'Looks through evidence, events, reasons, and payloads of jobs.';
