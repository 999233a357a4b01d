-- Lethe's own methods that make a value less exact; see catalogue.sql.
insert into lethe.methods (name, mask, recogniser, type_categories, output, keeps_unique, keyed, nulls_out,
  length_min, length_min_unique, parameters, description, builtin)
values
  ('generalize_date',
   'lethe.generalize_date({value}, {to}, {width})', 'lethe.is_generalize_date({value}, {to}, {width})',
   '{date,timestamp,timestamptz}', 'anonymous', false, false, false, null, null,
   '{"to": {"type": "string", "enum": ["month", "quarter", "year", "age_band"], "default": "year", "description": "what is left of the date"},
     "width": {"type": "integer", "default": 10, "minimum": 1, "maximum": 1000, "description": "years in an age band"}}',
   'The first day of the month, the quarter, the year or the band of years.', true),

  -- An exact day, or even hour, can still single somebody out.
  ('generalize_time',
   'lethe.generalize_time({value}, {to})', 'lethe.is_generalize_time({value}, {to})',
   '{timestamp,timestamptz}', 'pseudonymous', false, false, false, null, null,
   '{"to": {"type": "string", "enum": ["hour", "day", "week"], "default": "day", "description": "what is left of the time"}}',
   'The beginning of the hour, the day or the week.', true),

  ('generalize_period',
   'lethe.generalize_period({value}, {to})', 'lethe.is_generalize_period({value}, {to})',
   '{daterange,tsrange,tstzrange}', 'anonymous', false, false, false, null, null,
   '{"to": {"type": "string", "enum": ["month", "quarter", "year"], "default": "year", "description": "what is left of both ends"}}',
   'A range whose ends are first days of months, quarters or years.', true),

  ('month_day',
   'lethe.month_day({value})', 'lethe.is_month_day({value})',
   '{date}', 'anonymous', false, false, false, null, null, '{}',
   'A birthday without the year of birth: the year becomes 1604.', true),

  ('generalize_number',
   'lethe.generalize_number({value}, {width})', 'lethe.is_generalize_number({value}, {width})',
   '{int2,int4,int8,numeric,float4,float8}', 'anonymous', false, false, false, null, null,
   '{"width": {"type": "integer", "default": 10, "minimum": 1, "maximum": 2147483647, "description": "width of a range"}}',
   'The edge, towards zero, of the range the number lies in.', true),

  -- Six decimals are ten centimetres, and even a kilometre may have one inhabitant.
  ('generalize_coordinates',
   'lethe.generalize_coordinates({value}, {decimals})', 'lethe.is_generalize_coordinates({value}, {decimals})',
   '{numeric,float4,float8,point}', 'pseudonymous', false, false, false, null, null,
   '{"decimals": {"type": "integer", "default": 1, "minimum": 0, "maximum": 6, "description": "decimals of a degree to keep"}}',
   'A coordinate, or both of a point, on a grid of so many decimals.', true),

  ('generalize_postcode',
   'lethe.shape({value}, {keep})', 'lethe.is_shape({value}, {keep})',
   '{text,varchar,bpchar,citext}', 'anonymous', false, false, false, null, null,
   '{"keep": {"type": "integer", "default": 2, "minimum": 0, "maximum": 5, "description": "characters to keep at the start"}}',
   'The first characters of a postal code; 0, X and x in place of the others.', true),

  -- Never less than half of a version 6 address goes, nor less than the last bit of a version 4 one.
  ('generalize_ip',
   'lethe.generalize_ip({value}, {v4}, {v6})', 'lethe.is_generalize_ip({value}, {v4}, {v6})',
   '{inet,cidr,text,varchar,bpchar,citext}', 'anonymous', false, false, false, 15, 15,
   '{"v4": {"type": "integer", "default": 24, "minimum": 0, "maximum": 31, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 0, "maximum": 64, "description": "bits of a version 6 address to keep"}}',
   'The network the address lies in.', true),

  ('generalize_mac',
   'trunc({value})', '{value} = trunc({value})',
   '{macaddr,macaddr8}', 'anonymous', false, false, false, null, null, '{}',
   'The maker of a network interface: the first three bytes of its address, zero for the rest.', true),

  -- A host may name a person.
  ('generalize_url',
   'lethe.generalize_url({value})', 'lethe.is_generalize_url({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null, '{}',
   'A web address without user, path, query and fragment; empty for what is none.', true),

  ('generalize_user_agent',
   'lethe.generalize_user_agent({value}, {length})', 'lethe.is_generalize_user_agent({value})',
   '{text,varchar,bpchar,citext}', 'anonymous', false, false, false, null, null, '{}',
   'The family of the browser, without version, device and system.', true)
on conflict (name) do update
set mask = excluded.mask,
    recogniser = excluded.recogniser,
    type_categories = excluded.type_categories,
    output = excluded.output,
    keeps_unique = excluded.keeps_unique,
    keyed = excluded.keyed,
    nulls_out = excluded.nulls_out,
    length_min = excluded.length_min,
    length_min_unique = excluded.length_min_unique,
    parameters = excluded.parameters,
    description = excluded.description,
    builtin = excluded.builtin;
