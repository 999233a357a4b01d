-- The states of a request and who may move one: docs/requests.md draws them. Data, so that a DBA can read it with
-- SELECT; written again by every migration, so that it is what this file says.
insert into lethe.request_states as s (name, is_open, description) values
  ('received', true, 'Opened, and nothing done yet.'),
  ('paused', true, 'It is doubted who is asking (Art. 12(6)): the clock stands still until that is proved.'),
  ('planned', true, 'What would be done is written down, and waits for an officer.'),
  ('approved', true, 'An officer has agreed; the worker does it.'),
  ('delayed', true, 'A hold keeps it: goes on by itself when that is released.'),
  ('executed', true, 'Done in the database; what is left is to look again and to hear from recipients.'),
  ('blocked', false, 'Answered. What a law has kept is hidden until its day, and then goes by itself.'),
  ('completed', false, 'Answered, and nothing is left to do.'),
  ('refused', false, 'Refused, with its ground (Art. 12(4), 17(3)).'),
  ('withdrawn', false, 'Taken back by the person.')
on conflict (name) do update
set is_open = excluded.is_open, description = excluded.description
where (s.is_open, s.description) is distinct from (excluded.is_open, excluded.description);

with said (kinds, from_states, to_state, moved_by, description) as (values
  (array['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure'], array['received', 'planned'], 'paused', array['lethe_officer', 'lethe_agent'], 'Who is asking is doubted.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure'], array['paused'], 'received', array['lethe_officer', 'lethe_agent'], 'Who is asking is proved; what was planned is planned anew.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure'], array['received', 'paused', 'planned', 'approved', 'delayed'], 'refused', array['lethe_officer'], 'Refused, with its ground.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure'], array['received', 'paused', 'planned', 'approved', 'delayed'], 'withdrawn', array['lethe_officer', 'lethe_agent'], 'The person does not want it any more.'),
  (array['erasure'], array['received', 'planned', 'approved', 'delayed'], 'planned', array['lethe_officer', 'lethe_agent', 'lethe_worker'], 'What would be done is written down, or has changed since it was.'),
  (array['erasure'], array['planned'], 'approved', array['lethe_officer'], 'An officer agrees to the plan.'),
  (array['erasure'], array['approved'], 'delayed', array['lethe_officer', 'lethe_worker'], 'A hold keeps something of the plan.'),
  (array['erasure'], array['approved', 'delayed', 'blocked'], 'executed', array['lethe_officer', 'lethe_worker'], 'Erased, as planned.'),
  (array['erasure'], array['executed'], 'blocked', array['lethe_officer', 'lethe_worker'], 'Looked again; a law keeps something until its day.'),
  (array['erasure'], array['executed'], 'completed', array['lethe_officer', 'lethe_worker'], 'Looked again; nothing is left to do.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection'], array['received'], 'approved', array['lethe_officer', 'lethe_agent'], 'Who is asking is known, and what is asked for is to be done.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection'], array['approved'], 'completed', array['lethe_officer', 'lethe_agent', 'lethe_worker'], 'Done.')
), moves as (
  select k as kind, f as from_state, s.to_state, s.moved_by, s.description
  from said as s cross join unnest(s.kinds) as k cross join unnest(s.from_states) as f
), gone as (
  delete from lethe.request_moves as m
  where not exists (select from moves as x where (x.kind, x.from_state, x.to_state) = (m.kind, m.from_state, m.to_state))
)
insert into lethe.request_moves as m (kind, from_state, to_state, moved_by, description)
select x.* from moves as x
on conflict (kind, from_state, to_state) do update
set moved_by = excluded.moved_by, description = excluded.description
where (m.moved_by, m.description) is distinct from (excluded.moved_by, excluded.description);
