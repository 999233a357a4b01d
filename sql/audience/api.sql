-- What the API shows an officer of the readers: one view a table, each with the rows of the controllers that the
-- request acts for. `lethe seed` runs it once the tables are filled, as whoever owns them.
--
-- Views, and not row security on the tables: that would filter the publishers' own software too, and Lethe's
-- sweeper would need BYPASSRLS, which a managed service may not let its DBA grant. The tables stay as they were;
-- to take the API away: drop schema audience_api cascade.
--
-- Nothing here depends on an object of Lethe, so that Lethe can be removed. Without it the views are refused.

create schema audience_api;

comment on schema audience_api is 'The tables of audience as the API shows them: the rows of the request''s controllers.';

create function audience_api.own_publishers()
  returns integer[]
  language plpgsql
  stable
  security definer  -- asked by roles that may not read audience.publishers
  set search_path = pg_catalog, pg_temp
as $$
begin
  return array(select p.id from audience.publishers as p where p.id::text = any (lethe.controller_references()));
end
$$;

comment on function audience_api.own_publishers() is
  'The publishers that the request under way acts for. An array, so that a view asks once and may use an index.';

-- Made from the catalogue, so that none is forgotten. A view has neither keys nor indexes; its comments tell
-- PostGraphile those of the table, as smart tags, and what the table's own comments say.
do $$
declare
  v_table record;
  v_column record;
begin
  for v_table in
    select
      c.oid,
      c.relname as name,
      case c.relname when 'publishers' then 'id' else 'publisher_id' end as publisher,
      concat_ws(E'\n',
        -- "type Subscription" is what GraphQL calls something else.
        case c.relname when 'subscriptions' then '@name title_subscriptions' end,
        (select string_agg(
            case k.contype
              when 'p' then format('@primaryKey %s', x.columns)
              else format('@foreignKey (%s) references audience_api.%I (%s)%s', x.columns, f.relname, x.referenced,
                case when x.columns = 'referred_by' then '|@fieldName referrer|@foreignFieldName referred' end)
            end, E'\n' order by k.contype desc, k.conname)
          from pg_constraint as k
          left join pg_class as f on f.oid = k.confrelid
          cross join lateral (
            select
              string_agg(a.attname, ',' order by n.place) as columns,
              string_agg(r.attname, ',' order by n.place) as referenced
            from unnest(k.conkey, k.confkey) with ordinality as n (own, other, place)
            join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = n.own
            left join pg_attribute as r on r.attrelid = k.confrelid and r.attnum = n.other) as x
          where k.conrelid = c.oid and k.contype in ('p', 'f')),
        obj_description(c.oid, 'pg_class')) as comment
    from pg_class as c
    where c.relnamespace = 'audience'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    order by c.relname
  loop
    execute format('create view audience_api.%I with (security_barrier) as select t.* from audience.%I as t '
      'where t.%I = any ((select audience_api.own_publishers())::integer[])',
      v_table.name, v_table.name, v_table.publisher);
    execute format('comment on view audience_api.%I is %L', v_table.name, v_table.comment);
    for v_column in
      select
        a.attname as name,
        concat_ws(E'\n',
          -- The view says which publisher, so the second column of an index that begins with it serves as well.
          (select '@isIndexed' from pg_index as i
            join pg_attribute as first on first.attrelid = i.indrelid and first.attnum = i.indkey[0]
            where i.indrelid = a.attrelid and i.indpred is null
              and (first.attnum = a.attnum or first.attname = v_table.publisher and i.indkey[1] = a.attnum)
            limit 1),
          col_description(a.attrelid, a.attnum)) as comment
      from pg_attribute as a
      where a.attrelid = v_table.oid and a.attnum > 0 and not a.attisdropped
    loop
      execute format('comment on column audience_api.%I.%I is %L', v_table.name, v_column.name, nullif(v_column.comment, ''));
    end loop;
  end loop;
end
$$;

grant usage on schema audience_api to lethe_officer, lethe_analyst;
-- For the names of its types, which filters and cursors use. It gives no right on a table.
grant usage on schema audience to lethe_officer;
revoke all on function audience_api.own_publishers() from public;
grant execute on function audience_api.own_publishers() to lethe_officer, lethe_analyst;
grant select on all tables in schema audience_api to lethe_officer;
