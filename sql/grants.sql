-- Who may what. Rights on functions, tables and schemas are taken away first, so that this file is the
-- whole truth; the matrix it makes is test/golden/privileges.txt.

revoke all on schema lethe, lethe_private from public;
revoke all on all routines in schema lethe, lethe_private from public;
revoke all on all tables in schema lethe, lethe_private from public;

-- Somebody without rights is to read a sentence, and not "permission denied for schema lethe".
grant usage on schema lethe to public;
grant execute on procedure lethe.run_cycle(text, numeric) to public;

-- Methods stand in indexes on host tables, where whoever writes to the table evaluates them. They read
-- nothing and know no key.
do $$
declare
  v_method regprocedure;
begin
  for v_method in
    select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace = 'lethe'::regnamespace
      and p.provolatile = 'i'
  loop
    execute format('grant execute on function %s to public', v_method);
  end loop;
end
$$;

-- Row security -----------------------------------------------------------------------------------

-- Policy and evidence are read by officers and auditors, each for the controllers it acts for. What
-- belongs to no controller (defaults, methods, settings) is read by all of them.
alter table lethe.controllers enable row level security;
alter table lethe.memberships enable row level security;
alter table lethe.managed_tables enable row level security;
alter table lethe.managed_columns enable row level security;
alter table lethe.subject_types enable row level security;
alter table lethe.links enable row level security;
alter table lethe.methods enable row level security;
alter table lethe.formats enable row level security;
alter table lethe.column_formats enable row level security;
alter table lethe.rules enable row level security;
alter table lethe.terms enable row level security;
alter table lethe.settings enable row level security;
alter table lethe.holds enable row level security;
alter table lethe.cycles enable row level security;
alter table lethe.cycle_tables enable row level security;
alter table lethe.evidence enable row level security;
alter table lethe.evidence_batches enable row level security;
alter table lethe.receipts enable row level security;
alter table lethe.seals enable row level security;
alter table lethe.sealed_rows enable row level security;
alter table lethe.partition_purges enable row level security;
alter table lethe.policy_changes enable row level security;
alter table lethe.waivers enable row level security;
alter table lethe.managed_views enable row level security;
alter table lethe.drafts enable row level security;
alter table lethe_private.controller_keys enable row level security;
alter table lethe_private.held_keys enable row level security;
alter table lethe_private.held_conditions enable row level security;
alter table lethe_private.held_links enable row level security;
alter table lethe_private.held_relations enable row level security;
alter table lethe_private.guard_state enable row level security;
alter table lethe_private.guard_programs enable row level security;
alter table lethe_private.guarded_relations enable row level security;
alter table lethe_private.compiled enable row level security;
alter table lethe_private.worklist enable row level security;
alter table lethe_private.mirrors enable row level security;
alter table lethe_private.mirror_columns enable row level security;
alter table lethe_private.mirror_roots enable row level security;
alter table lethe_private.exemptions enable row level security;
alter table lethe_private.restoring enable row level security;
alter table lethe_private.rehearsing enable row level security;
alter table lethe.archive_openings enable row level security;
alter table lethe_private.last_events enable row level security;
alter table lethe_private.api_tokens enable row level security;
alter table lethe.request_states enable row level security;
alter table lethe.request_moves enable row level security;
alter table lethe.requests enable row level security;
alter table lethe.request_events enable row level security;
alter table lethe.request_findings enable row level security;
alter table lethe.certificates enable row level security;
alter table lethe.recipients enable row level security;
alter table lethe.notifications enable row level security;
alter table lethe_private.request_roots enable row level security;
alter table lethe_private.kept_rows enable row level security;
alter table lethe_private.request_identifiers enable row level security;
alter table lethe_private.suppressions enable row level security;
alter table lethe_private.recaptures enable row level security;
alter table lethe_private.packages enable row level security;
alter table lethe_private.recipient_secrets enable row level security;
alter table lethe_private.notification_hashes enable row level security;
alter table lethe_private.restriction_programs enable row level security;
alter table lethe_private.ledger_state enable row level security;
alter table lethe_private.ledger_known enable row level security;
alter table lethe_private.ledger_holds enable row level security;
alter table lethe_private.replay_matches enable row level security;
alter table lethe_private.replay_finding_keys enable row level security;
alter table lethe.replay_findings enable row level security;

drop policy if exists select_own_controller on lethe.controllers;
create policy select_own_controller on lethe.controllers for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(id));
drop policy if exists select_own_controller on lethe.memberships;
create policy select_own_controller on lethe.memberships for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.managed_tables;
create policy select_own_controller on lethe.managed_tables for select to lethe_officer, lethe_auditor
  using (controller_id is null or lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.managed_columns;
create policy select_own_controller on lethe.managed_columns for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id));
drop policy if exists select_own_controller on lethe.subject_types;
create policy select_own_controller on lethe.subject_types for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id));
drop policy if exists select_own_controller on lethe.links;
create policy select_own_controller on lethe.links for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id)
    and exists (select from lethe.managed_tables as m where m.id = to_table_id));
drop policy if exists select_own_controller on lethe.methods;
create policy select_own_controller on lethe.methods for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.formats;
create policy select_own_controller on lethe.formats for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.column_formats;
create policy select_own_controller on lethe.column_formats for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id));
drop policy if exists select_own_controller on lethe.rules;
create policy select_own_controller on lethe.rules for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id));
drop policy if exists select_own_controller on lethe.terms;
create policy select_own_controller on lethe.terms for select to lethe_officer, lethe_auditor
  using (case when controller_id is null then exists (select from lethe.rules as r where r.id = rule_id)
              else lethe_private.acts_for(controller_id) end);
drop policy if exists select_own_controller on lethe.settings;
create policy select_own_controller on lethe.settings for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.holds;
create policy select_own_controller on lethe.holds for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.cycles;
create policy select_own_controller on lethe.cycles for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.cycle_tables;
create policy select_own_controller on lethe.cycle_tables for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.evidence;
create policy select_own_controller on lethe.evidence for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.evidence_batches;
create policy select_own_controller on lethe.evidence_batches for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.receipts;
create policy select_own_controller on lethe.receipts for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.seals;
create policy select_own_controller on lethe.seals for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.sealed_rows;
create policy select_own_controller on lethe.sealed_rows for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.archive_openings;
create policy select_own_controller on lethe.archive_openings for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.partition_purges;
create policy select_own_controller on lethe.partition_purges for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.policy_changes;
create policy select_own_controller on lethe.policy_changes for select to lethe_officer, lethe_auditor
  using (lethe_private.is_operator());
-- A waiver may name a controller, and a view is everybody's.
drop policy if exists select_own_controller on lethe.waivers;
create policy select_own_controller on lethe.waivers for select to lethe_officer, lethe_auditor
  using (lethe_private.is_operator());
drop policy if exists select_own_controller on lethe.managed_views;
create policy select_own_controller on lethe.managed_views for select to lethe_officer, lethe_auditor
  using (lethe_private.is_operator());

drop policy if exists select_own_controller on lethe.drafts;
create policy select_own_controller on lethe.drafts for select to lethe_officer, lethe_auditor
  using (lethe_private.is_operator());

-- Requests are read by agents, too.
drop policy if exists select_own_controller on lethe.request_states;
create policy select_own_controller on lethe.request_states for select to lethe_officer, lethe_agent, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.request_moves;
create policy select_own_controller on lethe.request_moves for select to lethe_officer, lethe_agent, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.requests;
create policy select_own_controller on lethe.requests for select to lethe_officer, lethe_agent, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.request_events;
create policy select_own_controller on lethe.request_events for select to lethe_officer, lethe_agent, lethe_auditor
  using (exists (select from lethe.requests as r where r.id = request_id));
drop policy if exists select_own_controller on lethe.request_findings;
create policy select_own_controller on lethe.request_findings for select to lethe_officer, lethe_agent, lethe_auditor
  using (exists (select from lethe.requests as r where r.id = request_id));
drop policy if exists select_own_controller on lethe.certificates;
create policy select_own_controller on lethe.certificates for select to lethe_officer, lethe_agent, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.recipients;
create policy select_own_controller on lethe.recipients for select to lethe_officer, lethe_agent, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.notifications;
create policy select_own_controller on lethe.notifications for select to lethe_officer, lethe_agent, lethe_auditor
  using (exists (select from lethe.requests as r where r.id = request_id));

drop policy if exists select_own_controller on lethe.replay_findings;
create policy select_own_controller on lethe.replay_findings for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));

-- Reading ----------------------------------------------------------------------------------------

grant select on
  lethe.controllers,
  lethe.memberships,
  lethe.managed_tables,
  lethe.managed_columns,
  lethe.subject_types,
  lethe.links,
  lethe.methods,
  lethe.formats,
  lethe.column_formats,
  lethe.rules,
  lethe.terms,
  lethe.settings,
  lethe.holds,
  lethe.cycles,
  lethe.cycle_tables,
  lethe.evidence,
  lethe.evidence_batches,
  lethe.receipts,
  lethe.seals,
  lethe.sealed_rows,
  lethe.partition_purges,
  lethe.detached_partitions,
  lethe.policy_changes,
  lethe.drafts,
  lethe.archive_openings,
  lethe.waivers,
  lethe.managed_views,
  lethe.checks
to lethe_officer, lethe_auditor;
grant select on lethe.api_tokens to lethe_officer, lethe_auditor;
grant execute on function
  lethe_private.request_reaches(int),
  lethe_private.acts_for(int),
  lethe_private.is_operator(),
  lethe.controller_references()
to lethe_officer, lethe_auditor, lethe_analyst;
grant execute on function
  lethe.plan(date, text),
  lethe.forecast(text, text[]),
  lethe.policy_on(date, text),
  lethe.preview(text, text),
  lethe.already_masked(text, text),
  lethe.ownerless_rows(),
  lethe.unpurposed(text, text),
  lethe.format_steps(text, text),
  lethe.format_sql(text, text),
  lethe.format_domain_sql(text, text, text, text, jsonb),
  lethe.format_findings(),
  lethe.suggested_indexes(text),
  lethe.archive_contents(),
  lethe.missing_rights()
to lethe_officer, lethe_auditor, lethe_worker;
grant execute on function lethe.check(boolean) to lethe_officer, lethe_auditor;

-- Evidence is checked by whom it is for; who runs cycles carries the heads outside.
grant execute on function
  lethe.effective_rules(text, text),
  lethe.receipt(bigint),
  lethe.verify_evidence(text, text)
to lethe_officer, lethe_auditor;
grant execute on function lethe.evidence_heads() to lethe_officer, lethe_auditor, lethe_worker;

-- Requests.
grant select on
  lethe.request_states,
  lethe.request_moves,
  lethe.requests,
  lethe.request_events,
  lethe.request_findings,
  lethe.certificates,
  lethe.recipients,
  lethe.notifications
to lethe_officer, lethe_agent, lethe_auditor;
grant execute on function lethe_private.acts_for(int) to lethe_agent;
grant execute on function
  lethe.list_requests(boolean),
  lethe.request_report(bigint),
  lethe.list_recipients()
to lethe_officer, lethe_agent, lethe_auditor;
grant execute on function
  lethe.open_request(text, text, text, text, text, timestamptz, date, text),
  lethe.approve_request(bigint, text),
  lethe.withdraw_request(bigint, text),
  lethe.pause_request(bigint, text),
  lethe.resume_request(bigint),
  lethe.answer_notification(uuid, text)
to lethe_officer, lethe_agent;
grant execute on function
  lethe.refuse_request(bigint, text),
  lethe.strike_kept_rows(bigint, text),
  lethe.extend_request(bigint, text),
  lethe.add_recipient(text, text, text[], text, text),
  lethe.remove_recipient(text, text)
to lethe_officer;
grant execute on function lethe.request_work(text) to lethe_officer, lethe_agent, lethe_worker;
grant execute on function
  lethe.verify_request(bigint),
  lethe.take_notification(bigint),
  lethe.note_notification(bigint, int, boolean)
to lethe_officer, lethe_worker;
grant execute on function
  lethe.requests_to_remind(),
  lethe.note_reminder(bigint, text)
to lethe_worker;
grant execute on function lethe.plan_request(bigint) to lethe_officer, lethe_agent, lethe_worker;
grant execute on function
  lethe.execute_requests(bigint[], bigint[], text[]),
  lethe.record_failure(bigint, text, text, text, text),
  lethe.certify_request(bigint),
  lethe.requests_to_complete(text),
  lethe.advance_request(bigint)
to lethe_officer, lethe_worker;
-- Agents what is no erasure: an answer, a correction.
grant execute on function lethe.execute_request(bigint, bigint, text) to lethe_officer, lethe_agent, lethe_worker;
grant execute on function lethe.certificate(bigint, int) to lethe_officer, lethe_agent, lethe_auditor;
grant execute on function lethe.scan_residue(bigint[], boolean) to lethe_officer, lethe_worker;
grant execute on function lethe.link_finding_sql(bigint, int) to lethe_officer, lethe_agent;
grant execute on function lethe.is_suppressed(text, text, text) to lethe_officer, lethe_agent, lethe_worker;
grant execute on function lethe.suppression_sql(text, text) to lethe_officer, lethe_auditor;
grant execute on function lethe.list_recaptures(), lethe.allow_recapture(text, text, text, text) to lethe_officer;
-- What reads texts as lethe_sweeper; these know nothing.
grant execute on function lethe_private.readable(text), lethe_private.phone_keys(text) to lethe_sweeper;
grant select on lethe.replay_findings to lethe_officer, lethe_auditor;
grant execute on function lethe.ledger_state() to lethe_worker, lethe_officer, lethe_auditor, lethe_api;
grant execute on function
  lethe.adopt_ledger(text, boolean),
  lethe.ledger_subject(bigint, bytea),
  lethe.lock_ledgered(bigint),
  lethe.unlock_ledgered(bigint),
  lethe.ledger_fate(bigint, text),
  lethe.know_entry(bigint, text),
  lethe.settle_ledger(bigint, text),
  lethe.holds_to_ship(bytea),
  lethe.note_shipped(int, text, bigint, text),
  lethe.recognise_hold(int, text, text, bigint, text)
to lethe_worker;
grant execute on function
  lethe.decide_replay_finding(int, text),
  lethe.list_replay_findings()
to lethe_officer;
grant execute on function
  lethe.note_told(bigint, text),
  lethe.lift_restriction(bigint, text),
  lethe.rectify(bigint, text, text, jsonb)
to lethe_officer, lethe_agent;
grant execute on function
  lethe.personal_data(bigint, boolean),
  lethe.store_package(bigint, bytea, bytea, text, timestamptz),
  lethe.fetch_package(bytea)
to lethe_officer, lethe_agent, lethe_worker;
grant execute on function lethe.restricted_rows(bigint) to lethe_officer, lethe_agent, lethe_auditor;
grant execute on function
  lethe.restriction_sql(text),
  lethe.unrestriction_sql(text),
  lethe.restriction_findings()
to lethe_officer, lethe_auditor, lethe_worker;
-- What stands in policies and triggers of host tables, whoever reads or writes them.
grant execute on function
  lethe.any_restricted(),
  lethe.is_restricted(int, text, int, text),
  lethe.is_restricted_row(int, jsonb),
  lethe.refuse_restricted(),
  lethe.refuse_restricted_truncate()
to public;

-- Holds.
grant execute on function
  lethe.list_holds(boolean),
  lethe.held_rows(int),
  lethe.guard_sql(text),
  lethe.unguard_sql(text),
  lethe.guard_ddl_sql(),
  lethe.guard_findings()
to lethe_officer, lethe_auditor, lethe_worker;

-- Changing ---------------------------------------------------------------------------------------

-- Each asks by itself whether the login may act for the controller, or for all.
grant execute on function
  lethe.set_controller(text, text, text, text),
  lethe.add_member(name, text),
  lethe.remove_member(name, text),
  lethe.manage_table(text, text, text, text, text, text[], text[], text),
  lethe.unmanage_table(text),
  lethe.set_column(text, text, text, text[], text),
  lethe.set_format(text, text, text, jsonb, text, text),
  lethe.set_subject_type(text, text, text[]),
  lethe.set_link(text, text, text[], text[], text, text, text, jsonb),
  lethe.set_rule(text, text, text, text, text[], text, jsonb, text, text, text, text),
  lethe.drop_rule(text, text, text, text, text, text),
  lethe.set_minimum(text, text, text[], text, text, text, text, text),
  lethe.drop_minimum(text, text, text, text, text),
  lethe.register_method(text, text, text, text[], text, boolean, jsonb, text),
  lethe.set_view(text, text, text[], text),
  lethe.unset_view(text, text),
  lethe.claim_anonymous(text, text, boolean),
  lethe.waive(text, text, date, text),
  lethe.withdraw_waiver(text, text, text),
  lethe.apply_policy(jsonb, text),
  lethe.draft_policy(jsonb, text),
  lethe.withdraw_draft(int),
  lethe.rehearse(int),
  lethe.approve_draft(int),
  lethe.activate(int, text[]),
  lethe.export_policy(),
  lethe.open_archive(text, text, text, boolean, date, timestamptz),
  lethe.explain_row(text, text, date),
  lethe.hold_person(text, text, text, text, date, text),
  lethe.hold_rows(text, text, text, date, text),
  lethe.hold_table(text, text, date, text),
  lethe.release_hold(int, text),
  lethe.issue_token(text, text, text, text),
  lethe.revoke_token(int)
to lethe_officer;

-- Running ----------------------------------------------------------------------------------------

grant execute on function
  lethe.controllers_to_run(text),
  lethe.controllers_due(),
  lethe.start_cycle(text, date, boolean),
  lethe.ready_tables(bigint),
  lethe.unfinished_tables(bigint),
  lethe.sweep_step(bigint, int, boolean),
  lethe.detach_statement(bigint, int),
  lethe.verify_table(bigint, int),
  lethe.verify_cycle(bigint),
  lethe.finish_cycle(bigint),
  lethe.seal(text),
  lethe.release_controller(text),
  lethe.share_controller(text),
  lethe.pace(),
  lethe.cycle_report(bigint),
  lethe.cycle_faults(bigint)
to lethe_worker;

-- Serving ----------------------------------------------------------------------------------------

-- The API's login may ask whose a token is, and becomes that role for a request (see roles.sql).
grant execute on function lethe.authenticate(text), lethe.applied_migrations() to lethe_api;

-- Statistics show figures, never a person. Who makes a view of them grants it to lethe_analyst.
revoke all on schema lethe_stats from public;
grant usage on schema lethe_stats to lethe_analyst;
-- To measure them against k. Who makes a view grants it to lethe_sweeper as well.
grant usage on schema lethe_stats to lethe_sweeper;

-- Sweeping ---------------------------------------------------------------------------------------

-- The sweeper may run its functions, ask which keys are held, and do on managed tables what their owners
-- granted. It owns them (see as_sweeper.sql and ask_of_row.sql) and may not replace them: that would take CREATE.
grant usage on schema lethe_private to lethe_sweeper;
-- How a replay recognises people: hashed where their rows are.
grant execute on function
  lethe_private.ledger_hash(text, bytea),
  lethe_private.identifier_key(text),
  lethe_private.phone_digits(text),
  lethe_private.normalise_identifier(text)
to lethe_sweeper;
grant select on lethe_private.held, lethe_private.keys_of_holds to lethe_sweeper;
-- What the rows it takes away leave behind for the clocks of others.
grant select, insert, update (last_day), delete on lethe_private.remembered to lethe_sweeper;

-- Whole partitions: lethe_dropper owns one function, and has besides what owners of tables granted.
grant usage on schema lethe_private to lethe_dropper;
