-- Sealed evidence is not to change. These triggers say so loudly to whoever tries; who may disable them is
-- found out by lethe.verify_evidence instead.
--
-- Without arguments: every change is refused. With a relation and a column: where the row of that relation
-- whose key is the column's value has been sealed.
create or replace function lethe_private.refuse_sealed()
  returns trigger
  language plpgsql
  security definer  -- lethe.sealed_rows has row security, and whoever tries may read none of it
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_relation text := format('%s.%s', tg_table_schema, tg_table_name);
  v_sealed boolean := true;
begin
  if tg_op = 'TRUNCATE' then
    v_sealed := exists (select from lethe.sealed_rows);
  elsif tg_nargs > 0 then
    v_sealed := exists (
      select from lethe.sealed_rows as s
      where s.relation = tg_argv[0] and s.key = jsonb_build_array(to_jsonb(old) -> tg_argv[1])::text);
  end if;
  if v_sealed then
    raise exception using errcode = 'LE801',
      message = format('%s of %s is refused: it is sealed evidence', lower(tg_op), v_relation),
      hint = 'evidence is kept as it is; lethe.verify_evidence() checks that it was. What is wrong in it is answered by the next cycle';
  end if;
  return case tg_op when 'UPDATE' then new when 'DELETE' then old end;
end
$$;

comment on function lethe_private.refuse_sealed() is 'Trigger: refuses to change, delete or truncate sealed evidence. Raises LE801.';

-- What is sealed has ended: the two tables that a running cycle writes to all the time are asked for that first.
create or replace trigger refuse_sealed before update or delete on lethe.cycles for each row when (old.state <> 'open') execute function lethe_private.refuse_sealed('lethe.cycles', 'id');
create or replace trigger refuse_sealed before update or delete on lethe.cycle_tables for each row when (old.state not in ('waiting', 'sweeping', 'swept')) execute function lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');
create or replace trigger refuse_sealed before update or delete on lethe.evidence for each row execute function lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');
create or replace trigger refuse_sealed before update or delete on lethe.evidence_batches for each row execute function lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');
create or replace trigger refuse_sealed before update or delete on lethe.receipts for each row execute function lethe_private.refuse_sealed();
create or replace trigger refuse_sealed before update or delete on lethe.archive_openings for each row execute function lethe_private.refuse_sealed('lethe.archive_openings', 'id');
create or replace trigger refuse_sealed before update or delete on lethe.certificates for each row execute function lethe_private.refuse_sealed();
create or replace trigger refuse_sealed before update or delete on lethe.seals for each row execute function lethe_private.refuse_sealed();
create or replace trigger refuse_sealed before update or delete on lethe.sealed_rows for each row execute function lethe_private.refuse_sealed();

create or replace trigger refuse_truncate before truncate on lethe.cycles for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.cycle_tables for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.evidence for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.evidence_batches for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.receipts for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.archive_openings for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.certificates for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.seals for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.sealed_rows for each statement execute function lethe_private.refuse_sealed();
