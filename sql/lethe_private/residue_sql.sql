-- The statement that looks through one relation, for any number of people at once: what it costs follows how much text
-- there is, and hardly how many they are. Each text is taken apart into words once, and a word asked for in a map; only
-- where one is in it a text is looked at for the identifier itself. What is looked for comes as $2.
--
-- Each row: [request, object, number of the text, rows, [[identifier columns]]].
create or replace function lethe_private.residue_sql("from" text, texts text[], "where" text, object text, wanted jsonb)
  returns text
  language sql
  immutable
begin atomic
  select format($sql$select coalesce(jsonb_agg(jsonb_build_array(x.request, x.object, x.n, x.rows, x.columns)), '[]'), null::oid, null::tid[]
from (
  select m.request, %1$s as object, m.n, count(*) as rows, jsonb_agg(distinct m.columns) as columns
  from %2$s
  cross join lateral (select %3$s offset 0) as t
  cross join lateral (select array[%4$s] as texts offset 0) as d
  cross join lateral (
    select f.request, f.n, array_agg(distinct f.identifier_column order by f.identifier_column) as columns
    from (%5$s) as f
    group by f.request, f.n
  ) as m
  where %6$s
  group by 1, 2, 3
) as x$sql$,
    object, "from",
    (select string_agg(format('lower((%s) collate "default") as t%s', e, n), ', ' order by n) from unnest(texts) with ordinality as x (e, n)),
    (select string_agg(format('case when t.t%1$s ~ ''[%%\\&]'' then lethe_private.readable(t.t%1$s) else t.t%1$s end', n), ', ' order by n)
     from generate_series(1, cardinality(texts)) as n),
    concat_ws(E'\n      union all ',
      case when jsonb_typeof(wanted -> 'words') = 'object' then format($sql$select (e ->> 'r')::bigint as request, v.n, e ->> 'k' as identifier_column
      from (
        select distinct w.word from regexp_split_to_table(array_to_string(d.texts, chr(10)), '[^[:alnum:]]+') as w (word)
        where %s(select convert_from($2, 'UTF8')::jsonb -> 'words') ? w.word
        offset 0
      ) as w
      cross join lateral jsonb_array_elements((select convert_from($2, 'UTF8')::jsonb -> 'words') -> w.word) as e
      cross join lateral unnest(d.texts) with ordinality as v (value, n)
      where strpos(v.value, e ->> 's') > 0 and v.value ~ (e ->> 'v')$sql$,
        case when (wanted ->> 'at')::boolean then 'strpos(array_to_string(d.texts, chr(10)), ''@'') > 0 and ' else '' end) end,
      case when jsonb_typeof(wanted -> 'phones') = 'object' then $sql$select (e ->> 'r')::bigint as request, v.n, e ->> 'k' as identifier_column
      from unnest(d.texts) with ordinality as v (value, n)
      cross join lateral lethe_private.phone_keys(v.value) as p (digits)
      cross join lateral jsonb_array_elements((select convert_from($2, 'UTF8')::jsonb -> 'phones') -> p.digits) as e
      -- Most numbers are nobody's, so the digits alone come first.
      where v.value ~ '\d([^[:alnum:]]{0,3}\d){6}' and exists (
        select from regexp_matches(v.value, '\d(?:[^[:alnum:]]{0,3}\d){6,}', 'g') as m (run)
        cross join lateral regexp_replace(m.run[1], '\D', '', 'g') as r (digits)
        cross join generate_series(1, length(r.digits) - 6) as i
        where (select convert_from($2, 'UTF8')::jsonb -> 'phones') ?| array[substr(r.digits, i, 9), substr(r.digits, i, 8), substr(r.digits, i, 7)])$sql$ end),
    coalesce("where", 'true'));
end;

comment on function lethe_private.residue_sql(text, text[], text, text, jsonb) is
  'Counts the rows of a relation (alias c) whose texts hold what is wanted, per request and text.';
