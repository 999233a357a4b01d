-- The receipt of a cycle and the seal that covers it. Invoker: row security decides who sees which.
create or replace function lethe.receipt(cycle_id bigint)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_receipt jsonb;
begin
  select r.document || jsonb_build_object('seal', jsonb_build_object(
      'chain', f.previous, 'number', s.number, 'hash', s.hash,
      'sealed_at', to_char(s.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'receipt_sha256', l.hash))
  into v_receipt
  from lethe.receipts as r
  join lethe.sealed_rows as l on l.relation = 'lethe.receipts' and l.key = jsonb_build_array(r.cycle_id)::text
  join lethe.seals as s on s.controller_id = l.controller_id and s.number = l.number
  join lethe.seals as f on f.controller_id = l.controller_id and f.number = 1
  where r.cycle_id = receipt.cycle_id;
  if v_receipt is null then
    raise exception using errcode = 'LE802',
      message = format('there is no receipt of cycle %s', coalesce(receipt.cycle_id::text, '(null)')),
      hint = 'select cycle_id from lethe.receipts lists those you may see: cycles that ended before Lethe wrote receipts have none, and an open one has none yet';
  end if;
  return v_receipt;
end
$$;

comment on function lethe.receipt(bigint) is
  'What a cycle found due, did, held, kept, skipped and left, the policy it obeyed, and its seal. Raises LE802.';
