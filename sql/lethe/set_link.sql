create or replace function lethe.set_subject_type(name text, "table" text, identifiers text[] default '{}')
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_columns(v_managed, set_subject_type.identifiers);
  if set_subject_type.name !~ '^[a-z][a-z0-9_-]{0,62}$' or set_subject_type.name is null then
    raise exception using errcode = 'LE109',
      message = format('%s is no name for a subject type', coalesce(quote_literal(set_subject_type.name), 'null')),
      hint = 'use lower-case letters, digits, - and _, beginning with a letter';
  end if;
  insert into lethe.subject_types as s (name, table_id, identifiers)
  values (set_subject_type.name, v_managed.id, coalesce(set_subject_type.identifiers, '{}'))
  on conflict on constraint subject_types_name_key do update
  set table_id = excluded.table_id, identifiers = excluded.identifiers;
end
$$;

comment on function lethe.set_subject_type(text, text, text[]) is
  'Names a kind of person: its root table and the columns by which one is looked up. Raises LE102, LE103, LE109, LE502.';

-- Where a foreign key exists between the two tables it need not be spelt out. on_purge says what happens
-- to the rows of this table when a row they refer to is purged.
create or replace function lethe_private.put_link(
  "table" text,
  "to" text default null,
  columns text[] default null,
  to_columns text[] default null,
  on_purge text default 'keep',
  subject text default null,
  kind text default null,
  on_erasure jsonb default null
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables := lethe_private.get_managed("table");
  v_child_oid oid := lethe_private.host_table(v_child.schema_name, v_child.table_name);
  v_parent lethe.managed_tables;
  v_parent_oid oid;
  v_type_id int;
  v_link record;
  v_changes boolean := false;
begin
  perform lethe_private.assert_may_change(null);
  if on_purge not in ('keep', 'with parent', 'unlink') or kind not in ('own', 'share', 'mention', 'ignore') then
    raise exception using errcode = 'LE106',
      message = format('link of %s has an unknown kind or on_purge', "table"),
      hint = 'kind is own, share, mention or ignore; on_purge is keep, with parent or unlink';
  end if;
  if subject is not null then
    select s.id into v_type_id from lethe.subject_types as s where s.name = subject;
    if v_type_id is null then
      raise exception using errcode = 'LE109',
        message = format('subject type %L does not exist', subject),
        hint = 'lethe.subject_types lists them';
    end if;
  end if;
  perform lethe_private.assert_columns(v_child, columns);

  if to_columns is not null then
    v_parent := lethe_private.get_managed("to");
    perform lethe_private.assert_columns(v_parent, to_columns);
    if cardinality(columns) is distinct from cardinality(to_columns) then
      raise exception using errcode = 'LE106',
        message = format('link of %s to %s pairs %s columns with %s', "table", "to", coalesce(cardinality(columns), 0), cardinality(to_columns)),
        hint = 'name as many columns on either side';
    end if;
    -- The columns named may be those of a foreign key after all, in either direction: a person's row
    -- may point to the row that several share.
    v_parent_oid := lethe_private.host_table(v_parent.schema_name, v_parent.table_name);
    select min(r.foreign_key) as foreign_key, columns as child_columns, to_columns as parent_columns into v_link
    from lethe_private.host_references as r
    where (r.child, r.parent, r.child_columns, r.parent_columns) in (
      (v_child_oid, v_parent_oid, columns, to_columns), (v_parent_oid, v_child_oid, to_columns, columns));
  else
    select * into v_link from lethe_private.find_reference(v_child, "to", columns);
    v_parent := lethe_private.get_managed(lethe_private.host_name(v_link.parent));
  end if;
  perform lethe_private.assert_on_purge(v_child, v_parent, v_link.child_columns, on_purge);

  if exists (
    select from lethe.links as l
    where l.subject_type_id = v_type_id and l.table_id = v_child.id and l.columns = v_link.child_columns and l.to_table_id = v_parent.id)
  then
    v_changes := true;
  end if;
  insert into lethe.links (subject_type_id, table_id, columns, to_table_id, to_columns, foreign_key, kind, on_purge, on_erasure)
  values (v_type_id, v_child.id, v_link.child_columns, v_parent.id, v_link.parent_columns, v_link.foreign_key, put_link.kind, put_link.on_purge, put_link.on_erasure)
  on conflict on constraint links_table_id_columns_to_table_id_subject_type_id_key do update
  set to_columns = excluded.to_columns, foreign_key = excluded.foreign_key, kind = excluded.kind,
      on_purge = excluded.on_purge, on_erasure = excluded.on_erasure;
  if v_changes then
    perform lethe_private.assert_links_kept();
  end if;
end
$$;

comment on function lethe_private.put_link(text, text, text[], text[], text, text, text, jsonb) is
  'Declares one link, judged by itself.';

create or replace function lethe.set_link(
  "table" text,
  "to" text default null,
  columns text[] default null,
  to_columns text[] default null,
  on_purge text default 'keep',
  subject text default null,
  kind text default null,
  on_erasure jsonb default null
)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.put_link("table", "to", columns, to_columns, on_purge, subject, kind, on_erasure);
  perform lethe_private.assert_minima(lethe_private.get_managed("table"));
end
$$;

comment on function lethe.set_link(text, text, text[], text[], text, text, text, jsonb) is
  'Declares how rows of a table refer to another: through its foreign key, or by the columns named. Raises LE102, LE103, LE106, LE109, LE305, LE317, LE409, LE502.';

create or replace function lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[])
  returns lethe_private.host_references
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_to oid := case when "to" is not null then lethe_private.resolve_table("to") end;
  v_found lethe_private.host_references[];
begin
  select array_agg(r) into v_found
  from lethe_private.host_references as r
  where r.child = v_child
    and (v_to is null or r.parent = v_to)
    and (find_reference.columns is null or r.child_columns = find_reference.columns)
    and exists (select from lethe_private.managed_relations as m where m.relation = r.parent);
  if cardinality(v_found) = 1 then
    return v_found[1];
  end if;
  raise exception using errcode = 'LE106',
    message = format('%s has %s foreign key to %s%s', lethe_private.host_name(v_child),
      case when v_found is null then 'no' else 'more than one' end, coalesce(lethe_private.host_name(v_to), 'a managed table'),
      coalesce(' over ' || array_to_string(columns, ', '), '')),
    hint = case when v_found is null then 'declare the link by hand: name the columns on both sides, and manage the other table first'
      else 'name the columns: ' || (select string_agg('[' || array_to_string(f.child_columns, ', ') || ']', ' or ') from unnest(v_found) as f) end;
end
$$;

comment on function lethe_private.find_reference(lethe.managed_tables, text, text[]) is
  'The one foreign key of a managed table that fits. Raises LE106 when none or several do.';

create or replace function lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if on_purge = 'with parent' and child.id = parent.id then
    raise exception using errcode = 'LE316',
      message = format('table %I.%I cannot go with itself', child.schema_name, child.table_name),
      hint = 'leave the reference as it is (a row stays while one refers to it), or declare it unlink';
  elsif on_purge = 'unlink' and exists (
    select from lethe_private.host_columns as h
    where h.relation = lethe_private.host_table(child.schema_name, child.table_name) and h.name = any (columns) and h.not_null)
  then
    raise exception using errcode = 'LE305',
      message = format('reference %s of %I.%I is NOT NULL and cannot be unlinked', array_to_string(columns, ', '), child.schema_name, child.table_name),
      hint = 'declare it with parent, or leave it: a row stays while one refers to it';
  end if;
end
$$;

comment on function lethe_private.assert_on_purge(lethe.managed_tables, lethe.managed_tables, text[], text) is
  'Raises LE305 (unlinking what is NOT NULL) or LE316 (a table that would go with itself).';
