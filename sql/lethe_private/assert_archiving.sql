-- What is archived must come to its end, and nobody but the engine's own statements may be needed to find it then.
create or replace function lethe_private.assert_archiving(managed lethe.managed_tables)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('%I.%I', managed.schema_name, managed.table_name);
  v_member lethe.managed_tables;
  v_mirror lethe_private.mirrors;
  v_conflict record;
  v_found text;
begin
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive')
    and not exists (select from lethe_private.mirrors as m where m.table_id = managed.id)
  then
    return;
  end if;
  -- Archiving a value already puts an anonymized one in its place; what is in the archive is purged there.
  select r.column_name into v_conflict
  from lethe.rules as r
  join lethe.rules as l on l.table_id = r.table_id and l.column_name = r.column_name and l.action = 'anonymize'
  where r.table_id = managed.id and r.action = 'archive'
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s is to be archived and anonymized', v_conflict.column_name, v_name),
      hint = 'archive alone does both: the original goes to the archive, and "using" says what is left in its place';
  end if;
  select r.column_name into v_conflict
  from lethe.rules as r
  join lethe.rules as l on l.table_id = r.table_id
  join lethe.terms as t on t.rule_id = l.id and (r.column_name = any (t.since) or l.id <> r.id and lethe_private.names_column(t.condition, r.column_name))
  where r.table_id = managed.id and r.action = 'archive'
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s is to be archived, and another rule counts by it', v_conflict.column_name, v_name),
      hint = 'in the archive nobody could ask for it any more: count by another column, or archive the whole row';
  end if;


  -- Its rows leave with their parent, who would not take what is in their own archive along.
  if exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive')
    and exists (select from lethe.links as l where l.table_id = managed.id and l.on_purge = 'with parent')
  then
    raise exception using errcode = 'LE316',
      message = format('rows of %s go with their parent and cannot be archived by a rule of their own', v_name),
      hint = 'archive the parent: what goes with it is archived along';
  end if;

  select r.column_name, c.name as controller into v_conflict
  from lethe.rules as r
  cross join lethe.controllers as c
  where r.table_id = managed.id and r.action = 'archive'
    and exists (select from lethe_private.effective_terms(managed.id, c.id) as t where t.rule_id = r.id)
    and not exists (
      select from lethe_private.effective_terms(managed.id, c.id) as t
      join lethe.rules as p on p.id = t.rule_id
      where p.action = 'purge' and (p.column_name is null or p.column_name = r.column_name))
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('%s of %s would be archived for ever for controller %s',
        coalesce('column ' || quote_ident(v_conflict.column_name), 'rows'), v_name, v_conflict.controller),
      hint = 'add a purge, by which they end';
  end if;

  for v_member in
    select f.* from lethe_private.archived_family(managed) as f
    where exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive')
    union
    select managed.* where exists (select from lethe_private.mirrors as m where m.table_id = managed.id)
  loop
    select lethe_private.names_of_host(t.condition) into v_found
    from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
    where r.table_id = v_member.id and t.condition is not null and lethe_private.archived_condition(t.condition) is null
    limit 1;
    if found then
      raise exception using errcode = 'LE303',
        message = format('a predicate on %I.%I names something of %s and cannot be asked of its archive', v_member.schema_name, v_member.table_name, v_found),
        hint = 'compare an enumeration for equality alone, and other types of yours not at all';
    end if;
  end loop;

  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    v_found := lethe_private.unanswered(managed, v_mirror);
    if v_found is not null then
      raise exception using errcode = 'LE905',
        message = format('what is in the archive of %s cannot be asked for %s, which its rules count by', v_name, v_found),
        hint = 'it was not there, or of another type, when the rows were archived: let the rules count by what was, or add a rule beside';
    elsif lethe_private.never_ends(managed, v_mirror) then
      raise exception using errcode = 'LE903',
        message = format('table %s has %s in the archive that no rule would end', v_name, v_mirror.kind),
        hint = 'keep the purge until their term has ended';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_archiving(lethe.managed_tables) is
  'Raises LE303, LE316, LE903 or LE905 when something would stay in the archive for ever, or could not be found there.';

create or replace function lethe_private.never_ends(managed lethe.managed_tables, mirror lethe_private.mirrors)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column text;
  v_found boolean;
begin
  if exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is null and r.action = 'purge') then
    return false;
  elsif mirror.kind = 'rows' then
    execute format('select exists (select from lethe_archive.%I as m where m."lethe$root_table" = $1)', mirror.name) into v_found using managed.id;
    return v_found;
  end if;
  for v_column in
    select c.column_name from lethe_private.mirror_columns as c
    where c.mirror_id = mirror.id and c.holds_value
      and not exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name = c.column_name and r.action = 'purge')
  loop
    execute format('select exists (select from lethe_archive.%I as m where m.%I is not null)', mirror.name, v_column) into v_found;
    if v_found then
      return true;
    end if;
  end loop;
  return false;
end
$$;

comment on function lethe_private.never_ends(lethe.managed_tables, lethe_private.mirrors) is
  'True when a mirror has something that no purge of its table reaches.';
