-- Page: docs/checks/unrehearsed-rule.md. What counts is the last change of each term.
create or replace function lethe_private.check_unrehearsed_rule(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with last_changes as (
    select distinct on (c.after ->> 'id') (c.after ->> 'id')::int as term_id, c.draft_id
    from lethe.policy_changes as c
    where c.object = 'terms' and c.after is not null
    order by c.after ->> 'id', c.id desc
  )
  select lethe_private.plain_name(m),
    format('%s term(s) of %s were put in force without a rehearsal', count(*), lethe_private.plain_name(m)),
    'lethe policy apply rehearses what it changes; what was set directly is tried by the next cycle first', true
  from lethe.terms as t
  join lethe.rules as r on r.id = t.rule_id
  join lethe.managed_tables as m on m.id = r.table_id
  left join last_changes as l on l.term_id = t.id
  where l.draft_id is null
  group by m.id, m.schema_name, m.table_name;
end;

comment on function lethe_private.check_unrehearsed_rule(lethe_private.reached[]) is 'Rules that were set directly, and not by a draft that had been rehearsed.';
