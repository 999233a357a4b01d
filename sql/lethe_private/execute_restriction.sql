-- A restriction (GDPR Art. 18) is a hold on the person: so cycles, archive, partitions and guards leave it alone as
-- they leave any hold. It has no last day; it is lifted.
create or replace function lethe_private.execute_restriction(request lethe.requests)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types := lethe_private.type_of_request(request);
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_hold int;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = v_type.table_id;
  select c.* into v_controller from lethe.controllers as c where c.id = request.controller_id;
  v_hold := lethe_private.place_person_hold(format('restriction, request %s', request.id), v_type, v_managed, v_controller, null);
  update lethe.holds as h set request_id = request.id where h.id = v_hold;
  perform lethe_private.hold_keys(v_hold, v_type, v_controller, lethe_private.keys_of_request(request));
end
$$;

comment on function lethe_private.execute_restriction(lethe.requests) is
  'Restricts the data of the person of a request. Raises LE102, LE109, LE407, LE460, LE501.';

create or replace function lethe_private.type_of_request(request lethe.requests)
  returns lethe.subject_types
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
begin
  select s.* into v_type from lethe.subject_types as s where s.name = request.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %L, which request %s is about, does not exist any more', request.subject, request.id),
      hint = 'lethe.subject_types lists them';
  end if;
  return v_type;
end
$$;

comment on function lethe_private.type_of_request(lethe.requests) is 'The subject type of a request. Raises LE109.';

create or replace function lethe_private.keys_of_request(request lethe.requests)
  returns text[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys text[] := array(select r.key from lethe_private.request_roots as r where r.request_id = request.id order by r.n);
begin
  if v_keys = '{}' then
    raise exception using errcode = 'LE460',
      message = format('request %s names nobody any more', request.id),
      hint = 'who a request is about is forgotten when it has ended: open a new one';
  end if;
  return v_keys;
end
$$;

comment on function lethe_private.keys_of_request(lethe.requests) is 'The keys of the root rows of a request. Raises LE460.';
