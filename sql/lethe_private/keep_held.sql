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
create or replace function lethe_private.keep_held_link()
  returns trigger
  language plpgsql
  security definer  -- reads what holds name
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold int;
begin
  select min(f.id) into v_hold
  from lethe_private.holds_in_force() as f (id)
  join lethe.holds as h on h.id = f.id
  join lethe.subject_types as s on s.name = h.subject and s.id = old.subject_type_id
  where old.kind in ('own', 'share') and not exists (
    select from lethe.links as l
    where l.subject_type_id = s.id and l.table_id = old.table_id and l.columns = old.columns and l.to_table_id = old.to_table_id
      and l.to_columns = old.to_columns and l.kind in ('own', 'share'));
  if v_hold is not null then
    raise exception using errcode = 'LE409',
      message = format('hold %s reaches rows of %s by a link that would no longer be there', v_hold,
        (select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = old.table_id)),
      hint = 'keep the link as own or share until the hold is released';
  end if;
  return null;
end
$$;

comment on function lethe_private.keep_held_link() is 'Trigger: raises LE409 for a link by which a hold on a person reaches rows, and which has gone.';

do $$
begin
  if not exists (select from pg_trigger as t where t.tgrelid = 'lethe.links'::regclass and t.tgname = 'keep_held') then
    create constraint trigger keep_held after update or delete on lethe.links
      deferrable initially deferred for each row execute function lethe_private.keep_held_link();
  end if;
end
$$;
