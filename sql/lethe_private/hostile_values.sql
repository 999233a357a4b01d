-- Values that break methods, by type, as text: the empty, the shortest, the longest, the largest, the
-- infinite, what needs quoting, and what already looks masked.
create or replace function lethe_private.hostile_values(type oid)
  returns text[]
  language sql
  stable
  set search_path = pg_catalog, pg_temp
begin atomic
  select case
    when t.typname = 'char' then array['', 'a', '*', '''', '\x5c']
    when t.typname = 'name' then array['', 'a', 'B', '''"', 'bob@example.com', '0612345678']
    when t.typcategory = 'S' then array['', ' ', 'a', 'B', chr(233), 'ab', 'Ab c', '*', '***', '''', '''''', '"', '\', '\\x41', E'\n', E'a\nb\n', '%_', '{}',
      'p-', 'p-0123456789abcdef', '0123456789abcdef@anonymized.invalid', 'bob@example.com', 'BOB@EXAMPLE.COM', '@', 'a@', '@@a b@c@d',
      '0', '-1', '0612345678', '+33 6 12', '1.2.3.4', '::1', 'null', '[email] [number]', repeat('x', 300), repeat('1', 5000)]
    when t.typname = 'int2' then array['0', '1', '-1', '7', '32767', '-32768']
    when t.typname = 'int4' then array['0', '1', '-1', '7', '2147483647', '-2147483648']
    when t.typname = 'int8' then array['0', '1', '-1', '7', '9223372036854775807', '-9223372036854775808']
    when t.typname = 'numeric' then array['0', '1', '-1', '0.5', '-1234.56', '1e300', '-1e-300', 'NaN', 'Infinity', '-Infinity']
    when t.typname = 'float4' then array['0', '-0', '1', '-1', '0.1', '-1234.56', '3e38', '1e-38', 'NaN', 'Infinity', '-Infinity']
    when t.typname = 'float8' then array['0', '-0', '1', '-1', '0.1', '-1234.56', '1e308', '1e-300', 'NaN', 'Infinity', '-Infinity']
    when t.typcategory = 'N' then array['0', '1', '7', '32767']
    when t.typname = 'date' then array['2000-01-01', '1987-05-06', '2024-02-29', '0001-01-01', '4714-11-24 BC', '5874897-12-31', 'infinity', '-infinity']
    when t.typname in ('timestamp', 'timestamptz') then array['2000-01-01 00:00:00', '1987-05-06 23:59:59.999999', '2024-02-29 12:00:00',
      '0001-01-01 00:00:00', '4714-11-25 00:00:00 BC', '294276-12-30 23:59:59', 'infinity', '-infinity']
    when t.typcategory = 'D' then array['00:00:00', '12:34:56.789', '23:59:59.999999', '24:00:00']
    when t.typcategory = 'T' then array['0', '1 microsecond', '1 day', '-100 years', '1 year 2 mons -3 days 04:05:06']
    when t.typcategory = 'B' then array['true', 'false']
    when t.typname = 'cidr' then array['0.0.0.0/0', '10.0.0.0/8', '192.0.2.1/32', '::/0', '2001:db8::/32', '2001:db8::1/128']
    when t.typcategory = 'I' then array['0.0.0.0/0', '10.1.2.3/8', '192.0.2.1', '255.255.255.255', '::/0', '::1', '::ffff:192.0.2.1', '2001:db8:1:2::1/64']
    when t.typname = 'uuid' then array['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '8c1f0f0e-5a3b-4c1d-9e2f-0123456789ab', '0123456789ab-8e7e8e7e-cdef01234567']
    when t.typname in ('json', 'jsonb') then array['{}', '[]', 'null', '"x"', '1', '{"a": 1}', '{"a": {"b": [null, "it''s"]}}']
    when t.typname = 'bytea' then array['\x', '\x00', '\xff5c27']
    when t.typname = 'xml' then array['<a/>', '<a b="c">d</a>']
    when t.typname in ('macaddr', 'macaddr8') then array['08:00:2b:01:02:03', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff']
    when t.typname = 'tsvector' then array['', 'a', '''it'':1A,2 b:3']
    when t.typname = 'point' then array['(0,0)', '(48.8566,2.3522)', '(-1e300,NaN)', '(Infinity,-Infinity)']
    when t.typname in ('daterange', 'tsrange', 'tstzrange') then array['empty', '(,)', '[1987-05-06,1987-06-07)', '(,2024-02-29]', '["0044-03-15 BC",infinity)']
    when t.typname in ('int4range', 'int8range', 'numrange') then array['empty', '(,)', '[-7,1)', '[1,32767)', '(,5]']
    when t.typcategory = 'A' then array['{}', '{1}', '{1,NULL,2}']
    when t.typtype = 'e' then (select array_agg(e.enumlabel::text) from pg_catalog.pg_enum as e where e.enumtypid = t.oid)
  end
  from pg_catalog.pg_type as t
  where t.oid = hostile_values.type;
end;

comment on function lethe_private.hostile_values(oid) is 'Sample values of a type on which methods tend to fail; null for a type that has none.';

-- A category stands for the types of it that columns usually have.
create or replace function lethe_private.types_to_try(method text, types text[])
  returns setof oid
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
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

comment on function lethe_private.types_to_try(text, text[]) is
  'The types on which a method that is being registered must prove itself. Raises LE304 for a type that is unknown or has no sample values.';
