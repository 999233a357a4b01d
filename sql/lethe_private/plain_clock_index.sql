-- Where a plain index on the clock stays, batches in clock order are cheaper (each touches neighbouring
-- index pages); everywhere else batches in heap order are. A purge writes to no index, so it is always
-- in heap order.
create or replace function lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select t.since[1]
  from lethe_private.effective_terms(managed.id, controller.id) as t
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = t.since[1]
  join pg_catalog.pg_index as i on i.indrelid = table_oid and i.indpred is null and i.indkey[0] = h.position
  join pg_catalog.pg_class as x on x.oid = i.indexrelid
  join pg_catalog.pg_am as m on m.oid = x.relam and m.amname = 'btree'
  where cardinality(t.since) = 1
  group by t.since[1]
  order by count(*) desc, t.since[1]
  limit 1;
end;

comment on function lethe_private.plain_clock_index(lethe.managed_tables, oid, lethe.controllers) is
  'The clock of this table that has an index over all rows; null when there is none.';
