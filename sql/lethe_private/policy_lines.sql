-- A policy document as a list of things that can be compared one by one: each controller, subject type, link,
-- table, column, term, view and waiver. The purpose of a minimum is its basis. What later versions add to a document is
-- a part of one of these, or a line by its key.
create or replace function lethe_private.policy_lines(document jsonb)
  returns table (controller text, "table" text, "column" text, action text, purpose text, what text, spec jsonb)
  language sql
  stable
begin atomic
  select c.key, null::text, null::text, null::text, null::text, 'controller', c.value
  from jsonb_each(document -> 'controllers') as c
  union all
  select null, s.value ->> 'table', null, null, null, 'subject ' || s.key, s.value - 'links'
  from jsonb_each(document -> 'subjects') as s
  union all
  select null, l.key, null, null, null, 'link of ' || s.key, l.value
  from jsonb_each(document -> 'subjects') as s
  cross join lateral jsonb_each(s.value -> 'links') as l
  union all
  select null, t.key, null, null, null, 'table', t.value - array['columns', 'archive', 'purge', 'minimum', 'since']
  from jsonb_each(document -> 'tables') as t
  union all
  select null, t.key, c.key, null, null, 'column', c.value - array['anonymize', 'archive', 'purge', 'minimum']
  from jsonb_each(document -> 'tables') as t
  cross join lateral jsonb_each(t.value -> 'columns') as c
  union all
  select r.controller, r."table", r."column", r.action, coalesce(e.value ->> 'purpose', e.value ->> 'basis'), 'term', e.value - array['purpose', 'basis']
  from lethe_private.rules_of(document) as r
  cross join lateral jsonb_array_elements(case jsonb_typeof(r.terms) when 'array' then r.terms else jsonb_build_array(r.terms) end) as e
  union all
  select null, v.key, null, null, null, 'view', v.value
  from jsonb_each(document -> 'views') as v
  union all
  select null, null, null, null, null, format('waiver of %s on %s', w.value ->> 'finding', w.value ->> 'object'), w.value - array['finding', 'object']
  from jsonb_array_elements(document -> 'waivers') as w
  union all
  select null, null, null, null, null, o.key, o.value
  from jsonb_each(document) as o
  where o.key not in ('version', 'controllers', 'subjects', 'tables', 'overrides', 'views', 'waivers');
end;

comment on function lethe_private.policy_lines(jsonb) is
  'An exported policy document line by line: what each line is about, and what it says.';

create or replace function lethe_private.policy_diff(before jsonb, after jsonb)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'change', case when b.what is null then 'added' when a.what is null then 'removed' else 'changed' end,
      'what', coalesce(a.what, b.what), 'controller', coalesce(a.controller, b.controller), 'table', coalesce(a."table", b."table"),
      'column', coalesce(a."column", b."column"), 'action', coalesce(a.action, b.action), 'purpose', coalesce(a.purpose, b.purpose)))
    || jsonb_build_object('before', b.spec, 'after', a.spec)
    -- A table, then what is done to its rows, then column by column, each before its terms.
    order by coalesce(a."table", b."table") collate "C" nulls first, (coalesce(a.what, b.what) in ('column', 'term'))::int,
      coalesce(a."column", b."column") collate "C" nulls first, (coalesce(a.what, b.what) = 'term')::int,
      coalesce(a.what, b.what) collate "C", coalesce(a.action, b.action), coalesce(a.controller, b.controller) nulls first,
      coalesce(a.purpose, b.purpose) nulls first), '[]')
  from lethe_private.policy_lines(before) as b
  full join lethe_private.policy_lines(after) as a
    on jsonb_build_array(a.controller, a."table", a."column", a.action, a.purpose, a.what)
     = jsonb_build_array(b.controller, b."table", b."column", b.action, b.purpose, b.what)
  where a.spec is distinct from b.spec;
end;

comment on function lethe_private.policy_diff(jsonb, jsonb) is
  'What two exported policy documents differ in, line by line: see lethe.drafts.changes.';
