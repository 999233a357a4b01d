-- Looks again: whatever is found of the person afterwards stands in the certificate, which the seal covers.
create or replace function lethe.verify_request(request bigint)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may write findings, certificates or seals
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  -- Somebody else has been here: nothing is left to do.
  if v_request.state <> 'executed' then
    return v_request.state;
  end if;
  perform from lethe.scan_residue(array[v_request.id]);
  perform lethe.certify_request(v_request.id);
  perform lethe_private.seal_controller(v_request.controller_id);
  return (select r.state from lethe.requests as r where r.id = v_request.id);
end
$$;

comment on function lethe.verify_request(bigint) is
  'Scans for what is left of a person that was erased, writes the certificate, and seals it. Returns the state: blocked or completed. Raises LE114, LE405.';
