-- What a person is told of each column (GDPR Art. 15(1)): for which purposes, on which basis, until when. What the
-- policy does not say is said to be not recorded, rather than left out.
create or replace function lethe_private.rules_told(managed lethe.managed_tables, controller lethe.controllers, column_name text)
  returns jsonb
  language sql
  stable
begin atomic
  with rules as (
    select r.id, e.sentence
    from lethe.rules as r
    cross join lateral lethe_private.effective_rule(managed, r, controller) as e
    where r.table_id = managed.id and r.column_name is not distinct from rules_told.column_name and r.action <> 'minimum' and e.sentence is not null
  ), related as (
    -- What else decides how long a row stays.
    select 1 as n, format('a row of %s leaves together with its row of %s.', lethe_private.plain_name(managed), lethe_private.plain_name(p)) as sentence
    from lethe.managed_tables as p
    where p.id in (select l.to_table_id from lethe.links as l where l.table_id = managed.id and l.on_purge = 'with parent')
    union all
    select 2, format('a row of %s stays as long as a row of %s refers to it.', lethe_private.plain_name(managed), lethe_private.list_in_words(array_agg(distinct k.name), 'or'))
    from (
      select coalesce(lethe_private.plain_name(m), lethe_private.host_name(f.child)) as name
      from lethe_private.references_to(lethe_private.host_table(managed.schema_name, managed.table_name)) as f
      left join lethe.managed_tables as m on m.id = f.managed_id
      where f.on_purge = 'keep' and f.foreign_key is not null and exists (select from rules)
    ) as k
    having count(*) > 0
  )
  select coalesce(jsonb_agg(x.sentence order by x.n, x.id, x.sentence), '[]')
  from (
    select 0 as n, r.id, r.sentence from rules as r
    union all
    select r.n, 0, r.sentence from related as r where rules_told.column_name is null
  ) as x;
end;

comment on function lethe_private.rules_told(lethe.managed_tables, lethe.controllers, text) is
  'How long a column (null: a row) is kept, as sentences.';

create or replace function lethe_private.personal_columns(managed lethe.managed_tables, relation oid, controller lethe.controllers, mirror_id int)
  returns table (name text, number int, category text, legal_basis text, sql text, facts jsonb)
  language sql
  stable
begin atomic
  select h.name, h.position::int, c.category, c.legal_basis,
    -- JSON that every reader reads alike: no digit is lost, and bytes are base64.
    case
      when h.type_name = 'bytea' then format('encode(c.%I, ''base64'')', h.name)
      when h.type_name = 'numeric' then format('c.%I::text', h.name)
      when h.type_name = 'int8' then format('case when abs(c.%1$I::numeric) < 9007199254740992 then to_jsonb(c.%1$I) else to_jsonb(c.%1$I::text) end', h.name)
      else format('c.%I', h.name)
    end,
    jsonb_build_object(
      'name', h.name,
      'category', coalesce(c.category, 'not recorded'),
      'purposes', to_jsonb(array(
        select distinct p from (
          select unnest(c.purposes) as p
          union all
          select t.purpose from lethe.rules as r
          join lethe_private.effective_terms(managed.id, controller.id) as t on t.rule_id = r.id
          where r.table_id = managed.id and r.column_name = h.name and r.action <> 'minimum') as x
        where p is not null order by p)),
      'legal_basis', coalesce(c.legal_basis, 'not recorded'),
      'source', 'not recorded',
      'rules', lethe_private.rules_told(managed, controller, h.name))
  from lethe_private.host_columns as h
  left join lethe.managed_columns as c on c.table_id = managed.id and c.column_name = h.name
  where h.relation = personal_columns.relation and h.name !~ '^lethe\$'
    and (personal_columns.mirror_id is null or h.name = any (managed.key_columns) or exists (
      select from lethe_private.mirror_columns as m
      where m.mirror_id = personal_columns.mirror_id and m.column_name = h.name and m.holds_value))
  order by h.position;
end;

comment on function lethe_private.personal_columns(lethe.managed_tables, oid, lethe.controllers, int) is
  'The columns of a table, or of a mirror of it, with how each is written as JSON and what a person is told of it.';

-- Provided by the person, and on consent or for a contract (Art. 20(1)); where no basis is recorded, rather given than not.
create or replace function lethe_private.is_portable(category text, legal_basis text)
  returns boolean
  language sql
  immutable
return coalesce(category, '') in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content')
  and (legal_basis is null or legal_basis ~* '(consent|contract|6\(1\)\([ab]\)|9\(2\)\(a\))');

comment on function lethe_private.is_portable(text, text) is 'True for a column that belongs to the right to portability.';
