-- A template is an expression with holes. It may not leave the place it is put in, and its holes may not
-- stand inside quotes, where a column's name or a parameter would end the quotes.
create or replace function lethe_private.assert_template(method text, part text, template text, parameters jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
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

comment on function lethe_private.assert_template(text, text, text, jsonb) is
  'Raises LE303 unless the template is one expression, LE106 unless its placeholders are known and outside of quotes.';

create or replace function lethe_private.assert_declared_parameters(method text, parameters jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
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
$$;

comment on function lethe_private.assert_declared_parameters(text, jsonb) is
  'Raises LE106 unless each parameter of a method has a usable name and a known type.';

-- A template is tried, and folded to constants, with the rights of lethe_owner. What it calls must therefore
-- belong to somebody who has these rights anyway.
create or replace function lethe_private.assert_trusted_names(method text, part text, template text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
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
$$;

comment on function lethe_private.assert_trusted_names(text, text, text) is
  'Raises LE502 when a template names a function or type of somebody who may not act as lethe_owner.';
