-- Rows by their keys, found by the key's own index. k.key is the text that key_sql writes.
create or replace function lethe_private.keyed_rows_sql(alias text, managed lethe.managed_tables, table_oid oid)
  returns text
  language sql
  stable
begin atomic
  select format('%s = k.key and %s', lethe_private.key_sql(alias, table_oid, managed.key_columns), string_agg(
    format(case when h.type_name = 'timestamptz' then '%s.%I = %s::timestamp at time zone ''UTC''' else '%s.%I = %s::%s' end, alias, h.name,
      case when cardinality(managed.key_columns) = 1 and h.type_category in ('N', 'S', 'U') then 'k.key'
      else format('(k.key::jsonb ->> %s)', x.n - 1) end, h.base_type), ' and ' order by x.n))
  from unnest(managed.key_columns) with ordinality as x (name, n)
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = x.name;
end;

comment on function lethe_private.keyed_rows_sql(text, lethe.managed_tables, oid) is 'True for the row whose key is k.key.';

-- Null where the column's method recognises its own output: a pseudonym identifies nobody.
create or replace function lethe_private.unmasked_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, column_name text)
  returns text
  language sql
  stable
begin atomic
  select format('case when %s then null else c.%I::text end',
    coalesce(string_agg('coalesce(' || lethe_private.method_sql(m.recogniser, 'c', h, m, t.parameters) || ', false)', ' or '), 'false'), h.name)
  from lethe_private.host_columns as h
  left join lethe.rules as r on r.table_id = managed.id and r.column_name = h.name and r.action in ('anonymize', 'archive')
  left join lateral (
    select distinct on (e.method) e.method, e.parameters from lethe_private.effective_terms(managed.id, controller.id) as e where e.rule_id = r.id order by e.method
  ) as t on true
  left join lethe.methods as m on m.name = t.method
  where h.relation = unmasked_sql.relation and h.name = unmasked_sql.column_name
  group by h.name;
end;

comment on function lethe_private.unmasked_sql(lethe.managed_tables, oid, lethe.controllers, text) is
  'SQL of a column''s value as text; null where it is masked.';

create or replace function lethe_private.identifiers_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, columns text[], "from" text)
  returns text
  language sql
  stable
begin atomic
  select format('select coalesce((select jsonb_agg(distinct jsonb_build_array(v.name, v.value)) from %s '
      'cross join lateral (values %s) as v (name, value) where v.value ~ ''\S''), ''[]''), null::oid, null::tid[]',
    "from", string_agg(format('(%L, %s)', x.name, lethe_private.unmasked_sql(managed, identifiers_sql.relation, controller, x.name)), ', '))
  from unnest(columns) as x (name)
  join lethe_private.host_columns as h on h.relation = identifiers_sql.relation and h.name = x.name
  having count(*) > 0;
end;

comment on function lethe_private.identifiers_sql(lethe.managed_tables, oid, lethe.controllers, text[], text) is
  'Collects [column, value] of the rows of a FROM clause; null where there is none of the columns.';

-- What the roots have now, live and archived, as [column, value].
create or replace function lethe_private.read_identifiers(request lethe.requests)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_oid oid;
  v_mirror lethe_private.mirrors;
  v_keys bytea;
  v_facts jsonb;
  v_all jsonb := '[]';
  v_statement text;
begin
  select s.* into v_type from lethe.subject_types as s where s.name = request.subject;
  select m.* into v_managed from lethe.managed_tables as m where m.id = v_type.table_id;
  select c.* into v_controller from lethe.controllers as c where c.id = request.controller_id;
  select convert_to(jsonb_agg(r.key)::text, 'UTF8') into v_keys from lethe_private.request_roots as r
  where r.request_id = request.id and r.table_id = v_managed.id;
  v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  if v_keys is null or v_oid is null then
    return v_all;
  end if;
  v_statement := lethe_private.identifiers_sql(v_managed, v_oid, v_controller, v_type.identifiers, format(
    '(select * from jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb) limit (select null::bigint)) as k (key) join %s as c on %s and %s', lethe_private.host_name(v_oid),
    lethe_private.keyed_rows_sql('c', v_managed, v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller)));
  if v_statement is not null then
    select r.facts into v_all from lethe_private.run_as_sweeper(v_statement, v_managed, null, v_keys) as r;
  end if;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = v_managed.id loop
    v_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    v_statement := lethe_private.identifiers_sql(v_managed, v_oid, v_controller, v_type.identifiers, format(
      '(select * from jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb) limit (select null::bigint)) as k (key) join lethe_archive.%I as c on c."lethe$key" = k.key and c."lethe$controller" = %s',
      v_mirror.name, v_controller.id));
    continue when v_statement is null;
    select r.facts into v_facts from lethe_private.run_on_archive(v_statement, null, v_keys) as r;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
exception when insufficient_privilege then
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read %s', lethe_private.plain_name(v_managed)),
    hint = 'select * from lethe.missing_rights() lists the grants';
end
$$;

comment on function lethe_private.read_identifiers(lethe.requests) is
  'What the roots of a request have in the identifier columns of their subject type. Raises LE501.';

-- It adds and never loses: between opening and execution the person may have changed the address.
create or replace function lethe_private.keep_identifiers(request bigint)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
begin
  select r.* into v_request from lethe.requests as r where r.id = keep_identifiers.request for no key update;
  insert into lethe_private.request_identifiers (request_id, n, column_name, sealed, key_version)
  select v_request.id, x.n + coalesce((select max(i.n) from lethe_private.request_identifiers as i where i.request_id = v_request.id), 0),
    x.column_name, s.sealed, s.key_version
  from (
    select f.fact ->> 0 as column_name, f.fact ->> 1 as value, row_number() over (order by f.fact) as n
    from (select distinct fact from jsonb_array_elements(lethe_private.read_identifiers(v_request)) as a (fact)) as f
    where (f.fact ->> 0, f.fact ->> 1) not in (
      select i.column_name, i.identifier from lethe_private.identifiers_of(array[v_request.id]) as i)
  ) as x
  cross join lateral lethe_private.seal_text(x.value, v_request.controller_id) as s;
end
$$;

comment on function lethe_private.keep_identifiers(bigint) is
  'Seals what the roots of a request have in their identifier columns now, besides what has been kept already. Raises LE441, LE501.';

create or replace function lethe_private.identifiers_of(request_ids bigint[])
  returns table (request_id bigint, n int, column_name text, identifier text)
  language sql
  stable
begin atomic
  select i.request_id, i.n, i.column_name, lethe_private.open_text(i.sealed, r.controller_id, i.key_version)
  from lethe_private.request_identifiers as i
  join lethe.requests as r on r.id = i.request_id
  where i.request_id = any (identifiers_of.request_ids)
  order by i.request_id, i.n;
end;

comment on function lethe_private.identifiers_of(bigint[]) is 'The identifiers that are kept of requests, numbered within each, as they were read. Raises LE441.';

create or replace function lethe_private.forget_identifiers(request bigint)
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.request_identifiers as i where i.request_id = forget_identifiers.request;
end;

comment on function lethe_private.forget_identifiers(bigint) is 'Deletes the identifiers kept of a request.';
