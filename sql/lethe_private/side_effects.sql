-- What a statement did besides what it says: triggers of the host write to other tables. PostgreSQL counts rows
-- written by a transaction table by table. It counts what was written before and what was undone, too, so only the
-- difference of two readings says anything; and it does not count TRUNCATE, which is looked for in the triggers' text.

create or replace function lethe_private.whole_table(relation oid)
  returns oid
  language sql
  stable
begin atomic
  with recursive up as (
    select relation as oid, 0 as depth
    union all
    select (select i.inhparent from pg_catalog.pg_inherits as i where i.inhrelid = u.oid order by i.inhseqno limit 1), u.depth + 1
    from up as u
    where u.oid is not null
  )
  select u.oid from up as u where u.oid is not null order by u.depth desc limit 1;
end;

comment on function lethe_private.whole_table(oid) is 'The table that a partition, or a child of an inheritance, is part of.';

create or replace function lethe_private.rows_written()
  returns jsonb
  language sql
  volatile
begin atomic
  select coalesce(jsonb_object_agg(x.whole, jsonb_build_array(x.inserts, x.updates, x.deletes)), '{}')
  from (
    select lethe_private.whole_table(s.relid) as whole, sum(s.n_tup_ins) as inserts, sum(s.n_tup_upd) as updates, sum(s.n_tup_del) as deletes
    from pg_stat_xact_all_tables as s
    where s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0
      and s.schemaname not in ('pg_catalog', 'information_schema', 'pg_toast', 'lethe', 'lethe_private', 'lethe_archive')
    group by 1
  ) as x;
end;

comment on function lethe_private.rows_written() is
  'Rows that this transaction has inserted, updated and deleted so far, table by table (oid), undone ones included.';

-- planned: {oid: [inserts, updates, deletes]}, as above.
create or replace function lethe_private.unplanned_writes(before jsonb, after jsonb, planned jsonb)
  returns table (relation oid, inserts bigint, updates bigint, deletes bigint)
  language sql
  stable
begin atomic
  select x.relation, x.inserts, x.updates, x.deletes
  from (
    select a.key::oid as relation,
      greatest((a.value ->> 0)::bigint - coalesce((before #>> array[a.key, '0'])::bigint, 0) - coalesce((planned #>> array[a.key, '0'])::bigint, 0), 0) as inserts,
      greatest((a.value ->> 1)::bigint - coalesce((before #>> array[a.key, '1'])::bigint, 0) - coalesce((planned #>> array[a.key, '1'])::bigint, 0), 0) as updates,
      greatest((a.value ->> 2)::bigint - coalesce((before #>> array[a.key, '2'])::bigint, 0) - coalesce((planned #>> array[a.key, '2'])::bigint, 0), 0) as deletes
    from jsonb_each(after) as a
  ) as x
  where x.inserts + x.updates + x.deletes > 0;
end;

comment on function lethe_private.unplanned_writes(jsonb, jsonb, jsonb) is 'The difference of two readings of rows_written, less what was planned.';

-- What a sweep of a table is meant to write: its own rows, and those that go or are unlinked with them.
create or replace function lethe_private.planned_writes(table_oid oid, phase text, facts jsonb)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_object_agg(x.relation, jsonb_build_array(0, x.updates, x.deletes)), '{}')
  from (
    select w.relation, sum(w.updates) as updates, sum(w.deletes) as deletes
    from (
      select lethe_private.whole_table(table_oid) as relation,
        case when phase = 'columns' then (facts ->> 'rows')::bigint else 0 end as updates,
        case when phase <> 'columns' then (facts ->> 'rows')::bigint else 0 end as deletes
      union all
      select lethe_private.whole_table(lethe_private.resolve_table(c."table")),
        case when c.rule like 'unlink%' then c.rows else 0 end, case when c.rule like 'unlink%' then 0 else c.rows end
      from jsonb_to_recordset(facts -> 'children') as c ("table" text, rule text, rows bigint)
    ) as w
    group by w.relation
  ) as x;
end;

comment on function lethe_private.planned_writes(oid, text, jsonb) is 'What one batch of a phase writes by itself, in the form of rows_written.';

-- A rolled-back transaction takes back what was done in it and nothing else. Triggers whose function could do
-- something else, by its language or by its words, are named. Words can be hidden (in another function, or put together at
-- run time): this finds what is there by custom, not by malice. events: 4 insert, 8 delete, 16 update, as in tgtype.
create or replace function lethe_private.reaching_triggers(relation oid, events int, columns text[])
  returns table (object text, why text)
  language sql
  stable
begin atomic
  with fired as (
    select distinct p.oid, p.prosrc, l.lanname, l.lanpltrusted, format('%I.%I()', n.nspname, p.proname) as object
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_proc as p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_language as l on l.oid = p.prolang
    where t.tgrelid in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i)
      and not t.tgisinternal
      and t.tgenabled in ('O', 'A')
      and t.tgtype & events <> 0
      -- UPDATE OF: only where one of these columns is written.
      and (cardinality(t.tgattr::int2[]) = 0 or events & t.tgtype & ~16 <> 0 or exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = t.tgrelid and a.attnum = any (t.tgattr::int2[]) and a.attname = any (columns)))
      and n.nspname <> 'pg_catalog'
  )
  select f.object, string_agg(w.why, '; ' order by w.n)
  from fired as f
  cross join lateral (
    select 1, format('written in %s, which can act outside the transaction', f.lanname) where not f.lanpltrusted and f.lanname not in ('internal')
    union all
    select 2, format('says %s, which acts outside the transaction', m.word)
    from (
      select distinct lower(x.found[1]) as word
      from regexp_matches(f.prosrc, '\m(dblink\w*|pg_background\w*|http_\w+|http|net\.http\w*|lo_export|lo_import|pg_notify|notify|cron\.\w+)\M', 'gi') as x (found)
    ) as m
    union all
    select 3, 'says COPY … PROGRAM or COPY … TO a file' where f.prosrc ~* '\mcopy\M[^;]*\m(program|to\s+'')'
    union all
    select 4, 'says TRUNCATE, which no count shows' where f.prosrc ~* '\mtruncate\M'
  ) as w (n, why)
  group by f.object;
end;

comment on function lethe_private.reaching_triggers(oid, int, text[]) is
  'Functions of the triggers that a write to a table fires and that could act outside the transaction, or truncate.';
