-- The minimised formats. docs/formats.md lists them; a test compares.
--
-- Counterpart: lethe.methods, which anonymizes what is old. A format is for what is collected today, and is put into a
-- CHECK, a domain or a trigger of the host's. So its expressions use PostgreSQL's own functions and nothing of Lethe's:
-- they go on working when Lethe is gone. No backslash stands in them, which means different things to different sessions. In the templates {value} is the column, as text and in collation "C" where
-- the kind is text; {type} its base type; every other word a parameter.
--
-- The reduction is asked only of a value that the recogniser does not know. It reads what can be read in one way, and is
-- null for the rest: 03/04/1980 is two birthdays, and nobody's data is thrown away on a guess.
insert into lethe.formats (name, kind, types, recogniser, reduction, output, length_max, parameters, examples, description)
values
  ('month_day', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^--(?!02-3|0[469]-31|11-31)(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$' $$,
   $$ '--' || substring({value} from '^[[:space:]]*[0-9]{4}-((?!02-3|0[469]-31|11-31)(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))(?:[T ].*)?[[:space:]]*$') $$,
   'anonymous', 7, '{}', '{1987-05-06,1996-02-29,1987-05-06T00:00:00Z}',
   'A birthday without its year (ISO 8601, vCard), so that it can be wished and tells no age.'),

  -- The year that lethe.month_day writes, and address books: a leap year, before anybody's birth.
  ('month_day', 'date', '{date}',
   $$ {value} between date '1604-01-01' and date '1604-12-31' or not isfinite({value}) $$,
   $$ make_date(1604, extract(month from {value})::int, extract(day from {value})::int) $$,
   'anonymous', null, '{}', '{1987-05-06,1996-02-29}',
   'A birthday without its year: the year 1604 stands for none, as in many address books. Whatever computes an age must know.'),

  ('month', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[0-9]{4}-(?:0[1-9]|1[0-2])$' $$,
   $$ substring({value} from '^[[:space:]]*([0-9]{4}-(?:0[1-9]|1[0-2]))(?:-[0-9]{2}(?:[T ].*)?)?[[:space:]]*$') $$,
   'anonymous', 7, '{}', '{1987-05-06,1987-05-06 12:30:00}',
   'A month of a year.'),

  ('month', 'date', '{date}',
   $$ extract(day from {value}) = 1 or not isfinite({value}) $$,
   $$ case when {value} >= date '0001-01-01' then {value} - (extract(day from {value})::int - 1) end $$,
   'anonymous', null, '{}', '{1987-05-06}',
   'A month of a year: its first day. Who reads a date must know that the day is not meant.'),

  ('year', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[0-9]{4}$' $$,
   $$ substring({value} from '^[[:space:]]*([0-9]{4})(?:-[0-9]{2}(?:-[0-9]{2}(?:[T ].*)?)?)?[[:space:]]*$') $$,
   'anonymous', 4, '{}', '{1987-05-06,1987-05,1987-05-06T00:00:00Z}',
   'A year: of birth, of arrival.'),

  ('year', 'date', '{date}',
   $$ extract(month from {value}) = 1 and extract(day from {value}) = 1 or not isfinite({value}) $$,
   $$ case when {value} >= date '0001-01-01' then make_date(extract(year from {value})::int, 1, 1) end $$,
   'anonymous', null, '{}', '{1987-05-06}',
   'A year: its first day. Who reads a date must know that month and day are not meant.'),

  -- 19870506 could be a day or a number of something else, so a number is recognised and never reduced.
  ('year', 'integer', '{int2,int4,int8}',
   $$ {value} between 1 and 9999 $$, null,
   'anonymous', null, '{}', '{19870506}',
   'A year as a number.'),

  -- A band is what was true on the day it was collected. From a date of birth it would follow only with the day of today, which
  -- no constraint may ask for; so it is read from an age. The widths divide 90, where the open band begins.
  ('age_band', 'text', '{text,varchar,bpchar,citext}',
   $$ case
    when {value} ~ '^[1-8]?[0-9]-[1-8]?[0-9]$' then
      {value} = (split_part({value}, '-', 1)::int / {width} * {width})::text
        || '-' || (split_part({value}, '-', 1)::int / {width} * {width} + {width} - 1)::text
    else {value} = '90+'
  end $$,
   $$ case
    when substring({value} from '^[[:space:]]*([0-9]{1,3})[[:space:]]*$')::int >= 90 then '90+'
    else (substring({value} from '^[[:space:]]*([0-9]{1,3})[[:space:]]*$')::int / {width} * {width})::text
      || '-' || (substring({value} from '^[[:space:]]*([0-9]{1,3})[[:space:]]*$')::int / {width} * {width} + {width} - 1)::text
  end $$,
   'anonymous', 5, '{"width": {"type": "integer", "enum": [5, 10, 15, 30], "default": 10, "description": "years in a band"}}',
   '{34,7,103}',
   'A band of ages (30-39; 90+), as of the day it was collected: it does not grow older.'),

  ('age_band', 'integer', '{int2,int4,int8}',
   $$ {value} between 0 and 90 and {value} % {width} = 0 $$,
   $$ case when {value} between 0 and 150 then least({value}, 90) / {width} * {width} end $$,
   'anonymous', null, '{"width": {"type": "integer", "enum": [5, 10, 15, 30], "default": 10, "description": "years in a band"}}',
   '{34,7,103}',
   'A band of ages by its first one (30: 30 to 39; 90: and older), as of the day it was collected.'),

  ('postcode_prefix', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[0-9A-Z]{0,{keep}}$' $$,
   $$ left(regexp_replace(upper(substring({value} from '^[[:space:]]*([0-9A-Za-z][0-9A-Za-z -]{0,10})[[:space:]]*$')), '[^0-9A-Z]', '', 'g'), {keep}) $$,
   'anonymous', 0, '{"keep": {"type": "integer", "default": 2, "minimum": 1, "maximum": 4, "description": "characters to keep; fewer than the postal codes have"}}',
   '{75008,SW1A 1AA,1234-567}',
   'The first characters of a postal code: an area, not a street.'),

  ('phone_prefix', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[+]?[0-9]{0,{keep}}$' $$,
   $$ substring(regexp_replace(substring({value} from '^[[:space:]]*([+]?[0-9 ()./-]{1,40})[[:space:]]*$'), '[^+0-9]', '', 'g') from '^[+]?[0-9]{1,{keep}}') $$,
   'anonymous', 1, '{"keep": {"type": "integer", "default": 3, "minimum": 1, "maximum": 5, "description": "digits to keep"}}',
   '{+33 6 12 34 56 78,(0)1 23 45 67 89,0612345678}',
   'The first digits of a telephone number: country, or area.'),

  ('ip_prefix', 'inet', '{inet}',
   $$ masklen({value}) <= case family({value}) when 4 then {v4} else {v6} end and {value} = network({value}) $$,
   $$ network(set_masklen({value}, least(masklen({value}), case family({value}) when 4 then {v4} else {v6} end))) $$,
   'anonymous', null,
   '{"v4": {"type": "integer", "default": 24, "minimum": 8, "maximum": 24, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 16, "maximum": 48, "description": "bits of a version 6 address to keep"}}',
   '{192.0.2.77,2001:db8:1:2:3:4:5:6,::ffff:192.0.2.77,10.1.2.3/8}',
   'The network an address lies in.'),

  ('ip_prefix', 'cidr', '{cidr}',
   $$ masklen({value}) <= case family({value}) when 4 then {v4} else {v6} end $$,
   $$ set_masklen({value}, case family({value}) when 4 then {v4} else {v6} end) $$,
   'anonymous', null,
   '{"v4": {"type": "integer", "default": 24, "minimum": 8, "maximum": 24, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 16, "maximum": 48, "description": "bits of a version 6 address to keep"}}',
   '{192.0.2.77/32,2001:db8:1:2::/64}',
   'The network an address lies in.'),

  -- As lethe.generalize_ip writes it: without a length, so that what reads the column still finds an address. Version 4
  -- inside version 6 (::ffff:192.0.2.1) is read as version 4. A pattern stands before each cast, which would fail otherwise.
  ('ip_prefix', 'text', '{text,varchar,bpchar,citext}',
   $$ case
    when {value} ~ '^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
      then {value} = host(network(set_masklen({value}::inet, {v4})))
    when {value} ~* '^::ffff:[0-9.]+$' then false
    when {value} ~* '^(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?!(?:.*:){8})(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)$'
      then {value} = host(network(set_masklen({value}::inet, {v6})))
    else {value} = ''
  end $$,
   $$ case
    when {value} ~ '^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
      then host(network(set_masklen({value}::inet, {v4})))
    when {value} ~* '^::ffff:(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
      then host(network(set_masklen(substr({value}, 8)::inet, {v4})))
    when {value} ~* '^(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?!(?:.*:){8})(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)$'
      then host(network(set_masklen({value}::inet, {v6})))
  end $$,
   'anonymous', 15,
   '{"v4": {"type": "integer", "default": 24, "minimum": 8, "maximum": 24, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 16, "maximum": 48, "description": "bits of a version 6 address to keep"}}',
   '{192.0.2.77,2001:db8:1:2:3:4:5:6,::ffff:192.0.2.77}',
   'The first address of the network an address lies in.'),

  ('coordinates', 'numeric', '{numeric}',
   $$ {value} = trunc({value}, {decimals}) $$,
   $$ trunc({value}, {decimals}) $$,
   'pseudonymous', null,
   '{"decimals": {"type": "integer", "default": 1, "minimum": 0, "maximum": 3, "description": "decimals of a degree to keep: one is eleven kilometres, two are one"}}',
   '{48.8566}',
   'A latitude or longitude on a coarse grid. Even a kilometre may have one inhabitant.'),

  -- By way of numeric, which holds decimals exactly. What is beyond 2^24 is no degree, and has no decimals as a real.
  ('coordinates', 'float', '{float4,float8}',
   $$ case when abs({value}) >= 16777216 then true else {value} = trunc({value}::numeric, {decimals})::{type} end $$,
   $$ trunc({value}::numeric, {decimals})::{type} $$,
   'pseudonymous', null,
   '{"decimals": {"type": "integer", "default": 1, "minimum": 0, "maximum": 3, "description": "decimals of a degree to keep: one is eleven kilometres, two are one"}}',
   '{48.8566}',
   'A latitude or longitude on a coarse grid. Even a kilometre may have one inhabitant.'),

  -- A digest without a key is undone by trying addresses, and a key may not stand in a constraint that everybody reads. So
  -- the application hashes, under a key that the database never sees, and the format is checked and not made.
  ('email_hash', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[0-9a-f]{64}$' $$, null,
   'pseudonymous', 64, '{}', '{ada@example.org}',
   'HMAC-SHA-256 of an e-mail address, in hexadecimal, computed by the application under a key of its own.'),

  ('email_hash', 'bytea', '{bytea}',
   $$ octet_length({value}) = 32 $$, null,
   'pseudonymous', null, '{}', '{ada@example.org}',
   'HMAC-SHA-256 of an e-mail address, computed by the application under a key of its own.')
on conflict (name, kind) do update
set types = excluded.types,
    recogniser = excluded.recogniser,
    reduction = excluded.reduction,
    output = excluded.output,
    length_max = excluded.length_max,
    parameters = excluded.parameters,
    examples = excluded.examples,
    description = excluded.description;
