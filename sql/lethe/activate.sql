-- Puts a rehearsed draft in force, if what was rehearsed is still true, all side effects are accepted by name, and a
-- second person has approved where that is asked for.
create or replace function lethe_private.assert_still_true(draft lethe.drafts, proposal jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_why text := case
    when proposal ->> 'policy_mark' <> draft.policy_mark then 'another policy is in force'
    when proposal ->> 'catalogue_mark' <> draft.catalogue_mark then 'a table has been altered'
    when proposal -> 'missing_rights' <> '[]' then 'a right has been taken back'
    -- A tenth and a hundred more: a night's worth of rows falling due is no other draft.
    when (proposal ->> 'rows_at_once')::bigint > draft.rows_at_once * 1.1 + 100 then
      format('%s rows would become due at once, and not %s', proposal ->> 'rows_at_once', draft.rows_at_once)
  end;
begin
  if v_why is not null then
    raise exception using errcode = 'LE612',
      message = format('draft %s must be rehearsed again: %s', draft.id, v_why),
      hint = format('select lethe.rehearse(%s)', draft.id);
  end if;
end
$$;

comment on function lethe_private.assert_still_true(lethe.drafts, jsonb) is
  'Raises LE612 when policy, tables or figures are no longer those of the rehearsal.';

create or replace function lethe_private.assert_may_activate(draft lethe.drafts, accept text[], rows_at_once bigint)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_above bigint := (select s.second_person_above from lethe.settings as s);
  v_open text := (select string_agg(e ->> 'object', ', ') from jsonb_array_elements(draft.effects) as e where not (e ->> 'object') = any (accept));
begin
  if v_open is not null then
    raise exception using errcode = 'LE614',
      message = format('draft %s has side effects that nobody has accepted: %s', draft.id, v_open),
      hint = format('if they are meant: select lethe.activate(%s, accept => array[%s])', draft.id,
        (select string_agg(quote_literal(e ->> 'object'), ', ') from jsonb_array_elements(draft.effects) as e));
  elsif rows_at_once > v_above and draft.approved_by is null then
    raise exception using errcode = 'LE613',
      message = format('draft %s makes %s rows due at once, more than the %s that one person may', draft.id, rows_at_once, v_above),
      hint = format('somebody with another login than %I looks at it and approves: select lethe.approve_draft(%s)', draft.author, draft.id);
  end if;
end
$$;

comment on function lethe_private.assert_may_activate(lethe.drafts, text[], bigint) is
  'Raises LE614 (side effects not accepted) or LE613 (a second person is needed).';

create or replace function lethe.activate(draft int, accept text[] default '{}')
  returns table (change text, object text, before jsonb, after jsonb)
  language plpgsql
  volatile
  security definer  -- writes the policy
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_draft lethe.drafts := lethe_private.get_draft(activate.draft);
  v_found jsonb;
  v_last bigint;
begin
  if v_draft.state = 'refused' then
    raise exception using errcode = 'LE611',
      message = format('the rehearsal has refused draft %s: %s', v_draft.id, (
        select string_agg(distinct concat_ws(' ', f ->> 'table', f ->> 'rule', f ->> 'problem', f ->> 'sqlstate', f ->> 'constraint', f ->> 'relation'), '; ')
        from jsonb_array_elements(v_draft.findings) as f)),
      hint = format('repair it, or the table, and select lethe.rehearse(%s)', v_draft.id);
  elsif v_draft.state <> 'rehearsed' then
    raise exception using errcode = 'LE612',
      message = format('draft %s has not been rehearsed', v_draft.id),
      hint = format('select lethe.rehearse(%s)', v_draft.id);
  end if;
  v_found := lethe_private.propose(v_draft.document, v_draft.reason, false);
  -- From here to the end nobody else changes the policy, so that what was counted is what comes into force.
  lock table lethe.policy_changes in share row exclusive mode;
  v_found := v_found || jsonb_build_object('policy_mark', lethe_private.policy_mark());
  perform lethe_private.assert_still_true(v_draft, v_found);
  perform lethe_private.assert_may_activate(v_draft, coalesce(activate.accept, '{}'), (v_found ->> 'rows_at_once')::bigint);

  select coalesce(max(c.id), 0) into v_last from lethe.policy_changes as c;
  return query select a.* from lethe.apply_policy(v_draft.document, v_draft.reason) as a;
  update lethe.policy_changes as c set draft_id = v_draft.id where c.id > v_last;
  update lethe.drafts as d
  set state = 'activated', ended_at = now(), ended_by = lethe_private.person(), accepted = coalesce(activate.accept, '{}'),
      blast_radius = v_found -> 'blast_radius', rows_at_once = (v_found ->> 'rows_at_once')::bigint
  where d.id = v_draft.id;
end
$$;

comment on function lethe.activate(int, text[]) is
  'Puts a rehearsed draft in force and lists what changed. accept: the names of its side effects (lethe.drafts.effects). Raises what lethe.apply_policy raises, LE111, LE502, LE611 to LE615.';
