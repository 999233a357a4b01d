-- Methods of a DBA's own. What is registered here runs every night inside UPDATE statements and stands in
-- indexes, so it is tried first on values chosen to break it (see try_method.sql). The trial shows that
-- a promise is broken; it cannot show that none ever will be.
create or replace function lethe.register_method(
  name text,
  mask text,
  recogniser text,
  types text[],
  output text,
  keeps_unique boolean default false,
  parameters jsonb default '{}',
  description text default ''
)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write lethe.methods; the expressions are tried as its owner
  set search_path = pg_catalog, pg_temp
  set standard_conforming_strings = on
  set jit = off
as $$
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
$$;

comment on function lethe.register_method(text, text, text, text[], text, boolean, jsonb, text) is
  'Adds or replaces a method of your own: two SQL expressions with {value}, {type}, {length}, {key} and {parameter} in them. Names in them are schema-qualified. Raises LE106, LE303, LE304, LE502.';
