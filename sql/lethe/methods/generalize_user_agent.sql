-- Generalization of browser identifications to the family: version, device and system together tell
-- people apart, the family does not. Browsers name each other in their strings, hence the order.
create or replace function lethe.is_generalize_user_agent(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" = any ('{"",bot,Chrome,Edge,Firefox,IE,Opera,Safari,Samsung,other}'::text[]);

comment on function lethe.is_generalize_user_agent(text) is
  'True for the name of a family, bot, other and empty text; null for null.';

create or replace function lethe.generalize_user_agent(value text, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when value is null or lethe.is_generalize_user_agent(value) then value
  when length < 7 then ''
  when value collate "C" ~* 'bot|crawl|spider|slurp|curl|wget|python|java/' then 'bot'
  when value collate "C" like '%Edg%/%' then 'Edge'
  when value collate "C" like '%OPR/%' or value collate "C" like '%Opera%' then 'Opera'
  when value collate "C" like '%SamsungBrowser/%' then 'Samsung'
  when value collate "C" like '%Firefox/%' or value collate "C" like '%FxiOS/%' then 'Firefox'
  when value collate "C" like '%Chrome/%' or value collate "C" like '%CriOS/%' or value collate "C" like '%Chromium/%' then 'Chrome'
  when value collate "C" like '%Safari/%' then 'Safari'
  when value collate "C" like '%MSIE %' or value collate "C" like '%Trident/%' then 'IE'
  else 'other'
end;

comment on function lethe.generalize_user_agent(text, int) is
  'The family of a browser: Chrome, Edge, Firefox, IE, Opera, Safari or Samsung; bot; other. Empty where fewer than 7 characters fit.';
