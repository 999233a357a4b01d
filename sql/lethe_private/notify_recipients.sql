-- What a recipient is told. It recognises the person by the hash of an identifier, with its own secret as the key: neither
-- the table, nor a job, nor what passes on the way says who it is, and no recipient can compare with another.

-- The form in which an identifier is hashed. Numbers are told from other texts by their look, not by their column, so
-- that a recipient can do the same without knowing ours.
create or replace function lethe_private.recipient_form(identifier text)
  returns text
  language sql
  immutable
return (
  select case
    -- Latin letters for themselves: in a Turkish database I becomes another letter than anywhere else.
    when x.trimmed !~ '^[0-9+ ().\/-]+$' or length(regexp_replace(x.trimmed, '\D', '', 'g')) < 7
      then lower(translate(x.trimmed, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'))
    else regexp_replace(regexp_replace(x.trimmed, '[^0-9+]', '', 'g'), '^00', '+') end
  from btrim(identifier, E' \t\n\r') as x (trimmed));

comment on function lethe_private.recipient_form(text) is
  'An identifier as it is hashed for recipients: trimmed and in lower case; what looks like a telephone number as its digits, with + before an international one (00 is +).';

create or replace function lethe_private.hmac_text(value text, secret bytea)
  returns bytea
  language sql
  immutable
return sha256(lethe_private.hmac_pad(secret, 92) || sha256(lethe_private.hmac_pad(secret, 54) || convert_to(value, 'UTF8')));

comment on function lethe_private.hmac_text(text, bytea) is 'HMAC-SHA-256 of a text in UTF-8; the key has 64 bytes at the most.';

-- Called when a request is done in the database, in the same transaction: while the identifiers are still known. Again
-- is no harm.
create or replace function lethe_private.notify_recipients(request bigint)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
  v_identifiers jsonb;
  v_recipient record;
  v_notification bigint;
begin
  select r.* into v_request from lethe.requests as r where r.id = notify_recipients.request;
  if not exists (
    select from lethe.recipients as p
    where p.controller_id = v_request.controller_id and p.removed_at is null and v_request.kind = any (p.kinds)) then
    return;
  end if;
  v_identifiers := (
    select coalesce(jsonb_agg(distinct jsonb_build_object('column', i.column_name, 'identifier', lethe_private.recipient_form(i.identifier))), '[]')
    from lethe_private.identifiers_of(array[v_request.id]) as i);
  for v_recipient in
    select p.id, s.secret
    from lethe.recipients as p join lethe_private.recipient_secrets as s on s.recipient_id = p.id
    where p.controller_id = v_request.controller_id and p.removed_at is null and v_request.kind = any (p.kinds)
    order by p.id
  loop
    -- Whom nothing identifies, no recipient could recognise: somebody tells it by other means.
    insert into lethe.notifications (request_id, recipient_id, state)
    values (v_request.id, v_recipient.id, case when v_identifiers = '[]' then 'dead' else 'waiting' end)
    on conflict (request_id, recipient_id) do nothing
    returning id into v_notification;
    continue when v_notification is null or v_identifiers = '[]';
    insert into lethe_private.notification_hashes (notification_id, identifiers)
    select v_notification, jsonb_agg(jsonb_build_object(
      'column', i ->> 'column', 'hmac_sha256', encode(lethe_private.hmac_text(i ->> 'identifier', v_recipient.secret), 'hex')))
    from jsonb_array_elements(v_identifiers) as i;
  end loop;
end
$$;

comment on function lethe_private.notify_recipients(bigint) is
  'Makes the notifications of a request, one for each recipient of its controller and kind, with the identifiers hashed for it; dead at once where there is none.';
