-- Fills a method's template for one column, in a single pass, so that nothing filled in is ever read
-- as a placeholder again. Parameters become literals; the key stays a bind parameter, so that it is in
-- no statement text.
create or replace function lethe_private.method_sql(
  template text,
  alias text,
  column_facts lethe_private.host_columns,
  method lethe.methods,
  parameters jsonb
)
  returns text
  language sql
  stable
begin atomic
  with words as (
    select
      -- {value} is the column's; a parameter of that name is written {constant}.
      case d.key when 'value' then 'constant' else d.key end as word,
      case jsonb_typeof(coalesce(method_sql.parameters -> d.key, d.value -> 'default'))
        when 'number' then coalesce(method_sql.parameters -> d.key, d.value -> 'default') #>> '{}'
        when 'boolean' then coalesce(method_sql.parameters -> d.key, d.value -> 'default') #>> '{}'
        else quote_nullable(coalesce(method_sql.parameters -> d.key, d.value -> 'default') #>> '{}')
      end as sql
    from jsonb_each(method.parameters) as d
    union all
    values
      ('value', format(case when column_facts.type_category = 'S' and column_facts.type_name <> 'text'
        then '%s.%I::text' else '%s.%I' end, alias, column_facts.name)),
      ('type', column_facts.base_type),
      ('length', coalesce(column_facts.length::text, 'null::int')),
      ('key', '$2, $3')
  )
  select string_agg(coalesce(w.sql, m.part[2]), '' order by m.n)
  from regexp_matches(template, '\{(\w+)\}|([^{]+|\{)', 'g') with ordinality as m (part, n)
  left join words as w on w.word = m.part[1];
end;

comment on function lethe_private.method_sql(text, text, lethe_private.host_columns, lethe.methods, jsonb) is
  'The mask or the recogniser of a method over one column of a row.';
