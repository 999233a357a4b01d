-- Generalization of coordinates to a grid: degrees are cut to so many decimals, towards zero (one decimal
-- is eleven kilometres, two are one). Latitude and longitude in two columns need a rule each.
--
-- By way of numeric, which holds the decimals exactly: cutting binary numbers twice would drift. NaN,
-- infinite values and those from 2^24 (real) and 2^53 (double precision) on stay: the latter have no
-- decimals, and numeric could round them up and out of the type.
create or replace function lethe.is_generalize_coordinates(value numeric, decimals int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = trunc(value, decimals);

comment on function lethe.is_generalize_coordinates(numeric, int) is
  'True when the number has no more decimals than that; null for null.';

create or replace function lethe.generalize_coordinates(value numeric, decimals int)
  returns numeric
  language sql
  immutable
  parallel safe
return case
  when lethe.is_generalize_coordinates(value, decimals) then value
  else trunc(value, decimals)
end;

comment on function lethe.generalize_coordinates(numeric, int) is 'The number cut to so many decimals, towards zero.';

create or replace function lethe.is_generalize_coordinates(value real, decimals int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when abs(value) >= 16777216 then true
  else value = trunc(value::numeric, decimals)::real
end;

comment on function lethe.is_generalize_coordinates(real, int) is
  'True when the number has no more decimals than that; null for null.';

create or replace function lethe.generalize_coordinates(value real, decimals int)
  returns real
  language sql
  immutable
  parallel safe
return case
  when abs(value) >= 16777216 then value
  else trunc(value::numeric, decimals)::real
end;

comment on function lethe.generalize_coordinates(real, int) is 'The number cut to so many decimals, towards zero.';

create or replace function lethe.is_generalize_coordinates(value double precision, decimals int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when abs(value) >= 9007199254740992 then true
  else value = trunc(value::numeric, decimals)::double precision
end;

comment on function lethe.is_generalize_coordinates(double precision, int) is
  'True when the number has no more decimals than that; null for null.';

create or replace function lethe.generalize_coordinates(value double precision, decimals int)
  returns double precision
  language sql
  immutable
  parallel safe
return case
  when abs(value) >= 9007199254740992 then value
  else trunc(value::numeric, decimals)::double precision
end;

comment on function lethe.generalize_coordinates(double precision, int) is 'The number cut to so many decimals, towards zero.';

create or replace function lethe.is_generalize_coordinates(value point, decimals int)
  returns boolean
  language sql
  immutable
  parallel safe
return lethe.is_generalize_coordinates(value[0], decimals) and lethe.is_generalize_coordinates(value[1], decimals);

comment on function lethe.is_generalize_coordinates(point, int) is
  'True when both coordinates have no more decimals than that; null for null.';

create or replace function lethe.generalize_coordinates(value point, decimals int)
  returns point
  language sql
  immutable
  parallel safe
return point(lethe.generalize_coordinates(value[0], decimals), lethe.generalize_coordinates(value[1], decimals));

comment on function lethe.generalize_coordinates(point, int) is 'The point with both coordinates cut to so many decimals, towards zero.';
