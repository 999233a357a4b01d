-- A change of the policy must not let go of what is held: without its table, key, subject type or links a hold
-- would no longer find its rows.
create or replace function lethe_private.keep_held()
  returns trigger
  language plpgsql
  security definer  -- reads what holds name
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold int;
  v_what text;
begin
  case tg_table_name
    when 'managed_tables' then
      select min(h) into v_hold from lethe_private.holds_touching(old.id) as h;
      v_what := format('table %I.%I', old.schema_name, old.table_name);
    when 'subject_types' then
      select min(f.id) into v_hold
      from lethe_private.holds_in_force() as f (id)
      join lethe.holds as h on h.id = f.id and h.subject = old.name;
      v_what := format('subject type %s', old.name);
  end case;
  if v_hold is not null then
    raise exception using errcode = 'LE409',
      message = format('%s is under hold %s and cannot leave the policy, nor change its key or whose it is', v_what, v_hold),
      hint = 'release the hold first, and place it anew afterwards';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end
$$;

comment on function lethe_private.keep_held() is 'Trigger: raises LE409 for a change of the policy that would let go of what is held.';

create or replace trigger keep_held_deleted before delete on lethe.managed_tables
  for each row execute function lethe_private.keep_held();
create or replace trigger keep_held_changed before update on lethe.managed_tables
  for each row when (old.key_columns is distinct from new.key_columns or old.controller_column is distinct from new.controller_column
    or old.controller_id is distinct from new.controller_id)
  execute function lethe_private.keep_held();
create or replace trigger keep_held_deleted before delete on lethe.subject_types
  for each row execute function lethe_private.keep_held();
create or replace trigger keep_held_changed before update on lethe.subject_types
  for each row when (old.name <> new.name or old.table_id <> new.table_id)
  execute function lethe_private.keep_held();

-- Links are laid anew whenever a policy is applied, so they are looked at when all is done.
create or replace function lethe_private.assert_links_kept()
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_lost lethe_private.held_links;
begin
  select x.* into v_lost
  from lethe_private.held_links as x
  join lethe.holds as h on h.id = x.hold_id
  where x.hold_id in (select f from lethe_private.holds_in_force() as f)
    and not exists (
      select from lethe.links as l
      join lethe.subject_types as s on s.id = l.subject_type_id and s.name = h.subject
      where l.table_id = x.table_id and l.columns = x.columns and l.to_table_id = x.to_table_id and l.to_columns = x.to_columns
        and l.kind in ('own', 'share'))
  limit 1;
  if found then
    raise exception using errcode = 'LE409',
      message = format('hold %s reaches rows of %s by a link that would no longer be there', v_lost.hold_id,
        (select format('%I.%I', m.schema_name, m.table_name) from lethe.managed_tables as m where m.id = v_lost.table_id)),
      hint = 'keep the link as own or share until the hold is released';
  end if;
end
$$;

comment on function lethe_private.assert_links_kept() is 'Raises LE409 where a link has gone by which a hold on a person reaches rows.';
