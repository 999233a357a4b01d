-- Page: docs/checks/pseudonymous-claim.md.
create or replace function lethe_private.check_pseudonymous_claim(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select distinct
    format('%s.%I', lethe_private.host_name(k.relation), k.name),
    format('column %I of %s is claimed to end anonymous, but %s makes pseudonyms: whoever has the key finds the person again',
      k.name, lethe_private.host_name(k.relation), m.name),
    'choose a method whose output is anonymous (lethe.methods), or take the claim back',
    true
  from lethe_private.checked_columns(check_pseudonymous_claim.reached) as k
  join lethe.managed_columns as c on c.table_id = k.managed_id and c.column_name = k.name and c.claim = 'anonymous'
  join lethe.rules as r on r.table_id = k.managed_id and r.column_name = k.name
  join lethe.terms as t on t.rule_id = r.id
  join lethe.methods as m on m.name = t.method and m.output = 'pseudonymous';
end;

comment on function lethe_private.check_pseudonymous_claim(lethe_private.reached[]) is 'Columns claimed to end anonymous whose method only makes pseudonyms.';
