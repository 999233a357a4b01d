-- Generalization of IP addresses: the host part goes, the network stays (by default a /24 of version 4
-- and a /48 of version 6). A network that is wider already stays as it is.
create or replace function lethe.generalize_ip(value inet, v4 int, v6 int)
  returns inet
  language sql
  immutable
  parallel safe
return network(set_masklen(value, least(masklen(value), case family(value) when 4 then v4 else v6 end)));

comment on function lethe.generalize_ip(inet, int, int) is
  'The network of the address, of at most v4 or v6 bits.';

create or replace function lethe.generalize_ip(value cidr, v4 int, v6 int)
  returns cidr
  language sql
  immutable
  parallel safe
return set_masklen(value, least(masklen(value), case family(value) when 4 then v4 else v6 end));

comment on function lethe.generalize_ip(cidr, int, int) is
  'The network around the network, of at most v4 or v6 bits.';

-- Text is cast only where a pattern has made sure that it is an address, since a cast that fails would
-- stop the sweep. The network is written without its length, so that what reads the column still finds
-- an address, and 15 characters hold it. Version 4 inside version 6 (::ffff:192.0.2.1) is read as
-- version 4. Whatever else stands there could be anybody's, and becomes 0.0.0.0.
create or replace function lethe.generalize_ip(value text, v4 int, v6 int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when coalesce(value, '') = '' collate "C" then value
  when value collate "C" ~ '^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
    then host(network(set_masklen(value::inet, v4)))
  when value collate "C" ~* '^::ffff:((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
    then host(network(set_masklen(substr(value, 8)::inet, v4)))
  when value collate "C" ~* '^(([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?!(.*:){8})([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?::([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?)$'
    then host(network(set_masklen(value::inet, v6)))
  else '0.0.0.0'
end;

comment on function lethe.generalize_ip(text, int, int) is
  'The first address of the network of v4 or v6 bits around an address written as text; 0.0.0.0 for text that is none.';

create or replace function lethe.is_generalize_ip(value inet, v4 int, v6 int)
  returns boolean
  language sql
  immutable
  parallel safe
return masklen(value) <= case family(value) when 4 then v4 else v6 end
  and value = network(value);

comment on function lethe.is_generalize_ip(inet, int, int) is
  'True when lethe.generalize_ip would leave the address as it is; null for null.';

create or replace function lethe.is_generalize_ip(value cidr, v4 int, v6 int)
  returns boolean
  language sql
  immutable
  parallel safe
return masklen(value) <= case family(value) when 4 then v4 else v6 end;

comment on function lethe.is_generalize_ip(cidr, int, int) is
  'True when lethe.generalize_ip would leave the network as it is; null for null.';

create or replace function lethe.is_generalize_ip(value text, v4 int, v6 int)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" = lethe.generalize_ip(value, v4, v6);

comment on function lethe.is_generalize_ip(text, int, int) is
  'True when lethe.generalize_ip would leave the text as it is; null for null.';
