-- The parts of lethe.apply_policy. Each keeps a JSON pointer to where it is in the document and, when
-- something is refused, raises it again with that pointer as DETAIL.

create or replace function lethe_private.pointer(variadic steps text[])
  returns text
  language sql
  immutable
begin atomic
  select string_agg('/' || replace(replace(s, '~', '~0'), '/', '~1'), '' order by n) from unnest(steps) with ordinality as x (s, n);
end;

comment on function lethe_private.pointer(text[]) is 'A JSON pointer (RFC 6901).';

create or replace function lethe_private.assert_keys(document jsonb, allowed text[], what text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
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

comment on function lethe_private.assert_keys(jsonb, text[], text) is 'Raises LE605 (no mapping) or LE106 (unknown key).';

create or replace function lethe_private.text_list(value jsonb)
  returns text[]
  language sql
  immutable
return case
  when jsonb_typeof(value) = 'array' then (select array_agg(e order by n) from jsonb_array_elements_text(value) with ordinality as x (e, n))
  when value <> 'null' then array[value #>> '{}']
end;

comment on function lethe_private.text_list(jsonb) is 'One word or a list of words, as a list; null when there is none.';

create or replace function lethe_private.apply_controllers(policy jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controllers jsonb := coalesce(policy -> 'controllers', '{}');
  v_name text;
  v_controller jsonb;
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  perform lethe_private.assert_keys(policy, array['version', 'controller', 'time_zone', 'controllers', 'subjects', 'tables', 'overrides', 'views', 'waivers'], 'the policy');
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

comment on function lethe_private.apply_controllers(jsonb) is 'The controllers of a policy document.';

create or replace function lethe_private.apply_tables(tables jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
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
      array['controller', 'time_zone', 'search_path', 'key', 'sentinels', 'since', 'columns', 'minimum', 'purge', 'archive', 'partitions', 'with', 'unlink'], 'table ' || v_name);
    v_id := lethe.manage_table(v_name, v_table #>> '{controller,constant}', v_table #>> '{controller,column}', v_table ->> 'time_zone',
      v_table ->> 'search_path', lethe_private.text_list(v_table -> 'key'), lethe_private.text_list(v_table -> 'sentinels'), v_table ->> 'partitions');
    v_seen := v_seen || v_id;
    for v_column, v_spec in select e.key, e.value from jsonb_each(v_table -> 'columns') as e loop
      v_pointer := lethe_private.pointer('tables', v_name, 'columns', v_column);
      perform lethe_private.assert_keys(v_spec, array['category', 'purposes', 'legal_basis', 'format', 'claim', 'anonymize', 'archive', 'purge', 'minimum'], 'column ' || v_column);
      perform lethe.set_column(v_name, v_column, v_spec ->> 'category', lethe_private.text_list(v_spec -> 'purposes'), v_spec ->> 'legal_basis');
      perform lethe_private.apply_claim(v_name, v_column, v_spec -> 'claim');
      v_pointer := v_pointer || case when v_spec ? 'format' then '/format' else '' end;
      perform lethe_private.apply_format(v_name, v_column, v_spec -> 'format');
    end loop;
    delete from lethe.managed_columns as c where c.table_id = v_id and not coalesce(v_table -> 'columns', '{}') ? c.column_name;
  end loop;
  delete from lethe.managed_tables as m where m.id <> all (v_seen);
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_tables(jsonb) is 'The managed tables and columns of a policy document.';

create or replace function lethe_private.apply_format("table" text, "column" text, spec jsonb)
  returns void
  language sql
  volatile
begin atomic
  select lethe_private.put_format("table", "column",
    case jsonb_typeof(spec) when 'object' then spec ->> 'format' else spec #>> '{}' end,
    case jsonb_typeof(spec) when 'object' then spec - '{format,on_arrival}'::text[] else '{}' end,
    case jsonb_typeof(spec) when 'object' then spec ->> 'on_arrival' end);
end;

comment on function lethe_private.apply_format(text, text, jsonb) is 'The format of a column of a policy document; null: none.';

create or replace function lethe_private.apply_links(policy jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
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
      perform lethe_private.put_link(v_name, columns => case when v_spec ->> 'with' <> 'parent' then lethe_private.text_list(v_spec -> 'with') end, on_purge => 'with parent');
    end if;
    v_pointer := lethe_private.pointer('tables', v_name, 'unlink');
    foreach v_columns in array coalesce(lethe_private.text_list(v_spec -> 'unlink'), '{}') loop
      perform lethe_private.put_link(v_name, columns => array[v_columns], on_purge => 'unlink');
    end loop;
  end loop;

  for v_type, v_subject in select e.key, e.value from jsonb_each(policy -> 'subjects') as e loop
    -- One link, or a list of them: a message belongs to who sent it and mentions who received it.
    for v_name, v_spec, v_pointer in
      select e.key, x.link, lethe_private.pointer('subjects', v_type, 'links', e.key) || case jsonb_typeof(e.value) when 'array' then '/' || x.n - 1 else '' end
      from jsonb_each(v_subject -> 'links') as e
      cross join jsonb_array_elements(case jsonb_typeof(e.value) when 'array' then e.value else jsonb_build_array(e.value) end) with ordinality as x (link, n)
    loop
      perform lethe_private.assert_keys(v_spec, array['kind', 'with', 'to', 'columns', 'on_erasure'], 'link ' || v_name);
      perform lethe_private.apply_subject_link(v_type, v_subject ->> 'table', v_name, v_spec);
    end loop;
  end loop;
  v_pointer := '/subjects';
  perform lethe_private.assert_links_kept();
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_links(jsonb) is 'The subject types and links of a policy document.';

-- A link leads to the subject's root table, or along the one foreign key that the table has to another
-- managed table, or back along the root's own foreign key, or where "to" and "columns" say.
create or replace function lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
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
    join lethe_private.managed_relations as m on m.relation = r.parent
    where r.child = v_child)
  then
    select r.parent_columns, r.child_columns, root into v_columns, v_to_columns, v_to
    from lethe_private.host_references as r
    where r.child = v_root and r.parent = v_child
    limit 1;
  end if;
  perform lethe_private.put_link("table", "to" => v_to,
    columns => nullif(v_columns, '{}'),
    to_columns => nullif(v_to_columns, '{}'),
    on_purge => case when spec ->> 'with' = 'parent' then 'with parent' else coalesce((
      select l.on_purge from lethe.links as l
      join lethe_private.managed_relations as m on m.table_id = l.table_id
      where l.subject_type_id is null and m.relation = v_child
        and (v_columns = '{}' or l.columns = v_columns)
        and (v_to is null or lethe_private.resolve_table(v_to) = (
          select p.relation from lethe_private.managed_relations as p where p.table_id = l.to_table_id))
      limit 1), 'keep') end,
    subject => subject, kind => spec ->> 'kind', on_erasure => spec -> 'on_erasure');
end
$$;

comment on function lethe_private.apply_subject_link(text, text, text, jsonb) is 'One link of one subject type of a policy document.';

create or replace function lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text)
  returns text[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_term jsonb; v_index bigint; v_using jsonb; v_rule int; v_mark text;
  v_seen text[] := '{}';
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  for v_term, v_index in
    select e, n - 1 from jsonb_array_elements(case jsonb_typeof(terms) when 'array' then terms else jsonb_build_array(terms) end) with ordinality as x (e, n)
  loop
    v_pointer := case jsonb_typeof(terms) when 'array' then '/' || v_index else '' end;
    if action = 'minimum' then
      perform lethe_private.assert_keys(v_term, array['after', 'since', 'when', 'basis'], 'a minimum');
      v_rule := lethe_private.put_minimum("table", v_term ->> 'after', lethe_private.text_list(coalesce(v_term -> 'since', default_since)),
        v_term ->> 'basis', "column", v_term ->> 'when', controller, reason);
      v_mark := jsonb_build_array(v_rule, controller, v_term ->> 'basis')::text;
      if v_mark = any (v_seen) then
        raise exception using errcode = 'LE317',
          message = format('there are two minima of basis %L', v_term ->> 'basis'),
          hint = 'say in each basis what it is for';
      end if;
      v_seen := v_seen || v_mark;
      continue;
    end if;
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

comment on function lethe_private.apply_terms(text, text, text, jsonb, jsonb, text, text) is
  'The terms of one rule of a policy document. Returns a mark for each; the DETAIL of an error is a pointer relative to the rule.';

create or replace function lethe_private.apply_rules(policy jsonb, reason text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule record;
  v_managed lethe.managed_tables;
  v_tables jsonb := coalesce(policy -> 'tables', '{}');
  v_oid oid;
  v_oids oid[];
  v_pointers text[];
  v_seen text[] := '{}';
  v_pointer text := '/tables';
  v_message text; v_state text; v_hint text; v_detail text;
begin
  for v_rule in select * from lethe_private.rules_of(policy) loop
    v_pointer := v_rule.pointer;
    if not v_tables ? v_rule."table" then
      raise exception using errcode = 'LE102',
        message = format('override names table %s, which the policy does not manage', v_rule."table"),
        hint = 'add it under tables';
    end if;
    v_seen := v_seen || lethe_private.apply_terms(v_rule."table", v_rule."column", v_rule.action, v_rule.terms, v_rule.since, v_rule.controller, reason);
  end loop;
  delete from lethe.terms as t
  where jsonb_build_array(t.rule_id, (select c.name from lethe.controllers as c where c.id = t.controller_id), t.purpose)::text <> all (v_seen);
  delete from lethe.rules as r where not exists (select from lethe.terms as t where t.rule_id = r.id);

  select array_agg(lethe_private.resolve_table(k)), array_agg(lethe_private.pointer('tables', k)) into v_oids, v_pointers
  from jsonb_object_keys(v_tables) as k;
  for v_managed in select m.* from lethe.managed_tables as m order by m.id loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    v_pointer := coalesce((select x.pointer from unnest(v_oids, v_pointers) as x (relation, pointer) where x.relation = v_oid), '/tables');
    perform lethe_private.assert_rules(v_managed);
  end loop;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint, v_detail = pg_exception_detail;
  raise exception using errcode = v_state, message = v_message, hint = v_hint,
    detail = 'at ' || v_pointer || case when v_detail ~ '^/\d+$' then v_detail else '' end;
end
$$;

comment on function lethe_private.apply_rules(jsonb, text) is 'The rules of a policy document; terms it does not name are taken out.';

create or replace function lethe_private.rules_of(policy jsonb)
  returns table (pointer text, controller text, "table" text, "column" text, action text, terms jsonb, since jsonb)
  language sql
  stable
begin atomic
  with tables as (
    select lethe_private.pointer('tables', t.key) as pointer, null::text as controller, t.key as "table", t.value as spec, t.value -> 'since' as since
    from jsonb_each(policy -> 'tables') as t
    union all
    select lethe_private.pointer('overrides', o.key, t.key), o.key, t.key, t.value, coalesce(t.value -> 'since', policy -> 'tables' -> t.key -> 'since')
    from jsonb_each(policy -> 'overrides') as o
    cross join lateral jsonb_each(o.value) as t
  )
  select t.pointer || '/columns' || lethe_private.pointer(c.key, a.key), t.controller, t."table", c.key, a.key, a.value, t.since
  from tables as t
  cross join lateral jsonb_each(t.spec -> 'columns') as c
  cross join lateral jsonb_each(c.value) as a
  where a.key in ('anonymize', 'archive', 'purge', 'minimum')
  union all
  select t.pointer || '/' || a.key, t.controller, t."table", null, a.key, a.value, t.since
  from tables as t
  cross join lateral jsonb_each(t.spec) as a
  where a.key in ('archive', 'purge', 'minimum');
end;

comment on function lethe_private.rules_of(jsonb) is 'Every rule of a policy document, defaults first, with a pointer to it.';
