-- What a row loses when it stays while its person is forgotten: every column with a category that can tell of a person, and
-- every column with a rule. Not the key, nor what foreign keys on either side rest on; generated columns follow by themselves.
--
-- How: by the method that the column's own rule uses; else it becomes null; else, where null is not allowed, a
-- stand-in of the column's type. test says of the result that it is one (alias c); a keyed method takes the key as $2, $3.
create or replace function lethe_private.erased_columns(managed lethe.managed_tables, controller lethe.controllers, only_these text[] default null)
  returns table (column_name text, new_value text, test text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_column lethe_private.host_columns;
  v_term lethe.terms;
  v_method lethe.methods;
begin
  for v_column in
    select h.*
    from lethe_private.host_columns as h
    left join lethe.managed_columns as m on m.table_id = managed.id and m.column_name = h.name
    where h.relation = v_oid and (only_these is null or h.name = any (only_these)) and not h.is_generated and not h.is_identity
      and h.name <> all (managed.key_columns) and h.name is distinct from managed.controller_column
      and (m.category in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content')
        or exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name = h.name and r.action <> 'minimum'))
      and not exists (
        select from lethe_private.host_references as f
        where f.child = v_oid and h.name = any (f.child_columns) or f.parent = v_oid and h.name = any (f.parent_columns))
    order by h.position
  loop
    select t.* into v_term
    from lethe_private.effective_terms(managed.id, controller.id) as t
    join lethe.rules as r on r.id = t.rule_id and r.column_name = v_column.name and r.action in ('anonymize', 'archive')
    order by r.action, t.id
    limit 1;
    select m.* into v_method from lethe.methods as m where m.name = v_term.method;
    column_name := v_column.name;
    if v_method.name is not null then
      new_value := format('(%s)::%s', lethe_private.method_sql(v_method.mask, 'c', v_column, v_method, v_term.parameters), v_column.type);
      test := format('coalesce(%s, c.%I is null)', lethe_private.method_sql(v_method.recogniser, 'c', v_column, v_method, v_term.parameters), v_column.name);
    elsif not v_column.not_null then
      new_value := 'null';
      test := format('c.%I is null', v_column.name);
    else
      select s.new_value, s.test into new_value, test from lethe_private.stand_in(v_column) as s;
      if new_value is null then
        raise exception using errcode = 'LE437',
          message = format('column %I of %s may not be null, and nothing is known that could stand in its place', v_column.name, lethe_private.plain_name(managed)),
          hint = format('give it a rule with a method that fits: select lethe.set_rule(%L, ''anonymize'', …, %L, method => …)', lethe_private.plain_name(managed), v_column.name);
      end if;
    end if;
    return next;
  end loop;
end
$$;

comment on function lethe_private.erased_columns(lethe.managed_tables, lethe.controllers, text[]) is
  'What becomes of the columns (all of them, or of these alone) of a row that stays without its person. Raises LE437.';

-- Unique columns need a value of their own for each row, which only a keyed pseudonym gives.
create or replace function lethe_private.stand_in(column_facts lethe_private.host_columns, out new_value text, out test text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('c.%I', column_facts.name);
  v_text text := case when column_facts.type_name = 'text' then v_name else v_name || '::text' end;
  v_length text := coalesce(column_facts.length::text, 'null::int');
  v_unique boolean := exists (
    select from pg_index as i where i.indrelid = column_facts.relation and i.indisunique and column_facts.position = any (i.indkey::int2[]));
  v_constant text;
begin
  if column_facts.type_category = 'S' and column_facts.type_name in ('text', 'varchar', 'bpchar', 'citext') then
    if not v_unique and coalesce(column_facts.length, 27) < 27 then
      v_constant := quote_literal('-');
    else
      -- What looks like an e-mail address goes on looking like one: a CHECK may ask for that.
      new_value := format('case when %1$s like ''%%_@_%%'' and coalesce(%2$s, 99) >= 39 then lethe.pseudonym_email(%1$s, $2, $3, %2$s) else lethe.pseudonym(%1$s, $2, $3, %2$s) end',
        v_text, v_length);
      test := format('(lethe.is_pseudonym_email(%1$s) or lethe.is_pseudonym(%1$s))', v_text);
      if v_unique and column_facts.length < 22 then
        new_value := null;
      end if;
    end if;
  elsif column_facts.type_name = 'uuid' then
    new_value := format('lethe.pseudonym_uuid(%s, $2, $3)', v_name);
    test := format('lethe.is_pseudonym_uuid(%s)', v_name);
  elsif column_facts.type_name = 'int8' and v_unique then
    new_value := format('lethe.pseudonym_number(%s, $2, $3)', v_name);
    test := format('lethe.is_pseudonym_number(%s)', v_name);
  elsif not v_unique then
    v_constant := case
      when column_facts.type_name in ('int2', 'int4', 'int8', 'numeric', 'float4', 'float8') then '0'
      when column_facts.type_name = 'bool' then 'false'
      when column_facts.type_name = 'date' then quote_literal('0001-01-01')
      when column_facts.type_name in ('timestamp', 'timestamptz') then quote_literal('0001-01-01 00:00:00Z')
      when column_facts.type_name = 'jsonb' then quote_literal('{}')
      when column_facts.type_name = 'bytea' then quote_literal('')
      when column_facts.type_name in ('inet', 'cidr') then quote_literal('0.0.0.0')
      when column_facts.type_category = 'A' then quote_literal('{}')
    end;
  end if;
  if v_constant is not null then
    new_value := format('%s::%s', v_constant, column_facts.base_type);
    test := format('%s = %s', v_name, new_value);
  end if;
  if new_value is not null then
    new_value := format('(%s)::%s', new_value, column_facts.type);
  end if;
end
$$;

comment on function lethe_private.stand_in(lethe_private.host_columns) is
  'SQL of what a value that may not be null is replaced by when no rule says; null where nothing fits.';
