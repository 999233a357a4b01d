-- Generalization of numbers: a value becomes the edge, towards zero, of its range of the given width
-- (1234 by 100: 1200; -1234: -1200). Towards zero, because rounding away from it could overflow the type.
--
-- One overload a type, so that the result fits the column without a cast that could fail. Infinite
-- values and NaN (which is greater than any other) stand for "none" and stay.
create or replace function lethe.generalize_number(value smallint, width int)
  returns smallint
  language sql
  immutable
  parallel safe
return (value - value % greatest(width, 1))::smallint;

comment on function lethe.generalize_number(smallint, int) is 'The multiple of the width at or next to the value, towards zero.';

create or replace function lethe.generalize_number(value int, width int)
  returns int
  language sql
  immutable
  parallel safe
return value - value % greatest(width, 1);

comment on function lethe.generalize_number(int, int) is 'The multiple of the width at or next to the value, towards zero.';

create or replace function lethe.generalize_number(value bigint, width int)
  returns bigint
  language sql
  immutable
  parallel safe
return value - value % greatest(width, 1);

comment on function lethe.generalize_number(bigint, int) is 'The multiple of the width at or next to the value, towards zero.';

create or replace function lethe.generalize_number(value numeric, width int)
  returns numeric
  language sql
  immutable
  parallel safe
return case
  when value > '-Infinity' and value < 'Infinity' then value - value % greatest(width, 1)
  else value
end;

comment on function lethe.generalize_number(numeric, int) is
  'The multiple of the width at or next to the value, towards zero. NaN and infinite values stay.';

-- Binary numbers hold every whole number only up to 2^24 (real) and 2^53 (double precision). Beyond,
-- multiples of the width are not exact, and doing it twice would drift: such values are top-coded to the
-- last multiple that is. What is nearer to zero than the width is zero without a division, which could
-- underflow.
create or replace function lethe.generalize_number(value real, width int)
  returns real
  language sql
  immutable
  parallel safe
return case
  when abs(value) < greatest(width, 1) then 0
  when value > '-Infinity' and value < 'Infinity'
    then (trunc(greatest(-16777216, least(16777216, value::double precision)) / greatest(width, 1)) * greatest(width, 1) + 0)::real
  else value
end;

comment on function lethe.generalize_number(real, int) is
  'The multiple of the width at or next to the value, towards zero, within 2^24 of zero. NaN and infinite values stay.';

create or replace function lethe.generalize_number(value double precision, width int)
  returns double precision
  language sql
  immutable
  parallel safe
return case
  when abs(value) < greatest(width, 1) then 0
  when value > '-Infinity' and value < 'Infinity'
    then trunc(greatest(-9007199254740992, least(9007199254740992, value)) / greatest(width, 1)) * greatest(width, 1) + 0
  else value
end;

comment on function lethe.generalize_number(double precision, int) is
  'The multiple of the width at or next to the value, towards zero, within 2^53 of zero. NaN and infinite values stay.';

create or replace function lethe.is_generalize_number(value smallint, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(smallint, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value int, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(int, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value bigint, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(bigint, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value numeric, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(numeric, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value real, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(real, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value double precision, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(double precision, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';
