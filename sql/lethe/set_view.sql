-- What a view of people is for. Which columns of figures count people has to be said, since nothing in the catalogue
-- tells a number of people from a number of anything else; lethe.check() measures them.
create or replace function lethe_private.put_view(view text, shows text, counts text[], looked_again boolean)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.resolve_table(put_view.view);
  v_kind "char" := (select c.relkind from pg_class as c where c.oid = v_oid);
  v_column text;
begin
  if v_kind not in ('v', 'm') then
    raise exception using errcode = 'LE106',
      message = format('%s is a table, not a view', lethe_private.host_name(v_oid)),
      hint = format('select lethe.manage_table(%L)', lethe_private.host_name(v_oid));
  elsif shows is null or shows not in ('people', 'figures', 'refreshed copy') or v_kind = 'm' and shows = 'people' or v_kind = 'v' and shows = 'refreshed copy' then
    raise exception using errcode = 'LE106',
      message = format('view %s cannot show %s', lethe_private.host_name(v_oid), coalesce(quote_literal(shows), 'null')),
      hint = case v_kind when 'm' then 'a materialized view is a refreshed copy, or figures' else 'a view shows people, or figures' end;
  elsif (shows = 'figures') <> (coalesce(cardinality(counts), 0) > 0) then
    raise exception using errcode = 'LE106',
      message = format('view %s names %s', lethe_private.host_name(v_oid),
        case shows when 'figures' then 'no column that counts people' else 'columns that count people, and shows no figures' end),
      hint = 'figures come with counts: the columns that say how many people a row is about';
  end if;
  foreach v_column in array coalesce(counts, '{}') loop
    if not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = v_column and h.type_category = 'N') then
      raise exception using errcode = 'LE103',
        message = format('view %s has no column %I of numbers', lethe_private.host_name(v_oid), v_column),
        hint = 'it has ' || (select string_agg(quote_ident(h.name), ', ' order by h.position) from lethe_private.host_columns as h where h.relation = v_oid);
    end if;
  end loop;
  insert into lethe.managed_views as v (schema_name, view_name, shows, counts, definition)
  select n.nspname, c.relname, put_view.shows, coalesce(put_view.counts, '{}'), md5(pg_get_viewdef(c.oid))
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid
  on conflict (schema_name, view_name) do update
  set shows = excluded.shows, counts = excluded.counts, definition = excluded.definition
  where put_view.looked_again or (v.shows, v.counts) is distinct from (excluded.shows, excluded.counts);
end
$$;

comment on function lethe_private.put_view(text, text, text[], boolean) is
  'Writes down what a view shows; as it is now, unless that stands there already and nobody has looked again. Raises LE102, LE103, LE106.';

create or replace function lethe.set_view(view text, shows text, counts text[] default null, reason text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.put_view(view, shows, counts, true);
end
$$;

comment on function lethe.set_view(text, text, text[], text) is
  'Says what a view or materialized view of people''s data shows: people, figures (with the columns that count people), or, where it is materialized, a copy that is refreshed daily. Raises LE102, LE103, LE106, LE502.';

create or replace function lethe.unset_view(view text, reason text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  delete from lethe.managed_views as v
  where unset_view.view in (format('%s.%s', v.schema_name, v.view_name), format('%I.%I', v.schema_name, v.view_name));
  if not found then
    raise exception using errcode = 'LE102',
      message = format('nothing was decided on view %s', coalesce(unset_view.view, '(null)')),
      hint = 'lethe.managed_views lists what was';
  end if;
end
$$;

comment on function lethe.unset_view(text, text) is 'Takes back what was decided on a view. Raises LE102, LE502.';
