create or replace function lethe.set_controller(name text, time_zone text, reference text default null, title text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- makes the controller's key, which nobody may read
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_id int;
begin
  perform lethe_private.assert_may_change(null);
  if set_controller.name !~ '^[a-z][a-z0-9_-]{0,62}$' or set_controller.name is null then
    raise exception using errcode = 'LE101',
      message = format('%s is no name for a controller', coalesce(quote_literal(set_controller.name), 'null')),
      hint = 'use lower-case letters, digits, - and _, beginning with a letter';
  end if;
  perform lethe_private.assert_time_zone(set_controller.time_zone);
  if exists (select from lethe.controllers as c where c.reference = set_controller.reference and c.name <> set_controller.name) then
    raise exception using errcode = 'LE203',
      message = format('reference %L already names another controller', set_controller.reference),
      hint = 'a row belongs to one controller';
  end if;

  -- A policy says again what its controllers are. One that stays as it is is not locked: while a draft is rehearsed,
  -- no cycle could begin and no hold be placed.
  select c.id into v_id from lethe.controllers as c
  where c.name = set_controller.name
    and (c.time_zone, c.reference, c.title) is not distinct from (set_controller.time_zone, set_controller.reference, set_controller.title);
  if v_id is null then
    insert into lethe.controllers as c (name, time_zone, reference, title)
    values (set_controller.name, set_controller.time_zone, set_controller.reference, set_controller.title)
    on conflict on constraint controllers_name_key do update
    set time_zone = excluded.time_zone, reference = excluded.reference, title = excluded.title
    returning c.id into v_id;
  end if;
  if not exists (select from lethe_private.controller_keys as k where k.controller_id = v_id) then
    perform lethe_private.new_key(v_id);
  end if;
end
$$;

comment on function lethe.set_controller(text, text, text, text) is
  'Adds or changes a controller. reference: what a table''s controller column holds for it. Raises LE101, LE105, LE203, LE502.';

create or replace function lethe.add_member(login name, controller text)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write memberships
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(add_member.controller);
begin
  perform lethe_private.assert_may_change(null);
  if not exists (select from pg_roles as r where r.rolname = add_member.login) then
    raise exception using errcode = 'LE108',
      message = format('role %I does not exist', add_member.login),
      hint = 'create it first: create role ... login';
  end if;
  insert into lethe.memberships (login, controller_id) values (add_member.login, v_controller.id) on conflict do nothing;
end
$$;

comment on function lethe.add_member(name, text) is 'Lets a login act for a controller. Raises LE101, LE108, LE502.';

create or replace function lethe.remove_member(login name, controller text)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write memberships
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(remove_member.controller);
begin
  perform lethe_private.assert_may_change(null);
  delete from lethe.memberships as m where m.login = remove_member.login and m.controller_id = v_controller.id;
end
$$;

comment on function lethe.remove_member(name, text) is 'Ends what add_member began. Raises LE101, LE502.';
