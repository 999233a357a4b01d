-- Delays are whole days, weeks, months or years as ISO 8601 writes them: P3Y, P18M, P2W, P30D, P1Y6M.
create or replace function lethe_private.parse_delay(after text)
  returns interval
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
  set intervalstyle = postgres
as $$
declare
  v_delay interval;
begin
  if parse_delay.after ~ '^P(\d{1,6}Y)?(\d{1,6}M)?(\d{1,6}W)?(\d{1,6}D)?$' and parse_delay.after <> 'P' then
    v_delay := parse_delay.after::interval;
  end if;
  if v_delay is null or v_delay < interval '1 day' or v_delay > interval '1000 years' then
    raise exception using errcode = 'LE301',
      message = format('delay %s is not a whole number of days, weeks, months or years', coalesce(quote_literal(parse_delay.after), 'null')),
      hint = 'write it as ISO 8601: P30D, P2W, P18M, P3Y; at least one day, at most 1000 years';
  end if;
  return v_delay;
end
$$;

comment on function lethe_private.parse_delay(text) is
  'An ISO 8601 period of whole days or more as an interval. Raises LE301.';

create or replace function lethe_private.format_delay(after interval)
  returns text
  language sql
  immutable
return 'P'
  || coalesce(nullif(extract(year from after), 0) || 'Y', '')
  || coalesce(nullif(extract(month from after), 0) || 'M', '')
  || coalesce(nullif(extract(day from after), 0) || 'D', '');

comment on function lethe_private.format_delay(interval) is 'The inverse of parse_delay; weeks come back as days.';

-- A row is due when local date(clock) + after < today. Adding a delay never moves a later day before
-- an earlier one (31 January + 1 month is clamped, never carried over), so the days that are due are
-- all days up to a last one. We look for it once and every row is then compared with a constant.
-- Going backwards (today - after) lands within a few days of it: month lengths differ by at most
-- three, and a period in months and days can meet that difference twice.
create or replace function lethe_private.last_due_day(today date, after interval)
  returns date
  language sql
  immutable
begin atomic
  select max(d)
  from (select (last_due_day.today - last_due_day.after)::date + n as d from generate_series(-10, 10) as n) as near
  where (d + last_due_day.after)::date < last_due_day.today;
end;

comment on function lethe_private.last_due_day(date, interval) is
  'The latest local day d for which d + after < today, by PostgreSQL''s calendar.';

-- A month has 28 days or 31, so one month is not always longer than 30 days, nor shorter. True only where it is so
-- from every day on.
create or replace function lethe_private.outlasts(delay interval, other interval)
  returns boolean
  language sql
  immutable
begin atomic
  select case when m.more >= 0 then extract(day from delay) + 28 * m.more >= extract(day from other)
    else extract(day from delay) >= extract(day from other) + 31 * -m.more end
  from (select 12 * (extract(year from delay) - extract(year from other)) + extract(month from delay) - extract(month from other) as more) as m;
end;

comment on function lethe_private.outlasts(interval, interval) is
  'True when a delay never ends before another one that began on the same day.';

create or replace function lethe_private.assert_time_zone(time_zone text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from pg_timezone_names where name = assert_time_zone.time_zone) then
    raise exception using errcode = 'LE105',
      message = format('time zone %s is unknown', coalesce(quote_literal(assert_time_zone.time_zone), 'null')),
      hint = 'use an IANA name such as Europe/Paris; pg_timezone_names lists them';
  end if;
end
$$;

comment on function lethe_private.assert_time_zone(text) is 'Raises LE105 unless PostgreSQL knows the zone by this very name.';

create or replace function lethe_private.today(time_zone text)
  returns date
  language sql
  stable
return (now() at time zone time_zone)::date;

comment on function lethe_private.today(text) is 'The local day in a time zone.';
