-- Text that is put inside a statement must stay one expression: it may not end the statement, comment the
-- rest away, or close a parenthesis that it did not open. What stands in literals and quoted names is
-- looked past; forms of quoting that make looking past them hard are refused.
create or replace function lethe_private.assert_single_expression(expression text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rest text;
  v_depth int := 0;
  v_char text;
begin
  -- One pass over both kinds of quotes: which of them is open decides what the other one means.
  v_rest := regexp_replace(coalesce(expression, ''), '''([^'']|'''')*''|"([^"]|"")*"', '''''', 'g');
  if v_rest ~ '(^|[^[:alnum:]_])([eE]|[uU]&)''''' or v_rest ~ '\$' then
    raise exception using errcode = 'LE303',
      message = 'an expression uses an escape string (E, U&) or dollar quoting',
      hint = 'write plain literals';
  end if;
  v_rest := replace(v_rest, '''''', ' x ');
  if v_rest ~ '[;''"]|--|/\*' or btrim(v_rest, E' \t\r\n') = '' then
    raise exception using errcode = 'LE303',
      message = 'an expression is empty, or holds a comment, a semicolon or an open quote',
      hint = 'write one expression and nothing else';
  end if;
  foreach v_char in array regexp_split_to_array(regexp_replace(v_rest, '[^][()]', '', 'g'), '') loop
    v_depth := v_depth + case when v_char in ('(', '[') then 1 when v_char in (')', ']') then -1 else 0 end;
    exit when v_depth < 0;
  end loop;
  if v_depth <> 0 then
    raise exception using errcode = 'LE303',
      message = 'an expression does not balance its parentheses',
      hint = 'close what it opens, and nothing else';
  end if;
end
$$;

comment on function lethe_private.assert_single_expression(text) is 'Raises LE303 unless the text can only be one expression.';
