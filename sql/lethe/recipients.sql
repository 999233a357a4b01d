-- To whom personal data was passed on, and who is told when it is corrected, restricted, objected to or erased (GDPR
-- Art. 19). docs/recipients.md is the contract with them.
--
--   select lethe.add_recipient('newsletter', 'https://mail.example.org/lethe', controller => 'north');   -- the secret, once
--   select * from lethe.list_recipients();
--   select lethe.remove_recipient('newsletter', controller => 'north');
create or replace function lethe.add_recipient(
  name text,
  url text,
  kinds text[] default array['rectification', 'restriction', 'erasure'],
  controller text default null,
  secret text default null
)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may write recipients, nor read what they are signed with
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers := lethe_private.recipient_controller(add_recipient.controller);
  v_secret text := coalesce(add_recipient.secret, lethe_private.new_secret());
  v_id int;
begin
  perform lethe_private.assert_recipient(add_recipient.name, add_recipient.url, add_recipient.kinds, v_secret);
  begin
    insert into lethe.recipients (controller_id, name, url, kinds)
    values (v_controller.id, add_recipient.name, add_recipient.url, add_recipient.kinds)
    returning id into v_id;
  exception when unique_violation then
    raise exception using errcode = 'LE418',
      message = format('controller %s has a recipient %I already', v_controller.name, add_recipient.name),
      hint = 'remove it first, or give this one another name';
  end;
  insert into lethe_private.recipient_secrets (recipient_id, secret) values (v_id, convert_to(v_secret, 'UTF8'));
  return v_secret;
end
$$;

comment on function lethe.add_recipient(text, text, text[], text, text) is
  'Registers a system that is told of requests of a controller, by signed webhooks. Returns the secret, which nothing shows again. Raises LE101, LE418, LE502.';

create or replace function lethe_private.recipient_controller(controller text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found lethe.controllers[] := case
    when recipient_controller.controller is not null then array[lethe_private.get_controller(recipient_controller.controller)]
    else array(select c from lethe.controllers as c) end;
begin
  if not lethe_private.is_one_of(array['lethe_officer']) then
    raise exception using errcode = 'LE502',
      message = 'you may not change recipients',
      hint = 'it takes lethe_officer';
  elsif cardinality(v_found) <> 1 then
    raise exception using errcode = 'LE418',
      message = 'it is not said to which controller the recipient belongs',
      hint = 'name the controller: there are several';
  end if;
  perform lethe_private.assert_may_change(v_found[1].id);
  return v_found[1];
end
$$;

comment on function lethe_private.recipient_controller(text) is 'The controller of a recipient, for an officer. Raises LE101, LE418, LE502.';

-- 256 bits of the server's strong random source.
create or replace function lethe_private.new_secret()
  returns text
  language sql
  volatile
return 'whsec_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64');

comment on function lethe_private.new_secret() is 'A new secret for webhooks.';

-- A URL stands in tables and logs of proxies, so it holds no password; and what is sent is not to be read on the way.
create or replace function lethe_private.assert_recipient(name text, url text, kinds text[], secret text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(assert_recipient.name, '') !~ '^[a-z0-9][a-z0-9._-]{0,62}$' then
    raise exception using errcode = 'LE418',
      message = format('%s is no name for a recipient', coalesce(quote_literal(assert_recipient.name), 'null')),
      hint = 'use lower-case letters, digits, -, _ and the dot';
  elsif coalesce(assert_recipient.url, '') !~* '^(https://[^/?#@[:space:]\\]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)([/?][^#[:space:]]*)?$' then
    raise exception using errcode = 'LE418',
      message = format('the address of recipient %I cannot be used', assert_recipient.name),
      hint = 'https://host/path without user, password or #; http for this very machine alone';
  elsif kinds is null or kinds = '{}' or not kinds <@ array['rectification', 'restriction', 'objection', 'erasure'] then
    raise exception using errcode = 'LE418',
      message = format('of what recipient %I is told makes no sense', assert_recipient.name),
      hint = 'some of: rectification, restriction, objection, erasure';
  elsif octet_length(convert_to(secret, 'UTF8')) not between 24 and 64 then
    raise exception using errcode = 'LE418',
      message = format('the secret of recipient %I is too short or too long', assert_recipient.name),
      hint = '24 to 64 bytes; without one, Lethe makes one';
  end if;
end
$$;

comment on function lethe_private.assert_recipient(text, text, text[], text) is 'Raises LE418 for what cannot be a recipient.';

-- Nothing more is sent to it. What it was told stays in the requests.
create or replace function lethe.remove_recipient(name text, controller text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write recipients
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers := lethe_private.recipient_controller(remove_recipient.controller);
  v_id int;
begin
  update lethe.recipients as p set removed_at = clock_timestamp()
  where p.controller_id = v_controller.id and p.name = remove_recipient.name and p.removed_at is null
  returning p.id into v_id;
  if v_id is null then
    raise exception using errcode = 'LE115',
      message = format('controller %s has no recipient %I', v_controller.name, coalesce(remove_recipient.name, '')),
      hint = 'lethe recipient list, or select * from lethe.list_recipients()';
  end if;
  delete from lethe_private.recipient_secrets as s where s.recipient_id = v_id;
  delete from lethe_private.notification_hashes as h
  where h.notification_id in (select n.id from lethe.notifications as n where n.recipient_id = v_id);
  update lethe.notifications as n set state = 'dead' where n.recipient_id = v_id and n.state = 'waiting';
end
$$;

comment on function lethe.remove_recipient(text, text) is
  'Tells a recipient nothing any more; what it has not heard yet is given up. Raises LE101, LE115, LE418, LE502.';

create or replace function lethe.list_recipients()
  returns table (controller text, name text, url text, kinds text[], added_at timestamptz, waiting bigint, received bigint, completed bigint, dead bigint)
  language sql
  stable
  security definer  -- agents do not read lethe.controllers
begin atomic
  select c.name, p.name, p.url, p.kinds, p.added_at,
    count(n.id) filter (where n.state = 'waiting'), count(n.id) filter (where n.state = 'received'),
    count(n.id) filter (where n.state = 'completed'), count(n.id) filter (where n.state = 'dead')
  from lethe.recipients as p
  join lethe.controllers as c on c.id = p.controller_id
  left join lethe.notifications as n on n.recipient_id = p.id
  where p.removed_at is null and lethe_private.acts_for(p.controller_id)
  group by c.name, p.id
  order by c.name, p.name;
end;

comment on function lethe.list_recipients() is 'The recipients of the controllers you act for, and how many notifications each has, by state.';
