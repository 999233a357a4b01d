-- What an analyst may know of the readers: figures, and none about fewer than five people. `lethe seed` runs it after
-- api.sql. The view belongs to whoever owns the tables; the statistics of a customer of yours would look alike.
--
-- Two rules of statistical disclosure control (A. Hundepool et al., Handbook on Statistical Disclosure Control,
-- ESSnet SDC 2010: the threshold rule for frequency tables; recoding, as the protection of what it leaves):
--
-- 1. No row counts fewer than k = 5 readers.
-- 2. A country below that goes into the row 'other' of its title and month. Should that row be one country alone,
--    or still below k, the next smallest country joins it, and if there is none the row is left out. So a country
--    kept back is never what remains when the rows shown are taken from a total.
--
-- The rows of a title and month are disjoint groups of readers, each at least k: whatever is added up or taken from
-- one another is again a group of at least k. What moves with the data can be compared over time; statistics that
-- stand still come later.

create view lethe_stats.new_readers with (security_barrier) as
with country as (
  select
    p.name as publisher,
    t.id as title_id,
    t.name as title,
    date_trunc('month', s.starts_on)::date as month,
    coalesce(a.country::text, 'unknown') as country,
    count(distinct s.contact_id) as readers
  from audience.subscriptions as s
  join audience.titles as t on t.id = s.title_id
  join audience.publishers as p on p.id = t.publisher_id
  join audience.contacts as c on c.id = s.contact_id
  left join audience.addresses as a on a.id = c.address_id
  where s.publisher_id = any ((select audience_api.own_publishers())::integer[])
  group by p.name, t.id, t.name, date_trunc('month', s.starts_on), coalesce(a.country::text, 'unknown')
), ranked as (
  select
    country.*,
    bool_or(readers < 5) over (partition by title_id, month) as has_small,
    row_number() over smallest_first as place,
    sum(readers) over smallest_first - readers as readers_before
  from country
  window smallest_first as (partition by title_id, month order by readers, country)
)
select
  publisher,
  title,
  month,
  case when readers < 5 or has_small and (place <= 2 or readers_before < 5) then 'other' else country end as country,
  sum(readers)::integer as readers
from ranked
group by 1, title_id, 2, 3, 4
having sum(readers) >= 5;

revoke all on lethe_stats.new_readers from public;
grant select on lethe_stats.new_readers to lethe_analyst;
-- lethe check measures it as lethe_sweeper, which may call what the view calls.
grant select on lethe_stats.new_readers to lethe_sweeper;
grant usage on schema audience_api to lethe_sweeper;
grant execute on function audience_api.own_publishers() to lethe_sweeper;

comment on view lethe_stats.new_readers is
  E'@primaryKey publisher,title,month,country\nReaders whose subscription to a title began in a month, by country of their address. No row counts fewer than five.';
comment on column lethe_stats.new_readers.publisher is E'@isIndexed\nWhose readers they are.';
comment on column lethe_stats.new_readers.title is E'@isIndexed\nThe newspaper or magazine.';
comment on column lethe_stats.new_readers.month is E'@isIndexed\nIts first day.';
comment on column lethe_stats.new_readers.country is
  E'@isIndexed\nOf the address, now. "unknown": without an address. "other": countries too small to stand alone, put together.';
