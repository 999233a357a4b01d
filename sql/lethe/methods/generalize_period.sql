-- Generalization of ranges of dates and times (a stay, a contract): both ends go down to the first day of
-- the month, the quarter or the year they lie in, and belong to the range. Ends that are open, or
-- infinite, and empty ranges stay as they are.
create or replace function lethe.generalize_period(value daterange, "to" text)
  returns daterange
  language sql
  immutable
  parallel safe
return case
  when isempty(value) is not false then value
  else daterange(lethe.generalize_date(lower(value), "to", 1), lethe.generalize_date(upper(value), "to", 1), '[]')
end;

comment on function lethe.generalize_period(daterange, text) is
  'The range between the first days of the months, quarters or years that its ends lie in.';

create or replace function lethe.generalize_period(value tsrange, "to" text)
  returns tsrange
  language sql
  immutable
  parallel safe
return case
  when isempty(value) is not false then value
  else tsrange(lethe.generalize_date(lower(value), "to", 1), lethe.generalize_date(upper(value), "to", 1), '[]')
end;

comment on function lethe.generalize_period(tsrange, text) is
  'The range between the first instants of the months, quarters or years that its ends lie in.';

create or replace function lethe.generalize_period(value tstzrange, "to" text)
  returns tstzrange
  language sql
  immutable
  parallel safe
return case
  when isempty(value) is not false then value
  else tstzrange(lethe.generalize_date(lower(value), "to", 1), lethe.generalize_date(upper(value), "to", 1), '[]')
end;

comment on function lethe.generalize_period(tstzrange, text) is
  'The range between the first instants, in UTC, of the months, quarters or years that its ends lie in.';

create or replace function lethe.is_generalize_period(value daterange, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_period(value, "to");

comment on function lethe.is_generalize_period(daterange, text) is
  'True when lethe.generalize_period would leave the range as it is; null for null.';

create or replace function lethe.is_generalize_period(value tsrange, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_period(value, "to");

comment on function lethe.is_generalize_period(tsrange, text) is
  'True when lethe.generalize_period would leave the range as it is; null for null.';

create or replace function lethe.is_generalize_period(value tstzrange, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_period(value, "to");

comment on function lethe.is_generalize_period(tstzrange, text) is
  'True when lethe.generalize_period would leave the range as it is; null for null.';
