-- Generalization of web addresses to their origin: scheme, host and port. User, password, path, query and
-- fragment, where names, tokens and search words stand, go. What is no address with a host becomes empty.
create or replace function lethe.is_generalize_url(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" ~ '^([A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s\\]+)?$';

comment on function lethe.is_generalize_url(text) is
  'True for a scheme and a host with nothing after it, and for empty text; null for null.';

create or replace function lethe.generalize_url(value text)
  returns text
  language sql
  immutable
  parallel safe
return case
  when value is not null then coalesce(
    substring(value collate "C" from '^[A-Za-z][A-Za-z0-9+.-]*://')
      || substring(value collate "C" from '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?([^/?#@\s\\]+)(?:[/?#\s\\]|$)'),
    '')
end;

comment on function lethe.generalize_url(text) is
  'Scheme, host and port of a web address; empty for text that is none.';
