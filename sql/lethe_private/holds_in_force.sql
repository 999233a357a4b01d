-- A hold is in force up to and including its ends_on, in its controller's calendar.
create or replace function lethe_private.controller_day(controller_id int)
  returns date
  language sql
  stable
-- A hold of no controller is one of all, and ends where the day ends last.
return (
  select min(lethe_private.today(c.time_zone)) from lethe.controllers as c
  where controller_day.controller_id is null or c.id = controller_day.controller_id);

comment on function lethe_private.controller_day(int) is 'The local day of a controller; of all of them, the earliest.';

create or replace function lethe_private.holds_in_force(day date default null)
  returns setof int
  language sql
  stable
begin atomic
  select h.id
  from lethe.holds as h
  where h.released_at is null
    and (h.ends_on is null or h.ends_on >= coalesce(holds_in_force.day, lethe_private.controller_day(h.controller_id)));
end;

comment on function lethe_private.holds_in_force(date) is 'Holds that hold on a local day; without one, now, each where its controller is.';

-- The links by which rows belong to a person, from the subject's root table down: own and share. A row that only
-- mentions the person is somebody else's.
create or replace function lethe_private.person_links(subject text)
  returns table (link_id int, table_id int, to_table_id int, depth int, circular boolean)
  language sql
  stable
begin atomic
  with recursive down as (
    select l.id as link_id, l.table_id, l.to_table_id, 1 as depth, l.table_id = s.table_id as circular, array[s.table_id, l.table_id] as path, s.id as type_id
    from lethe.subject_types as s
    join lethe.links as l on l.subject_type_id = s.id and l.to_table_id = s.table_id and l.kind in ('own', 'share')
    where s.name = person_links.subject
    union all
    select l.id, l.table_id, l.to_table_id, d.depth + 1, l.table_id = any (d.path), d.path || l.table_id, d.type_id
    from down as d
    join lethe.links as l on l.subject_type_id = d.type_id and l.to_table_id = d.table_id and l.kind in ('own', 'share')
    where not d.circular
  )
  select d.link_id, d.table_id, d.to_table_id, max(d.depth), bool_or(d.circular)
  from down as d
  group by d.link_id, d.table_id, d.to_table_id
  order by max(d.depth), d.link_id;
end;

comment on function lethe_private.person_links(text) is
  'The own and share links that lead from a subject''s root table downwards, parents first; circular: it leads back to where it came from.';

-- Whatever the hold says of the table: a key of it, a predicate over it, a person to whom its rows belong.
create or replace function lethe_private.holds_touching(table_id int)
  returns setof int
  language sql
  stable
begin atomic
  select f.id
  from lethe_private.holds_in_force() as f (id)
  where exists (select from lethe_private.held_keys as k where k.hold_id = f.id and k.table_id = holds_touching.table_id)
     or exists (select from lethe_private.held_conditions as c where c.hold_id = f.id and c.table_id = holds_touching.table_id)
     or exists (
       select from lethe.holds as h
       cross join lateral lethe_private.person_links(h.subject) as l
       where h.id = f.id and h.kind = 'person' and l.table_id = holds_touching.table_id);
end;

comment on function lethe_private.holds_touching(int) is 'Holds in force that may reach rows of a managed table.';

-- A program says what was held otherwise than by key when it was written; as soon as that changes it is written anew.
create or replace function lethe_private.holds_mark(day date)
  returns text
  language sql
  stable
begin atomic
  select coalesce(string_agg(f.id::text, ',' order by f.id), '')
  from lethe_private.holds_in_force(holds_mark.day) as f (id)
  join lethe.holds as h on h.id = f.id
  where h.kind <> 'keys';
end;

comment on function lethe_private.holds_mark(date) is 'The holds whose predicates stand in the programs of a local day.';

create or replace function lethe_private.acts_for_hold(controller_id int)
  returns boolean
  language sql
  stable
return case when controller_id is null then lethe_private.is_operator() else lethe_private.acts_for(controller_id) end;

comment on function lethe_private.acts_for_hold(int) is 'True when the login may act for the controller of a hold; for a hold of all, an operator.';
