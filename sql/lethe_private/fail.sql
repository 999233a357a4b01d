-- Every error of Lethe is one sentence that names the object, a hint with the remedy, and a code of
-- our own (docs/errors.md lists them all).
create or replace function lethe_private.fail(
  code text,
  message text,
  hint text default null
)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if fail.hint is null then
    raise exception using errcode = fail.code, message = fail.message;
  end if;
  raise exception using errcode = fail.code, message = fail.message, hint = fail.hint;
end
$$;

comment on function lethe_private.fail(text, text, text) is
  'Raises an error of ours: SQLSTATE, one sentence, the remedy.';
