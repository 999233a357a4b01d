-- What counts as evidence, in one place. To have another table sealed: a line in evidence_formats, a branch
-- in evidence_rows, a trigger in refuse_sealed.sql. To have a new column of one sealed: another line with
-- the next format and all columns. A line that was ever released is never changed, and a column it names
-- is never dropped or renamed: old seals are recomputed by it.
create or replace view lethe_private.evidence_formats as
select f.relation_order, f.relation, f.format, f.columns
from (values
  (1, 'lethe.cycles', 1, array[
    'id', 'controller_id', 'local_date', 'covers_since', 'state', 'started_at', 'finished_at']),
  (2, 'lethe.cycle_tables', 1, array[
    'cycle_id', 'table_id', 'table_name', 'state', 'phase', 'round', 'pass', 'found_in_pass', 'done_before_pass',
    'done_before_round', 'rows_done', 'rows_found', 'batches', 'attempts', 'found', 'skipped', 'failure']),
  (3, 'lethe.evidence', 1, array[
    'cycle_id', 'table_name', 'rule', 'table_id', 'due', 'done', 'held', 'kept_by_child', 'skipped', 'skipped_why',
    'unclocked', 'left_over']),
  (4, 'lethe.evidence_batches', 1, array[
    'id', 'cycle_id', 'table_id', 'phase', 'at', 'rows_done', 'counts', 'root', 'key_version']),
  (5, 'lethe.receipts', 1, array['cycle_id', 'document']),
  -- Without its reason, which is free text and may name somebody.
  (6, 'lethe.archive_openings', 1, array[
    'id', 'at', 'by', 'controller_id', 'table_name', 'key_hash', 'key_version', 'restored', 'exempt_until', 'rows_opened']),
  (7, 'lethe.certificates', 1, array['request_id', 'number', 'controller_id', 'issued_at', 'document'])
) as f (relation_order, relation, format, columns);

comment on view lethe_private.evidence_formats is
  'Which columns of which tables are sealed. The highest format of a table is the one for new seals.';

-- cycle_id is null for what belongs to no cycle: such a row can be sealed by itself as soon as it is final.
-- controller_id is null for rows whose cycle is gone, which foreign keys prevent and verification reports.
create or replace view lethe_private.evidence_rows as
select c.controller_id, c.id as cycle_id, 'lethe.cycles' as relation, jsonb_build_array(c.id)::text as key,
  c.state <> 'open' as final, to_jsonb(c) as content
from lethe.cycles as c
union all
select c.controller_id, t.cycle_id, 'lethe.cycle_tables', jsonb_build_array(t.cycle_id, t.table_id)::text,
  c.state <> 'open', to_jsonb(t)
from lethe.cycle_tables as t
left join lethe.cycles as c on c.id = t.cycle_id
union all
select c.controller_id, e.cycle_id, 'lethe.evidence', jsonb_build_array(e.cycle_id, e.table_name, e.rule)::text,
  c.state <> 'open', to_jsonb(e)
from lethe.evidence as e
left join lethe.cycles as c on c.id = e.cycle_id
union all
select c.controller_id, b.cycle_id, 'lethe.evidence_batches', jsonb_build_array(b.id)::text,
  c.state <> 'open', to_jsonb(b)
from lethe.evidence_batches as b
left join lethe.cycles as c on c.id = b.cycle_id
union all
select c.controller_id, r.cycle_id, 'lethe.receipts', jsonb_build_array(r.cycle_id)::text,
  c.state <> 'open', to_jsonb(r)
from lethe.receipts as r
left join lethe.cycles as c on c.id = r.cycle_id
union all
select o.controller_id, null, 'lethe.archive_openings', jsonb_build_array(o.id)::text, true, to_jsonb(o)
from lethe.archive_openings as o
union all
select c.controller_id, null, 'lethe.certificates', jsonb_build_array(c.request_id, c.number)::text, true, to_jsonb(c)
from lethe.certificates as c;

comment on view lethe_private.evidence_rows is
  'Every row of evidence: whose it is, its key, whether it can no longer change, and what it says. Times are in the session''s zone: only functions that pin it may hash them.';
