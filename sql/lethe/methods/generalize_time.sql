-- Generalization of the time of day: when something happened to the hour, the day or the week is often
-- enough, and a second names one event. Infinite values stay; what lies before year 1 becomes its first
-- day, a Monday; instants are read in UTC, as generalize_date does.
create or replace function lethe.generalize_time(value timestamp, "to" text)
  returns timestamp
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  else date_trunc("to", greatest(value, timestamp '0001-01-01'))
end;

comment on function lethe.generalize_time(timestamp, text) is
  'First instant of the hour, the day or the week (Monday) that the timestamp lies in. Infinite ones stay.';

create or replace function lethe.generalize_time(value timestamptz, "to" text)
  returns timestamptz
  language sql
  immutable
  parallel safe
return lethe.generalize_time(value at time zone 'UTC', "to") at time zone 'UTC';

comment on function lethe.generalize_time(timestamptz, text) is
  'First instant, in UTC, of the hour, the day or the week (Monday) that the instant lies in. Infinite ones stay.';

create or replace function lethe.is_generalize_time(value timestamp, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_time(value, "to");

comment on function lethe.is_generalize_time(timestamp, text) is
  'True when lethe.generalize_time would leave the timestamp as it is; null for null.';

create or replace function lethe.is_generalize_time(value timestamptz, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_time(value, "to");

comment on function lethe.is_generalize_time(timestamptz, text) is
  'True when lethe.generalize_time would leave the instant as it is; null for null.';
