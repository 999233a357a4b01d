-- Page: docs/checks/kept-for-ever.md. Archiving ends nothing: the archive keeps the value until something purges it.

-- By the very refusals that a rule on it would meet.
create or replace function lethe_private.may_be_rewritten(managed lethe.managed_tables, relation oid, column_name text)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.assert_column_may_change(managed, may_be_rewritten.relation, h)
  from lethe_private.host_columns as h where h.relation = may_be_rewritten.relation and h.name = may_be_rewritten.column_name;
  return true;
exception when sqlstate 'LE308' or sqlstate 'LE309' or sqlstate 'LE316' then
  return false;
end
$$;

comment on function lethe_private.may_be_rewritten(lethe.managed_tables, oid, text) is 'True when a rule may anonymize or purge a column.';

create or replace function lethe_private.sources_of(relation oid, column_name text)
  returns setof text
  language sql
  stable
begin atomic
  select s.attname::text
  from pg_catalog.pg_attribute as g
  join pg_catalog.pg_attrdef as e on e.adrelid = g.attrelid and e.adnum = g.attnum
  join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = e.oid
    and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = g.attrelid
  join pg_catalog.pg_attribute as s on s.attrelid = g.attrelid and s.attnum = d.refobjsubid and s.attnum <> g.attnum
  where g.attrelid = sources_of.relation and g.attname = sources_of.column_name and g.attgenerated <> '';
end;

comment on function lethe_private.sources_of(oid, text) is 'The columns from which a generated column is computed; of any other, none.';

create or replace function lethe_private.check_kept_for_ever(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with recursive ends as (
    select r.table_id, r.column_name, c.id as controller_id
    from lethe.rules as r
    join lethe.controllers as c on exists (
      select from lethe.terms as t where t.rule_id = r.id and coalesce(t.controller_id, c.id) = c.id)
    where r.action = 'purge' or r.action = 'anonymize'
  ), leaves as (
    select e.table_id, e.controller_id from ends as e where e.column_name is null
    union
    -- It goes with the row it refers to.
    select l.table_id, v.controller_id
    from leaves as v
    join lethe.links as l on l.to_table_id = v.table_id and l.on_purge = 'with parent'
  ), endless as materialized (
    select k.relation, k.managed_id, k.name, k.category, lethe_private.is_personal(k.category) as personal, c.id as controller_id, c.name as controller
    from lethe_private.checked_columns(check_kept_for_ever.reached) as k
    join lethe.managed_tables as m on m.id = k.managed_id
    join lethe.controllers as c on lethe_private.has_controller(m, c)
    where not exists (select from ends as e where e.table_id = k.managed_id and e.column_name = k.name and e.controller_id = c.id)
      and not exists (select from leaves as v where v.table_id = k.managed_id and v.controller_id = c.id)
  ), found as (
    select x.relation, x.managed_id, x.name, x.category, x.controller,
      -- What a generated column waits for: the personal ones of its sources, or one of them where none is.
      (select coalesce(array_agg(o.name order by o.name) filter (where o.personal), array_agg(o.name order by o.name))
       from lethe_private.sources_of(x.relation, x.name) as s
       join endless as o on o.relation = x.relation and o.name = s and o.controller_id = x.controller_id) as waits_for,
      exists (select from lethe_private.sources_of(x.relation, x.name) as s
              where not exists (select from endless as o where o.relation = x.relation and o.name = s and o.controller_id = x.controller_id)) as source_ends,
      exists (select from lethe_private.sources_of(x.relation, x.name) as s
              join endless as o on o.relation = x.relation and o.name = s and o.controller_id = x.controller_id and o.personal) as source_stays
    from endless as x
    where x.personal
  ), told as (
    select f.relation, f.managed_id, f.name, f.category, f.waits_for, array_agg(f.controller order by f.controller) as controllers
    from found as f
    where f.source_stays or not f.source_ends
    group by f.relation, f.managed_id, f.name, f.category, f.waits_for
  )
  select
    format('%s.%I', lethe_private.host_name(t.relation), t.name),
    format('nothing ever ends column %I of %s (%s)%s', t.name, lethe_private.host_name(t.relation), t.category,
      case when cardinality(t.controllers) < (select count(*) from lethe.controllers) then ' for controller ' || array_to_string(t.controllers, ', ') else '' end),
    case
      when t.waits_for is not null and not exists (
        select from unnest(t.waits_for) as w (name) where not lethe_private.may_be_rewritten(m, t.relation, w.name))
      then format('anonymize or purge, after some time, what it is generated from: %s; or purge its row',
        (select string_agg(quote_ident(w.name), ', ') from unnest(t.waits_for) as w (name)))
      when lethe_private.may_be_rewritten(m, t.relation, t.name)
      then 'anonymize or purge it, or purge its row, after some time; what is only archived stays in the archive'
      else 'purge its row after some time: no rule may rewrite this column'
    end,
    true
  from told as t
  join lethe.managed_tables as m on m.id = t.managed_id;
end;

comment on function lethe_private.check_kept_for_ever(lethe_private.reached[]) is 'Personal columns that no rule of any row or column ever ends, for some controller.';
