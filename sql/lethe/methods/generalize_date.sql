-- Generalization of dates: the first day of the month, the quarter, the year, or of a band of years (a birth
-- date becomes the first day of the decade of birth: an age band, whatever today is).
--
-- Three overloads, one a type. What they have in common:
--   * infinite values stand for "none", not for a person's date, and stay;
--   * what lies before year 1 becomes its first day: the calendar has no year 0 to round towards, and
--     rounding down at the very start of PostgreSQL's calendar would leave it;
--   * instants are read in UTC: date_trunc over timestamptz follows the session's zone and is only stable.
create or replace function lethe.generalize_date(value date, "to" text, width int)
  returns date
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  when "to" = 'month' then greatest(value, date '0001-01-01') - (extract(day from greatest(value, date '0001-01-01'))::int - 1)
  when "to" = 'quarter' then make_date(
    extract(year from greatest(value, date '0001-01-01'))::int, 3 * extract(quarter from greatest(value, date '0001-01-01'))::int - 2, 1)
  when "to" = 'year' then make_date(greatest(1, extract(year from value)::int), 1, 1)
  else make_date(greatest(1, extract(year from value)::int - extract(year from value)::int % greatest(width, 1)), 1, 1)
end;

comment on function lethe.generalize_date(date, text, int) is
  'First day of the month, the quarter, the year or the age_band (of so many years) that the date lies in. Infinite dates stay.';

create or replace function lethe.generalize_date(value timestamp, "to" text, width int)
  returns timestamp
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  when "to" = 'month' then date_trunc('month', greatest(value, timestamp '0001-01-01'))
  when "to" = 'quarter' then date_trunc('quarter', greatest(value, timestamp '0001-01-01'))
  when "to" = 'year' then date_trunc('year', greatest(value, timestamp '0001-01-01'))
  else make_timestamp(greatest(1, extract(year from value)::int - extract(year from value)::int % greatest(width, 1)), 1, 1, 0, 0, 0)
end;

comment on function lethe.generalize_date(timestamp, text, int) is
  'First instant of the month, the quarter, the year or the age_band (of so many years) that the timestamp lies in. Infinite ones stay.';

create or replace function lethe.generalize_date(value timestamptz, "to" text, width int)
  returns timestamptz
  language sql
  immutable
  parallel safe
return lethe.generalize_date(value at time zone 'UTC', "to", width) at time zone 'UTC';

comment on function lethe.generalize_date(timestamptz, text, int) is
  'First instant, in UTC, of the month, the quarter, the year or the age_band (of so many years) that the instant lies in. Infinite ones stay.';

create or replace function lethe.is_generalize_date(value date, "to" text, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_date(value, "to", width);

comment on function lethe.is_generalize_date(date, text, int) is
  'True when lethe.generalize_date would leave the date as it is; null for null.';

create or replace function lethe.is_generalize_date(value timestamp, "to" text, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_date(value, "to", width);

comment on function lethe.is_generalize_date(timestamp, text, int) is
  'True when lethe.generalize_date would leave the timestamp as it is; null for null.';

create or replace function lethe.is_generalize_date(value timestamptz, "to" text, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_date(value, "to", width);

comment on function lethe.is_generalize_date(timestamptz, text, int) is
  'True when lethe.generalize_date would leave the instant as it is; null for null.';
