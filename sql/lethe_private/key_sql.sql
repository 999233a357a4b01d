-- A row's key as one text, the same whatever the session's settings: jsonb writes dates in one way
-- only, and instants are put into UTC first.
create or replace function lethe_private.key_sql(alias text, table_oid oid, key_columns text[])
  returns text
  language sql
  stable
begin atomic
  select case
    when cardinality(key_columns) = 1 and min(h.type_category::text) in ('N', 'S', 'U') then
      format('%s.%I::text', alias, key_columns[1])
    else
      'jsonb_build_array(' || string_agg(
        format(case when h.type_name = 'timestamptz' then '%s.%I at time zone ''UTC''' else '%s.%I' end, alias, h.name),
        ', ' order by k.n) || ')::text'
  end
  from unnest(key_columns) with ordinality as k (name, n)
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = k.name;
end;

comment on function lethe_private.key_sql(text, oid, text[]) is
  'SQL that renders a row''s key as text, independent of DateStyle and TimeZone.';
