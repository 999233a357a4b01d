-- Draft, rehearse, activate: a policy is proposed as a whole document, tried on the data, and put in force by
-- somebody who has seen what it does. docs/drafts.md has the states. lethe.apply_policy and lethe.set_rule stay the
-- operator's direct door.

-- Who stands behind what is done: the login or, where a request of the API does it, the login that issued its token.
-- Whoever issued two tokens may hold both, so these are one person.
create or replace function lethe_private.person()
  returns name
  language sql
  stable
  security definer  -- nobody may read the tokens
begin atomic
  select coalesce((
    select t.issued_by from lethe_private.api_tokens as t
    where t.token_hash = current_setting('lethe.request', true) and lethe_private.request_reaches(t.controller_id)), session_user);
end;

comment on function lethe_private.person() is 'The login that acts, or that issued the token of the request under way.';

create or replace function lethe_private.get_draft(draft int)
  returns lethe.drafts
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_draft lethe.drafts;
begin
  perform lethe_private.assert_may_change(null);
  select d.* into v_draft from lethe.drafts as d where d.id = get_draft.draft for update;
  if not found then
    raise exception using errcode = 'LE111',
      message = format('there is no draft %s', coalesce(get_draft.draft::text, '(null)')),
      hint = 'lethe policy drafts, or select * from lethe.drafts, lists them';
  elsif v_draft.ended_at is not null then
    raise exception using errcode = 'LE615',
      message = format('draft %s was %s on %s', v_draft.id, v_draft.state, v_draft.ended_at::date),
      hint = 'make a new draft of it: select lethe.draft_policy(document, ''why'') from lethe.drafts';
  end if;
  return v_draft;
end
$$;

comment on function lethe_private.get_draft(int) is 'A draft that has not ended, locked. Raises LE111, LE502, LE615.';

create or replace function lethe.draft_policy(document jsonb, reason text)
  returns int
  language plpgsql
  volatile
  security definer  -- drafts are written through functions only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_id int;
begin
  perform lethe_private.assert_may_change(null);
  if draft_policy.document is null or jsonb_typeof(draft_policy.document) <> 'object' then
    raise exception using errcode = 'LE605', message = 'a draft is a whole policy document',
      hint = 'begin with lethe.export_policy(); docs/policy.schema.json describes it';
  elsif coalesce(draft_policy.reason, '') !~ '\S' then
    raise exception using errcode = 'LE106', message = 'a draft needs its reason',
      hint = 'say in a sentence why: it is kept with every change';
  end if;
  insert into lethe.drafts (document, reason, author)
  values (draft_policy.document, draft_policy.reason, lethe_private.person())
  returning id into v_id;
  return v_id;
end
$$;

comment on function lethe.draft_policy(jsonb, text) is
  'Proposes a policy: a whole document, as lethe.export_policy writes it, and why. Returns the draft''s number; nothing is in force yet. Raises LE106, LE502, LE605.';

create or replace function lethe.withdraw_draft(draft int)
  returns void
  language plpgsql
  volatile
  security definer  -- drafts are written through functions only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_draft lethe.drafts := lethe_private.get_draft(withdraw_draft.draft);
begin
  update lethe.drafts as d set state = 'withdrawn', ended_at = now(), ended_by = lethe_private.person() where d.id = v_draft.id;
end
$$;

comment on function lethe.withdraw_draft(int) is 'Gives a draft up. It is kept, and can be neither rehearsed nor activated any more. Raises LE111, LE502, LE615.';

create or replace function lethe.rehearse(draft int)
  returns text
  language plpgsql
  volatile
  security definer  -- reads the policy and the controllers' keys; touches tables as lethe_sweeper
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_draft lethe.drafts := lethe_private.get_draft(rehearse.draft);
  v_found jsonb := lethe_private.propose(v_draft.document, v_draft.reason, true);
  v_findings jsonb := v_found -> 'findings';
begin
  if v_found -> 'missing_rights' <> '[]' then
    v_findings := v_findings || (select jsonb_agg(jsonb_build_object('problem', 'right missing', 'relation', r.value ->> 'object', 'remedy', r.value ->> 'remedy'))
      from jsonb_array_elements(v_found -> 'missing_rights') as r);
  end if;
  update lethe.drafts as d
  set state = case when v_findings = '[]' then 'rehearsed' else 'refused' end,
      rehearsed_at = now(), policy_mark = v_found ->> 'policy_mark', catalogue_mark = v_found ->> 'catalogue_mark',
      changes = v_found -> 'changes', findings = v_findings, effects = v_found -> 'effects', tried = v_found -> 'tried',
      missing_rights = v_found -> 'missing_rights', blast_radius = v_found -> 'blast_radius', rows_at_once = (v_found ->> 'rows_at_once')::bigint,
      -- Who approved has approved what was known then.
      approved_by = null, approved_at = null
  where d.id = v_draft.id;
  return case when v_findings = '[]' then 'rehearsed' else 'refused' end;
end
$$;

comment on function lethe.rehearse(int) is
  'Tries a draft on at most 1,000 real rows of each table whose rules it changes, counts what becomes due at once, and undoes all of it. Returns rehearsed or refused; lethe.drafts has what was found. statement_timeout counts from the statement that calls it. Raises what lethe.apply_policy raises, LE111, LE501, LE503, LE615, LE616.';

create or replace function lethe.approve_draft(draft int)
  returns void
  language plpgsql
  volatile
  security definer  -- drafts are written through functions only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_draft lethe.drafts := lethe_private.get_draft(approve_draft.draft);
begin
  if v_draft.state <> 'rehearsed' then
    raise exception using errcode = 'LE612',
      message = format('draft %s is %s: there is nothing to approve yet', v_draft.id, v_draft.state),
      hint = format('select lethe.rehearse(%s)', v_draft.id);
  elsif v_draft.author = lethe_private.person() then
    raise exception using errcode = 'LE613',
      message = format('draft %s was written by %I, who cannot be the second person too', v_draft.id, v_draft.author),
      hint = 'somebody with another login approves it; two tokens issued by one login count as one person';
  end if;
  update lethe.drafts as d set approved_by = lethe_private.person(), approved_at = now() where d.id = v_draft.id;
end
$$;

comment on function lethe.approve_draft(int) is
  'The second person''s yes to a rehearsed draft; another rehearsal takes it back. Raises LE111, LE502, LE612, LE613, LE615.';
