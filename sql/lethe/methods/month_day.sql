-- A birthday without the year of birth (--MM-DD in vCard). The year becomes 1604: a leap year, so that
-- 29 February keeps its day, before anybody's birth, and what address books write for "no year".
create or replace function lethe.month_day(value date)
  returns date
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  else make_date(1604, extract(month from value)::int, extract(day from value)::int)
end;

comment on function lethe.month_day(date) is 'The same month and day in the year 1604. Infinite dates stay.';

create or replace function lethe.is_month_day(value date)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) then value between date '1604-01-01' and date '1604-12-31'
  else value = value
end;

comment on function lethe.is_month_day(date) is 'True for a date of 1604 and for infinite ones; null for null.';
