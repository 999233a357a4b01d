-- The policy in plain English, for officers and auditors.
create or replace function lethe_private.list_in_words(words text[], last_word text)
  returns text
  language sql
  immutable
return case cardinality(words)
  when 1 then words[1]
  else array_to_string(words[:cardinality(words) - 1], ', ') || ' ' || last_word || ' ' || words[cardinality(words)]
end;

comment on function lethe_private.list_in_words(text[], text) is 'a, b and c.';

create or replace function lethe_private.delay_in_words(after interval)
  returns text
  language sql
  immutable
begin atomic
  select lethe_private.list_in_words(array_agg(
    coalesce((array['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'])[p.n], p.n::text)
      || ' ' || p.unit || case when p.n > 1 then 's' else '' end order by p.position), 'and')
  from (values
    (1, extract(year from after)::int, 'year'), (2, extract(month from after)::int, 'month'), (3, extract(day from after)::int, 'day')
  ) as p (position, n, unit)
  where p.n > 0;
end;

comment on function lethe_private.delay_in_words(interval) is 'A delay as one says it: three years, one year and six months, 30 days.';

create or replace function lethe_private.clock_in_words(managed lethe.managed_tables, since text[])
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry text;
  v_clock lethe_private.linked_clock;
  v_words text[];
begin
  foreach v_entry in array since loop
    if not lethe_private.is_linked(v_entry) then
      v_words := v_words || v_entry;
      continue;
    end if;
    begin
      v_clock := lethe_private.linked_clock(managed, v_entry);
      v_words := v_words || (
        select format('the latest %s of %s', v_clock.column_name, lethe_private.plain_name(m)) from lethe.managed_tables as m where m.id = v_clock.child_id);
    exception when others then
      v_words := v_words || v_entry;  -- its table or link is gone: it is told as it was written
    end;
  end loop;
  return case cardinality(v_words)
    when 1 then v_words[1]
    when 2 then 'the later of ' || lethe_private.list_in_words(v_words, 'and')
    else 'the latest of ' || lethe_private.list_in_words(v_words, 'and')
  end;
end
$$;

comment on function lethe_private.clock_in_words(lethe.managed_tables, text[]) is 'A clock as one says it: last_seen_at; the later of a and b; the latest issued_on of shop.invoices.';

create or replace function lethe_private.term_in_words(managed lethe.managed_tables, term lethe.terms)
  returns text
  language sql
  stable
return concat_ws(' ', lethe_private.delay_in_words(term.after), 'after', lethe_private.clock_in_words(managed, term.since),
  'where ' || term."when", '(' || term.purpose || ')');

comment on function lethe_private.term_in_words(lethe.managed_tables, lethe.terms) is
  'A term as one says it: three years after last_seen_at where status = ''open'' (marketing).';

create or replace function lethe_private.rule_in_words(managed lethe.managed_tables, rule lethe.rules, method text)
  returns text
  language sql
  immutable
return case
  when rule.column_name is null then 'a row of ' || lethe_private.plain_name(managed)
  else rule.column_name || ' of ' || lethe_private.plain_name(managed)
end || case
  when rule.action = 'anonymize' then format(' is anonymized (%s)', method)
  when rule.action = 'archive' and rule.column_name is null then ' moves to the archive'
  when rule.action = 'archive' then format(' moves to the archive and is anonymized (%s)', method)
  else ' is purged'
end;

comment on function lethe_private.rule_in_words(lethe.managed_tables, lethe.rules, text) is 'What a rule does, as one says it.';
