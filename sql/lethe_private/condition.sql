-- A predicate given by a person is put inside a DELETE. PostgreSQL itself says what it means: it is
-- built into a partial index over an empty temporary table of the same columns, which refuses
-- subqueries, aggregates, anything not boolean and anything not immutable, and read back with every
-- name qualified. What runs later is what was read back, never what was typed.
create or replace function lethe_private.names_of_host(condition text)
  returns text
  language sql
  immutable
begin atomic
  select btrim(d.name[1], '"')
  from regexp_matches(regexp_replace(condition, '''([^'']|'''')*''', ' ', 'g'), '("(?:[^"]|"")*"|[[:alnum:]_]+)\s*\.\s*["[:alpha:]_]', 'g') as d (name)
  where lower(btrim(d.name[1], '"')) not in ('pg_catalog', 'lethe')
  limit 1;
end;

comment on function lethe_private.names_of_host(text) is
  'The first schema other than PostgreSQL''s own and Lethe''s that an expression names; null when there is none.';

-- In the archive it is Lethe's owner who asks, so nothing of the host's may have a part in it: an enumeration is text
-- there, and is compared as such, which for equality is the same. Its order is not, nor is anybody else's equality.
create or replace function lethe_private.archived_condition(condition text)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text;
  v_read text := condition;
begin
  if lethe_private.names_of_host(condition) is null then
    return condition;
  end if;
  for v_type in
    select distinct t.m[1]
    from regexp_matches(condition, '::((?:"(?:[^"]|"")+"|\w+)\.(?:"(?:[^"]|"")+"|\w+))', 'g') as t (m)
    where exists (
      select from pg_type as y join pg_namespace as n on n.oid = y.typnamespace
      where y.typtype = 'e' and format('%I.%I', n.nspname, y.typname) = t.m[1])
  loop
    v_read := replace(v_read, '::' || v_type, '::text');
  end loop;
  if lethe_private.names_of_host(v_read) is not null
    or replace(regexp_replace(v_read, '''([^'']|'''')*''', ' ', 'g'), '<>', ' ') ~ '[<>]'
    or exists (select from regexp_matches(condition, '''((?:[^'']|'''')*)''', 'g') as l (m) where l.m[1] ~ '::')
  then
    return null;
  end if;
  return v_read;
end
$$;

comment on function lethe_private.archived_condition(text) is
  'A predicate as it reads over archived rows; null when it cannot be asked of them.';

create or replace function lethe_private.names_column(condition text, name text)
  returns boolean
  language sql
  immutable
return coalesce(case when quote_ident(name) = name then condition ~ format('\m%s\M', name) else strpos(condition, quote_ident(name)) > 0 end, false);

comment on function lethe_private.names_column(text, text) is 'True when an expression may name a column; a word in its literals counts too.';

-- A predicate is read over columns of plain types, and runs over those of the table. PostgreSQL looks through a domain
-- wherever it compares, except through one over an enumeration: there the column is cast by name.
create or replace function lethe_private.cast_enum_domains(relation oid, condition text)
  returns text
  language sql
  stable
begin atomic
  select string_agg(case
      when w.token[1] like '''%' or h.name is null or w.before ~ '[.:]\s*$' or w.after ~ '^\s*[.(]' then w.token[1]
      else format('(%s)::%s', w.token[1], h.base_type)
    end, '' order by w.n)
  from (
    select t.token, t.n, lag(t.token[1]) over (order by t.n) as before, lead(t.token[1]) over (order by t.n) as after
    from regexp_matches(cast_enum_domains.condition, '("(?:[^"]|"")*"|''(?:[^'']|'''')*''|[[:alnum:]_$]+|[^"''[:alnum:]_$]+)', 'g') with ordinality as t (token, n)
  ) as w
  left join (
    select c.name, format('%I.%I', c.type_schema, c.type_name) as base_type
    from lethe_private.host_columns as c
    join pg_catalog.pg_namespace as n on n.nspname = c.type_schema
    join pg_catalog.pg_type as y on y.typnamespace = n.oid and y.typname = c.type_name and y.typtype = 'e'
    join pg_catalog.pg_attribute as a on a.attrelid = c.relation and a.attnum = c.position and a.atttypid <> y.oid
    where c.relation = cast_enum_domains.relation
  ) as h on w.token[1] = quote_ident(h.name);
end;

comment on function lethe_private.cast_enum_domains(oid, text) is
  'A predicate as PostgreSQL writes it, with columns of domains over enumerations cast to what those are over.';

create or replace function lethe_private.read_condition(relation oid, condition text)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set standard_conforming_strings = on
  -- What is read back runs in other sessions, and a policy must mean the same whoever applies it.
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres'
  set timezone = 'UTC'
  set extra_float_digits = 1
as $$
declare
  v_read text;
  v_named text;
  v_check text;
  v_message text;
  v_schema text;
begin
  perform lethe_private.assert_single_expression(condition);
  -- Reading it already runs code: functions of constants are folded, literals go through the checks of
  -- domains. Here that would be with the rights of Lethe's owner, so nothing of the host's or of the
  -- session's is let in, but columns of plain types.
  v_schema := lower(lethe_private.names_of_host(condition));
  if v_schema is not null then
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
    v_named := lethe_private.cast_enum_domains(relation, v_read);
    if v_named <> v_read then
      -- It is what was meant if PostgreSQL reads it as the same.
      execute format(E'create index lethe_condition_check on pg_temp.lethe_condition ((1)) where (\n%s\n)', v_named);
      select pg_get_expr(i.indpred, i.indrelid) into v_check
      from pg_index as i where i.indexrelid = to_regclass('pg_temp.lethe_condition_check');
      if v_check is distinct from v_read then
        raise exception 'a column is of a domain over an enumeration, and its name cannot be told from another word';
      end if;
      v_read := v_named;
    end if;
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

comment on function lethe_private.read_condition(oid, text) is
  'A predicate over one table as PostgreSQL reads it, every name qualified. Raises LE303.';
