-- The rows that a person is, by key or by anything that identifies them: those of the live table and those that
-- were archived, by the values archived of them, too. All that fit: two accounts may share one e-mail address.
-- Compared without regard to case, and telephone numbers by their digits: a letter writes a number as it likes. A hold had
-- better reach too far than too short. What is looked for is passed as a parameter (as $2, which is bytea: a key, or a JSON
-- array of an identifier and its other forms), so that it stands in no statement.
create or replace function lethe_private.find_person(
  type lethe.subject_types, managed lethe.managed_tables, controller lethe.controllers, key text, identifier text
)
  returns text[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_forms text[] := lethe_private.identifier_forms(find_person.identifier);
  v_wanted bytea := convert_to(coalesce(find_person.key, to_jsonb(v_forms)::text), 'UTF8');
  v_mirror lethe_private.mirrors;
  v_where text;
  v_facts jsonb;
  v_keys jsonb;
begin
  v_where := case when find_person.key is not null
    then format('%s = convert_from($2, ''UTF8'')', lethe_private.key_sql('c', v_oid, managed.key_columns))
    else lethe_private.identified_sql(type.identifiers, v_forms) end;
  select r.facts into v_keys from lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(%s), ''[]''), null::oid, null::tid[] from %s as c where %s and (%s)',
      lethe_private.key_sql('c', v_oid, managed.key_columns), lethe_private.host_name(v_oid),
      lethe_private.controller_sql('c', managed, v_oid, controller), v_where),
    managed, null, v_wanted) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    v_where := case when find_person.key is not null then 'c."lethe$key" = convert_from($2, ''UTF8'')'
      else lethe_private.identified_sql(array(
        select m.column_name from lethe_private.mirror_columns as m
        where m.mirror_id = v_mirror.id and m.holds_value and m.column_name = any (type.identifiers)), v_forms) end;
    continue when v_where is null;
    select r.facts into v_facts from lethe_private.run_on_archive(
      format('select coalesce(jsonb_agg(distinct c."lethe$key"), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c where c."lethe$controller" = %s and (%s)',
        v_mirror.name, controller.id, v_where), null, v_wanted) as r;
    v_keys := v_keys || v_facts;
  end loop;
  return array(select distinct k from jsonb_array_elements_text(v_keys) as k order by k);
exception when insufficient_privilege then
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read %s', lethe_private.plain_name(managed)),
    hint = 'select * from lethe.missing_rights() lists the grants';
end
$$;

comment on function lethe_private.find_person(lethe.subject_types, lethe.managed_tables, lethe.controllers, text, text) is
  'The keys, live and archived, of the root rows that a key or an identifier names. Raises LE501.';

-- The identifier itself, and, where it looks like a telephone number, its digits: with + or 00 before those of a country.
create or replace function lethe_private.identifier_forms(identifier text)
  returns text[]
  language sql
  immutable
return array[identifier] || (
  select case when d like '+%' then array[d, '00' || substr(d, 2)] when d is not null then array[d] end
  from lethe_private.phone_digits(identifier) as d);

comment on function lethe_private.identifier_forms(text) is 'The ways in which an identifier is looked for: it, and of a telephone number its digits.';

create or replace function lethe_private.identified_sql(identifiers text[], forms text[])
  returns text
  language sql
  stable
return (
  select string_agg(format('lower(btrim(c.%1$I::text)) = lower(btrim(convert_from($2, ''UTF8'')::jsonb ->> 0))', i)
    || case when cardinality(forms) = 1 then '' else format(
      ' or translate(replace(c.%1$I::text, ''(0)'', ''''), E'' \t().-/%2$s'', '''') = any (array(select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb - 0)))',
      i, case when getdatabaseencoding() = 'UTF8' then '\u00A0\u2007\u202F' end) end, ' or ')
  from unnest(identifiers) as i);

comment on function lethe_private.identified_sql(text[], text[]) is
  'True when one of the columns is what is looked for, in one of its forms; null where there is no column.';
