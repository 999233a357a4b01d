create or replace function lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select case
    when managed.controller_column is null then 'true'
    -- The type without its length: a cast to varchar(2) would cut one controller's reference to another's.
    else (select format('%s.%I = %L::%s', alias, h.name, controller.reference, h.base_type)
          from lethe_private.host_columns as h
          where h.relation = table_oid and h.name = managed.controller_column)
  end;
end;

comment on function lethe_private.controller_sql(text, lethe.managed_tables, oid, lethe.controllers) is
  'True when the row belongs to the controller.';

create or replace function lethe_private.has_controller(managed lethe.managed_tables, controller lethe.controllers)
  returns boolean
  language sql
  immutable
return case
  when managed.controller_column is null then managed.controller_id = controller.id
  else controller.reference is not null
end;

comment on function lethe_private.has_controller(lethe.managed_tables, lethe.controllers) is
  'True when the table can hold rows of the controller.';
