-- Partial masking of e-mail addresses: a few characters of the mailbox stay, and of the domain the last
-- label, or all of it. Stars are no part of any domain name (RFC 1035), so that with the domain masked
-- nobody can be written to by mistake. What is not one mailbox at one domain becomes stars altogether.
create or replace function lethe.partial_email(value text, keep_start int, keep_domain boolean)
  returns text
  language sql
  immutable
  parallel safe
return case
  when value collate "C" not like '_%@_%' or value collate "C" like '%@%@%' then repeat('*', char_length(value))
  else case
      when strpos(value collate "C", '@') - 1 < 2 * keep_start then repeat('*', strpos(value collate "C", '@') - 1)
      else left(value, keep_start) || repeat('*', strpos(value collate "C", '@') - 1 - keep_start)
    end
    || case
      when keep_domain then substr(value, strpos(value collate "C", '@'))
      when split_part(value collate "C", '.', -1) like '%@%' or split_part(value collate "C", '.', -1) = ''
        then '@' || repeat('*', char_length(value) - strpos(value collate "C", '@'))
      else '@'
        || repeat('*', char_length(value) - strpos(value collate "C", '@') - char_length(split_part(value collate "C", '.', -1)) - 1)
        || '.' || split_part(value collate "C", '.', -1)
    end
end;

comment on function lethe.partial_email(text, int, boolean) is
  'Keeps the length, the first characters of the mailbox and the last label of the domain, or all of it; stars for the rest, and for all of what is no address.';

create or replace function lethe.is_partial_email(value text, keep_start int, keep_domain boolean)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" = lethe.partial_email(value, keep_start, keep_domain);

comment on function lethe.is_partial_email(text, int, boolean) is
  'True when lethe.partial_email would leave the value as it is; null for null.';
