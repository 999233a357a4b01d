-- In which forms an identifier is looked for, and how a text is read while it is. What reads the host's texts runs as
-- lethe_sweeper, once for every value of every row: the plain functions of PostgreSQL do the most of it (residue_sql.sql),
-- and these what they cannot.

-- A text in which something may be written in another way: percent-encoded, as an escape of JSON, as an entity of HTML.
-- What it stands for is put behind it, and the text itself stays, since a backslash may be just that.
create or replace function lethe_private.readable(value text)
  returns text
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- No-break spaces, as telephone numbers have them: U+00A0, U+2007, U+202F.
  v_no_break constant text := '\\+302\\+240|\\+342\\+200\\+2[05]7|%c2%a0|%e2%80%(?:87|af)|\\+u(?:00a0|2007|202f)|&#(?:160|8199|8239|x0*a0|x2007|x202f);';
begin
  return value || E'\n|\n' || (
    select lower(string_agg(case
      when m.part[1] is not null then case when m.part[1] ~ '^[01]|^7f' then ' ' else chr(('x' || lpad(m.part[1], 8, '0'))::bit(32)::int) end
      when m.part[2] is not null then case when m.part[2]::int not between 32 and 126 then ' ' else chr(m.part[2]::int) end
      when m.part[3] is not null then coalesce(('{"&commat;": "@", "&plus;": "+", "&period;": ".", "&lowbar;": "_", "&apos;": "''"}'::jsonb) ->> m.part[3], ' ')
      else m.part[4] end, '' order by m.n))
    from regexp_matches(replace(value, '%25', '%'),
      '(?:%|\\+u00|&#x0*(?=[0-7][0-9a-f];))([0-7][0-9a-f]);?|&#0*([0-9]{1,2}|1[01][0-9]|12[0-7]);|(\\+[nrtbfv]|&[a-z]+;|' || v_no_break || ')|([^%\\&]+|.)', 'g') with ordinality as m (part, n));
end
$$;

comment on function lethe_private.readable(text) is
  'A lower-case text, and behind it what its escapes (%40, \u0040, &#64;, \n) stand for.';

-- All groups of digits that stand side by side as those of a telephone number do, from any of them on. Each number of
-- 9 to 14 digits is told by its last nine.
create or replace function lethe_private.phone_keys(value text)
  returns setof text
  language sql
  immutable
begin atomic
  select distinct right(v.digits, 9)
  from regexp_matches(phone_keys.value, '\d(?:[- ().+/\u00A0\u2007\u202F\u2011\u2013]{0,3}\d){6,}', 'g') as m (run)
  cross join lateral (
    select u.g, lead(u.g, 1) over w as g1, lead(u.g, 2) over w as g2, lead(u.g, 3) over w as g3, lead(u.g, 4) over w as g4,
      lead(u.g, 5) over w as g5, lead(u.g, 6) over w as g6, lead(u.g, 7) over w as g7
    from regexp_split_to_table(m.run[1], '\D+') with ordinality as u (g, n)
    window w as (order by u.n)
  ) as x
  cross join lateral (values (x.g), (x.g || x.g1), (x.g || x.g1 || x.g2), (x.g || x.g1 || x.g2 || x.g3),
    (x.g || x.g1 || x.g2 || x.g3 || x.g4), (x.g || x.g1 || x.g2 || x.g3 || x.g4 || x.g5),
    (x.g || x.g1 || x.g2 || x.g3 || x.g4 || x.g5 || x.g6), (x.g || x.g1 || x.g2 || x.g3 || x.g4 || x.g5 || x.g6 || x.g7)) as v (digits)
  where length(v.digits) between 7 and 15;
end;

comment on function lethe_private.phone_keys(text) is 'What may be telephone numbers in a text: their last nine digits, or all of 7 or 8.';

-- What is not ASCII may have been written as the bytes of a URL, of JSON, of HTML or of bytea: of either case, since
-- the case of what is written so cannot be folded.
create or replace function lethe_private.written_forms(identifier text)
  returns setof text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_form text := lethe_private.normalise_identifier(identifier);
  v_forms text[] := array[v_form];
begin
  if v_form ~ '[^\u0001-\u007f]' and getdatabaseencoding() = 'UTF8' then
    foreach v_form in array array[v_form, normalize(v_form, nfc), normalize(v_form, nfd)] loop
      v_forms := v_forms || array[v_form, upper(v_form), initcap(v_form)];
    end loop;
    foreach v_form in array v_forms loop
      v_forms := v_forms || array(
        select string_agg(case when c.letter !~ '[^\u0001-\u007f]' then c.letter else case e.n
            when 1 then regexp_replace(encode(convert_to(c.letter, 'UTF8'), 'hex'), '(..)', '%\1', 'g')
            when 2 then encode(convert_to(c.letter, 'UTF8'), 'escape')
            when 3 then '&#' || ascii(c.letter) || ';'
            when 4 then case when ascii(c.letter) < 65536 then '\u' || lpad(to_hex(ascii(c.letter)), 4, '0')
              else '\u' || to_hex(55296 + ((ascii(c.letter) - 65536) >> 10)) || '\u' || to_hex(56320 + ((ascii(c.letter) - 65536) & 1023)) end
          end end, '' order by c.at)
        from regexp_split_to_table(v_form, '') with ordinality as c (letter, at)
        cross join generate_series(1, 4) as e (n)
        group by e.n);
    end loop;
  end if;
  return query select distinct lower(f) from unnest(v_forms) as f;
end
$$;

comment on function lethe_private.written_forms(text) is 'The ways in which an identifier may be written, in lower case.';

-- Where it ends is where no letter or digit follows. joann@example.org and mary.ann@example.org are not ann@example.org, nor
-- is ann@example.org.uk; but ann@example.org.pdf is a file about her.
create or replace function lethe_private.form_pattern(form text)
  returns text
  language sql
  immutable
return '(?<![[:alnum:]])' || case when form like '%@%' then '(?<![[:alnum:]][._+-])' else '' end
  || replace(replace(regexp_replace(form, '([][\\^$.|?*+(){}])', '\\\1', 'g'), '\\', '\\+'), ' ', '[\s+]+')
  || '(?![[:alnum:]])' || case when form like '%@%' then '(?!\.[a-z]{2}(?![[:alnum:]]))' else '' end;

comment on function lethe_private.form_pattern(text) is 'A regular expression for one written form of an identifier, standing by itself.';

-- The words by which a text can be found that may hold a form; of an address those before the @, since many share what is
-- behind it.
create or replace function lethe_private.key_words(form text)
  returns setof text
  language sql
  immutable
begin atomic
  select distinct w.word
  from regexp_split_to_table(case when split_part(form, '@', 1) ~ '[[:alnum:]]' then split_part(form, '@', 1) else form end, '[^[:alnum:]]+') as w (word)
  where w.word <> '';
end;

comment on function lethe_private.key_words(text) is 'The words of a form by which texts may be found.';

-- What stands in every text that holds the form, as it is: quicker asked than a pattern.
create or replace function lethe_private.longest_piece(form text)
  returns text
  language sql
  immutable
begin atomic
  select p.piece from regexp_split_to_table(form, '[ \\]+') with ordinality as p (piece, n) order by length(p.piece) desc, p.n limit 1;
end;

comment on function lethe_private.longest_piece(text) is 'The longest part of a form that is always written in one way.';

create or replace function lethe_private.phone_within(identifier text)
  returns text
  language sql
  immutable
return ltrim(coalesce(lethe_private.phone_digits(identifier), lethe_private.phone_digits(
  (regexp_match(lethe_private.normalise_identifier(identifier), '[+(]{0,2}\d(?:[- ().+/]{0,3}\d){8,}'))[1])), '+');

comment on function lethe_private.phone_within(text) is 'The digits of a telephone number that an identifier is, or has in it; else null.';

create or replace function lethe_private.is_too_short(identifier text)
  returns boolean
  language sql
  immutable
return length(lethe_private.normalise_identifier(identifier)) < 4 and identifier not like '%@%' or identifier !~ '[[:alnum:]]';

comment on function lethe_private.is_too_short(text) is 'True for what would be found everywhere.';

-- {"words": {word: [{"r": request, "k": column, "s": piece, "v": pattern}]}, "phones": {digits: [{"r", "k"}]}, "at": all are addresses}
--
-- Each form is found by the one of its words that the fewest others have: a thousand people called Martin are found by
-- their first names.
create or replace function lethe_private.wanted(requests bigint[])
  returns jsonb
  language sql
  stable
begin atomic
  with identifiers as materialized (
    select i.request_id, i.column_name, i.identifier, lethe_private.phone_within(i.identifier) as phone
    from lethe_private.identifiers_of(requests) as i
    where not lethe_private.is_too_short(i.identifier)
  ), forms as materialized (
    select f.form, jsonb_agg(distinct jsonb_build_object('r', i.request_id, 'k', i.column_name)) as whose
    from identifiers as i
    cross join lateral lethe_private.written_forms(i.identifier) as f (form)
    where lethe_private.phone_digits(i.identifier) is null
    group by f.form
  ), words as materialized (
    select f.form, w.word, count(*) over (partition by w.word) as others
    from forms as f cross join lateral lethe_private.key_words(f.form) as w (word)
  ), chosen as (
    select distinct on (w.form) w.form, w.word from words as w order by w.form, w.others, length(w.word) desc, w.word
  ), found as (
    select c.word, jsonb_agg(x || jsonb_build_object('s', lethe_private.longest_piece(c.form), 'v', lethe_private.form_pattern(c.form))) as forms
    from chosen as c
    join forms as f on f.form = c.form
    cross join lateral jsonb_array_elements(f.whose) as x
    group by c.word
  ), phones as (
    select right(i.phone, 9) as digits, jsonb_agg(distinct jsonb_build_object('r', i.request_id, 'k', i.column_name)) as whose
    from identifiers as i
    where i.phone is not null
    group by 1
  )
  select jsonb_build_object(
    'words', (select jsonb_object_agg(f.word, f.forms) from found as f),
    'at', (select bool_and(f.form like '%@%') from forms as f),
    'phones', (select jsonb_object_agg(p.digits, p.whose) from phones as p));
end;

comment on function lethe_private.wanted(bigint[]) is 'What is looked for on behalf of some requests.';
