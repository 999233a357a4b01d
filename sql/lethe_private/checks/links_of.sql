-- What the policy says of one foreign key. A link may have been declared from the other side: a person's row points to
-- the address that several share.
create or replace function lethe_private.links_of(child_id int, child_columns text[], parent_id int)
  returns setof lethe.links
  language sql
  stable
begin atomic
  select l.*
  from lethe.links as l
  where (l.table_id = child_id and l.to_table_id = parent_id and l.columns @> child_columns and l.columns <@ child_columns)
     or (l.table_id = parent_id and l.to_table_id = child_id and l.to_columns @> child_columns and l.to_columns <@ child_columns);
end;

comment on function lethe_private.links_of(int, text[], int) is 'The links that the policy declares over one foreign key, from either side.';

create or replace function lethe_private.is_lethes(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  select n.nspname ~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.oid = relation;
end;

comment on function lethe_private.is_lethes(oid) is 'True for relations of PostgreSQL''s own and of Lethe''s.';
