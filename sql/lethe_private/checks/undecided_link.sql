-- Page: docs/checks/undecided-link.md.
create or replace function lethe_private.check_undecided_link(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    format('%s(%s)', lethe_private.host_name(f.child), c.columns),
    format('rows of %s refer to rows of %s by %s, and it is not decided how they belong to them',
      lethe_private.host_name(f.child), lethe_private.host_name(f.parent), c.columns),
    'declare a link of the subject (own, share, mention, ignore), with: parent, or unlink: in the policy file, or select lethe.set_link(…)',
    true
  from lethe_private.top_references as f
  join unnest(check_undecided_link.reached) as child on child.relation = f.child and child.managed_id is not null
  join unnest(check_undecided_link.reached) as parent on parent.relation = f.parent and parent.managed_id is not null
  cross join lateral (select string_agg(quote_ident(x), ', ') as columns from unnest(f.child_columns) as x) as c
  where parent.personal
    and not exists (
      select from lethe_private.links_of(child.managed_id, f.child_columns, parent.managed_id) as l
      where l.kind is not null or l.on_purge <> 'keep');
end;

comment on function lethe_private.check_undecided_link(lethe_private.reached[]) is 'Foreign keys to people''s rows of which the policy does not say how the referring rows belong to them.';
