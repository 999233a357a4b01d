-- Page: docs/checks/look-alike-table.md. A history, a staging table, last year's export: nothing in the catalogue
-- joins it to the table it was copied from but the names of its columns.
create or replace function lethe_private.check_look_alike_table(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with personal as materialized (
    select k.relation, k.name, count(*) over (partition by k.relation) as total
    from lethe_private.checked_columns(check_look_alike_table.reached) as k
    where lethe_private.is_personal(k.category) or k.has_rule
  ), alike as (
    select p.relation, c.oid as copy, count(*) as shared, min(p.total) as total
    from personal as p
    join lethe_private.host_columns as h on h.name = p.name
    join pg_catalog.pg_class as c on c.oid = h.relation
    where p.total >= 3
      and c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't'
      and c.oid not in (select r.relation from unnest(check_look_alike_table.reached) as r)
      and not exists (select from lethe_private.topmost as t where t.relation = c.oid)
      and not lethe_private.is_lethes(c.oid)
    group by p.relation, c.oid
  ), closest as (
    select distinct on (a.copy) a.*
    from alike as a
    where a.shared >= 3 and a.shared >= 0.6 * a.total
    order by a.copy, a.shared desc, a.relation
  )
  select
    lethe_private.host_name(a.copy),
    format('table %s has %s of the %s personal columns of %s, and is not managed', lethe_private.host_name(a.copy), a.shared, a.total, lethe_private.host_name(a.relation)),
    'if it holds copies, manage it or drop it; if it does not, waive this',
    true
  from closest as a;
end;

comment on function lethe_private.check_look_alike_table(lethe_private.reached[]) is 'Unmanaged tables with largely the personal columns of a managed one.';
