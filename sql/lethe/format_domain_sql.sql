-- For new columns: a domain in the host's schema. A domain of PostgreSQL's own functions, so it outlives Lethe.
create or replace function lethe.format_domain_sql(
  format text, schema text, name text, type text default null, parameters jsonb default '{}'
)
  returns text
  language plpgsql
  stable
  security definer  -- reads lethe.formats
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_type text := coalesce(format_domain_sql.type, (
    select f.types[1] from lethe.formats as f where f.name = format_domain_sql.format order by f.kind = 'text' desc, f.kind limit 1));
  v_format lethe.formats;
  v_recogniser text;
begin
  v_format := lethe_private.format_of_type(format_domain_sql.format, coalesce(v_type, 'text'), 'type ' || v_type);
  perform lethe_private.assert_given_parameters('format ' || v_format.name, v_format.parameters, coalesce(parameters, '{}'));
  v_recogniser := lethe_private.fill_format(v_format.recogniser, '{value}', format_type(to_regtype(v_type), -1),
    lethe_private.format_parameters(v_format.parameters, coalesce(parameters, '{}')));
  return format(E'create domain %1$I.%2$I as %3$s\n  constraint %4$I check (%5$s);\ncomment on domain %1$I.%2$I is %6$L;\ncomment on constraint %4$I on domain %1$I.%2$I is %7$L;\n',
    schema, name, quote_ident(v_type), 'value_is_' || v_format.name,
    replace(v_recogniser, '{value}', lethe_private.format_value('', 'value', v_type, v_format.kind)),
    v_format.description, lethe_private.format_mark(v_format.name, v_recogniser));
end
$$;

comment on function lethe.format_domain_sql(text, text, text, text, jsonb) is
  'A create domain for new columns in a minimised format, for the owner of the schema to run. Changes nothing. Raises LE106, LE113, LE319.';
