-- Sending, in three steps, each a transaction: take (the attempt is counted before anything is sent), send, note. Killed
-- between the last two, a worker sends once more, with the same key: at least once on the way, once for whoever heeds the key.

-- What is sent, signed here, so that the secret never leaves the database. No row: there is nothing to send any more.
create or replace function lethe.take_notification(notification bigint)
  returns table (url text, event_key uuid, body text, signature text, attempt int)
  language plpgsql
  volatile
  security definer  -- nobody may read the secrets
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_notification lethe.notifications;
  v_recipient lethe.recipients;
  v_secret bytea;
  v_second text := extract(epoch from clock_timestamp())::bigint::text;
begin
  v_notification := lethe_private.get_notification(take_notification.notification);
  if v_notification.state <> 'waiting' then
    return;
  elsif v_notification.attempts >= 15 then
    perform lethe_private.answer(v_notification, 'dead', v_notification.status);
    return;
  end if;
  update lethe.notifications as n set attempts = n.attempts + 1, sent_at = clock_timestamp()
  where n.id = v_notification.id
  returning n.attempts into attempt;
  select p.* into strict v_recipient from lethe.recipients as p where p.id = v_notification.recipient_id;
  select s.secret into strict v_secret from lethe_private.recipient_secrets as s where s.recipient_id = v_recipient.id;
  url := v_recipient.url;
  event_key := v_notification.event_key;
  body := lethe_private.notification_body(v_notification)::text;
  signature := format('t=%s,v1=%s', v_second, encode(lethe_private.hmac_text(v_second || '.' || body, v_secret), 'hex'));
  return next;
end
$$;

comment on function lethe.take_notification(bigint) is
  'What a recipient is to be sent now, with its signature, and counts the attempt; no row when it has answered or was given up. Raises LE115, LE502.';

create or replace function lethe_private.notification_body(notification lethe.notifications)
  returns json
  language sql
  stable
begin atomic
  select json_build_object(
    'event', r.kind,
    'event_key', notification.event_key,
    'request', r.id,
    'controller', c.name,
    'subject', r.subject,
    'identifiers', h.identifiers,
    'answer_by', greatest(r.due_on, lethe_private.today(c.time_zone)))
  from lethe.requests as r
  join lethe.controllers as c on c.id = r.controller_id
  join lethe_private.notification_hashes as h on h.notification_id = notification.id
  where r.id = notification.request_id;
end;

comment on function lethe_private.notification_body(lethe.notifications) is 'What a recipient is told: docs/recipients.md.';

create or replace function lethe_private.get_notification(id bigint)
  returns lethe.notifications
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_notification lethe.notifications;
begin
  if not lethe_private.is_one_of(array['lethe_worker', 'lethe_officer']) then
    raise exception using errcode = 'LE502',
      message = 'you may not notify recipients',
      hint = 'it takes lethe_worker or lethe_officer';
  end if;
  select n.* into v_notification
  from lethe.notifications as n join lethe.requests as r on r.id = n.request_id
  where n.id = get_notification.id
    and (lethe_private.acts_for(r.controller_id) or lethe_private.is_one_of(array['lethe_worker']))
  for no key update of n;
  if not found then
    raise exception using errcode = 'LE115',
      message = format('notification %s does not exist, or is of a controller you do not act for', coalesce(get_notification.id::text, '(null)')),
      hint = 'lethe request show lists those of a request';
  end if;
  return v_notification;
end
$$;

comment on function lethe_private.get_notification(bigint) is 'A notification, locked. Raises LE115, LE502.';

create or replace function lethe.note_notification(notification bigint, status int, completed boolean default false)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may write notifications
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_notification lethe.notifications := lethe_private.get_notification(notification);
begin
  if v_notification.state <> 'waiting' then
    return v_notification.state;
  end if;
  return lethe_private.answer(v_notification, case
    when note_notification.status between 200 and 299 then case when note_notification.completed then 'completed' else 'received' end
    when v_notification.attempts >= 15 then 'dead'
    else 'waiting' end, note_notification.status);
end
$$;

comment on function lethe.note_notification(bigint, int, boolean) is
  'What a recipient answered: its HTTP status, null when none came. Returns the state: received, completed, waiting for another attempt, or dead after the fifteenth. Raises LE115, LE502.';

create or replace function lethe_private.answer(notification lethe.notifications, state text, status int)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  update lethe.notifications as n
  set state = answer.state, status = answer.status,
      received_at = case when answer.state in ('received', 'completed') then coalesce(n.received_at, clock_timestamp()) end,
      completed_at = case when answer.state = 'completed' then coalesce(n.completed_at, clock_timestamp()) end
  where n.id = notification.id;
  if answer.state <> 'waiting' then
    delete from lethe_private.notification_hashes as h where h.notification_id = notification.id;
  end if;
  return answer.state;
end
$$;

comment on function lethe_private.answer(lethe.notifications, text, int) is
  'Writes down what became of a notification; forgets the hashes once nothing is sent any more.';

-- A recipient that has to ask its own systems first says later that it is done; one that could not be reached is told
-- by other means, and answers by them.
create or replace function lethe.answer_notification(event_key uuid, state text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write notifications
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_notification lethe.notifications;
begin
  if not lethe_private.is_one_of(array['lethe_officer', 'lethe_agent']) then
    raise exception using errcode = 'LE502',
      message = 'you may not answer for a recipient',
      hint = 'it takes lethe_officer or lethe_agent';
  end if;
  select n.* into v_notification
  from lethe.notifications as n join lethe.requests as r on r.id = n.request_id
  where n.event_key = answer_notification.event_key and lethe_private.acts_for(r.controller_id)
  for no key update of n;
  if not found then
    raise exception using errcode = 'LE115',
      message = 'no notification has this key, or it is of a controller you do not act for',
      hint = 'lethe request show lists those of a request';
  elsif answer_notification.state is null or answer_notification.state not in ('received', 'completed')
    or v_notification.state = 'completed' and answer_notification.state <> 'completed' then
    raise exception using errcode = 'LE419',
      message = format('notification %s is %s and cannot become %s', v_notification.id, v_notification.state, coalesce(answer_notification.state, '(null)')),
      hint = 'a recipient has received it, or has completed what it asks for';
  end if;
  perform lethe_private.answer(v_notification, answer_notification.state, v_notification.status);
end
$$;

comment on function lethe.answer_notification(uuid, text) is
  'Writes down that a recipient has received a notification, or has completed what it asks for. Raises LE115, LE419, LE502.';
