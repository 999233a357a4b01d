
CREATE SCHEMA lethe;

ALTER SCHEMA lethe OWNER TO lethe_owner;

CREATE SCHEMA lethe_private;

ALTER SCHEMA lethe_private OWNER TO lethe_owner;

CREATE TYPE lethe.sweep_progress AS (
	state text,
	rows_done bigint,
	rows_to_do bigint,
	took interval
);

ALTER TYPE lethe.sweep_progress OWNER TO lethe_owner;

COMMENT ON TYPE lethe.sweep_progress IS 'What one step did: its state (discovered, swept, retry, wait, busy, done, failed), rows changed, rows still on the worklist, time taken.';

CREATE TYPE lethe_private.action_parts AS (
	flag text,
	rule text,
	phase text,
	column_name text,
	due text,
	unclocked text,
	needed text,
	test text,
	new_value text
);

ALTER TYPE lethe_private.action_parts OWNER TO lethe_owner;

CREATE TYPE lethe_private.asked_row AS (
	facts jsonb
);

ALTER TYPE lethe_private.asked_row OWNER TO lethe_owner;

CREATE TYPE lethe_private.due_day AS (
	flag text,
	rule text,
	phase text,
	needed text,
	day text
);

ALTER TYPE lethe_private.due_day OWNER TO lethe_owner;

CREATE TYPE lethe_private.finding AS (
	object text,
	sentence text,
	remedy text,
	looked boolean
);

ALTER TYPE lethe_private.finding OWNER TO lethe_owner;

COMMENT ON TYPE lethe_private.finding IS 'What a rule of lethe.check() found. looked is false where it could not look, and the sentence says why.';

CREATE TYPE lethe_private.linked_clock AS (
	entry text,
	parent_id integer,
	child_id integer,
	column_name text,
	child_columns text[],
	parent_columns text[]
);

ALTER TYPE lethe_private.linked_clock OWNER TO lethe_owner;

CREATE TYPE lethe_private.reached AS (
	relation oid,
	managed_id integer,
	personal boolean,
	via text
);

ALTER TYPE lethe_private.reached OWNER TO lethe_owner;

COMMENT ON TYPE lethe_private.reached IS 'A managed table, or one that has to be: managed_id is null there, and via names the table that led to it. personal: rows of it belong to people.';

CREATE TYPE lethe_private.reached_edge AS (
	child integer,
	parent integer,
	link_id integer,
	foreign_key oid
);

ALTER TYPE lethe_private.reached_edge OWNER TO lethe_owner;

COMMENT ON TYPE lethe_private.reached_edge IS 'One row that was reached refers to another.';

CREATE TYPE lethe_private.reached_row AS (
	subject integer,
	table_id integer,
	mirror_id integer,
	key text,
	kind text,
	link_id integer,
	facts jsonb,
	decision text,
	cut text[],
	until date,
	basis text,
	because text
);

ALTER TYPE lethe_private.reached_row OWNER TO lethe_owner;

COMMENT ON TYPE lethe_private.reached_row IS 'A row that belongs to a person, or names one, and what an erasure does with it. See lethe_private.reach and lethe_private.decide.';

CREATE TYPE lethe_private.rule_parts AS (
	due text,
	unclocked text
);

ALTER TYPE lethe_private.rule_parts OWNER TO lethe_owner;

CREATE TYPE lethe_private.term_parts AS (
	applies text,
	usable text,
	unusable text,
	expired text
);

ALTER TYPE lethe_private.term_parts OWNER TO lethe_owner;

activate(integer, text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.activate(draft integer, accept text[]) IS 'Puts a rehearsed draft in force and lists what changed. accept: the names of its side effects (lethe.drafts.effects). Raises what lethe.apply_policy raises, LE111, LE502, LE611 to LE615.';

add_member(name, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.add_member(login name, controller text) IS 'Lets a login act for a controller. Raises LE101, LE108, LE502.';

add_recipient(text, text, text[], text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.add_recipient(name text, url text, kinds text[], controller text, secret text) IS 'Registers a system that is told of requests of a controller, by signed webhooks. Returns the secret, which nothing shows again. Raises LE101, LE418, LE502.';

adopt_ledger(text, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.adopt_ledger(ledger text, restored boolean) IS 'Says, once, which ledger is this database''s. restored: the ledger is older than that, and is to be replayed. Raises LE452.';

advance_request(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.advance_request(request bigint) IS 'The next step of an erasure that waits for nobody; call it until the state is no longer executed. Raises LE114, LE405.';

allow_recapture(text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.allow_recapture(subject text, identifier text, reason text, controller text) IS 'Takes somebody off the suppression list who came back by choice, with a reason, which is kept with the request. Returns how many entries that were. Raises LE101, LE443, LE444, LE502.';

already_masked(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.already_masked("table" text, controller_name text) IS 'Values that a rule''s method takes for its own output although the rule is not due on them, per controller and rule. Reads the whole table. Raises LE101 to LE103.';

answer_notification(uuid, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.answer_notification(event_key uuid, state text) IS 'Writes down that a recipient has received a notification, or has completed what it asks for. Raises LE115, LE419, LE502.';

CREATE TABLE lethe.holds (
    id integer NOT NULL,
    controller_id integer,
    reason text NOT NULL,
    author name DEFAULT SESSION_USER NOT NULL,
    placed_at timestamp with time zone DEFAULT now() NOT NULL,
    ends_on date,
    released_at timestamp with time zone,
    kind text DEFAULT 'keys'::text NOT NULL,
    subject text,
    table_id integer,
    table_name text,
    released_by name,
    release_reason text,
    request_id bigint,
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['keys'::text, 'person'::text, 'rows'::text, 'table'::text]))),
    CONSTRAINT subject_goes_with_a_person CHECK (((kind = 'person'::text) = (subject IS NOT NULL)))
);

ALTER TABLE lethe.holds OWNER TO lethe_owner;

COMMENT ON TABLE lethe.holds IS 'Legal holds: what they name is left untouched until released or until the day after ends_on.';

COMMENT ON COLUMN lethe.holds.reason IS 'Why. Name the matter, never the person: reasons are kept.';

COMMENT ON COLUMN lethe.holds.ends_on IS 'The last day on which it holds, where its controller is; null: until it is released.';

COMMENT ON COLUMN lethe.holds.kind IS 'person: the rows of one person and what belongs to it. rows: what satisfies a predicate. table: every row. keys: rows named one by one, by the engine''s own means.';

COMMENT ON COLUMN lethe.holds.subject IS 'The subject type whose links lead from the person to what belongs to it.';

COMMENT ON COLUMN lethe.holds.table_name IS 'The table as it was called when the hold was placed: of a person, its root table.';

COMMENT ON COLUMN lethe.holds.request_id IS 'The request of which this is the restriction (GDPR Art. 18); null: a legal hold.';

CREATE TABLE lethe.requests (
    id bigint NOT NULL,
    controller_id integer NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    state text DEFAULT 'received'::text NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    due_on date NOT NULL,
    opened_by name DEFAULT SESSION_USER NOT NULL,
    roots integer DEFAULT 0 NOT NULL,
    paused_at timestamp with time zone,
    paused_days integer DEFAULT 0 NOT NULL,
    extended_at timestamp with time zone,
    reminded_at timestamp with time zone,
    escalated_at timestamp with time zone,
    plan jsonb,
    planned_at timestamp with time zone,
    plan_mark text,
    approved_by name,
    approved_at timestamp with time zone,
    executed_at timestamp with time zone,
    verified_at timestamp with time zone,
    completes_on date,
    ended_at timestamp with time zone,
    failure jsonb,
    outcome jsonb,
    delayed_by integer[],
    CONSTRAINT approved_by_somebody CHECK (((approved_at IS NULL) = (approved_by IS NULL))),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['access'::text, 'portability'::text, 'rectification'::text, 'restriction'::text, 'objection'::text, 'erasure'::text]))),
    CONSTRAINT paused_days_not_negative CHECK ((paused_days >= 0)),
    CONSTRAINT plan_has_its_mark_and_time CHECK ((num_nulls(plan, plan_mark, planned_at) = ANY (ARRAY[0, 3])))
);

ALTER TABLE lethe.requests OWNER TO lethe_owner;

COMMENT ON TABLE lethe.requests IS 'What a person asked for (GDPR Art. 12, 15 to 21). Nothing here says who the person is: that is kept apart, where no role reads it, for as long as it is needed.';

COMMENT ON COLUMN lethe.requests.due_on IS 'The last day to answer, where the controller is: 30 days from receipt, never later than one calendar month.';

COMMENT ON COLUMN lethe.requests.roots IS 'How many root rows the person has: several accounts may bear one e-mail address.';

COMMENT ON COLUMN lethe.requests.plan IS 'What an erasure would do, table by table: counts, never keys. See lethe.plan_request.';

COMMENT ON COLUMN lethe.requests.plan_mark IS 'Changes when the plan would touch other rows, or do something else with them.';

COMMENT ON COLUMN lethe.requests.completes_on IS 'The day on which the cycle does what a law had postponed.';

COMMENT ON COLUMN lethe.requests.failure IS 'SQLSTATE, table and constraint of what failed last; never a row.';

COMMENT ON COLUMN lethe.requests.outcome IS 'What the last execution of an erasure did, table by table: what its certificate says.';

COMMENT ON COLUMN lethe.requests.delayed_by IS 'The holds that kept it from being executed; it goes on when they are over.';

any_restricted(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.any_restricted() IS 'Whether anybody''s data are restricted, or kept after an erasure because a law says so.';

applied_migrations(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.applied_migrations() IS 'Which of Lethe''s migrations this database has: whether `lethe serve` is ready.';

apply_policy(jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.apply_policy(policy jsonb, reason text) IS 'Makes the policy what the document says, in one transaction, and lists what changed. The document is described by docs/policy.schema.json.';

approve_draft(integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.approve_draft(draft integer) IS 'The second person''s yes to a rehearsed draft; another rehearsal takes it back. Raises LE111, LE502, LE612, LE613, LE615.';

approve_request(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.approve_request(request bigint, plan_mark text) IS 'Agrees to a request; to an erasure as it was planned. plan_mark: lethe.requests.plan_mark as it was seen. Raises LE114, LE411, LE415, LE502.';

archive_contents(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.archive_contents() IS 'How many rows and values of each table are in the archive, for the controllers the login acts for. Counts alone.';

authenticate(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.authenticate(token_hash text) IS 'The token with this SHA-256 (hexadecimal), if it is good, and the role it acts as. No row for any other.';

begin_replay(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.begin_replay() IS 'Closes the gate until finish_replay opens it. Raises LE502.';

certificate(bigint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.certificate(request bigint, number integer) IS 'A certificate of a request, by default the last, and the seal that covers it. Raises LE114, LE405, LE438.';

certify_request(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.certify_request(request bigint) IS 'Writes the certificate of an executed erasure, and moves it to blocked, or to completed, when the keys of the person are forgotten. Returns the certificate''s number. Raises LE114, LE438.';

check(boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe."check"(read_data boolean) IS 'What about people''s data is not decided, does not hold, or could not be looked at: tables, columns, links, views, rights, and, unless read_data is false, the data. An empty answer means that no column escapes. Raises LE502, LE622.';

claim_anonymous(text, text, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.claim_anonymous("table" text, "column" text, claimed boolean) IS 'Promises that what a column''s rules leave behind is anonymous, not merely pseudonymous; lethe.check() holds them to it. Raises LE102, LE103, LE502.';

CREATE TABLE lethe_private.api_tokens (
    id integer NOT NULL,
    token_hash text NOT NULL,
    name text,
    role text NOT NULL,
    controller_id integer,
    issued_at timestamp with time zone DEFAULT now() NOT NULL,
    issued_by name DEFAULT SESSION_USER NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT expires_within_a_year CHECK (((expires_at > issued_at) AND ((expires_at - issued_at) <= '366 days 01:00:00'::interval))),
    CONSTRAINT role_is_one_of_the_api CHECK ((role = ANY (ARRAY['lethe_officer'::text, 'lethe_auditor'::text, 'lethe_analyst'::text]))),
    CONSTRAINT token_hash_is_a_sha256 CHECK ((token_hash ~ '^[0-9a-f]{64}$'::text))
);

ALTER TABLE lethe_private.api_tokens OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.api_tokens IS 'Bearer tokens of the API: only their SHA-256, so that reading this table opens nothing. controller_id null: all controllers.';

COMMENT ON COLUMN lethe_private.api_tokens.last_used_at IS 'To the minute.';

request_reaches(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.request_reaches(controller_id integer) IS 'Whether the request under way may act for the controller (null: for all of them). Null when there is no request.';

is_operator(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_operator() IS 'True for superusers and members of lethe_owner, and for requests with a token for all controllers: they act for every controller.';

CREATE TABLE lethe.memberships (
    login name NOT NULL,
    controller_id integer NOT NULL
);

ALTER TABLE lethe.memberships OWNER TO lethe_owner;

COMMENT ON TABLE lethe.memberships IS 'Which database login may act for which controller. Members of lethe_owner act for all.';

acts_for(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.acts_for(controller_id integer) IS 'True when the login, or the request under way, may act for the controller.';

CREATE TABLE lethe.controllers (
    id integer NOT NULL,
    name text NOT NULL,
    title text,
    time_zone text NOT NULL,
    reference text,
    CONSTRAINT name_is_a_plain_word CHECK ((name ~ '^[a-z][a-z0-9_-]{0,62}$'::text))
);

ALTER TABLE lethe.controllers OWNER TO lethe_owner;

COMMENT ON TABLE lethe.controllers IS 'Who the data belongs to (GDPR Art. 4(7)). Rows, rules and people of one controller are invisible to another.';

COMMENT ON COLUMN lethe.controllers.time_zone IS 'IANA name. A day of this controller begins at midnight there.';

COMMENT ON COLUMN lethe.controllers.reference IS 'The value, as text, that a managed table''s controller column holds for this controller.';

controller_references(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.controller_references() IS 'References of the controllers that the login, or the request under way, acts for.';

CREATE TABLE lethe.managed_tables (
    id integer NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    controller_id integer,
    controller_column text,
    time_zone text,
    search_path text,
    key_columns text[] NOT NULL,
    sentinels date[] DEFAULT '{}'::date[] NOT NULL,
    partitions text DEFAULT 'delete'::text NOT NULL,
    CONSTRAINT controller_by_column_xor_constant CHECK ((num_nonnulls(controller_id, controller_column) = 1)),
    CONSTRAINT key_is_not_empty CHECK ((cardinality(key_columns) > 0)),
    CONSTRAINT partitions_is_known CHECK ((partitions = ANY (ARRAY['delete'::text, 'drop'::text, 'detach'::text, 'detach concurrently'::text])))
);

ALTER TABLE lethe.managed_tables OWNER TO lethe_owner;

COMMENT ON TABLE lethe.managed_tables IS 'Tables of the host told to Lethe. Nothing else is ever read or changed.';

COMMENT ON COLUMN lethe.managed_tables.time_zone IS 'Zone in which the table''s timestamps without time zone are to be read; null: each controller''s own.';

COMMENT ON COLUMN lethe.managed_tables.search_path IS 'Search path under which the table''s triggers work; null: none but pg_catalog.';

COMMENT ON COLUMN lethe.managed_tables.sentinels IS 'Days that stand for "none" in this table''s clocks. Never due, and reported.';

COMMENT ON COLUMN lethe.managed_tables.partitions IS 'What happens to a partition of which every row is due for purge: its rows are deleted, or it is dropped or detached.';

has_controller(lethe.managed_tables, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.has_controller(managed lethe.managed_tables, controller lethe.controllers) IS 'True when the table can hold rows of the controller.';

today(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.today(time_zone text) IS 'The local day in a time zone.';

CREATE TABLE lethe.cycles (
    id bigint NOT NULL,
    controller_id integer NOT NULL,
    local_date date NOT NULL,
    covers_since date NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT covers_up_to_its_day CHECK ((covers_since <= local_date)),
    CONSTRAINT finished_unless_open CHECK (((finished_at IS NULL) = (state = 'open'::text))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'complete'::text, 'incomplete'::text])))
);

ALTER TABLE lethe.cycles OWNER TO lethe_owner;

COMMENT ON TABLE lethe.cycles IS 'One run over all that one controller has due on one of its local days.';

COMMENT ON COLUMN lethe.cycles.covers_since IS 'First local day that no earlier cycle covered: earlier than local_date when days were missed.';

controllers_due(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.controllers_due() IS 'Controllers whose local day has turned and has no finished cycle yet; one with an open cycle is listed, to be gone on with.';

controllers_to_run(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.controllers_to_run(controller text) IS 'One controller, which must exist, or all. Raises LE101.';

CREATE TABLE lethe.cycle_tables (
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    table_name text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    phase text DEFAULT 'purge'::text NOT NULL,
    round integer DEFAULT 1 NOT NULL,
    pass integer DEFAULT 0 NOT NULL,
    found_in_pass bigint DEFAULT 0 NOT NULL,
    done_before_pass bigint DEFAULT 0 NOT NULL,
    done_before_round bigint DEFAULT 0 NOT NULL,
    rows_done bigint DEFAULT 0 NOT NULL,
    rows_found bigint DEFAULT 0 NOT NULL,
    batches integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    found jsonb DEFAULT '{}'::jsonb NOT NULL,
    skipped jsonb DEFAULT '{}'::jsonb NOT NULL,
    failure jsonb,
    CONSTRAINT failed_with_its_cause CHECK (((state = 'failed'::text) = (failure IS NOT NULL))),
    CONSTRAINT phase_is_known CHECK ((phase = ANY (ARRAY['purge'::text, 'archive'::text, 'columns'::text, 'archived'::text]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['waiting'::text, 'sweeping'::text, 'swept'::text, 'verified'::text, 'left over'::text, 'failed'::text])))
);

ALTER TABLE lethe.cycle_tables OWNER TO lethe_owner;

COMMENT ON TABLE lethe.cycle_tables IS 'How far a cycle has come with each managed table.';

COMMENT ON COLUMN lethe.cycle_tables.found IS 'Rows per rule that the first discovery found.';

COMMENT ON COLUMN lethe.cycle_tables.skipped IS 'Rows set aside one by one because the database refused them: phase, then SQLSTATE and constraint, then how many.';

COMMENT ON COLUMN lethe.cycle_tables.failure IS 'SQLSTATE, constraint and table of the error that stopped it. Never its message or detail: those carry people''s data.';

CREATE TABLE lethe.evidence (
    cycle_id bigint NOT NULL,
    table_name text NOT NULL,
    rule text NOT NULL,
    table_id integer NOT NULL,
    due bigint DEFAULT 0 NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    kept_by_child bigint DEFAULT 0 NOT NULL,
    skipped bigint DEFAULT 0 NOT NULL,
    skipped_why jsonb,
    unclocked bigint DEFAULT 0 NOT NULL,
    left_over bigint,
    CONSTRAINT skipped_with_its_causes CHECK (((skipped = 0) = (skipped_why IS NULL)))
);

ALTER TABLE lethe.evidence OWNER TO lethe_owner;

COMMENT ON TABLE lethe.evidence IS 'What a cycle did, in figures, per table and rule.';

COMMENT ON COLUMN lethe.evidence.due IS 'Rows found due when the cycle looked first, held ones included.';

COMMENT ON COLUMN lethe.evidence.kept_by_child IS 'Due rows that stay because a row that is not leaving references them.';

COMMENT ON COLUMN lethe.evidence.unclocked IS 'Rows that no term can ever make due as they stand: clock null, infinite or a sentinel.';

COMMENT ON COLUMN lethe.evidence.left_over IS 'Rows still due when the data was read again after the last batch. Zero, or the cycle is incomplete; null: the table could not be read.';

CREATE TABLE lethe.receipts (
    cycle_id bigint NOT NULL,
    document jsonb NOT NULL
);

ALTER TABLE lethe.receipts OWNER TO lethe_owner;

COMMENT ON TABLE lethe.receipts IS 'What a cycle found, did and left, and the policy it obeyed, as it stood when the cycle ended. Names nobody. lethe.receipt() adds the seal.';

cycle_faults(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.cycle_faults(cycle_id bigint) IS 'The tables, and the requests, that keep a cycle from being complete, and why: SQLSTATE and constraint, or how many rows are left.';

cycle_report(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.cycle_report(cycle_id bigint) IS 'The evidence of a cycle, for whoever runs it.';

decide_replay_finding(integer, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.decide_replay_finding(id integer, decision text) IS 'Decides a finding of a replay: erase or keep; the next lethe replay carries it out. Raises LE457.';

host_name(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.host_name(relation oid) IS 'The quoted, qualified name of a relation.';

CREATE TABLE lethe.partition_purges (
    id bigint NOT NULL,
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    round integer NOT NULL,
    partition text NOT NULL,
    partition_oid oid NOT NULL,
    parent_oid oid NOT NULL,
    how text DEFAULT 'waiting'::text NOT NULL,
    rows bigint,
    cause jsonb,
    attempts integer DEFAULT 0 NOT NULL,
    bound text,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT how_is_known CHECK ((how = ANY (ARRAY['waiting'::text, 'detaching'::text, 'detached'::text, 'dropped'::text, 'row by row'::text]))),
    CONSTRAINT row_by_row_with_its_cause CHECK (((cause IS NOT NULL) = (how = 'row by row'::text))),
    CONSTRAINT rows_once_gone CHECK (((rows IS NOT NULL) = (how = ANY (ARRAY['detached'::text, 'dropped'::text]))))
);

ALTER TABLE lethe.partition_purges OWNER TO lethe_owner;

COMMENT ON TABLE lethe.partition_purges IS 'Partitions that were to be purged whole in a cycle, and what became of them.';

COMMENT ON COLUMN lethe.partition_purges.how IS 'dropped or detached; row by row: see cause; waiting: on the list of an open cycle; detaching: by DETACH … CONCURRENTLY, just now.';

COMMENT ON COLUMN lethe.partition_purges.cause IS 'Why its rows were left to be deleted one by one: {"why"}, or the {"sqlstate"} of what PostgreSQL refused. Never a message: those carry people''s data.';

COMMENT ON COLUMN lethe.partition_purges.bound IS 'While it is being detached: what it takes to attach it again.';

detach_statement(bigint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.detach_statement(cycle_id bigint, table_id integer) IS 'After a step that said "detach": the statement that its driver is to run as lethe_dropper, outside any transaction; null when there is none.';

draft_policy(jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.draft_policy(document jsonb, reason text) IS 'Proposes a policy: a whole document, as lethe.export_policy writes it, and why. Returns the draft''s number; nothing is in force yet. Raises LE106, LE502, LE605.';

drop_rule(text, text, text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) IS 'Takes one term of a rule back; the rule goes with its last term. Raises LE101, LE102, LE107, LE502.';

drop_minimum(text, text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.drop_minimum("table" text, basis text, "column" text, controller text, reason text) IS 'Takes a statutory minimum back. One of all controllers is an operator''s to take back. Raises LE101, LE102, LE107, LE502.';

effective_rules(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.effective_rules("table" text, controller_name text) IS 'What holds for each controller: per table, column (null: the row) and action its terms, which decides, the defaults it replaces, the minima that lengthen it (always, where they end later, never), the holds on the whole table, and all of it as a sentence. Raises LE101, LE102.';

utc_text(timestamp with time zone); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.utc_text(at timestamp with time zone) IS 'A moment as ISO 8601 in UTC, to the microsecond, whatever the session''s settings.';

CREATE TABLE lethe.seals (
    controller_id integer NOT NULL,
    number bigint NOT NULL,
    format integer NOT NULL,
    previous text NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    rows bigint NOT NULL,
    root text NOT NULL,
    hash text NOT NULL,
    CONSTRAINT covers_something CHECK ((rows > 0)),
    CONSTRAINT hash_is_sha256 CHECK ((hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT numbers_begin_at_one CHECK ((number >= 1)),
    CONSTRAINT previous_is_sha256 CHECK ((previous ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT root_is_sha256 CHECK ((root ~ '^[0-9a-f]{64}$'::text))
);

ALTER TABLE lethe.seals OWNER TO lethe_owner;

COMMENT ON TABLE lethe.seals IS 'The chain over a controller''s evidence: each seal covers a list of rows and the seal before it. Numbered without gaps.';

COMMENT ON COLUMN lethe.seals.previous IS 'Hash of the seal before. In the first one a random number instead, which tells this chain from every other.';

COMMENT ON COLUMN lethe.seals.root IS 'SHA-256 over the list of rows it covers, as lethe.sealed_rows has it.';

COMMENT ON COLUMN lethe.seals.hash IS 'SHA-256 over all other columns: docs/evidence.md has the text that is hashed.';

evidence_heads(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.evidence_heads() IS 'The last seal of each controller''s chain. line: what to keep outside the database, and to hand to lethe.verify_evidence().';

execute_request(bigint, bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.execute_request(request bigint, ledger_number bigint, ledger_hash text) IS 'Executes an approved request. Returns executed (erasure), completed (others), planned (the plan has changed: it is to be approved again), delayed (a hold) or blocked (nothing can be done yet). Raises LE114, LE405, LE421, LE431 to LE437, LE439, LE454, LE501, LE502.';

execute_requests(bigint[], bigint[], text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.execute_requests(requests bigint[], ledger_numbers bigint[], ledger_hashes text[]) IS 'Executes many requests in one transaction; failed: its cause is in lethe.requests.failure, and it is as it was. Raises LE114, LE405.';

explain_row(text, text, date); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.explain_row("table" text, key text, as_of date) IS 'Of one row (key: the value of its key column, or a JSON array of several) and each rule: the terms and minima, whether each applies and the local day on which it ends, which decides, the first day on which it is due, whether that has come on as_of (default: today), and what keeps it. Days and purposes, no values. Raises LE102, LE103, LE318, LE501, LE503.';

export_policy(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.export_policy() IS 'The policy in force as a document; applying it changes nothing. Raises LE502.';

extend_request(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.extend_request(request bigint, reason text) IS 'Gives two months more, once, before the first month is over; never beyond three months from receipt, pauses aside. Returns the new last day. Raises LE114, LE416, LE417, LE502.';

fetch_package(bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.fetch_package(token_hash bytea) IS 'The package of a token, by its SHA-256. Raises LE464.';

finish_cycle(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.finish_cycle(cycle_id bigint) IS 'Closes a cycle whose tables are all verified, left over or failed: complete, or incomplete (also where an erasure could not be carried out), with its receipt, and sealed; open while some are not. Raises LE403, LE405.';

finish_replay(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.finish_replay(number bigint, hash text) IS 'Opens the gate: everything up to an entry is known here, and nothing is left to decide. Raises LE451, LE502.';

forecast(text, text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.forecast(controller_name text, what_if text[]) IS 'Rows that come up today and in the year to come, per controller, table and rule, if a cycle runs every day; by_day[1] is today with all that is overdue. Rows that a child will keep are counted, rows under a hold stand apart, what is in the archive is not counted. what_if: other delays, such as audience.contacts.email=-P3M; the columns ending in _if show them. Raises LE101 to LE103, LE106, LE107, LE301.';

format_domain_sql(text, text, text, text, jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.format_domain_sql(format text, schema text, name text, type text, parameters jsonb) IS 'A create domain for new columns in a minimised format, for the owner of the schema to run. Changes nothing. Raises LE106, LE113, LE319.';

format_findings_of(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_findings_of(managed lethe.managed_tables) IS 'What is wrong with the formats of one table.';

CREATE TABLE lethe.column_formats (
    table_id integer NOT NULL,
    column_name text NOT NULL,
    format text NOT NULL,
    kind text NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    on_arrival text,
    CONSTRAINT on_arrival_is_known CHECK ((on_arrival = ANY (ARRAY['reject'::text, 'reduce'::text])))
);

ALTER TABLE lethe.column_formats OWNER TO lethe_owner;

COMMENT ON TABLE lethe.column_formats IS 'The minimised format that a column is declared to have.';

COMMENT ON COLUMN lethe.column_formats.on_arrival IS 'What the column''s trigger does with a richer value: reject, reduce. Null: no trigger, the constraint refuses it.';

format_tables(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_tables() IS 'The tables for whose columns the policy declares formats.';

format_findings(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.format_findings() IS 'What is wrong with the minimised formats that the policy declares: no constraint, not validated, no trigger, values that are not in the format. Reads the tables whole whose constraint is not validated.';

format_sql(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.format_sql("table" text, "column" text) IS 'The steps of lethe.format_steps as one script to read and run with psql (-At prints it as it is). Raises LE102, LE103, LE113, LE319.';

format_steps(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.format_steps("table" text, "column" text) IS 'What is left to do until a column keeps the format it is declared to have, as statements for the table''s owner; must_be_none counts the values that a step would leave without a way out. Changes nothing. Raises LE102, LE103, LE113, LE319.';

generalize_coordinates(real, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_coordinates(value real, decimals integer) IS 'The number cut to so many decimals, towards zero.';

generalize_coordinates(double precision, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_coordinates(value double precision, decimals integer) IS 'The number cut to so many decimals, towards zero.';

is_generalize_coordinates(numeric, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_coordinates(value numeric, decimals integer) IS 'True when the number has no more decimals than that; null for null.';

generalize_coordinates(numeric, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_coordinates(value numeric, decimals integer) IS 'The number cut to so many decimals, towards zero.';

generalize_coordinates(point, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_coordinates(value point, decimals integer) IS 'The point with both coordinates cut to so many decimals, towards zero.';

generalize_date(date, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_date(value date, "to" text, width integer) IS 'First day of the month, the quarter, the year or the age_band (of so many years) that the date lies in. Infinite dates stay.';

generalize_date(timestamp without time zone, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_date(value timestamp without time zone, "to" text, width integer) IS 'First instant of the month, the quarter, the year or the age_band (of so many years) that the timestamp lies in. Infinite ones stay.';

generalize_date(timestamp with time zone, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_date(value timestamp with time zone, "to" text, width integer) IS 'First instant, in UTC, of the month, the quarter, the year or the age_band (of so many years) that the instant lies in. Infinite ones stay.';

generalize_ip(cidr, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_ip(value cidr, v4 integer, v6 integer) IS 'The network around the network, of at most v4 or v6 bits.';

generalize_ip(inet, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_ip(value inet, v4 integer, v6 integer) IS 'The network of the address, of at most v4 or v6 bits.';

generalize_ip(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_ip(value text, v4 integer, v6 integer) IS 'The first address of the network of v4 or v6 bits around an address written as text; 0.0.0.0 for text that is none.';

generalize_number(real, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_number(value real, width integer) IS 'The multiple of the width at or next to the value, towards zero, within 2^24 of zero. NaN and infinite values stay.';

generalize_number(double precision, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_number(value double precision, width integer) IS 'The multiple of the width at or next to the value, towards zero, within 2^53 of zero. NaN and infinite values stay.';

generalize_number(smallint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_number(value smallint, width integer) IS 'The multiple of the width at or next to the value, towards zero.';

generalize_number(integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_number(value integer, width integer) IS 'The multiple of the width at or next to the value, towards zero.';

generalize_number(bigint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_number(value bigint, width integer) IS 'The multiple of the width at or next to the value, towards zero.';

generalize_number(numeric, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_number(value numeric, width integer) IS 'The multiple of the width at or next to the value, towards zero. NaN and infinite values stay.';

generalize_period(daterange, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_period(value daterange, "to" text) IS 'The range between the first days of the months, quarters or years that its ends lie in.';

generalize_period(tsrange, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_period(value tsrange, "to" text) IS 'The range between the first instants of the months, quarters or years that its ends lie in.';

generalize_period(tstzrange, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_period(value tstzrange, "to" text) IS 'The range between the first instants, in UTC, of the months, quarters or years that its ends lie in.';

generalize_time(timestamp without time zone, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_time(value timestamp without time zone, "to" text) IS 'First instant of the hour, the day or the week (Monday) that the timestamp lies in. Infinite ones stay.';

generalize_time(timestamp with time zone, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_time(value timestamp with time zone, "to" text) IS 'First instant, in UTC, of the hour, the day or the week (Monday) that the instant lies in. Infinite ones stay.';

generalize_url(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_url(value text) IS 'Scheme, host and port of a web address; empty for text that is none.';

is_generalize_user_agent(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_user_agent(value text) IS 'True for the name of a family, bot, other and empty text; null for null.';

generalize_user_agent(text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_user_agent(value text, length integer) IS 'The family of a browser: Chrome, Edge, Firefox, IE, Opera, Safari or Samsung; bot; other. Empty where fewer than 7 characters fit.';

guard_ddl_sql(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.guard_ddl_sql() IS 'The statements with which a superuser has PostgreSQL refuse DROP and DETACH of what is under a hold. For the whole database.';

acts_for_hold(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.acts_for_hold(controller_id integer) IS 'True when the login may act for the controller of a hold; for a hold of all, an operator.';

controller_day(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.controller_day(controller_id integer) IS 'The local day of a controller; of all of them, the earliest.';

guard_row(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.guard_row() IS 'Trigger of a host''s table: refuses DELETE of held rows and changes of their guarded columns. Raises LE406.';

guard_truncate(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.guard_truncate() IS 'Trigger of a host''s table: refuses a TRUNCATE that would take held rows. Raises LE406.';

holds_in_force(date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.holds_in_force(day date) IS 'Holds that hold on a local day; without one, now, each where its controller is.';

CREATE TABLE lethe.links (
    id integer NOT NULL,
    subject_type_id integer,
    table_id integer NOT NULL,
    columns text[] NOT NULL,
    to_table_id integer NOT NULL,
    to_columns text[] NOT NULL,
    foreign_key text,
    kind text,
    on_purge text DEFAULT 'keep'::text NOT NULL,
    on_erasure jsonb,
    CONSTRAINT columns_pair_up CHECK (((cardinality(columns) > 0) AND (cardinality(columns) = cardinality(to_columns)))),
    CONSTRAINT kind_goes_with_a_subject CHECK (((kind IS NULL) = (subject_type_id IS NULL))),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['own'::text, 'share'::text, 'mention'::text, 'ignore'::text]))),
    CONSTRAINT on_purge_is_known CHECK ((on_purge = ANY (ARRAY['keep'::text, 'with parent'::text, 'unlink'::text])))
);

ALTER TABLE lethe.links OWNER TO lethe_owner;

COMMENT ON TABLE lethe.links IS 'How rows of one managed table refer to another, to whom they belong, and what happens to them when that row is purged.';

COMMENT ON COLUMN lethe.links.foreign_key IS 'Name of the constraint behind the link; null: declared by hand.';

COMMENT ON COLUMN lethe.links.on_purge IS 'keep: the referenced row stays while this one exists. with parent: this row goes with it. unlink: the reference is set to null.';

CREATE TABLE lethe.subject_types (
    id integer NOT NULL,
    name text NOT NULL,
    table_id integer NOT NULL,
    identifiers text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT name_is_a_plain_word CHECK ((name ~ '^[a-z][a-z0-9_-]{0,62}$'::text))
);

ALTER TABLE lethe.subject_types OWNER TO lethe_owner;

COMMENT ON TABLE lethe.subject_types IS 'A kind of person: its root table and the columns by which one is looked up.';

person_links(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.person_links(subject text) IS 'The own and share links that lead from a subject''s root table downwards, parents first; circular: it leads back to where it came from.';

CREATE TABLE lethe_private.held_conditions (
    hold_id integer NOT NULL,
    table_id integer NOT NULL,
    "when" text,
    condition text,
    CONSTRAINT condition_is_read_from_when CHECK ((("when" IS NULL) = (condition IS NULL)))
);

ALTER TABLE lethe_private.held_conditions OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.held_conditions IS 'The predicate of a hold on rows, as it was given and as PostgreSQL reads it; null: every row of the table. Deleted when the hold is released, as it may name a person.';

CREATE TABLE lethe_private.held_keys (
    hold_id integer NOT NULL,
    table_id integer NOT NULL,
    key text
);

ALTER TABLE lethe_private.held_keys OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.held_keys IS 'The rows that a hold names, by key; a null key is the whole table.';

holds_touching(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.holds_touching(table_id integer) IS 'Holds in force that may reach rows of a managed table.';

host_table(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.host_table(schema_name text, table_name text) IS 'The oid of a relation by its exact names; null when there is none.';

is_guard(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_guard(function_id oid) IS 'True for the functions of guards.';

plain_name(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plain_name(managed lethe.managed_tables) IS 'schema.table without quotes, as a policy document names it.';

relations_of(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.relations_of(root oid) IS 'A table, its partitions and its inheritance children, at any depth.';

CREATE TABLE lethe_private.held_relations (
    table_id integer NOT NULL,
    relation oid NOT NULL,
    name text NOT NULL
);

ALTER TABLE lethe_private.held_relations OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.held_relations IS 'What tables under a hold were made of when somebody looked last: one that has gone since may have taken held rows along.';

guard_findings(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.guard_findings() IS 'Guards that are missing or disabled on tables under a hold, and partitions of such that somebody has dropped or detached.';

get_managed(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_managed("table" text) IS 'A managed table as a person names it. Raises LE102.';

guard_sql(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.guard_sql("table" text) IS 'The statements that put guards on a table, its partitions and children: from then on PostgreSQL refuses DELETE, TRUNCATE and changes of held rows, to anybody. Raises LE102.';

held_rows(integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.held_rows(hold_id integer) IS 'How many rows a hold reaches now, table by table, live and archived. Raises LE110, LE501.';

hold_person(text, text, text, text, date, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.hold_person(reason text, subject text, key text, identifier text, ends_on date, controller text) IS 'Holds one person: its root rows and, as long as it holds, all that belongs to them. ends_on: the last day. Returns the hold''s id. Raises LE101, LE102, LE109, LE407, LE501, LE502.';

hold_rows(text, text, text, date, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.hold_rows(reason text, "table" text, "when" text, ends_on date, controller text) IS 'Holds the rows of a table that satisfy a predicate, whenever they are looked at. Returns the hold''s id. Raises LE101, LE102, LE303, LE407, LE408, LE501, LE502.';

hold_table(text, text, date, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.hold_table(reason text, "table" text, ends_on date, controller text) IS 'Holds every row that a table has of a controller. Returns the hold''s id. Raises LE101, LE102, LE407, LE501, LE502.';

ledger_hash(text, bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ledger_hash(value text, pads bytea) IS 'HMAC-SHA-256 of a text, in hexadecimal.';

ledger_root(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ledger_root(managed lethe.managed_tables) IS 'What stands before the key of a root row where it is hashed.';

ledger_roots(integer, text[], bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ledger_roots(table_id integer, keys text[], pads bytea) IS 'Root rows as the ledger names them: hashes.';

CREATE TABLE lethe_private.ledger_holds (
    hold_id integer NOT NULL,
    event text NOT NULL,
    number bigint NOT NULL,
    CONSTRAINT event_is_known CHECK ((event = ANY (ARRAY['hold'::text, 'hold released'::text, 'restriction'::text, 'restriction lifted'::text])))
);

ALTER TABLE lethe_private.ledger_holds OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.ledger_holds IS 'Which entry of the ledger says that a hold was placed, and which that it was released.';

holds_to_ship(bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.holds_to_ship(pads bytea) IS 'Holds placed or released that are not in the ledger yet. The content may name a person: it is sealed, and never logged.';

is_generalize_coordinates(real, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_coordinates(value real, decimals integer) IS 'True when the number has no more decimals than that; null for null.';

is_generalize_coordinates(double precision, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_coordinates(value double precision, decimals integer) IS 'True when the number has no more decimals than that; null for null.';

is_generalize_coordinates(point, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_coordinates(value point, decimals integer) IS 'True when both coordinates have no more decimals than that; null for null.';

is_generalize_date(date, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_date(value date, "to" text, width integer) IS 'True when lethe.generalize_date would leave the date as it is; null for null.';

is_generalize_date(timestamp without time zone, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_date(value timestamp without time zone, "to" text, width integer) IS 'True when lethe.generalize_date would leave the timestamp as it is; null for null.';

is_generalize_date(timestamp with time zone, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_date(value timestamp with time zone, "to" text, width integer) IS 'True when lethe.generalize_date would leave the instant as it is; null for null.';

is_generalize_ip(cidr, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_ip(value cidr, v4 integer, v6 integer) IS 'True when lethe.generalize_ip would leave the network as it is; null for null.';

is_generalize_ip(inet, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_ip(value inet, v4 integer, v6 integer) IS 'True when lethe.generalize_ip would leave the address as it is; null for null.';

is_generalize_ip(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_ip(value text, v4 integer, v6 integer) IS 'True when lethe.generalize_ip would leave the text as it is; null for null.';

is_generalize_number(real, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_number(value real, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

is_generalize_number(double precision, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_number(value double precision, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

is_generalize_number(smallint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_number(value smallint, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

is_generalize_number(integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_number(value integer, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

is_generalize_number(bigint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_number(value bigint, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

is_generalize_number(numeric, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_number(value numeric, width integer) IS 'True when lethe.generalize_number would leave the value as it is; null for null.';

is_generalize_period(daterange, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_period(value daterange, "to" text) IS 'True when lethe.generalize_period would leave the range as it is; null for null.';

is_generalize_period(tsrange, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_period(value tsrange, "to" text) IS 'True when lethe.generalize_period would leave the range as it is; null for null.';

is_generalize_period(tstzrange, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_period(value tstzrange, "to" text) IS 'True when lethe.generalize_period would leave the range as it is; null for null.';

is_generalize_time(timestamp without time zone, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_time(value timestamp without time zone, "to" text) IS 'True when lethe.generalize_time would leave the timestamp as it is; null for null.';

is_generalize_time(timestamp with time zone, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_time(value timestamp with time zone, "to" text) IS 'True when lethe.generalize_time would leave the instant as it is; null for null.';

is_generalize_url(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_generalize_url(value text) IS 'True for a scheme and a host with nothing after it, and for empty text; null for null.';

is_jsonb_keep(jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_jsonb_keep(value jsonb, keys text) IS 'True for an object without other members than these; null for null.';

is_jsonb_redact(jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_jsonb_redact(value jsonb) IS 'True when no string of the document is anything but "*" and no number anything but 0; null for null.';

jsonb_cut(jsonb, text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.jsonb_cut(value jsonb, path text[]) IS 'The path, or as much of it as leads to the first thing on its way that is no object.';

jsonb_lacks(jsonb, text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.jsonb_lacks(value jsonb, path text[]) IS 'True when nothing stands at the path, nor anything on its way that is no object; true for an empty path.';

is_jsonb_remove(jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_jsonb_remove(value jsonb, paths text) IS 'True for an object with nothing at any of the paths, and for JSON null; null for null.';

is_month_day(date); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_month_day(value date) IS 'True for a date of 1604 and for infinite ones; null for null.';

is_partial(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_partial(value text, keep_start integer, keep_end integer) IS 'True when lethe.partial would leave the value as it is; null for null.';

partial_email(text, integer, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.partial_email(value text, keep_start integer, keep_domain boolean) IS 'Keeps the length, the first characters of the mailbox and the last label of the domain, or all of it; stars for the rest, and for all of what is no address.';

is_partial_email(text, integer, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_partial_email(value text, keep_start integer, keep_domain boolean) IS 'True when lethe.partial_email would leave the value as it is; null for null.';

is_partial_number(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_partial_number(value text, keep_start integer, keep_end integer) IS 'True when lethe.partial_number would leave the value as it is; null for null.';

is_pseudonym(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym(value text) IS 'True for p- and 8 to 32 hexadecimal digits; null for null.';

is_pseudonym_bytea(bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_bytea(value bytea) IS 'True for 38 bytes that begin with lethe: in ASCII; null for null.';

is_pseudonym_digits(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_digits(value text) IS 'True for digits that begin with 000, and for one or two zeros; null for null.';

is_pseudonym_email(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_email(value text) IS 'True for 8 to 32 hexadecimal digits at anonymized.invalid; null for null.';

is_pseudonym_iban(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_iban(value text) IS 'True for two capitals, 00 and digits, 15 to 34 characters in all; null for null.';

is_pseudonym_mailbox(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_mailbox(value text) IS 'True for 8 to 32 hexadecimal digits at anonymized.invalid or a domain below it; null for null.';

pseudonym_names(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_names(kind text, locale text) IS 'The 32 names that lethe.pseudonym_name picks from: kind given_name, family_name, city or company; locale fr or en.';

is_pseudonym_name(text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_name(value text, kind text, locale text) IS 'True for a name of the list with a star after it; null for null.';

is_pseudonym_number(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_number(value bigint) IS 'True for a number below -2^62; null for null.';

is_pseudonym_uuid(uuid); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_uuid(value uuid) IS 'True for a uuid of the form ********-****-8e7e-8e7e-************; null for null.';

is_redact_elements(text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_redact_elements(value text[]) IS 'True when every element is a star, and for an empty list; null for null.';

is_restricted(integer, text, integer, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_restricted("table" integer, key text, controller integer, owner text) IS 'Whether a row is restricted by name: its table''s number, its key, whose it is.';

is_restricted_row(integer, jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_restricted_row("table" integer, facts jsonb) IS 'Whether a row belongs to somebody whose data are restricted: its table''s number, and the row as to_jsonb gives it. Raises LE461 where that cannot be told.';

is_scrub(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_scrub(value text) IS 'True for text without a digit and without an at sign; null for null.';

is_shape(text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_shape(value text, keep integer) IS 'True when after the kept characters there are no digits but 0, no letters but X and x and nothing outside ASCII; null for null.';

is_suppressed(text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_suppressed(subject text, identifier text, controller text) IS 'True when somebody with this identifier asked the controller to be forgotten, and is not to be taken up again. Raises LE101, LE502.';

is_truncate(text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_truncate(value text, keep integer) IS 'True for empty text, and for at most so many characters before a full stop that ends it; null for null.';

issue_token(text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.issue_token(role text, controller text, expires_after text, name text) IS 'A new token of the API: "lethe_" and 64 hexadecimal digits, shown this once. controller null: all of them, for operators. Raises LE101, LE106, LE301, LE502, LE701.';

jsonb_member(jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.jsonb_member(value jsonb, key text) IS 'An object with one member of another one; empty when there is none.';

jsonb_keep(jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.jsonb_keep(value jsonb, keys text) IS 'The object with the named members alone; an empty object for a document that is none.';

jsonb_redact(jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.jsonb_redact(value jsonb) IS 'The document with "*" for every string and 0 for every number.';

jsonb_remove(jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.jsonb_remove(value jsonb, paths text) IS 'The document without what stands at the paths; an empty object for a document that is none.';

keyed_hash(text, bytea, bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.keyed_hash(value text, inner_pad bytea, outer_pad bytea) IS 'HMAC-SHA-256 of a text in the database''s encoding. The key comes as its inner and outer pad (key xor 0x3636..., key xor 0x5c5c...), 64 bytes each.';

CREATE TABLE lethe_private.ledger_known (
    number bigint NOT NULL,
    hash text NOT NULL
);

ALTER TABLE lethe_private.ledger_known OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.ledger_known IS 'Entries beyond ledger_state.last_number that this database has taken in.';

CREATE TABLE lethe_private.ledger_state (
    only_row boolean DEFAULT true NOT NULL,
    ledger text,
    last_number bigint DEFAULT 0 NOT NULL,
    last_hash text,
    required boolean DEFAULT false NOT NULL,
    replaying boolean DEFAULT false NOT NULL,
    CONSTRAINT last_entry_is_of_a_ledger CHECK (((ledger IS NOT NULL) OR (last_number = 0))),
    CONSTRAINT one_row CHECK (only_row),
    CONSTRAINT required_of_a_ledger CHECK (((ledger IS NOT NULL) OR (NOT required)))
);

ALTER TABLE lethe_private.ledger_state OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.ledger_state IS 'Up to which entry of the ledger outside this database everything is known here; whether erasures are refused without an entry; whether a replay has begun and not ended.';

know_entry(bigint, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.know_entry(number bigint, hash text) IS 'Remembers that this database has taken in an entry of the ledger.';

know_entry(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.know_entry(number bigint, hash text) IS 'Remembers that this database has taken in an entry of the ledger.';

ledger_fate(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.ledger_fate(request bigint, received_at text) IS 'What became of the request of an intent: busy (somebody is at it), done, alive (it waits, or was given up), unknown (not in this database).';

ledger_state(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.ledger_state() IS 'Which ledger this database belongs to, up to which entry it knows everything, and which it knows beyond that.';

ledger_subject(bigint, bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.ledger_subject(request bigint, pads bytea) IS 'Whom a request is about, as the ledger names people: keyed hashes. pads: the key''s inner and outer pad. Raises LE114.';

lift_restriction(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.lift_restriction(request bigint, reason text) IS 'Ends the restriction of a request: what is overdue is done in the next cycle. The person has to have been told. Raises LE114, LE462.';

link_finding_sql(bigint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.link_finding_sql(request bigint, n integer) IS 'The statements that would make a link of a finding, for the DBA to read and run. Changes nothing. Raises LE114, LE442.';

may_read_predicates(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.may_read_predicates() IS 'True for officers and operators.';

list_holds(boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.list_holds(released boolean) IS 'Holds of the controllers you act for: in force, lapsed and, if asked for, released. rows_named: how many rows a hold names by key; of a person, how many root rows. A restriction (GDPR Art. 18) is of kind restriction. The predicate is shown to officers.';

CREATE TABLE lethe_private.recaptures (
    id bigint NOT NULL,
    controller_id integer NOT NULL,
    request_id bigint,
    table_id integer NOT NULL,
    column_name text NOT NULL,
    key text NOT NULL,
    until date NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE lethe_private.recaptures OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.recaptures IS 'Rows that brought back somebody who asked to be forgotten, by key, where the table flags them: for a person to decide. Until the suppression ends.';

list_recaptures(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.list_recaptures() IS 'Rows that brought back somebody who asked to be forgotten, where the table flags them.';

CREATE TABLE lethe.replay_findings (
    id integer NOT NULL,
    number bigint NOT NULL,
    entry_at timestamp with time zone NOT NULL,
    controller_id integer NOT NULL,
    subject text NOT NULL,
    how text NOT NULL,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    failure jsonb,
    decision text,
    decided_by name,
    decided_at timestamp with time zone,
    request_id bigint,
    CONSTRAINT decided_by_somebody CHECK ((num_nulls(decision, decided_by, decided_at) = ANY (ARRAY[0, 3]))),
    CONSTRAINT decision_is_known CHECK ((decision = ANY (ARRAY['erase'::text, 'keep'::text]))),
    CONSTRAINT failure_of_what_failed CHECK (((how = 'failed'::text) = (failure IS NOT NULL))),
    CONSTRAINT how_is_known CHECK ((how = ANY (ARRAY['key'::text, 'identifier'::text, 'failed'::text])))
);

ALTER TABLE lethe.replay_findings OWNER TO lethe_owner;

COMMENT ON TABLE lethe.replay_findings IS 'Records that may be of somebody who was forgotten before a backup was put back, and may be of somebody who has lawfully come back: a person decides.';

COMMENT ON COLUMN lethe.replay_findings.number IS 'The entry of the ledger.';

COMMENT ON COLUMN lethe.replay_findings.entry_at IS 'When the person was forgotten.';

COMMENT ON COLUMN lethe.replay_findings.how IS 'identifier: the record has an identifier of the person, under another key, or was forgotten before the backup was made. key: it has the key, and no identifier that says it is the same person. failed: it is the person''s, and could not be erased.';

COMMENT ON COLUMN lethe.replay_findings.failure IS 'SQLSTATE, table and constraint; never a row.';

COMMENT ON COLUMN lethe.replay_findings.request_id IS 'The request by which it was erased.';

CREATE TABLE lethe_private.replay_finding_keys (
    finding_id integer NOT NULL,
    table_id integer NOT NULL,
    key text NOT NULL
);

ALTER TABLE lethe_private.replay_finding_keys OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.replay_finding_keys IS 'Which row a finding of a replay is about; forgotten when the replay has ended.';

list_replay_findings(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.list_replay_findings() IS 'What a replay has found and a person decides, of the controllers you act for, with the key of each row. Emptied when the replay has ended; lethe.replay_findings keeps what was decided.';

days_paused(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.days_paused(request lethe.requests) IS 'For how many local days a request has been paused, this time; 0 when it is not.';

CREATE TABLE lethe.request_states (
    name text NOT NULL,
    is_open boolean NOT NULL,
    description text NOT NULL
);

ALTER TABLE lethe.request_states OWNER TO lethe_owner;

COMMENT ON TABLE lethe.request_states IS 'In which states a request can be. The clock of Art. 12 runs while one is open, unless it is paused.';

days_left(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.days_left(request lethe.requests) IS 'Days of the controller until a request is due: 0 on its last day, below zero when overdue, null when it is answered.';

CREATE TABLE lethe.notifications (
    id bigint NOT NULL,
    request_id bigint NOT NULL,
    recipient_id integer NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    status integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    received_at timestamp with time zone,
    completed_at timestamp with time zone,
    event_key uuid DEFAULT gen_random_uuid() NOT NULL,
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['waiting'::text, 'received'::text, 'completed'::text, 'dead'::text])))
);

ALTER TABLE lethe.notifications OWNER TO lethe_owner;

COMMENT ON TABLE lethe.notifications IS 'What a recipient was told of a request, and what it answered.';

COMMENT ON COLUMN lethe.notifications.status IS 'HTTP status of the last answer; null: none came.';

COMMENT ON COLUMN lethe.notifications.event_key IS 'The idempotency key: the same in every attempt.';

list_requests(boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.list_requests("all" boolean) IS 'Requests of the controllers you act for that are open, the most urgent first; with all, those that have ended, too. days_left: below zero when overdue, null when answered.';

lock_ledgered(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.lock_ledgered(request bigint) IS 'Says, for this session, that an entry about this request is being written.';

manage_table(text, text, text, text, text, text[], text[], text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[], partitions text) IS 'Tells Lethe of a table: whose rows it holds (one controller, or a column that says), in which zone its timestamps are, and so on. Returns its id. Raises LE101 to LE106, LE201 to LE204, LE502.';

CREATE VIEW lethe_private.host_references AS
 SELECT k.oid AS constraint_id,
    (k.conname)::text AS foreign_key,
    k.conrelid AS child,
    k.confrelid AS parent,
        CASE
            WHEN COALESCE(((to_jsonb(k.*) ->> 'conenforced'::text))::boolean, true) THEN k.confdeltype
            ELSE 'a'::"char"
        END AS on_delete,
    k.conkey AS child_positions,
    ( SELECT array_agg((a.attname)::text ORDER BY p.n) AS array_agg
           FROM (unnest(k.conkey) WITH ORDINALITY p(attnum, n)
             JOIN pg_attribute a ON (((a.attrelid = k.conrelid) AND (a.attnum = p.attnum))))) AS child_columns,
    ( SELECT array_agg((a.attname)::text ORDER BY p.n) AS array_agg
           FROM (unnest(k.confkey) WITH ORDINALITY p(attnum, n)
             JOIN pg_attribute a ON (((a.attrelid = k.confrelid) AND (a.attnum = p.attnum))))) AS parent_columns
   FROM pg_constraint k
  WHERE ((k.contype = 'f'::"char") AND (k.conparentid = (0)::oid));

ALTER TABLE lethe_private.host_references OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.host_references IS 'Foreign keys, each once.';

CREATE VIEW lethe_private.managed_relations AS
 SELECT m.id AS table_id,
    c.oid AS relation
   FROM ((lethe.managed_tables m
     JOIN pg_namespace n ON ((n.nspname = m.schema_name)))
     JOIN pg_class c ON (((c.relnamespace = n.oid) AND (c.relname = m.table_name))))
  WHERE (c.relkind = ANY (ARRAY['r'::"char", 'p'::"char", 'v'::"char", 'm'::"char", 'f'::"char"]));

ALTER TABLE lethe_private.managed_relations OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.managed_relations IS 'The oids of managed tables; those that are gone are left out.';

references_to(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.references_to(parent oid) IS 'Every way in which rows of other tables, or of its own, refer to a table, and what the policy says of each.';

archived_family(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_family(managed lethe.managed_tables) IS 'A table and all that is archived along with its rows.';

CREATE VIEW lethe_private.host_columns AS
 SELECT a.attrelid AS relation,
    a.attnum AS "position",
    (a.attname)::text AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    format_type(
        CASE
            WHEN (t.typtype = 'd'::"char") THEN t.typbasetype
            ELSE a.atttypid
        END, '-1'::integer) AS base_type,
    (COALESCE(b.typname, t.typname))::text AS type_name,
    COALESCE(b.typcategory, t.typcategory) AS type_category,
    (COALESCE(bn.nspname, tn.nspname))::text AS type_schema,
    (tn.nspname)::text AS declared_type_schema,
        CASE
            WHEN (COALESCE(b.typname, t.typname) = ANY (ARRAY['varchar'::name, 'bpchar'::name])) THEN (NULLIF(
            CASE
                WHEN (a.atttypmod >= 0) THEN a.atttypmod
                ELSE t.typtypmod
            END, '-1'::integer) - 4)
            ELSE NULL::integer
        END AS length,
    (a.attnotnull OR t.typnotnull) AS not_null,
    (a.attgenerated <> ''::"char") AS is_generated,
    (a.attidentity <> ''::"char") AS is_identity
   FROM ((((pg_attribute a
     JOIN pg_type t ON ((t.oid = a.atttypid)))
     JOIN pg_namespace tn ON ((tn.oid = t.typnamespace)))
     LEFT JOIN pg_type b ON (((t.typtype = 'd'::"char") AND (b.oid = t.typbasetype))))
     LEFT JOIN pg_namespace bn ON ((bn.oid = b.typnamespace)))
  WHERE ((a.attnum > 0) AND (NOT a.attisdropped));

ALTER TABLE lethe_private.host_columns OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.host_columns IS 'Live columns of every relation, domains resolved to their base type.';

whole_partitions(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.whole_partitions(root oid) IS 'Partitions of a table, at any depth, that could be dropped without harm to where rows go; branches first.';

CREATE TABLE lethe.rules (
    id integer NOT NULL,
    table_id integer NOT NULL,
    column_name text,
    action text NOT NULL,
    CONSTRAINT action_is_known CHECK ((action = ANY (ARRAY['anonymize'::text, 'archive'::text, 'purge'::text, 'minimum'::text]))),
    CONSTRAINT rows_are_not_anonymized CHECK (((column_name IS NOT NULL) OR (action <> 'anonymize'::text)))
);

ALTER TABLE lethe.rules OWNER TO lethe_owner;

COMMENT ON TABLE lethe.rules IS 'What happens to a column (or, where column_name is null, to the whole row) of a managed table: anonymize, archive, purge; or minimum, how long a law has it kept whatever the others say. When is said by its terms.';

missing_for_partitions(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.missing_for_partitions() IS 'Rights that it takes to purge whole partitions, where the policy says so, and that are missing.';

CREATE TABLE lethe.managed_columns (
    table_id integer NOT NULL,
    column_name text NOT NULL,
    category text,
    purposes text[] DEFAULT '{}'::text[] NOT NULL,
    legal_basis text,
    claim text,
    CONSTRAINT category_is_known CHECK ((category = ANY (ARRAY['direct identifier'::text, 'contact'::text, 'quasi-identifier'::text, 'special category'::text, 'content'::text, 'technical'::text, 'not personal'::text]))),
    CONSTRAINT claim_is_known CHECK ((claim = 'anonymous'::text))
);

ALTER TABLE lethe.managed_columns OWNER TO lethe_owner;

COMMENT ON TABLE lethe.managed_columns IS 'What a column holds, for which purposes, on which legal basis.';

COMMENT ON COLUMN lethe.managed_columns.claim IS 'anonymous: it was promised that what remains of the value can be traced to nobody. lethe.check() holds the rules to it.';

CREATE TABLE lethe.settings (
    only_row boolean DEFAULT true NOT NULL,
    batch_rows integer DEFAULT 5000 NOT NULL,
    lock_timeout interval DEFAULT '00:00:02'::interval NOT NULL,
    attempts_max integer DEFAULT 5 NOT NULL,
    rounds_max integer DEFAULT 5 NOT NULL,
    skipped_rows_max integer DEFAULT 1000 NOT NULL,
    pause_ratio numeric DEFAULT 1 NOT NULL,
    window_starts_at time without time zone DEFAULT '00:00:00'::time without time zone NOT NULL,
    window_ends_at time without time zone DEFAULT '24:00:00'::time without time zone NOT NULL,
    replica_lag_max interval,
    second_person_above bigint DEFAULT 10000,
    group_size_min integer DEFAULT 5 NOT NULL,
    CONSTRAINT attempts_max_positive CHECK ((attempts_max > 0)),
    CONSTRAINT batch_rows_positive CHECK (((batch_rows >= 1) AND (batch_rows <= 100000))),
    CONSTRAINT group_size_min_at_least_two CHECK ((group_size_min >= 2)),
    CONSTRAINT lock_timeout_positive CHECK ((lock_timeout > '00:00:00'::interval)),
    CONSTRAINT one_row CHECK (only_row),
    CONSTRAINT pause_ratio_not_negative CHECK ((pause_ratio >= (0)::numeric)),
    CONSTRAINT replica_lag_max_positive CHECK ((replica_lag_max > '00:00:00'::interval)),
    CONSTRAINT rounds_max_positive CHECK ((rounds_max > 0)),
    CONSTRAINT second_person_above_not_negative CHECK ((second_person_above >= 0)),
    CONSTRAINT skipped_rows_max_not_negative CHECK ((skipped_rows_max >= 0))
);

ALTER TABLE lethe.settings OWNER TO lethe_owner;

COMMENT ON TABLE lethe.settings IS 'How cycles share the machine. One row.';

COMMENT ON COLUMN lethe.settings.pause_ratio IS 'The worker pauses after each batch for as long as it took, times this.';

COMMENT ON COLUMN lethe.settings.window_starts_at IS 'Local time of the controller from which the worker may sweep; a window that ends before it starts spans midnight.';

COMMENT ON COLUMN lethe.settings.replica_lag_max IS 'Sweeping waits while any replica replays later than this; null: never.';

COMMENT ON COLUMN lethe.settings.second_person_above IS 'A draft by which more rows than this become due at once is approved by a second person; null: never.';

COMMENT ON COLUMN lethe.settings.group_size_min IS 'k: a group of fewer people than this may be recognised. lethe.check() measures statistics and what is left of masked rows against it.';

CREATE TABLE lethe.terms (
    id integer NOT NULL,
    rule_id integer NOT NULL,
    controller_id integer,
    purpose text,
    after interval NOT NULL,
    since text[] NOT NULL,
    "when" text,
    condition text,
    method text,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT after_is_whole_days_or_more CHECK (((after >= '1 day'::interval) AND (after = date_trunc('day'::text, after)) AND (EXTRACT(year FROM after) >= (0)::numeric) AND (EXTRACT(month FROM after) >= (0)::numeric) AND (EXTRACT(day FROM after) >= (0)::numeric))),
    CONSTRAINT condition_comes_from_when CHECK ((("when" IS NULL) = (condition IS NULL))),
    CONSTRAINT since_is_not_empty CHECK ((cardinality(since) > 0))
);

ALTER TABLE lethe.terms OWNER TO lethe_owner;

COMMENT ON TABLE lethe.terms IS 'One purpose''s term of a rule. A value is due when the last term that applies to it has expired, and every minimum. A controller''s own term replaces the default of the same purpose; a minimum is replaced by nothing.';

COMMENT ON COLUMN lethe.terms.purpose IS 'What the data serves while the term runs; of a minimum, the law that demands it.';

COMMENT ON COLUMN lethe.terms.since IS 'The clock: one column, or several of which the latest counts (nulls ignored).';

COMMENT ON COLUMN lethe.terms."when" IS 'The predicate as it was given; the term applies where it holds. Null: applies where the clock is usable.';

COMMENT ON COLUMN lethe.terms.condition IS 'The same predicate as PostgreSQL reads it, names qualified: this is what runs.';

missing_rights(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.missing_rights() IS 'Rights that the policy needs on the host''s objects and that are missing, each with the statement that grants it.';

month_day(date); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.month_day(value date) IS 'The same month and day in the year 1604. Infinite dates stay.';

note_notification(bigint, integer, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.note_notification(notification bigint, status integer, completed boolean) IS 'What a recipient answered: its HTTP status, null when none came. Returns the state: received, completed, waiting for another attempt, or dead after the fifteenth. Raises LE115, LE502.';

note_reminder(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.note_reminder(request bigint, level text) IS 'Notes that somebody is reminded now; false when that was done already.';

note_shipped(integer, text, bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.note_shipped(hold_id integer, event text, number bigint, hash text) IS 'Remembers which entry of the ledger says what became of a hold.';

note_told(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.note_told(request bigint, how text) IS 'Writes down that the person was told, and how. Raises LE114, LE462.';

open_archive(text, text, text, boolean, date, timestamp with time zone); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.open_archive(reason text, "table" text, key text, restore boolean, exempt_until date, archived_at timestamp with time zone) IS 'Shows one archived record, or puts it back whole and leaves it alone until a day (default: 30 days on). Recorded in lethe.archive_openings. Raises LE102, LE409, LE445, LE501, LE502, LE901, LE902, LE904.';

open_request(text, text, text, text, text, timestamp with time zone, date, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.open_request(kind text, subject text, key text, identifier text, controller text, received_at timestamp with time zone, received_on date, identified_by text) IS 'Opens a request of a person, who is named by the key of its row or by an identifier (identified_by: in this column alone); all root rows that fit. received_on: the day where the controller is, instead of received_at. Returns its id. Raises LE101, LE106, LE109, LE412, LE413, LE414, LE441, LE501, LE502.';

ownerless_rows(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.ownerless_rows() IS 'Rows that no controller''s cycle ever reaches, per table. Reads the tables whole.';

pace(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pace() IS 'How long to pause after a batch, as a multiple of the time it took.';

partial(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.partial(value text, keep_start integer, keep_end integer) IS 'Keeps the length and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

partial_number(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.partial_number(value text, keep_start integer, keep_end integer) IS 'Keeps spaces, ( ) . + / - and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

pause_request(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pause_request(request bigint, reason text) IS 'Stops the clock of a request while it is doubted who is asking. Raises LE114, LE411, LE417, LE502.';

personal_data(bigint, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.personal_data(request bigint, portable boolean) IS 'What is kept about the person of an approved request of access or portability, or what the person provided, with purposes, basis, recipients and until when; other people''s data masked. Raises LE114, LE421, LE460, LE463, LE501.';

plan(date, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.plan(as_of date, controller_name text) IS 'Rows due, held, kept by a child and unclocked, per controller, table and rule; "rows" counts the rows that would change; rows of other tables that would go or be unlinked with them stand on lines of their own. as_of: a local day, default today. Raises LE101 to LE103, LE501, LE503.';

plan_request(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.plan_request(request bigint) IS 'Plans an erasure and returns what it would do, table by table. Raises LE102, LE103, LE109, LE114, LE411, LE421, LE427, LE501, LE502.';

policy_on(date, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.policy_on(day date, controller_name text) IS 'The terms in force at the end of a local day (null: today), per controller, with who put each in force, when and why. overrides: the controller''s own, in place of the default or, with a minimum, beside it; purpose is the basis of a minimum. Raises LE101.';

preview(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.preview("table" text, controller_name text) IS 'The exact statements a cycle would run on a table today. $1: addresses of a batch; $2, $3: the controller''s key. Raises LE101 to LE103.';

pseudonym(text, bytea, bytea, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym(value text, inner_pad bytea, outer_pad bytea, length integer) IS 'p- and 32 hexadecimal digits of the value''s HMAC, or fewer to fit a length limit (null: none; 10 characters at least).';

pseudonym_bytea(bytea, bytea, bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_bytea(value bytea, inner_pad bytea, outer_pad bytea) IS 'The six bytes lethe: and the 32 of the value''s HMAC.';

pseudonym_digits(text, bytea, bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_digits(value text, inner_pad bytea, outer_pad bytea) IS '000 and digits of the value''s HMAC: as many as the value has characters, 67 at the most.';

pseudonym_email(text, bytea, bytea, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_email(value text, inner_pad bytea, outer_pad bytea, length integer) IS '32 hexadecimal digits of the value''s HMAC at anonymized.invalid, or fewer to fit a length limit (null: none; 27 characters at least). Takes any text, an address or not.';

pseudonym_iban(text, bytea, bytea, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_iban(value text, inner_pad bytea, outer_pad bytea, length integer) IS 'The country of an IBAN, the impossible check digits 00 and digits of the value''s HMAC: as long as the value without its spaces, 15 to 34 characters, within a length limit.';

pseudonym_mailbox(text, bytea, bytea, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_mailbox(value text, inner_pad bytea, outer_pad bytea, length integer) IS '20 to 32 hexadecimal digits of the value''s HMAC at the same domain below anonymized.invalid; at anonymized.invalid itself where the value has no domain or the length limit (null: none; 27 characters at least) leaves it no room.';

pseudonym_name(text, bytea, bytea, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_name(value text, inner_pad bytea, outer_pad bytea, kind text, locale text) IS 'One of 32 invented names, chosen by the value''s HMAC, and a star.';

pseudonym_number(bigint, bytea, bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_number(value bigint, inner_pad bytea, outer_pad bytea) IS '62 bits of the value''s HMAC, counted up from the least number there is.';

pseudonym_uuid(uuid, bytea, bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_uuid(value uuid, inner_pad bytea, outer_pad bytea) IS 'A version 8 uuid made of 96 bits of the value''s HMAC and a mark in its two middle groups.';

ready_tables(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.ready_tables(cycle_id bigint) IS 'The tables of a cycle that can be swept now.';

receipt(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.receipt(cycle_id bigint) IS 'What a cycle found due, did, held, kept, skipped and left, the policy it obeyed, and its seal. Raises LE802.';

recognise_hold(integer, text, text, bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.recognise_hold(hold_id integer, event text, placed_at text, number bigint, hash text) IS 'Notes which entry of the ledger is about a hold, if it is this database''s: that number, placed at that moment.';

record_failure(bigint, text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.record_failure(request bigint, sqlstate text, "table" text, constraint_name text, cause text) IS 'Writes down why a request could not be executed: SQLSTATE, table and constraint, never a message. cause: of LE433, the SQLSTATE that PostgreSQL gave, which the error has as its column. Raises LE114.';

rectify(bigint, text, text, jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.rectify(request bigint, "table" text, key text, changes jsonb) IS 'Corrects columns of one row of the person of an approved request: {"column": value}. Raises LE102, LE103, LE114, LE460, LE465, LE466, LE501.';

redact_elements(text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.redact_elements(value text[]) IS 'A list of as many stars as there are elements.';

refuse_request(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.refuse_request(request bigint, ground text) IS 'Refuses a request, with its ground (GDPR Art. 12(4)), and forgets who asked. Raises LE114, LE411, LE417, LE502.';

refuse_restricted(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.refuse_restricted() IS 'Trigger of a host''s table: refuses UPDATE and DELETE of restricted rows to everybody but the engine. Raises LE461.';

refuse_restricted_truncate(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.refuse_restricted_truncate() IS 'Trigger of a host''s table: refuses a TRUNCATE that would take restricted rows, to everybody. Raises LE461.';

register_method(text, text, text, text[], text, boolean, jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) IS 'Adds or replaces a method of your own: two SQL expressions with {value}, {type}, {length}, {key} and {parameter} in them. Names in them are schema-qualified. Raises LE106, LE303, LE304, LE502.';

rehearse(integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.rehearse(draft integer) IS 'Tries a draft on at most 1,000 real rows of each table whose rules it changes, counts what becomes due at once, and undoes all of it. Returns rehearsed or refused; lethe.drafts has what was found. statement_timeout counts from the statement that calls it. Raises what lethe.apply_policy raises, LE111, LE501, LE503, LE615, LE616.';

release_controller(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.release_controller(controller text) IS 'Gives back what start_cycle(..., alone => true) took for this session.';

release_hold(integer, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.release_hold(id integer, reason text) IS 'Ends a hold: what is overdue is done in the next cycle. Raises LE110, LE407, LE462.';

remove_member(name, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.remove_member(login name, controller text) IS 'Ends what add_member began. Raises LE101, LE502.';

remove_recipient(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.remove_recipient(name text, controller text) IS 'Tells a recipient nothing any more; what it has not heard yet is given up. Raises LE101, LE115, LE418, LE502.';

next_step(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.next_step(request lethe.requests) IS 'plan, execute or verify, where that is to be done without anybody deciding anything; else null.';

CREATE TABLE lethe.request_events (
    id bigint NOT NULL,
    request_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    by name DEFAULT SESSION_USER NOT NULL,
    event text NOT NULL,
    from_state text,
    to_state text,
    reason text
);

ALTER TABLE lethe.request_events OWNER TO lethe_owner;

COMMENT ON TABLE lethe.request_events IS 'What happened to a request, in order. Reasons are free text and stay outside the hash chain: name the matter, never the person.';

replay_delayed(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.replay_delayed() IS 'Requests of replays that were delayed by a hold, and can be executed by now.';

replay_erase(bigint, text, timestamp with time zone); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.replay_erase(number bigint, hash text, at timestamp with time zone) IS 'Forgets again whom an entry is about. Returns how many records, how many of them a hold delays, and whether any record fits at all; or the failure, which becomes a finding. Raises LE502.';

replay_find(jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.replay_find(entries jsonb) IS 'Turns what fits some entries, [{number, at, replays}], and is not to be erased again without asking, into findings. Returns how many are new. Raises LE502.';

replay_hold(bigint, text, jsonb, jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.replay_hold(number bigint, hash text, entry jsonb, content jsonb) IS 'Places a hold or a restriction again: placed, there already, over (its last day has passed), nobody (not in this database). Raises what placing one raises.';

replay_match(text, text, bytea, jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.replay_match(subject text, controller text, pads bytea, wanted jsonb) IS 'Looks for the people of some entries, [{number, roots, identifiers}], all in one pass, and keeps what fits. Returns how many rows fit. Raises LE101, LE109, LE501, LE502.';

replay_open(integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.replay_open(finding integer) IS 'Opens and approves the request by which a finding is erased. Returns its id; null where another request has reached the row. Raises LE502, and what opening a request raises.';

replay_release(bigint, text, jsonb, jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.replay_release(number bigint, hash text, entry jsonb, content jsonb) IS 'Releases again what an entry says was released. Returns how many holds. Raises what releasing one raises.';

replay_to_erase(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.replay_to_erase() IS 'Findings that were decided to be erased, and are not yet.';

request_report(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.request_report(request bigint) IS 'A request with its events, plan, findings, notifications and certificates; never who the person is. Raises LE114.';

request_work(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.request_work(controller text) IS 'What is to be done now, and may be done by you, with the requests of the controllers you act for, of all for a worker: plan, execute or verify a request, or notify a recipient of it. Raises LE101.';

requests_to_complete(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.requests_to_complete(controller text) IS 'Erasures for which something is to be done today, of one controller or all. Raises LE101.';

requests_to_remind(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.requests_to_remind() IS 'Open requests of which somebody should be reminded: a reminder from ten days before the last day on, an escalation from three.';

require_ledger(boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.require_ledger(required boolean) IS 'Has erasures refused that are not in the ledger (LE454), or allows them again. Raises LE452, LE502.';

restricted_rows(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.restricted_rows(request bigint) IS 'How many rows the restriction of a request reaches now, table by table, live and archived. Raises LE114, LE462, LE501.';

restricted_path_sql(text, lethe.managed_tables, oid, integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restricted_path_sql(alias text, managed lethe.managed_tables, table_oid oid, path integer[]) IS 'True when the row at the end of a path (no link: the row itself) is restricted by name. Null where a table of the way is gone.';

restricting_paths(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restricting_paths(table_id integer) IS 'The links, from a table upwards, by which its rows may belong to a person.';

restricted_parts(text, lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restricted_parts(alias text, managed lethe.managed_tables, table_oid oid) IS 'Predicates of which each says that a row is restricted; those that read other rows begin with exists.';

restricting_columns(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restricting_columns(managed lethe.managed_tables) IS 'The columns of a row that say whether it is restricted: its key, whose it is, and to whom it belongs.';

restriction_policy(lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restriction_policy(managed lethe.managed_tables, relation oid) IS 'The expression of the policy of lethe.restriction_sql.';

restriction_mark(lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restriction_mark(managed lethe.managed_tables, relation oid) IS 'The comment of the policy, by which lethe.restriction_findings sees that it is what would be written today.';

CREATE TABLE lethe_private.kept_rows (
    request_id bigint NOT NULL,
    table_id integer NOT NULL,
    key text NOT NULL,
    facts jsonb NOT NULL,
    until date,
    basis text,
    retained boolean NOT NULL
);

ALTER TABLE lethe_private.kept_rows OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.kept_rows IS 'Rows that an erasure kept: until their day, or without what told whose they are. Deleted when nothing is left to do.';

COMMENT ON COLUMN lethe_private.kept_rows.facts IS 'The key, and what linked the row to the person, column by column.';

CREATE TABLE lethe_private.request_roots (
    request_id bigint NOT NULL,
    n integer NOT NULL,
    table_id integer NOT NULL,
    key text NOT NULL
);

ALTER TABLE lethe_private.request_roots OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.request_roots IS 'The root rows that a request is about, by key. Deleted when the request has ended.';

CREATE VIEW lethe_private.restricted_keys AS
 SELECT h.controller_id,
    k.table_id,
    k.key
   FROM (lethe_private.held_keys k
     JOIN lethe.holds h ON ((h.id = k.hold_id)))
  WHERE ((h.request_id IS NOT NULL) AND (h.released_at IS NULL))
UNION ALL
 SELECT q.controller_id,
    r.table_id,
    r.key
   FROM (lethe_private.request_roots r
     JOIN lethe.requests q ON ((q.id = r.request_id)))
  WHERE ((q.kind = 'erasure'::text) AND (q.state = ANY (ARRAY['executed'::text, 'blocked'::text])))
UNION ALL
 SELECT q.controller_id,
    k.table_id,
    k.key
   FROM (lethe_private.kept_rows k
     JOIN lethe.requests q ON ((q.id = k.request_id)))
  WHERE (k.retained AND (q.kind = 'erasure'::text) AND (q.state = ANY (ARRAY['executed'::text, 'blocked'::text])));

ALTER TABLE lethe_private.restricted_keys OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.restricted_keys IS 'Keys of rows that are restricted, or blocked; rows that belong to them are, too.';

restriction_findings(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.restriction_findings() IS 'Tables with restricted rows that nothing hides, and policies and triggers of lethe.restriction_sql that are missing or outdated.';

restriction_sql(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.restriction_sql("table" text) IS 'The statements that hide restricted and blocked rows of a table from ordinary roles and refuse writes to them, with who passes. Raises LE102, LE467.';

resume_request(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.resume_request(request bigint) IS 'Goes on with a request that was paused; it is due as many days later. Returns the new last day. Raises LE114, LE411, LE502.';

revoke_token(integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.revoke_token(id integer) IS 'Ends a token at once. Doing it again changes nothing. Raises LE702.';

run_cycle(text, numeric); Type: PROCEDURE; Schema: lethe; Owner: lethe_owner

COMMENT ON PROCEDURE lethe.run_cycle(IN controller text, IN pause_ratio numeric) IS 'Runs today''s cycle of one controller, or of all the login acts for, to its end. pause_ratio: pause after each batch, as a multiple of its time. Raises LE101, LE401, LE404 (incomplete), LE502.';

scan_residue(bigint[], boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.scan_residue(requests bigint[], keep boolean) IS 'Looks for the former identifiers of people in every text of the database, and lists objects and counts; default: of all requests that are executed. Raises LE114, LE441.';

scrub(text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.scrub(value text, length integer) IS 'Replaces each word with an at sign by [email] and each run of digits by [number], cut to a length limit (null: none).';

seal(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.seal(controller_name text) IS 'Seals the evidence of finished cycles that no seal covers yet, of one controller or all; returns the new seals. Cycles are sealed as they end: this is for those that ended before there were seals. Raises LE101, LE405.';

set_column(text, text, text, text[], text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) IS 'Says what a column holds, for which purposes and on which legal basis. Raises LE102, LE103, LE106, LE502.';

set_controller(text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) IS 'Adds or changes a controller. reference: what a table''s controller column holds for it. Raises LE101, LE105, LE203, LE502.';

set_format(text, text, text, jsonb, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_format("table" text, "column" text, format text, parameters jsonb, on_arrival text, reason text) IS 'Declares that a column holds a minimised format (lethe.formats), or, without one, that it holds none any more; and what a trigger does with a richer value that arrives: reject, reduce, or, null, no trigger. Changes nothing on the table: lethe.format_sql prints what its owner runs. Raises LE102, LE103, LE106, LE113, LE306, LE308, LE309, LE316, LE319, LE320, LE502.';

set_link(text, text, text[], text[], text, text, text, jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) IS 'Declares how rows of a table refer to another: through its foreign key, or by the columns named. Raises LE102, LE103, LE106, LE109, LE305, LE317, LE409, LE502.';

set_minimum(text, text, text[], text, text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_minimum("table" text, after text, since text[], basis text, "column" text, "when" text, controller text, reason text) IS 'Sets a statutory minimum: how long (ISO 8601) after which clock a law (basis) has a table kept, or one column of it, whatever the rules on it say. It only lengthens. Returns its rule''s id. Raises LE101 to LE103, LE106, LE301 to LE303, LE310, LE315 to LE317, LE502, LE905.';

set_rule(text, text, text, text, text[], text, jsonb, text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) IS 'Sets one term of a rule: what happens (anonymize, archive, purge) to a column, or to the row (archive, purge), how long (ISO 8601) after which clock, for which purpose. Returns the rule''s id. Raises LE101 to LE106, LE301 to LE316, LE319, LE320, LE502.';

set_subject_type(text, text, text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) IS 'Names a kind of person: its root table and the columns by which one is looked up. Raises LE102, LE103, LE109, LE502.';

set_view(text, text, text[], text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_view(view text, shows text, counts text[], reason text) IS 'Says what a view or materialized view of people''s data shows: people, figures (with the columns that count people), or, where it is materialized, a copy that is refreshed daily. Raises LE102, LE103, LE106, LE502.';

settle_ledger(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.settle_ledger(number bigint, hash text) IS 'Says that everything up to an entry of the ledger is known here.';

shape(text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.shape(value text, keep integer) IS 'Keeps so many characters at the start, if there are more; after them digits become 0, letters X or x, other characters outside ASCII x.';

share_controller(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.share_controller(controller text) IS 'Turns what start_cycle(..., alone => true) took for this session into a shared lock, until the session ends or unlocks all. Raises LE101.';

start_cycle(text, date, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) IS 'Opens or resumes the cycle of a controller''s local day (default: today). alone: for this session only. Raises LE101, LE401, LE402.';

store_package(bigint, bytea, bytea, text, timestamp with time zone); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.store_package(request bigint, token_hash bytea, content bytea, media_type text, expires_at timestamp with time zone) IS 'Keeps an encrypted package for at most 90 days. Raises LE114, LE463.';

strike_kept_rows(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.strike_kept_rows(request bigint, reason text) IS 'Strikes from what a blocked erasure keeps the rows that are somebody else''s now, and what hangs on them; they stay as they are. Returns them. Raises LE114, LE417, LE421, LE431, LE501, LE502.';

suggested_indexes(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.suggested_indexes("table" text) IS 'Indexes that keep a daily cycle cheap, as statements for the table''s owner to review and run.';

suppression_sql(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.suppression_sql("table" text, on_arrival text) IS 'The statements that put the suppression list in front of a root table: refuse or flag whoever asked to be forgotten. Changes nothing. Raises LE102, LE446.';

sweep_step(bigint, integer, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) IS 'One batch of one table of a cycle. paced: not outside the time window, nor while replicas lag. After detach, run lethe.detach_statement. Call until the state is done or failed; after retry, wait or busy, pause first. Raises LE403, LE405.';

take_notification(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.take_notification(notification bigint) IS 'What a recipient is to be sent now, with its signature, and counts the attempt; no row when it has answered or was given up. Raises LE115, LE502.';

truncate(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.truncate(value text, keep integer, length integer) IS 'The first characters and a full stop, within a length limit (null: none); the full stop alone when the value is shorter than twice what would be kept.';

unfinished_tables(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unfinished_tables(cycle_id bigint) IS 'The tables of a cycle that are not swept yet.';

unguard_sql(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unguard_sql("table" text) IS 'The statements that take the guards off a table. Raises LE102.';

unlock_ledgered(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unlock_ledgered(request bigint) IS 'Says that the entry is written.';

unmanage_table(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unmanage_table("table" text) IS 'Forgets a table with its rules, links and subject types; the table itself is not touched. Raises LE102, LE502.';

unpurposed(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unpurposed("table" text, controller_name text) IS 'Values (of a column, or rows where column_name is null) to which no term of a rule applies, so that nothing is ever done to them; unclocked: those among them that lack a usable clock. Reads each table once. Raises LE101 to LE103, LE501, LE503.';

unrestriction_sql(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unrestriction_sql("table" text) IS 'The statements that take off what lethe.restriction_sql put on a table; null where there is nothing. Raises LE102.';

unset_view(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unset_view(view text, reason text) IS 'Takes back what was decided on a view. Raises LE102, LE502.';

verify_cycle(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.verify_cycle(cycle_id bigint) IS 'Re-reads every swept table of a cycle. Returns how many are to be swept once more.';

verify_evidence(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.verify_evidence(controller_name text, anchor text) IS 'Checks the evidence of one controller, or of all the login acts for, row by row against its seals, and the seals against an anchor (lines of lethe.evidence_heads() kept outside). error: something was changed; warning: not sealed, or not anchored, yet; info: what was found sound. Raises LE101, LE502.';

verify_request(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.verify_request(request bigint) IS 'Scans for what is left of a person that was erased, writes the certificate, and seals it. Returns the state: blocked or completed. Raises LE114, LE405.';

verify_table(bigint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) IS 'Re-reads one swept table and writes its evidence. True: nothing due is left. False: it waits to be swept again, is left over, or failed. Raises LE403.';

waive(text, text, date, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.waive(code text, object text, until date, reason text) IS 'Leaves a finding of lethe.check(), named by code and object as it is there, unreported up to and including a day, or until the view or function that it is about changes. Raises LE112, LE502, LE621.';

withdraw_draft(integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.withdraw_draft(draft integer) IS 'Gives a draft up. It is kept, and can be neither rehearsed nor activated any more. Raises LE111, LE502, LE615.';

withdraw_request(bigint, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.withdraw_request(request bigint, reason text) IS 'Ends a request that the person has taken back, and forgets who asked. Raises LE114, LE411, LE417, LE502.';

withdraw_waiver(text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.withdraw_waiver(code text, object text, reason text) IS 'Ends a waiver. Raises LE112, LE502.';

absent_table(lethe.cycles, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.absent_table(cycle lethe.cycles, table_id integer) IS 'Why a table''s row could not be locked: somebody sweeps it ("busy"), or it is not part of the cycle (LE403).';

object_sql(text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.object_sql(pairs text[]) IS 'SQL that builds one jsonb object of any number of "key, value" pairs.';

root_sql(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.root_sql(key text) IS 'The keyed root over the ordered keys of a batch.';

act_on_all_sql(text, lethe_private.action_parts[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text) IS 'Applies all of the given actions to the rows of a batch on which all of them are to be done.';

tests_sql(lethe_private.action_parts[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.tests_sql(actions lethe_private.action_parts[]) IS 'The select list of which actions are to be done on a row that any_due_sql has found.';

act_sql(text, lethe_private.action_parts[], text, boolean, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean, archive text, clocks text) IS 'Applies every action due on the rows of a batch in one statement, and counts them.';

actions(text, lethe.managed_tables, oid, lethe.controllers, date, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.actions(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean) IS 'The actions in force on a managed table for one controller and one local day, those on the row first.';

add_held_keys(integer, integer, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.add_held_keys(table_id integer, hold_id integer, keys jsonb) IS 'Puts keys on the list of a hold.';

add_skipped(jsonb, text, text, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint) IS 'Counts rows set aside under their cause.';

whole_table(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.whole_table(relation oid) IS 'The table that a partition, or a child of an inheritance, is part of.';

add_writes(jsonb, oid, bigint, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.add_writes(planned jsonb, relation oid, updates bigint, deletes bigint) IS 'Adds what a statement was meant to write to what is planned.';

CREATE TABLE lethe.recipients (
    id integer NOT NULL,
    controller_id integer NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    kinds text[] DEFAULT ARRAY['rectification'::text, 'restriction'::text, 'erasure'::text] NOT NULL,
    added_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT kinds_are_known CHECK (((kinds <@ ARRAY['rectification'::text, 'restriction'::text, 'objection'::text, 'erasure'::text]) AND (kinds <> '{}'::text[])))
);

ALTER TABLE lethe.recipients OWNER TO lethe_owner;

COMMENT ON TABLE lethe.recipients IS 'To whom personal data was passed on, and who is told when it is corrected, restricted or erased (GDPR Art. 19).';

CREATE TABLE lethe_private.notification_hashes (
    notification_id bigint NOT NULL,
    identifiers jsonb NOT NULL
);

ALTER TABLE lethe_private.notification_hashes OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.notification_hashes IS 'By what a recipient recognises the person: identifiers hashed with its own secret. Deleted when it has answered.';

all_are_told(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.all_are_told(request lethe.requests) IS 'True when nothing has to be made of the identifiers for a recipient any more.';

effective_terms(integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.effective_terms(table_id integer, controller_id integer) IS 'The terms in force on a managed table for a controller, minima among them.';

always_tests(lethe.managed_tables, oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.always_tests(managed lethe.managed_tables, relation oid, controller lethe.controllers) IS 'Expressions over a row which, where they hold for all rows, mean that a rule or term can never be due.';

read_anchor(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.read_anchor(anchor text) IS 'The heads in an anchor, one JSON object a line.';

anchor_findings(lethe.controllers, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.anchor_findings(controller lethe.controllers, anchor text) IS 'Where a chain is not what was anchored of it, and how far it is anchored.';

CREATE TABLE lethe_private.controller_keys (
    controller_id integer NOT NULL,
    version integer NOT NULL,
    inner_pad bytea NOT NULL,
    outer_pad bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pads_are_one_sha256_block CHECK (((length(inner_pad) = 64) AND (length(outer_pad) = 64)))
);

ALTER TABLE lethe_private.controller_keys OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.controller_keys IS 'HMAC keys (RFC 2104) for pseudonyms and evidence, kept as their two pads so that a statement needs no exclusive-or.';

anonymize_rows(lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.anonymize_rows(rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys, planned jsonb) IS 'Takes the person out of rows that stay.';

answer(lethe.notifications, text, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.answer(notification lethe.notifications, state text, status integer) IS 'Writes down what became of a notification; forgets the hashes once nothing is sent any more.';

answer_due(date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.answer_due(received_on date) IS 'The last day to answer a request that was received on a day.';

any_due_sql(lethe_private.action_parts[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.any_due_sql(actions lethe_private.action_parts[]) IS 'True when at least one of the actions is to be done on a row.';

apply_claim(text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_claim("table" text, "column" text, claim jsonb) IS 'The claim of one column of a policy document. Raises LE106.';

apply_controllers(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_controllers(policy jsonb) IS 'The controllers of a policy document.';

put_format(text, text, text, jsonb, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.put_format("table" text, "column" text, format text, parameters jsonb, on_arrival text) IS 'Declares the format of a column, judged by itself. Whoever calls it judges it together with the rules (assert_formats).';

apply_format(text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_format("table" text, "column" text, spec jsonb) IS 'The format of a column of a policy document; null: none.';

apply_links(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_links(policy jsonb) IS 'The subject types and links of a policy document.';

apply_rules(jsonb, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_rules(policy jsonb, reason text) IS 'The rules of a policy document; terms it does not name are taken out.';

apply_subject_link(text, text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb) IS 'One link of one subject type of a policy document.';

apply_tables(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_tables(tables jsonb) IS 'The managed tables and columns of a policy document.';

apply_terms(text, text, text, jsonb, jsonb, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text) IS 'The terms of one rule of a policy document. Returns a mark for each; the DETAIL of an error is a pointer relative to the rule.';

apply_views(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_views(views jsonb) IS 'The decided views of a policy document.';

apply_waivers(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_waivers(waivers jsonb) IS 'The waivers of a policy document. One whose day has passed is taken as it is, and reported by lethe.check().';

archive_matches_sql(oid, text[], oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archive_matches_sql(mirror oid, columns text[], relation oid) IS 'True when archived row c has what p has, p being written in the names and types of the mirror.';

archived_value(text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_value(expression text, mirror_type text, source_type text) IS 'A value in the form in which the archive keeps it.';

mirror_type(lethe_private.host_columns); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirror_type(source lethe_private.host_columns) IS 'The type a column has in the archive: its base type where that is PostgreSQL''s own, else text.';

names_column(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.names_column(condition text, name text) IS 'True when an expression may name a column; a word in its literals counts too.';

CREATE TABLE lethe_private.mirror_columns (
    mirror_id integer NOT NULL,
    column_name text NOT NULL,
    number smallint NOT NULL,
    source_type text NOT NULL,
    mirror_type text NOT NULL,
    holds_value boolean NOT NULL
);

ALTER TABLE lethe_private.mirror_columns OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.mirror_columns IS 'The columns of each mirror, by the name they have at the source now.';

COMMENT ON COLUMN lethe_private.mirror_columns.number IS 'The column''s number (attnum) at the source.';

COMMENT ON COLUMN lethe_private.mirror_columns.mirror_type IS 'The base type, where it is one of PostgreSQL''s own; else text, so that the archive depends on no type of the host.';

COMMENT ON COLUMN lethe_private.mirror_columns.holds_value IS 'False for what a mirror of values keeps only to find and to date them.';

mirror_shape(lethe.managed_tables, oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirror_shape(managed lethe.managed_tables, relation oid, kind text) IS 'The columns that a mirror of a table has to have as the table and its policy are now.';

shape_text(lethe_private.mirror_columns[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.shape_text(shape lethe_private.mirror_columns[]) IS 'Names and types of a mirror''s columns as one text.';

CREATE TABLE lethe_private.mirrors (
    id integer NOT NULL,
    table_id integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    source oid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['rows'::text, 'values'::text])))
);

ALTER TABLE lethe_private.mirrors OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.mirrors IS 'The tables of lethe_archive. A mirror is never altered but for the names of its columns; when its source takes another shape, a new one is begun.';

COMMENT ON COLUMN lethe_private.mirrors.kind IS 'rows: rows moved whole. values: values of single columns, with the key, the clocks and what conditions ask for.';

COMMENT ON COLUMN lethe_private.mirrors.source IS 'The table''s oid when it was looked at last: while it stays, a column that was renamed is recognised by its number.';

mirror_name(lethe.managed_tables, oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirror_name(managed lethe.managed_tables, relation oid, kind text) IS 'The table of lethe_archive that rows (or values) of a table go to as it is now.';

archive_sql(lethe.managed_tables, oid, integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archive_sql(managed lethe.managed_tables, relation oid, root_id integer, controller_id integer) IS 'The INSERT that puts rows of "gone" into the archive.';

archives(lethe_private.action_parts); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archives(action lethe_private.action_parts) IS 'True when the value that an action replaces goes to the archive.';

archive_values_sql(lethe.managed_tables, oid, integer, lethe_private.action_parts[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archive_values_sql(managed lethe.managed_tables, relation oid, controller_id integer, actions lethe_private.action_parts[]) IS 'The INSERT that puts the originals of changed columns into the archive.';

archived_actions(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_actions(managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date) IS 'The actions in force on one mirror of a managed table, for one controller and one local day.';

archived_condition(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_condition(condition text) IS 'A predicate as it reads over archived rows; null when it cannot be asked of them.';

archived_answer(lethe_private.mirrors, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_answer(mirror lethe_private.mirrors, condition text) IS 'A predicate as it is asked of a mirror; null when the mirror has no answer.';

archived_held_sql(text, lethe_private.mirrors, date, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_held_sql(alias text, mirror lethe_private.mirrors, today date, exemptions boolean) IS 'True when an archived row is under a hold (or, with exemptions, was put back and is to be left alone).';

archived_left(lethe_private.reached_row[], lethe.subject_types, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_left(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) IS 'What the archive still has of an erasure''s rows, and what came there meanwhile.';

mirror_program(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirror_program(managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date) IS 'The statements over one mirror; null when no rule reaches it.';

archived_program(lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_program(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The statements over a table''s archive; null when there is none, or no rule that reaches it.';

is_linked(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_linked(entry text) IS 'True for a clock that is computed from other rows.';

key_sql(text, oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.key_sql(alias text, table_oid oid, key_columns text[]) IS 'SQL that renders a row''s key as text, independent of DateStyle and TimeZone.';

linked_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.linked_day_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, entry text) IS 'The controller''s local day of the latest event of a row, remembered ones included: null when there is none, infinity when one means never.';

linked_clocks_sql(text, lethe.managed_tables, oid, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.linked_clocks_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) IS 'A row''s clocks over other rows as {entry: local day}.';

archived_row_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_row_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, root_key text) IS 'What a statement that archives rows has to return of each, for archive_sql.';

archived_rules(lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_rules(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The rules of a table that reach its archive, as a program lists them.';

archived_values(lethe.managed_tables, integer, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.archived_values(managed lethe.managed_tables, hold_id integer, columns text[]) IS 'What the archived rows that a hold names have in some columns.';

controller_sql(text, lethe.managed_tables, oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers) IS 'True when the row belongs to the controller.';

equality_of(oid, text, oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.equality_of(relation oid, "column" text, other_relation oid, other_column text) IS 'The operator by which two columns of one type are compared.';

equals_sql(oid, text, oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.equals_sql(relation oid, "column" text, other_relation oid, other_column text) IS 'True when a column of c is what a column of p is.';

erasure_links(lethe.subject_types); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.erasure_links(type lethe.subject_types) IS 'The links by which rows belong to a kind of person, each with its kind.';

given_sql(oid, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.given_sql(relation oid, columns text[], "from" text) IS 'A FROM item: given rows as p.';

matches_sql(oid, text[], oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.matches_sql(relation oid, columns text[], other_relation oid, other_columns text[]) IS 'True when c refers to p, or p to c, by these columns.';

arrived_questions(lethe_private.reached_row[], lethe.subject_types, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.arrived_questions(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) IS 'How many rows refer to what was erased and were not in the plan, link by link.';

plan_mark(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_mark(rows lethe_private.reached_row[], controller lethe.controllers) IS 'A keyed hash of which rows a plan reaches and what it does with each.';

as_approved(lethe.requests[], bigint[], lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.as_approved(requests lethe.requests[], owners bigint[], rows lethe_private.reached_row[], controller lethe.controllers) IS 'True when rows and decisions are those that were approved.';

as_array_sql(text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.as_array_sql(columns text[]) IS 'SQL of the texts of some columns of c, as one jsonb array.';

as_dropper(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_dropper

COMMENT ON FUNCTION lethe_private.as_dropper(statement text) IS 'Runs one statement as lethe_dropper: a lock on a partition, DETACH, ATTACH or DROP. Raises LE504, LE505.';

as_kept(lethe_private.kept_rows[], jsonb, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.as_kept(kept lethe_private.kept_rows[], found jsonb, today date) IS 'Kept rows that are still there, as rows of a plan.';

as_reached(jsonb, integer, integer, text, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.as_reached(found jsonb, table_id integer, mirror_id integer, kind text, link_id integer) IS 'What found_sql returns, as rows.';

as_sweeper(text, tid[], bytea, bytea, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_sweeper

COMMENT ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) IS 'Runs one statement as lethe_sweeper, row security off, under the search path declared for the table. Raises LE504, LE505.';

fill(text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.fill(statement text, words jsonb) IS 'A statement with the given words in place of its marks.';

run_as_sweeper(text, lethe.managed_tables, tid[], bytea, bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.run_as_sweeper(statement text, managed lethe.managed_tables, tids tid[], inner_pad bytea, outer_pad bytea) IS 'Runs one statement over a managed table as lethe_sweeper. Raises LE504, LE505.';

ask_of_partition(text, oid, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ask_of_partition(statement text, partition oid, managed lethe.managed_tables) IS 'A yes or no about a partition, asked as lethe_sweeper.';

ask_of_row(text, record, record); Type: FUNCTION; Schema: lethe_private; Owner: lethe_sweeper

COMMENT ON FUNCTION lethe_private.ask_of_row(statement text, old_row record, new_row record) IS 'Asks one question about a row as lethe_sweeper, row security off. Raises LE505.';

assert_action(lethe.managed_tables, oid, text, text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_action(managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb) IS 'Raises LE103 to LE106, LE304 to LE309, LE315 or LE316 when the action cannot be done to the column or row.';

assert_anonymized(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_anonymized(rows lethe_private.reached_row[], controller lethe.controllers) IS 'Raises LE468.';

assert_answerable(lethe.managed_tables, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_answerable(managed lethe.managed_tables, condition text) IS 'Raises LE408 where the archive of a table cannot answer a predicate.';

assert_archivable(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_archivable(relation oid) IS 'Raises LE316 for a table with a column named like those of the archive, or with inheritance children.';

assert_archiving(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_archiving(managed lethe.managed_tables) IS 'Raises LE303, LE316, LE903 or LE905 when something would stay in the archive for ever, or could not be found there.';

CREATE TABLE lethe.formats (
    name text NOT NULL,
    kind text NOT NULL,
    types text[] NOT NULL,
    recogniser text NOT NULL,
    reduction text,
    output text NOT NULL,
    length_max integer,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    examples text[] NOT NULL,
    description text NOT NULL,
    CONSTRAINT output_is_anonymous_or_pseudonymous CHECK ((output = ANY (ARRAY['anonymous'::text, 'pseudonymous'::text])))
);

ALTER TABLE lethe.formats OWNER TO lethe_owner;

COMMENT ON TABLE lethe.formats IS 'Formats that hold less than a value could tell: SQL templates of the predicate that recognises a value in the format, and of what a richer value is reduced to. One row for each kind of type.';

COMMENT ON COLUMN lethe.formats.kind IS 'The kind of types that this row is for.';

COMMENT ON COLUMN lethe.formats.recogniser IS 'True for a value in the format, null for null.';

COMMENT ON COLUMN lethe.formats.reduction IS 'What a value that is not in the format becomes; null for one that cannot be read. None: the format cannot be computed from a richer value.';

COMMENT ON COLUMN lethe.formats.output IS 'Whether a value in the format, taken by itself, is anonymous or only pseudonymous.';

COMMENT ON COLUMN lethe.formats.length_max IS 'Characters of the longest value, besides those that parameter keep counts.';

COMMENT ON COLUMN lethe.formats.examples IS 'Richer values, as text, of which the first shows what the format is for.';

assert_arrival(lethe.managed_tables, text, lethe.formats, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_arrival(managed lethe.managed_tables, "column" text, format lethe.formats, on_arrival text) IS 'Raises LE106 for an unknown word, LE319 where nothing can be reduced on arrival.';

assert_asking_intact(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_asking_intact() IS 'Raises LE505 when ask_of_row is not what lethe init made it.';

assert_clock(lethe.managed_tables, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_clock(managed lethe.managed_tables, since text[]) IS 'The clocks as the terms keep them. Raises LE102, LE103, LE106, LE302, LE310 or LE315 unless each is a date or time column of the table, or the latest of other rows.';

assert_clock_stands(lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid) IS 'Raises LE312 when a trigger restarts a clock of the table.';

assert_clock_type(oid, lethe_private.host_columns); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_clock_type(relation oid, clock lethe_private.host_columns) IS 'Raises LE302 unless the column is a date or time.';

assert_column_may_change(lethe.managed_tables, oid, lethe_private.host_columns); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns) IS 'Raises LE308, LE309 or LE316 for a column that no rule may rewrite.';

assert_columns(lethe.managed_tables, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_columns(managed lethe.managed_tables, columns text[]) IS 'Raises LE103 for the first column the table does not have.';

assert_columns_there(lethe.managed_tables, integer, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_columns_there(managed lethe.managed_tables, mirror_id integer, mirror_name text) IS 'Raises LE902 when the record has values that its table can no longer hold.';

CREATE TABLE lethe.methods (
    name text NOT NULL,
    mask text NOT NULL,
    recogniser text NOT NULL,
    type_categories text[] NOT NULL,
    output text NOT NULL,
    keeps_unique boolean NOT NULL,
    keyed boolean NOT NULL,
    nulls_out boolean NOT NULL,
    length_min integer,
    length_min_unique integer,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    description text NOT NULL,
    builtin boolean DEFAULT false NOT NULL,
    CONSTRAINT output_is_anonymous_or_pseudonymous CHECK ((output = ANY (ARRAY['anonymous'::text, 'pseudonymous'::text])))
);

ALTER TABLE lethe.methods OWNER TO lethe_owner;

COMMENT ON TABLE lethe.methods IS 'How values are anonymized (ISO/IEC 20889): SQL templates of the mask and of the predicate that recognises its output.';

assert_constant_stands(oid, lethe_private.host_columns, lethe.methods, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) IS 'Raises LE304 when a constant would not be recognised once it is stored.';

assert_correctable(lethe.managed_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_correctable(managed lethe.managed_tables, changes jsonb) IS 'Raises LE103 or LE465 for columns that a rectification cannot change.';

assert_declared_parameters(text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_declared_parameters(method text, parameters jsonb) IS 'Raises LE106 unless each parameter of a method has a usable name and a known type.';

assert_edges(lethe_private.reached_row[], lethe_private.reached_edge[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_edges(rows lethe_private.reached_row[], edges lethe_private.reached_edge[]) IS 'Raises LE421 for a row of which it cannot be said to which other one the link leads by which it was found.';

assert_erased(lethe_private.reached_row[], lethe.subject_types, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_erased(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) IS 'Reads every row of an erasure again. Raises LE435 (rows that should be gone, or changed) and LE436 (rows that came meanwhile).';

assert_events_stand(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_events_stand(managed lethe.managed_tables) IS 'Raises LE316 when a column rule would change what another table''s clock is computed from.';

assert_executable(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_executable(request lethe.requests) IS 'Raises LE431, LE502.';

assert_exemption(lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_exemption(controller lethe.controllers, until date) IS 'Until when a record that is put back is left alone; 30 days where nothing is said. Raises LE904.';

assert_format_fits(lethe.managed_tables, text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_format_fits(managed lethe.managed_tables, "column" text, format text, parameters jsonb) IS 'The format for a column''s type. Raises LE106, LE113, LE306, LE308, LE309, LE316 or LE319 when the column cannot have it.';

assert_formats(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_formats(managed lethe.managed_tables) IS 'Raises LE319 (the format of a clock) or LE320 unless what the rules of a table write is in the formats of its columns.';

assert_free(text, record, record, oid, text, integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_free(statement text, old_row record, new_row record, relation oid, what text, holds integer[]) IS 'Raises LE406 unless the answer is that no hold stands against it.';

assert_given_parameters(text, jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_given_parameters(subject text, declared jsonb, parameters jsonb) IS 'Raises LE106 for a parameter that is unknown, missing or of the wrong kind.';

assert_intact(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_intact(managed lethe.managed_tables) IS 'Raises LE102 or LE103 when the table, or a column the policy needs, is no longer there; LE106 or LE310 when a link or index a clock needs is not.';

assert_kept(lethe.requests, lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_kept(request lethe.requests, rows lethe_private.reached_row[]) IS 'Raises LE439 when a completion would touch rows that the erasure had not kept.';

assert_keys(jsonb, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_keys(document jsonb, allowed text[], what text) IS 'Raises LE605 (no mapping) or LE106 (unknown key).';

assert_ledgered(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_ledgered(ledger_number bigint) IS 'Raises LE454 where a ledger is required and no entry was given.';

assert_links_kept(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_links_kept() IS 'Raises LE409 where a link has gone by which a hold on a person reaches rows.';

assert_links_stand(lethe.links[], jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_links_stand(links lethe.links[], columns jsonb) IS 'Raises LE103 for the first link of which a column or a table is gone.';

assert_manageable(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_manageable(relation oid) IS 'Raises LE201 or LE202 for what is not a table of its own.';

CREATE TABLE lethe.drafts (
    id integer NOT NULL,
    document jsonb NOT NULL,
    reason text NOT NULL,
    state text DEFAULT 'drafted'::text NOT NULL,
    author name DEFAULT SESSION_USER NOT NULL,
    drafted_at timestamp with time zone DEFAULT now() NOT NULL,
    rehearsed_at timestamp with time zone,
    policy_mark text,
    catalogue_mark text,
    changes jsonb,
    findings jsonb,
    effects jsonb,
    tried jsonb,
    missing_rights jsonb,
    blast_radius jsonb,
    rows_at_once bigint,
    approved_by name,
    approved_at timestamp with time zone,
    accepted text[] DEFAULT '{}'::text[] NOT NULL,
    ended_by name,
    ended_at timestamp with time zone,
    CONSTRAINT approved_at_a_time CHECK (((approved_by IS NULL) = (approved_at IS NULL))),
    CONSTRAINT approved_by_somebody_else CHECK ((approved_by <> author)),
    CONSTRAINT ended_by_somebody CHECK ((((ended_at IS NOT NULL) = (state = ANY (ARRAY['activated'::text, 'withdrawn'::text]))) AND ((ended_by IS NULL) = (ended_at IS NULL)))),
    CONSTRAINT reason_is_given CHECK ((reason ~ '\S'::text)),
    CONSTRAINT rehearsal_has_its_marks CHECK (((rehearsed_at IS NULL) = (num_nulls(policy_mark, catalogue_mark, changes, findings, effects, blast_radius, rows_at_once) > 0))),
    CONSTRAINT rehearsed_before_activated CHECK (((state <> ALL (ARRAY['rehearsed'::text, 'refused'::text, 'activated'::text])) OR (rehearsed_at IS NOT NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['drafted'::text, 'rehearsed'::text, 'refused'::text, 'activated'::text, 'withdrawn'::text])))
);

ALTER TABLE lethe.drafts OWNER TO lethe_owner;

COMMENT ON TABLE lethe.drafts IS 'Policies that are proposed: whole documents, tried on the data before they are put in force. docs/drafts.md has their states.';

COMMENT ON COLUMN lethe.drafts.author IS 'The login that drafted it; where a token of the API did, the login that issued the token.';

COMMENT ON COLUMN lethe.drafts.policy_mark IS 'A mark of the policy that was in force at the rehearsal: with another one in force it must be rehearsed again.';

COMMENT ON COLUMN lethe.drafts.catalogue_mark IS 'The same of the columns, constraints and triggers of the tables it names.';

COMMENT ON COLUMN lethe.drafts.changes IS 'What it changes of the policy in force: [{"change": added | changed | removed, "controller", "table", "column", "action", "purpose", "what", "before", "after"}].';

COMMENT ON COLUMN lethe.drafts.findings IS 'What the rehearsal refuses: [{"controller", "table", "rule", "problem", "sqlstate", "constraint", "relation", "rows"}]. Never a message of the host: those carry people''s data.';

COMMENT ON COLUMN lethe.drafts.effects IS 'What the rehearsal touched outside the plan, and trigger functions that could act outside the transaction: [{"object", "kind", "inserts", "updates", "deletes", "why"}]. Each must be accepted by name.';

COMMENT ON COLUMN lethe.drafts.tried IS 'On how many rows each rule was tried: [{"controller", "table", "rule", "rows", "as_of"}].';

COMMENT ON COLUMN lethe.drafts.missing_rights IS 'Grants without which it can be neither rehearsed nor put in force.';

COMMENT ON COLUMN lethe.drafts.blast_radius IS 'What is due at once: [{"controller", "table", "rule", "due", "at_once", "no_longer"}]; at_once are rows that the policy in force leaves alone.';

COMMENT ON COLUMN lethe.drafts.rows_at_once IS 'Rows that become due at once, over all tables and controllers.';

COMMENT ON COLUMN lethe.drafts.accepted IS 'Side effects that were accepted at activation.';

assert_may_activate(lethe.drafts, text[], bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_may_activate(draft lethe.drafts, accept text[], rows_at_once bigint) IS 'Raises LE614 (side effects not accepted) or LE613 (a second person is needed).';

assert_may_change(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_may_change(controller_id integer) IS 'Raises LE502 unless the login may change the policy of the controller (null: of all).';

assert_may_name_entry(bigint, bigint, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_may_name_entry(request bigint, ledger_number bigint, ledger_hash text) IS 'Raises LE502 where an entry is named by who does not write the ledger.';

assert_method_fits(oid, lethe_private.host_columns, lethe.methods, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) IS 'Raises LE304 (type), LE305 (NOT NULL), LE306 (unique) or LE307 (length).';

fill_format(text, text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.fill_format(template text, value text, type text, parameters jsonb) IS 'A template of lethe.formats over one value. Parameters are numbers, checked before.';

format_mark(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_mark(format text, expressions text) IS 'The mark of a constraint or trigger that keeps a format.';

format_object(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_object(name text) IS 'The name of a constraint, trigger or function of a format; a digest of it where it would be too long.';

format_parameters(jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_parameters(declared jsonb, given jsonb) IS 'All parameters of a format: as given, else by default.';

format_value(text, text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_value(prefix text, name text, type text, kind text) IS 'The value of a column, as the templates of its kind want it.';

CREATE VIEW lethe_private.declared_formats AS
 SELECT d.table_id,
    h.relation,
    h."position",
    d.column_name,
    h.type,
    h.base_type,
    h.type_name,
    h.length,
    d.format,
    d.kind,
    d.on_arrival,
    f.types,
    f.examples,
    p.recogniser,
    p.reduction,
    lethe_private.format_value(''::text, d.column_name, h.type, d.kind) AS own_value,
    lethe_private.format_value('c.'::text, d.column_name, h.type, d.kind) AS row_value,
    lethe_private.format_value('new.'::text, d.column_name, h.type, d.kind) AS new_value,
    lethe_private.format_object(((d.column_name || '_is_'::text) || d.format)) AS constraint_name,
    lethe_private.format_object(((('zz_'::text || d.column_name) || '_is_'::text) || d.format)) AS trigger_name,
    lethe_private.format_mark(d.format, p.recogniser) AS constraint_mark,
    lethe_private.format_mark(d.format, concat_ws(' '::text, d.on_arrival, p.recogniser, p.reduction)) AS trigger_mark
   FROM ((((lethe.column_formats d
     JOIN lethe.managed_tables m ON ((m.id = d.table_id)))
     JOIN lethe.formats f ON (((f.name = d.format) AND (f.kind = d.kind))))
     JOIN lethe_private.host_columns h ON (((h.relation = lethe_private.host_table(m.schema_name, m.table_name)) AND (h.name = d.column_name))))
     CROSS JOIN LATERAL ( SELECT lethe_private.fill_format(f.recogniser, '{value}'::text, h.base_type, x.parameters) AS recogniser,
            lethe_private.fill_format(f.reduction, '{value}'::text, h.base_type, x.parameters) AS reduction
           FROM lethe_private.format_parameters(f.parameters, d.parameters) x(parameters)) p);

ALTER TABLE lethe_private.declared_formats OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.declared_formats IS 'The formats that columns are declared to have, their templates filled but for {value}, with the names and marks of the host''s objects that keep them.';

assert_method_keeps_format(lethe.managed_tables, lethe_private.declared_formats, lethe.methods, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_method_keeps_format(managed lethe.managed_tables, declared lethe_private.declared_formats, method lethe.methods, parameters jsonb) IS 'Tries a method on values of the column''s type. Raises LE320 when something it makes is neither null nor in the format.';

assert_minima(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_minima(managed lethe.managed_tables) IS 'Raises LE317 when a minimum could not keep what it is to keep, or would shorten another.';

assert_no_more(oid, bigint, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_no_more(relation oid, rows bigint, planned bigint) IS 'Raises LE434 where more rows bear the keys of a plan than it has.';

assert_no_rewrite_rule(oid, "char", text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text) IS 'Raises LE311 when a rewrite rule stands in the way.';

assert_no_side_effects(jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_no_side_effects(before jsonb, planned jsonb) IS 'Raises LE434, naming the tables, when something was written that was not planned, or that cannot be told.';

CREATE TABLE lethe.archive_openings (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    by name DEFAULT SESSION_USER NOT NULL,
    controller_id integer NOT NULL,
    table_name text NOT NULL,
    key_hash text NOT NULL,
    key_version integer NOT NULL,
    reason text NOT NULL,
    restored boolean NOT NULL,
    exempt_until date,
    rows_opened jsonb NOT NULL,
    CONSTRAINT reason_is_given CHECK ((reason ~ '\S'::text)),
    CONSTRAINT restored_until_a_day CHECK ((restored = (exempt_until IS NOT NULL)))
);

ALTER TABLE lethe.archive_openings OWNER TO lethe_owner;

COMMENT ON TABLE lethe.archive_openings IS 'Every look into the archive: who, when, why, at which record, and whether it was put back.';

COMMENT ON COLUMN lethe.archive_openings.key_hash IS 'HMAC-SHA-256, under the controller''s key, of the record''s key. Names nobody.';

COMMENT ON COLUMN lethe.archive_openings.rows_opened IS 'Rows shown or put back, by table.';

assert_not_held(lethe.archive_openings); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_not_held(opening lethe.archive_openings) IS 'Raises LE409 when part of the record to be put back is under a hold.';

assert_not_open(text, lethe.managed_tables, lethe.controllers, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_not_open(kind text, managed lethe.managed_tables, controller lethe.controllers, keys text[]) IS 'Raises LE414 where an open request of the same kind is about these root rows.';

assert_not_outlasted(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_not_outlasted(managed lethe.managed_tables) IS 'Raises LE317 for a rule that a minimum keeps from ever being due.';

assert_not_reduced_too_late(lethe.managed_tables, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_not_reduced_too_late(managed lethe.managed_tables, "column" text) IS 'Raises LE319 where a column''s own domain keeps the format, and a trigger is to reduce.';

assert_nulls_fit(oid, lethe_private.host_columns); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns) IS 'Raises LE306 when a column may hold one null at the most.';

assert_on_purge(lethe.managed_tables, lethe.managed_tables, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text) IS 'Raises LE305 (unlinking what is NOT NULL) or LE316 (a table that would go with itself).';

assert_parameters(lethe.methods, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_parameters(method lethe.methods, parameters jsonb) IS 'Raises LE106 for a parameter of a method that is unknown, missing or of the wrong kind.';

assert_partitions(oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_partitions(relation oid, partitions text) IS 'Raises LE106 (an unknown word) or LE204 (a table without partitions).';

assert_plan_approvable(lethe.requests, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_plan_approvable(request lethe.requests, plan_mark text) IS 'Raises LE415 where an erasure has no plan, one with refusals, or another than the one that was seen.';

assert_read_committed(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_read_committed() IS 'Raises LE405: what is read again must be what was committed meanwhile.';

assert_reason(lethe.requests, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_reason(request lethe.requests, reason text, refused text) IS 'Raises LE417 where no reason is given.';

assert_recipient(text, text, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_recipient(name text, url text, kinds text[], secret text) IS 'Raises LE418 for what cannot be a recipient.';

assert_references(oid, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_references(relation oid, path oid[]) IS 'Raises LE310 (a reference without an index) or LE313 (a partition without its siblings'' foreign key).';

assert_rules(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_rules(managed lethe.managed_tables) IS 'Raises LE310 to LE314, LE316, LE317, LE319 or LE320 when the rules of a table cannot work together or on it.';

assert_shape(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_shape(shape jsonb) IS 'Raises 40001 when an archiving program was written for other columns than there are.';

assert_single_expression(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_single_expression(expression text) IS 'Raises LE303 unless the text can only be one expression.';

assert_still_true(lethe.drafts, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_still_true(draft lethe.drafts, proposal jsonb) IS 'Raises LE612 when policy, tables or figures are no longer those of the rehearsal.';

assert_template(text, text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_template(method text, part text, template text, parameters jsonb) IS 'Raises LE303 unless the template is one expression, LE106 unless its placeholders are known and outside of quotes.';

assert_terms_agree(lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid) IS 'Raises LE314 (one column, two methods) or LE316 (a rule that another always precedes).';

assert_time_zone(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_time_zone(time_zone text) IS 'Raises LE105 unless PostgreSQL knows the zone by this very name.';

assert_trusted_names(text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_trusted_names(method text, part text, template text) IS 'Raises LE502 when a template names a function or type of somebody who may not act as lethe_owner.';

CREATE TABLE lethe_private.worklist (
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    batch bigint NOT NULL,
    target oid NOT NULL,
    tids tid[] NOT NULL,
    rows integer GENERATED ALWAYS AS (cardinality(tids)) STORED NOT NULL,
    flags text,
    attempts integer DEFAULT 0 NOT NULL
);

ALTER TABLE lethe_private.worklist OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.worklist IS 'Due rows by physical address, one row a batch. An address may go stale: every statement checks the row again.';

COMMENT ON COLUMN lethe_private.worklist.flags IS 'Where the same rules are to be done on all rows of the batch: which, one digit a rule. Null: it differs from row to row.';

batch_failed(lethe.cycle_tables, lethe_private.worklist, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) IS 'What to do after an error: try again later (retry), halve the batch (swept), or give the table up (failed).';

before_leaving(oid, lethe.controllers, date, lethe.managed_tables, integer, text, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.before_leaving(table_oid oid, controller lethe.controllers, today date, root lethe.managed_tables, depth integer, joins text, path oid[]) IS 'Statements over a batch of leaving rows ($1: tid[]), and what counts them beforehand; a null statement, or one that only remembers, marks a table that PostgreSQL''s own cascade empties.';

belonging(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.belonging(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], shared integer[]) IS 'Positions of the rows that are these people''s and nobody else''s.';

CREATE TABLE lethe_private.mirror_roots (
    mirror_id integer NOT NULL,
    root_table_id integer NOT NULL
);

ALTER TABLE lethe_private.mirror_roots OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.mirror_roots IS 'With the rows of which table rows of a mirror may have been moved.';

companion_mirrors(lethe.managed_tables, lethe_private.mirrors); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.companion_mirrors(managed lethe.managed_tables, mirror lethe_private.mirrors) IS 'Where the rows are that were archived along with those of a mirror; null when there are none.';

companions_sql(text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.companions_sql(mirror_name text, alias text, of_alias text) IS 'The rows of a mirror that belong to the same record as another row.';

companions_free_sql(lethe.managed_tables, text[], date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.companions_free_sql(managed lethe.managed_tables, companions text[], today date) IS 'That nothing which came along with an archived row is held, as one more condition ("and …"); null when nothing came along.';

mirror_actions(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirror_actions(managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date) IS 'What archived_actions says, where only rows that were archived for themselves end by themselves.';

unanswered(lethe.managed_tables, lethe_private.mirrors); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unanswered(managed lethe.managed_tables, mirror lethe_private.mirrors) IS 'A column or clock that a rule counts by and that rows of a mirror have no answer to; null when there is none.';

blast_mirrors(lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.blast_mirrors(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The parts of what is archived of a table; null where nothing is, or no rule reaches it.';

blast_part(lethe.managed_tables, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.blast_part(managed lethe.managed_tables, controller lethe.controllers) IS 'What it takes to count what is due today on one table of one controller, as text.';

kept_in(jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.kept_in(part jsonb, other jsonb) IS 'True when a row is kept by another one; with the draft''s part beside, null where both say the same.';

part_actions(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.part_actions(part jsonb) IS 'The actions of a part.';

test_in(jsonb, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.test_in(part jsonb, rule text) IS 'When a rule of a part is to be done on a row.';

blast_sql(jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.blast_sql(before jsonb, after jsonb) IS 'Counts what is due under a draft''s part of a table, how much of it was not due before, and what is due no longer. Held rows count nowhere.';

by_day(jsonb, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.by_day(counts jsonb, flag text) IS 'One rule''s rows day by day, today first, held ones left out; null where nothing was counted.';

function_text(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.function_text(function oid) IS 'The body of a function, written as text.';

likely_schemas(oid, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.likely_schemas(function oid, relation oid) IS 'Schemas in which a trigger function may find what it names, the likeliest first.';

names_in(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.names_in(source text, place text) IS 'Names, with or without a schema, that stand in a text where a regular expression says.';

called_functions(oid, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.called_functions(function oid, relation oid) IS 'A function that a trigger of a table runs, and all that it calls, directly or through others, as far as texts tell.';

is_worker(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_worker() IS 'True for logins that run cycles, which are those of every controller.';

callers_rows_sql(text, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.callers_rows_sql(alias text, managed lethe.managed_tables) IS 'True for the rows of the controllers that the caller acts for; null where there can be none.';

cascade_mark(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.cascade_mark(table_oid oid) IS 'A mark of all foreign keys by which PostgreSQL itself would delete or change rows along with rows of a table.';

refusal(text, text, text, text, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.refusal(code text, object text, sentence text, hint text, rows bigint) IS 'One reason why a plan cannot be carried out.';

CREATE VIEW lethe_private.topmost AS
 WITH RECURSIVE managed AS (
         SELECT lethe_private.host_table(m.schema_name, m.table_name) AS relation
           FROM lethe.managed_tables m
        ), up AS (
         SELECT i.inhrelid AS relation,
            i.inhparent AS root
           FROM pg_inherits i
          WHERE (NOT (i.inhrelid IN ( SELECT m.relation
                   FROM managed m
                  WHERE (m.relation IS NOT NULL))))
        UNION
         SELECT u_1.relation,
            i.inhparent
           FROM (up u_1
             JOIN pg_inherits i ON ((i.inhrelid = u_1.root)))
          WHERE (NOT (u_1.root IN ( SELECT m.relation
                   FROM managed m
                  WHERE (m.relation IS NOT NULL))))
        )
 SELECT u.relation,
    u.root
   FROM up u
  WHERE ((NOT (EXISTS ( SELECT
           FROM pg_inherits i
          WHERE (i.inhrelid = u.root)))) OR (u.root IN ( SELECT m.relation
           FROM managed m)));

ALTER TABLE lethe_private.topmost OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.topmost IS 'Every partition and inheritance child, and each table that it stands for.';

CREATE VIEW lethe_private.erasure_references AS
 WITH managed AS MATERIALIZED (
         SELECT m.table_id,
            m.relation
           FROM lethe_private.managed_relations m
        ), tops AS MATERIALIZED (
         SELECT t.relation,
            t.root
           FROM lethe_private.topmost t
        )
 SELECT r.constraint_id,
    r.foreign_key,
    COALESCE(c.root, r.child) AS child,
    r.child_columns,
    COALESCE(p.root, r.parent) AS parent,
    r.parent_columns,
    r.on_delete,
    cm.table_id AS child_id,
    pm.table_id AS parent_id
   FROM ((((lethe_private.host_references r
     LEFT JOIN tops c ON ((c.relation = r.child)))
     LEFT JOIN tops p ON ((p.relation = r.parent)))
     LEFT JOIN managed cm ON ((cm.relation = COALESCE(c.root, r.child))))
     LEFT JOIN managed pm ON ((pm.relation = COALESCE(p.root, r.parent))));

ALTER TABLE lethe_private.erasure_references OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.erasure_references IS 'Foreign keys with the managed tables on either side, those of partitions and children as if they were of what these hang under.';

cascade_refusal(lethe_private.erasure_references, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.cascade_refusal(way lethe_private.erasure_references, rows bigint) IS 'What a cascade would do at some distance.';

cast_enum_domains(oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.cast_enum_domains(relation oid, condition text) IS 'A predicate as PostgreSQL writes it, with columns of domains over enumerations cast to what those are over.';

catalogue_mark(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.catalogue_mark() IS 'A mark of what a rehearsal depends on in the host''s catalogue.';

residue_sql(text, text[], text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.residue_sql("from" text, texts text[], "where" text, object text, wanted jsonb) IS 'Counts the rows of a relation (alias c) whose texts hold what is wanted, per request and text.';

catalogue_sql(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.catalogue_sql(wanted jsonb) IS 'Looks through what the host''s schema says in words.';

what_remains(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.what_remains(request lethe.requests) IS 'What only time and maintenance remove of what was erased.';

CREATE TABLE lethe.request_findings (
    request_id bigint NOT NULL,
    n integer NOT NULL,
    place text NOT NULL,
    object text NOT NULL,
    finding text NOT NULL,
    rows bigint,
    by_columns text[],
    decision text,
    decided_by name,
    decided_at timestamp with time zone,
    CONSTRAINT decided_by_somebody CHECK ((num_nulls(decision, decided_by, decided_at) = ANY (ARRAY[0, 3]))),
    CONSTRAINT place_is_known CHECK ((place = ANY (ARRAY['table'::text, 'archive'::text, 'jobs'::text, 'evidence'::text, 'materialized view'::text, 'statistics'::text, 'catalogue'::text, 'not looked at'::text, 'restore'::text])))
);

ALTER TABLE lethe.request_findings OWNER TO lethe_owner;

COMMENT ON TABLE lethe.request_findings IS 'Where something of the person was found afterwards, or could not be looked for; objects and counts, never values.';

COMMENT ON COLUMN lethe.request_findings.by_columns IS 'Of which columns of the person''s root row the values were found there.';

certificate_of(lethe.requests, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.certificate_of(request lethe.requests, number integer) IS 'The document of a certificate.';

CREATE TABLE lethe.policy_changes (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    by name DEFAULT SESSION_USER NOT NULL,
    reason text,
    object text NOT NULL,
    before jsonb,
    after jsonb,
    draft_id integer,
    CONSTRAINT something_changed CHECK ((before IS DISTINCT FROM after))
);

ALTER TABLE lethe.policy_changes OWNER TO lethe_owner;

COMMENT ON TABLE lethe.policy_changes IS 'Every change of the policy: who, when, why, from what to what.';

COMMENT ON COLUMN lethe.policy_changes.draft_id IS 'The draft that was activated; null: changed directly.';

changed_tables(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.changed_tables(since_change bigint) IS 'Which tables and controllers the changes after a given one concern. own: their rules have changed, not only those of what refers to them.';

check_archive_limit(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_archive_limit(reached lethe_private.reached[]) IS 'Who can read the archive and the keys by being who they are.';

check_archive_reader(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_archive_reader(reached lethe_private.reached[]) IS 'Grants, policies and row security that would let somebody read the archive, keys or worklists.';

check_broken_hold(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_broken_hold(reached lethe_private.reached[]) IS 'Guards that are not as they were put up, and held tables or partitions that somebody has dropped or detached.';

check_child_column(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_child_column(reached lethe_private.reached[]) IS 'Columns that an inheritance child has and its parent has not.';

CREATE VIEW lethe_private.top_references AS
 SELECT DISTINCT ON (x.child, x.child_columns, x.parent) x.child,
    x.child_columns,
    x.parent,
    x.parent_columns,
    x.foreign_key
   FROM ( SELECT COALESCE(c.root, r.child) AS child,
            r.child_columns,
            COALESCE(p.root, r.parent) AS parent,
            r.parent_columns,
            r.foreign_key
           FROM ((lethe_private.host_references r
             LEFT JOIN lethe_private.topmost c ON ((c.relation = r.child)))
             LEFT JOIN lethe_private.topmost p ON ((p.relation = r.parent)))) x
  ORDER BY x.child, x.child_columns, x.parent, x.foreign_key;

ALTER TABLE lethe_private.top_references OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.top_references IS 'Foreign keys, those of partitions and children as if they were of what these hang under.';

checked_columns(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.checked_columns(reached lethe_private.reached[]) IS 'The columns of managed tables and what decides on each; decided_by is null where nothing does.';

is_lethes(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_lethes(relation oid) IS 'True for relations of PostgreSQL''s own and of Lethe''s.';

is_personal(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_personal(category text) IS 'True for the categories of data about a person; technical and not personal are none.';

written_tables(oid, oid, bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.written_tables(function oid, relation oid, arguments bytea) IS 'The tables that a function which a trigger of a table runs, with these arguments, writes to, as far as texts tell.';

CREATE VIEW lethe_private.view_reads AS
 SELECT DISTINCT w.ev_class AS reader,
    COALESCE(t.root, d.refobjid) AS relation,
    (a.attname)::text AS name
   FROM ((((pg_rewrite w
     JOIN pg_class c ON (((c.oid = w.ev_class) AND (c.relkind = ANY (ARRAY['v'::"char", 'm'::"char"])))))
     JOIN pg_depend d ON (((d.classid = ('pg_rewrite'::regclass)::oid) AND (d.objid = w.oid) AND (d.refclassid = ('pg_class'::regclass)::oid) AND (d.refobjid <> w.ev_class))))
     LEFT JOIN lethe_private.topmost t ON ((t.relation = d.refobjid)))
     LEFT JOIN pg_attribute a ON (((a.attrelid = d.refobjid) AND (a.attnum = d.refobjsubid) AND (d.refobjsubid > 0))))
  WHERE (NOT (EXISTS ( SELECT
           FROM pg_depend e
          WHERE ((e.classid = ('pg_class'::regclass)::oid) AND (e.objid = c.oid) AND (e.deptype = 'e'::"char")))));

ALTER TABLE lethe_private.view_reads OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.view_reads IS 'Which columns of which tables and views a view reads; name is null where it reads a table and no column of it. Views of extensions are left out.';

check_copying_trigger(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_copying_trigger(reached lethe_private.reached[]) IS 'Unmanaged tables into which a trigger or rewrite rule of a managed one writes.';

check_definer_function(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_definer_function(reached lethe_private.reached[]) IS 'Functions with their owner''s rights over people''s tables that somebody without these rights may call.';

check_definer_view(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_definer_view(reached lethe_private.reached[]) IS 'Views that lead others around the row security of a table.';

check_identifiable_row(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_identifiable_row(reached lethe_private.reached[]) IS 'Masked rows that their quasi-identifiers leave in a group smaller than k, counted per controller.';

may_be_rewritten(lethe.managed_tables, oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.may_be_rewritten(managed lethe.managed_tables, relation oid, column_name text) IS 'True when a rule may anonymize or purge a column.';

sources_of(oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sources_of(relation oid, column_name text) IS 'The columns from which a generated column is computed; of any other, none.';

check_kept_for_ever(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_kept_for_ever(reached lethe_private.reached[]) IS 'Personal columns that no rule of any row or column ever ends, for some controller.';

check_look_alike_table(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_look_alike_table(reached lethe_private.reached[]) IS 'Unmanaged tables with largely the personal columns of a managed one.';

CREATE TABLE lethe.managed_views (
    schema_name text NOT NULL,
    view_name text NOT NULL,
    shows text NOT NULL,
    counts text[] DEFAULT '{}'::text[] NOT NULL,
    definition text,
    CONSTRAINT figures_count_somebody CHECK (((shows = 'figures'::text) = (cardinality(counts) > 0))),
    CONSTRAINT shows_is_known CHECK ((shows = ANY (ARRAY['people'::text, 'figures'::text, 'refreshed copy'::text])))
);

ALTER TABLE lethe.managed_views OWNER TO lethe_owner;

COMMENT ON TABLE lethe.managed_views IS 'What was decided on views and materialized views that read people''s data.';

COMMENT ON COLUMN lethe.managed_views.shows IS 'people: rows of people, as they are now. figures: groups of people, counted. refreshed copy: a materialized view that somebody refreshes at least once a day.';

COMMENT ON COLUMN lethe.managed_views.counts IS 'The columns of figures that say how many people a row counts.';

COMMENT ON COLUMN lethe.managed_views.definition IS 'Of which definition of the view it was decided (a hash). Figures are asked about again once that changes. Null: the view was not there.';

check_missing_object(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_missing_object(reached lethe_private.reached[]) IS 'Tables, columns and views that the policy names and the database no longer has.';

check_never_due(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_never_due(reached lethe_private.reached[]) IS 'Rules whose clock no row has, and terms whose condition no row fulfils, per controller.';

check_partition_foreign_key(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_partition_foreign_key(reached lethe_private.reached[]) IS 'Partitions that lack a foreign key that their siblings declare each for itself.';

check_pseudonymous_claim(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_pseudonymous_claim(reached lethe_private.reached[]) IS 'Columns claimed to end anonymous whose method only makes pseudonyms.';

check_restarted_clock(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_restarted_clock(reached lethe_private.reached[]) IS 'Triggers that set a clock of the policy anew at every update.';

check_row_security_bypass(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_row_security_bypass(reached lethe_private.reached[]) IS 'Roles with BYPASSRLS that may read tables which rely on row security.';

check_small_group(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_small_group(reached lethe_private.reached[]) IS 'Views of figures that count, in some row, fewer people than k.';

check_unclassified_column(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_unclassified_column(reached lethe_private.reached[]) IS 'Columns of managed tables without a category, a rule, or anything else that decides on them.';

links_of(integer, text[], integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.links_of(child_id integer, child_columns text[], parent_id integer) IS 'The links that the policy declares over one foreign key, from either side.';

check_undecided_link(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_undecided_link(reached lethe_private.reached[]) IS 'Foreign keys to people''s rows of which the policy does not say how the referring rows belong to them.';

CREATE VIEW lethe_private.called_by_views AS
 WITH RECURSIVE host AS (
         SELECT p.oid,
            p.prosrc,
            (p.prosqlbody IS NOT NULL) AS is_standard
           FROM (pg_proc p
             JOIN pg_namespace n ON ((n.oid = p.pronamespace)))
          WHERE ((n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'::text) AND (NOT (EXISTS ( SELECT
                   FROM pg_depend e
                  WHERE ((e.classid = ('pg_proc'::regclass)::oid) AND (e.objid = p.oid) AND (e.deptype = 'e'::"char"))))))
        ), called AS (
         SELECT w.ev_class AS reader,
            d.refobjid AS function
           FROM ((pg_rewrite w
             JOIN pg_class c_1 ON (((c_1.oid = w.ev_class) AND (c_1.relkind = ANY (ARRAY['v'::"char", 'm'::"char"])))))
             JOIN pg_depend d ON (((d.classid = ('pg_rewrite'::regclass)::oid) AND (d.objid = w.oid) AND (d.refclassid = ('pg_proc'::regclass)::oid))))
          WHERE (d.refobjid IN ( SELECT h_1.oid
                   FROM host h_1))
        UNION
         SELECT c_1.reader,
            d.refobjid
           FROM (called c_1
             JOIN pg_depend d ON (((d.classid = ('pg_proc'::regclass)::oid) AND (d.objid = c_1.function) AND (d.refclassid = ('pg_proc'::regclass)::oid))))
          WHERE (d.refobjid IN ( SELECT h_1.oid
                   FROM host h_1))
        )
 SELECT c.reader,
    h.oid AS function,
    h.prosrc,
    h.is_standard
   FROM (called c
     JOIN host h ON ((h.oid = c.function)));

ALTER TABLE lethe_private.called_by_views OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.called_by_views IS 'The functions of the host that a view calls, by way of others as well where the catalogue tells.';

personal_views(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.personal_views(reached lethe_private.reached[]) IS 'Views and materialized views that read columns of people, what was decided on them, and what they read.';

waived_definition(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.waived_definition(object text) IS 'A hash of the definition of the view or function that a finding names; null where it names something else. Needs a pinned search path.';

check_undecided_view(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_undecided_view(reached lethe_private.reached[]) IS 'Views and materialized views over people''s columns on which nothing was decided, or which have changed since they were taken for figures.';

check_unforced_row_security(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_unforced_row_security(reached lethe_private.reached[]) IS 'Tables whose owner row security does not bind.';

check_unguarded_hold(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_unguarded_hold(reached lethe_private.reached[]) IS 'Tables under a hold that only Lethe itself honours.';

has_leading_index(oid, smallint[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.has_leading_index(relation oid, positions smallint[]) IS 'True when some complete index begins with these columns, so that a reference can be looked up.';

check_unindexed_reference(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_unindexed_reference(reached lethe_private.reached[]) IS 'References to people''s rows that no index helps to look up.';

check_unkept_format(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_unkept_format(reached lethe_private.reached[]) IS 'Columns that may hold more than the format which the policy declares for them.';

check_unmanaged_table(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_unmanaged_table(reached lethe_private.reached[]) IS 'Tables that foreign keys join to people and that the policy does not know.';

check_unpurposed_value(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_unpurposed_value(reached lethe_private.reached[]) IS 'Values to which no purpose of their rule applies, counted per controller.';

children_program(lethe.managed_tables, oid, lethe.controllers, date, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.children_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, phase text) IS 'The statements that count what would follow the leaving rows: [{"table", "rule", "statement"}].';

chosen_archived_sql(lethe_private.mirrors, lethe.controllers, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.chosen_archived_sql(mirror lethe_private.mirrors, controller lethe.controllers, fact_names text[], "from" text) IS 'FROM and WHERE behind a table c of the archive: its rows as they were reached.';

chosen_sql(lethe.managed_tables, oid, lethe.controllers, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.chosen_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, "from" text) IS 'FROM and WHERE behind a table c: its rows of the given keys, the controller''s alone.';

clock_ceiling(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.clock_ceiling() IS 'Clocks from here on stand for "never".';

clock_floor(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.clock_floor() IS 'Clocks up to here stand for "none".';

local_day_sql(text, lethe_private.host_columns, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.local_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text) IS 'The controller''s local day of a clock column of type date, timestamp or timestamptz.';

clock_day_sql(text, lethe_private.host_columns, text, text, date[], date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.clock_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, sentinels date[], today date) IS 'The local day of one clock; null where it says nothing, infinity where it means never.';

clock_in_words(lethe.managed_tables, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.clock_in_words(managed lethe.managed_tables, since text[]) IS 'A clock as one says it: last_seen_at; the later of a and b; the latest issued_on of shop.invoices.';

clocks_over(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.clocks_over(child lethe.managed_tables) IS 'Clocks, of whatever table, that are the latest of this table''s rows.';

columns_of_type(integer[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.columns_of_type(table_ids integer[], type_name text) IS 'Columns of a type that compares in a way of its own: {table: [column]}.';

restorable(lethe.managed_tables, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restorable(managed lethe.managed_tables, mirror_id integer) IS 'What can go back from a mirror to its table, column by column.';

compare_sql(lethe.managed_tables, integer, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.compare_sql(managed lethe.managed_tables, mirror_id integer, mirror_name text) IS 'Counts how many rows of the record have come back as they were.';

compile(lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The statements of one table, for one controller and one local day; null when no rule applies.';

compile_cycle(lethe.cycles, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers) IS 'Lists and compiles the managed tables of a new cycle.';

on_one_line(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.on_one_line(name text) IS 'A name as it may stand in a comment.';

constraint_notes(lethe_private.declared_formats, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.constraint_notes(declared lethe_private.declared_formats, name_taken boolean) IS 'What the DBA should know of the constraint.';

sha256_hex(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sha256_hex(content text) IS 'SHA-256 of a text''s UTF-8 bytes, in hexadecimal.';

content_hash(jsonb, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.content_hash(content jsonb, columns text[]) IS 'The hash of a row of evidence over the named columns. Call it with TimeZone, DateStyle, IntervalStyle, extra_float_digits and bytea_output pinned.';

count_as_sweeper(text, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables) IS 'The one jsonb value of a statement run as lethe_sweeper.';

count_held_archived(lethe.managed_tables, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.count_held_archived(managed lethe.managed_tables, hold_id integer) IS 'How many archived rows and values of a table a hold reaches.';

count_mirror(jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.count_mirror(before jsonb, after jsonb) IS 'The blast radius of a draft on what is archived of a table.';

count_outside(lethe_private.reached_row[], jsonb, lethe.managed_tables, oid, integer, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.count_outside(rows lethe_private.reached_row[], known jsonb, managed lethe.managed_tables, relation oid, table_id integer, alias text, condition text) IS 'How many rows of a table satisfy a condition and were not reached; null where lethe_sweeper may not look.';

count_part(jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.count_part(before jsonb, after jsonb) IS 'The blast radius of a draft on one table of one controller and its archive; the lines "rows" count each row once.';

cut_rows(lethe_private.reached_row[], lethe.controllers, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.cut_rows(rows lethe_private.reached_row[], controller lethe.controllers, planned jsonb) IS 'Sets to null, in rows of others, what refers to the person.';

cutting(lethe.links, lethe_private.erasure_references[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.cutting(link lethe.links, keys lethe_private.erasure_references[]) IS 'How a reference is taken out of a row that stays.';

decide(lethe_private.reached_row[], lethe.subject_types, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.decide(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers, today date) IS 'The same rows in the same order, each with what becomes of it on a local day. Raises LE421.';

decide_cut(lethe_private.reached_row[], lethe_private.reached_edge[], integer[], lethe.links[], jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.decide_cut(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], mine integer[], links lethe.links[], how jsonb) IS 'What of somebody else''s rows names the person.';

decide_objection(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.decide_objection(rows lethe_private.reached_row[], controller lethe.controllers) IS 'What becomes of the columns that rest on legitimate interest: until is the day to which a minimum keeps them. Raises LE437.';

decide_retained(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.decide_retained(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], today date) IS 'Rows that a law keeps on a local day, and what stays with them.';

decide_tombstones(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], lethe_private.erasure_references[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.decide_tombstones(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], keys lethe_private.erasure_references[]) IS 'Rows that must stay, without what was personal in them, since rows that stay refer to them.';

list_in_words(text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.list_in_words(words text[], last_word text) IS 'a, b and c.';

delay_in_words(interval); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.delay_in_words(after interval) IS 'A delay as one says it: three years, one year and six months, 30 days.';

delete_rows(lethe_private.reached_row[], lethe.controllers, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.delete_rows(rows lethe_private.reached_row[], controller lethe.controllers, planned jsonb) IS 'Deletes all live rows that go, of every table, in one statement.';

leaving_columns_sql(text, lethe.managed_tables, oid, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.leaving_columns_sql(alias text, managed lethe.managed_tables, table_oid oid, with_key boolean) IS 'What a statement that removes rows has to return for leaving_sql (its key as well, unless it does anyway), with a comma in front; empty where no clock is concerned.';

leaving_sql(lethe.managed_tables, oid, lethe.controllers, oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.leaving_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, with_parent oid, by_columns text[]) IS 'CTEs, each with a comma in front, that remember the events which leave in a CTE "gone" and forget those of rows that leave in it; empty where no clock is concerned.';

delete_sql(lethe.managed_tables, oid, lethe.controllers, date, text, lethe_private.action_parts, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.delete_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, key text, action lethe_private.action_parts, condition text) IS 'The statement that deletes a batch of rows, and archives them where that is the action.';

deleted_in_transaction(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.deleted_in_transaction(relation oid) IS 'Rows deleted from a table so far by this transaction, cascades included, as PostgreSQL''s own statistics count them.';

hmac(bytea, bytea, bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hmac(content bytea, inner_pad bytea, outer_pad bytea) IS 'HMAC-SHA-256 of bytes; the key comes as its two pads.';

hmac_pad(bytea, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hmac_pad(key bytea, mixed_with integer) IS 'A key of at most 64 bytes, filled with zeros and mixed with 0x36 (inner) or 0x5c (outer).';

derived_key(lethe_private.controller_keys, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.derived_key(master lethe_private.controller_keys, label text) IS 'The key of one use (a plain word of ASCII), derived from a controller''s key.';

describe_chain(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.describe_chain(controller_id integer) IS 'How long a chain is and where it ends.';

discover(lethe.cycle_tables, lethe.managed_tables, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text) IS 'One search for all due rows of a table''s phase.';

discover_sql(text, text, lethe_private.action_parts[], text, boolean, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.discover_sql(source text, condition text, actions lethe_private.action_parts[], in_order_of text, has_leaves boolean, batch_rows integer) IS 'Finds all due rows once and groups their addresses into batches.';

dollar_quoted(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.dollar_quoted(body text) IS 'A body in dollar quotes that it does not itself contain.';

driver_detaches(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.driver_detaches() IS 'True when the session''s driver will run a DETACH … CONCURRENTLY that a step asks for.';

drop_empty_mirrors(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.drop_empty_mirrors() IS 'Trigger: a managed table takes its empty mirrors along, and stays while one is not empty (LE903).';

due_days(text, lethe.managed_tables, oid, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.due_days(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) IS 'The first local day on which each rule of a table is due, as SQL over one row.';

due_to_leave_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text[], boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.due_to_leave_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, phases text[], batch boolean) IS 'True when the row itself is due for purge or for the archive, whichever of the two is asked about; null when no rule says so.';

effective_rule(lethe.managed_tables, lethe.rules, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.effective_rule(managed lethe.managed_tables, rule lethe.rules, controller lethe.controllers, OUT method text, OUT terms jsonb, OUT decides text, OUT replaced jsonb, OUT minima jsonb, OUT holds jsonb, OUT sentence text) IS 'One line of lethe.effective_rules.';

reaching_triggers(oid, integer, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reaching_triggers(relation oid, events integer, columns text[]) IS 'Functions of the triggers that a write to a table fires and that could act outside the transaction, or truncate.';

effects(jsonb, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.effects(writes jsonb, since_change bigint) IS 'Side effects by name: tables written outside the plan, and trigger functions that may act outside the transaction.';

empty_archived(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.empty_archived(rows lethe_private.reached_row[], controller lethe.controllers) IS 'Empties columns of archived rows.';

end_hold(integer, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.end_hold(id integer, reason text) IS 'Ends a hold that lock_hold has locked, and forgets what it named.';

ensure_mirrors(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ensure_mirrors(managed lethe.managed_tables) IS 'Sees to it that whatever a table''s rules archive has a mirror that fits.';

erase(lethe_private.reached_row[], lethe.subject_types, lethe.controllers, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.erase(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers, pads lethe_private.controller_keys) IS 'Does to every row what was decided of it, and reads it again. Raises LE433 to LE437, LE504.';

erase_archived(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.erase_archived(rows lethe_private.reached_row[], controller lethe.controllers) IS 'Does to archived rows and values what was decided of them.';

erased_columns(lethe.managed_tables, lethe.controllers, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.erased_columns(managed lethe.managed_tables, controller lethe.controllers, only_these text[]) IS 'What becomes of the columns (all of them, or of these alone) of a row that stays without its person. Raises LE437.';

erased_questions(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.erased_questions(rows lethe_private.reached_row[], controller lethe.controllers) IS 'How many rows are not as they should be: there though purged, or with a value that should be gone.';

events_sql(text, lethe_private.linked_clock, lethe.controllers, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.events_sql(alias text, clock lethe_private.linked_clock, controller lethe.controllers, condition text) IS 'FROM and WHERE that find the events of a row, those that meet a condition.';

execute_access(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.execute_access(request lethe.requests) IS 'Ends a request of access that was answered. Raises LE463.';

execute_erasures(lethe.requests[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.execute_erasures(requests lethe.requests[]) IS 'Executes erasures as one: executed; of a single one also planned, delayed or blocked. Null: they differ, and nothing was done. Raises LE421, LE432 to LE437, LE439, LE501.';

execute_objection(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.execute_objection(request lethe.requests) IS 'Ends what is kept of a person on legitimate interest alone. Raises LE109, LE421, LE434, LE437, LE460, LE468, LE501.';

execute_portability(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.execute_portability(request lethe.requests) IS 'Ends a request of portability that was answered. Raises LE463.';

execute_rectification(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.execute_rectification(request lethe.requests) IS 'Ends a rectification when something was corrected. Raises LE465.';

execute_restriction(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.execute_restriction(request lethe.requests) IS 'Restricts the data of the person of a request. Raises LE102, LE109, LE407, LE460, LE501.';

expired_events_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text, text, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.expired_events_sql(alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, day text, later text, last_day date) IS 'True when the latest live event of a row lies up to a day, or when none is later and one is remembered.';

explain_rule(jsonb, date, lethe_private.action_parts, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.explain_rule(facts jsonb, today date, action lethe_private.action_parts, place text, OUT terms jsonb, OUT decides text, OUT due_on date, OUT sentence text) IS 'What lethe.explain_row says of one rule.';

latest_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.latest_day_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, since text[]) IS 'The latest local day of several clocks; null when none says anything, infinity when one means never.';

minima_of(integer, integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.minima_of(table_id integer, rule_id integer, controller_id integer) IS 'The statutory minima that bind a rule for a controller.';

term_sql(text, lethe.managed_tables, oid, lethe.controllers, date, interval, text[], text, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, after interval, since text[], condition text, batch boolean) IS 'The SQL of one term of a rule, for one controller and one local day.';

explain_terms_sql(lethe.managed_tables, oid, lethe.controllers, date, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.explain_terms_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer) IS 'Of each term and minimum of a rule whether it applies to a row, and the day that its clock shows: {id: [applies, day]}.';

explain_sql(lethe.managed_tables, oid, lethe.controllers, date, lethe_private.action_parts[], text, text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.explain_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, actions lethe_private.action_parts[], condition text, held text, kept text, staying text) IS 'Asks rows what lethe.explain_row has to say of them.';

CREATE TABLE lethe.waivers (
    code text NOT NULL,
    object text NOT NULL,
    until date NOT NULL,
    reason text NOT NULL,
    by name DEFAULT SESSION_USER NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    definition text,
    CONSTRAINT reason_is_given CHECK ((reason ~ '\S'::text)),
    CONSTRAINT until_is_a_day CHECK (isfinite(until))
);

ALTER TABLE lethe.waivers OWNER TO lethe_owner;

COMMENT ON TABLE lethe.waivers IS 'Findings of lethe.check() that somebody has taken on, until a day.';

COMMENT ON COLUMN lethe.waivers.object IS 'As the finding names it.';

COMMENT ON COLUMN lethe.waivers.until IS 'The last day on which the finding is not reported.';

COMMENT ON COLUMN lethe.waivers.definition IS 'Of which definition of the view or function the finding was waived (a hash): it is found again once that changes. Null: the finding is of something else.';

export_checks(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.export_checks() IS 'The decided views and the waivers as a policy document writes them.';

export_format(lethe.column_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.export_format(declared lethe.column_formats) IS 'A column''s format as a policy document writes it.';

format_delay(interval); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_delay(after interval) IS 'The inverse of parse_delay; weeks come back as days.';

export_terms(integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.export_terms(rule_id integer, controller_id integer) IS 'The terms of a rule as a policy document writes them.';

export_rules(integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.export_rules(table_id integer, controller_id integer) IS 'The rules of a table, of all controllers or of one, as a policy document writes them.';

extended_statistics_sql(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.extended_statistics_sql(wanted jsonb) IS 'Looks through those extended statistics that the caller may see.';

fact_columns(lethe_private.erasure_references[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.fact_columns(keys lethe_private.erasure_references[]) IS 'The columns of each managed table by which its rows are known or refer to one another, either way: {table: [column]}.';

fact_tuple(jsonb, text[], boolean, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.fact_tuple(facts jsonb, columns text[], folded boolean, padded boolean) IS 'What a row has in some columns, to be compared with another''s; null where one is null. folded: as citext compares; padded: as char(n) does.';

facts_at(jsonb, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.facts_at(facts jsonb, columns text[]) IS 'What some columns of a row hold, as an array; null when one of them is null or not known.';

facts_sql(lethe.managed_tables, oid, lethe.controllers, jsonb, lethe.links[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.facts_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, columns jsonb, links lethe.links[]) IS 'What a plan has to know of a row c, as jsonb.';

fail_request(bigint, text, text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.fail_request(request bigint, sqlstate text, "table" text, constraint_name text, cause text) IS 'Writes down what failed: SQLSTATE, the SQLSTATE that caused it, table and constraint.';

failed_requests(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.failed_requests(controller_id integer) IS 'Erasures of a controller that failed when they were last tried.';

find_kept(lethe.managed_tables, text[], jsonb, lethe.controllers, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.find_kept(managed lethe.managed_tables, names text[], given jsonb, controller lethe.controllers, columns jsonb) IS 'What has the keys of rows that were kept: [[key, whether what links it to people is as given, or null, facts, mirror]].';

find_person(lethe.subject_types, lethe.managed_tables, lethe.controllers, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.find_person(type lethe.subject_types, managed lethe.managed_tables, controller lethe.controllers, key text, identifier text) IS 'The keys, live and archived, of the root rows that a key or an identifier names. Raises LE501.';

find_record(lethe.managed_tables, text, timestamp with time zone, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.find_record(managed lethe.managed_tables, key text, archived_at timestamp with time zone, only_one boolean) IS 'Finds and locks what is archived under a key; returns whose it is. Raises LE502 (another controller''s), LE901.';

find_reference(lethe.managed_tables, text, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[]) IS 'The one foreign key of a managed table that fits. Raises LE106 when none or several do.';

findings_of(jsonb, text, lethe_private.action_parts[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.findings_of(outcome jsonb, phase text, actions lethe_private.action_parts[]) IS 'What a tried batch shows: rows on which nothing happened, whose clock moved, or that are gone though only a column was to change.';

follow_renames(lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.follow_renames(managed lethe.managed_tables, relation oid) IS 'Gives the columns of a table''s mirrors the names that they have at the source now.';

forecast_part(lethe.managed_tables, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forecast_part(managed lethe.managed_tables, controller lethe.controllers) IS 'The rules of a table, and the statement that counts on which days its rows come up. Raises LE102, LE103.';

forecast_parts_if(text[], lethe.managed_tables[], lethe.controllers[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forecast_parts_if(what_if text[], managed lethe.managed_tables[], controllers lethe.controllers[]) IS 'forecast_part of each pair, as it would be if some delays were others.';

forecast_table(jsonb, jsonb, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forecast_table(part jsonb, part_if jsonb, managed lethe.managed_tables) IS 'The forecast of one table, with the suppositions beside it where there are any.';

CREATE TABLE lethe_private.packages (
    id bigint NOT NULL,
    request_id bigint NOT NULL,
    token_hash bytea NOT NULL,
    content bytea NOT NULL,
    media_type text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

ALTER TABLE lethe_private.packages OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.packages IS 'Answers to access and portability, encrypted with a key that only the link has. Purged when the link has expired.';

CREATE TABLE lethe_private.request_identifiers (
    request_id bigint NOT NULL,
    n integer NOT NULL,
    column_name text NOT NULL,
    sealed bytea NOT NULL,
    key_version integer NOT NULL
);

ALTER TABLE lethe_private.request_identifiers OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.request_identifiers IS 'What the person''s root rows had in the columns by which one looks a person up, encrypted; deleted when the residue scan is done.';

forget_asker(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forget_asker(request_id bigint) IS 'Deletes all that says who a request is about.';

forget_hold_reasons(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forget_hold_reasons() IS 'Forgets why holds were placed and released that ended more than three years ago; who did it and when is kept.';

forget_identifiers(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forget_identifiers(request bigint) IS 'Deletes the identifiers kept of a request.';

forget_rows(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forget_rows(rows lethe_private.reached_row[], controller lethe.controllers) IS 'Deletes the keys of rows that are gone from Lethe''s own lists.';

forget_sql(lethe.managed_tables, oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forget_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) IS 'Forgets the events of rows that are no longer there.';

CREATE TABLE lethe_private.last_events (
    parent_table_id integer NOT NULL,
    parent_key text NOT NULL,
    controller_id integer NOT NULL,
    entry text NOT NULL,
    last_day date NOT NULL,
    CONSTRAINT last_day_is_a_day CHECK (isfinite(last_day))
);

ALTER TABLE lethe_private.last_events OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.last_events IS 'Where a clock is the latest of other rows (max(invoices.issued_on)): the latest day among those that Lethe has taken away. Goes with the row whose clock it is.';

COMMENT ON COLUMN lethe_private.last_events.parent_key IS 'Key of the row whose clock it is, as in held_keys.';

COMMENT ON COLUMN lethe_private.last_events.entry IS 'The clock, as the terms name it in since.';

COMMENT ON COLUMN lethe_private.last_events.last_day IS 'Local day of the controller on which the latest event fell that is no longer there.';

forget_unused(lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.forget_unused(controller lethe.controllers) IS 'Forgets what no rule asks for any more.';

form_pattern(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.form_pattern(form text) IS 'A regular expression for one written form of an identifier, standing by itself.';

format_constraint_sql(lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_constraint_sql(declared lethe_private.declared_formats) IS 'The constraint that keeps a format, not validated.';

held_more(text, lethe.managed_tables, oid, integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_more(alias text, managed lethe.managed_tables, table_oid oid, holds integer[]) IS 'Predicates of which each says that one of the holds reaches the row otherwise than by naming its key.';

held_exists(text, lethe.managed_tables, oid, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'Predicates: the whole table is held; the row is held by its key; and one for each other way in which it may be.';

held_sql(text, lethe.managed_tables, oid, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'True when the row is under a hold on the given day.';

format_left_sql(lethe.managed_tables, lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_left_sql(managed lethe.managed_tables, declared lethe_private.declared_formats) IS 'Counts the values that are not in the format and that the reduction does not touch: unreadable ones, held ones.';

trigger_relations(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.trigger_relations(relation oid) IS 'The tables on which a row trigger must be made to reach all rows of a table.';

format_leftovers(lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_leftovers(declared lethe_private.declared_formats) IS 'Statements that drop what an earlier declaration of a column''s format left on the table, in their order.';

format_of_type(text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_of_type(format text, type_name text, what text) IS 'The row of lethe.formats for a type. Raises LE113, LE319.';

format_reduce_sql(lethe.managed_tables, lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_reduce_sql(managed lethe.managed_tables, declared lethe_private.declared_formats) IS 'Reduces the values that are there already, in batches, the held ones excepted.';

format_state(lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_state(declared lethe_private.declared_formats) IS 'What of a declared format is in place: the constraint, whether all rows were checked, the trigger; and what stands in its way.';

hostile_values(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hostile_values(type oid) IS 'Sample values of a type on which methods tend to fail; null for a type that has none.';

format_trials(lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_trials(declared lethe_private.declared_formats) IS 'Values of a column''s type, as text, to try methods on.';

format_trigger_sql(lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_trigger_sql(declared lethe_private.declared_formats) IS 'The trigger that reduces or rejects what arrives, and its function.';

format_violations(lethe.managed_tables, lethe_private.declared_formats, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_violations(managed lethe.managed_tables, declared lethe_private.declared_formats, own_rows text) IS 'How many values of a column are not in its format, counted from the data as lethe_sweeper.';

found_rows(jsonb, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.found_rows(facts jsonb, names text[]) IS 'What a statement of residue_sql found; names: of the texts it read.';

found_sql(text, text, text, text, text, text, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.found_sql(source text, known text, matches text, key text, ours text, facts text, lock boolean) IS 'Rows c that match rows p.';

get_controller(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_controller(name text) IS 'A controller by its name. Raises LE101.';

get_cycle(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_cycle(cycle_id bigint) IS 'A cycle by its id. Raises LE403.';

get_draft(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_draft(draft integer) IS 'A draft that has not ended, locked. Raises LE111, LE502, LE615.';

get_format(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_format("table" text, "column" text) IS 'The format that a column is declared to have. Raises LE102, LE103, LE113, LE319.';

get_notification(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_notification(id bigint) IS 'A notification, locked. Raises LE115, LE502.';

get_request(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_request(id bigint) IS 'A request, locked. Raises LE114.';

given_rows(lethe_private.reached_row[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.given_rows(rows lethe_private.reached_row[], decision text) IS 'The live rows of which something was decided, as data for a statement.';

goes_without_columns(lethe.links, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.goes_without_columns(link lethe.links, root_id integer) IS 'True when a policy document need not spell a link out.';

grant_nothing(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.grant_nothing(relation text) IS 'Takes every right on a relation from everybody but its owner.';

guard_ddl(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.guard_ddl() IS 'Event trigger: refuses to DROP what is under a hold, and to DETACH what has held rows. Raises LE406.';

guarded_columns(lethe.managed_tables, oid, integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.guarded_columns(managed lethe.managed_tables, table_oid oid, holds integer[]) IS 'The columns that guards keep as they are in a held row.';

guarded_row_sql(text, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.guarded_row_sql(parameter text, root oid) IS 'Selects the row that a trigger was given, with its virtual columns computed.';

held_by_sql(text, lethe.managed_tables, oid, integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_by_sql(alias text, managed lethe.managed_tables, table_oid oid, holds integer[]) IS 'True when one of the holds reaches the row.';

guard_statement(lethe.managed_tables, oid, integer[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.guard_statement(managed lethe.managed_tables, root oid, holds integer[], operation text) IS 'Asks whether DELETE of a row ($1), or UPDATE to another ($2), is against a hold.';

guarded_root(oid, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.guarded_root(relation oid, managed lethe.managed_tables) IS 'The managed table to which a relation with a guard belongs; null when it no longer does.';

guards_lock_id(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.guards_lock_id() IS 'The advisory lock that whoever changes the policy shares, and that is taken alone to write the programs of guards.';

halve_batch(lethe.cycle_tables, lethe_private.worklist, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) IS 'Takes a batch apart to find the row that cannot be changed, which is skipped once it stands alone; too many of them fail the table.';

has_delete_trigger(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.has_delete_trigger(partition oid) IS 'True when a trigger of the host fires where a row of the partition is deleted.';

has_linked_clock(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.has_linked_clock(managed lethe.managed_tables) IS 'True when some clock of the table is computed from other rows.';

has_rules(integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.has_rules(table_id integer, controller_id integer) IS 'True when there is anything to be done on a table for a controller; a minimum alone does nothing.';

held_condition_sql(text, lethe.managed_tables, oid, lethe.controllers, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_condition_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, condition text) IS 'True when the row is the controller''s (null: anybody''s) and satisfies a condition (null: any does).';

held_path_sql(text, lethe.managed_tables, oid, lethe.controllers, integer[], integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_path_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, path integer[], holds integer[]) IS 'True when a row belongs, by way of these links, to a row that one of the holds names. Raises LE102 where a table of the way is gone.';

held_paths(integer, integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_paths(table_id integer, holds integer[]) IS 'By which links, from a table upwards, its rows may belong to what holds on people name.';

held_values(lethe.managed_tables, integer, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_values(managed lethe.managed_tables, hold_id integer, columns text[]) IS 'What the live rows that a hold reaches have in some columns.';

histogram_sql(text, text, text, text, lethe_private.due_day[], date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.histogram_sql(source text, owner text, held text, condition text, due lethe_private.due_day[], today date) IS 'Counts, for every rule of a table in one read, how many rows come up on each day of the year to come: [[flag, held, day, rows]].';

hmac_text(text, bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hmac_text(value text, secret bytea) IS 'HMAC-SHA-256 of a text in UTF-8; the key has 64 bytes at the most.';

hold_archived(lethe.managed_tables, integer, lethe.controllers, text[], jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hold_archived(managed lethe.managed_tables, hold_id integer, controller lethe.controllers, columns text[], wanted jsonb) IS 'Names the archived rows that have one of the wanted values.';

hold_controller(lethe.managed_tables, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hold_controller(managed lethe.managed_tables, controller text) IS 'The controller for whom a hold is placed. Raises LE101, LE407, LE502.';

hold_keys(integer, lethe.subject_types, lethe.controllers, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hold_keys(hold_id integer, type lethe.subject_types, controller lethe.controllers, keys text[]) IS 'Has a hold name root rows of a person, and all that is archived of them. Raises LE501.';

hold_keys_again(jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hold_keys_again(entry jsonb, content jsonb) IS 'A hold on rows by key, as an entry has it.';

hold_live(lethe.managed_tables, integer, lethe.controllers, text[], jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hold_live(managed lethe.managed_tables, hold_id integer, controller lethe.controllers, columns text[], wanted jsonb) IS 'Names the live rows that have one of the wanted values.';

hold_values(lethe.managed_tables, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hold_values(managed lethe.managed_tables, hold_id integer) IS 'Names the live rows that a hold reaches and of which values are archived.';

holds_lock_id(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.holds_lock_id() IS 'The advisory lock that batches share and that whoever changes holds takes alone: when a hold has been committed, no batch is under way that did not see it.';

holds_mark(date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.holds_mark(day date) IS 'The holds whose predicates stand in the programs of a local day.';

holds_on(integer, integer, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.holds_on(table_id integer, controller_id integer, today date) IS 'The holds in force on a whole table: [{"hold", "ends_on"}].';

holds_text(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.holds_text(type oid) IS 'True when a value of the type can hold text.';

how_to_answer(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.how_to_answer(request lethe.requests) IS 'The hint of LE463 where a request is not one that can be answered.';

identified_sql(text[], text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.identified_sql(identifiers text[], forms text[]) IS 'True when one of the columns is what is looked for, in one of its forms; null where there is no column.';

normalise_identifier(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.normalise_identifier(value text) IS 'Trimmed, inner spaces as one, lower case.';

phone_digits(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.phone_digits(value text) IS 'The digits of what looks like a telephone number, with + where it says the country; null for anything else.';

identifier_forms(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.identifier_forms(identifier text) IS 'The ways in which an identifier is looked for: it, and of a telephone number its digits.';

identifier_key(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.identifier_key(value text) IS 'What two spellings of one identifier have in common: the last nine digits of a telephone number, else the normal form.';

identifier_lock_id(integer, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.identifier_lock_id(controller_id integer, identifier text) IS 'The advisory lock of an identifier: taken alone by an erasure, shared by whoever brings it in (lethe.suppression_sql).';

open_text(bytea, integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.open_text(sealed bytea, controller_id integer, key_version integer) IS 'The text that was sealed. Raises LE441.';

identifiers_of(bigint[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.identifiers_of(request_ids bigint[]) IS 'The identifiers that are kept of requests, numbered within each, as they were read. Raises LE441.';

method_sql(text, text, lethe_private.host_columns, lethe.methods, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.method_sql(template text, alias text, column_facts lethe_private.host_columns, method lethe.methods, parameters jsonb) IS 'The mask or the recogniser of a method over one column of a row.';

unmasked_sql(lethe.managed_tables, oid, lethe.controllers, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unmasked_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, column_name text) IS 'SQL of a column''s value as text; null where it is masked.';

identifiers_sql(lethe.managed_tables, oid, lethe.controllers, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.identifiers_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, columns text[], "from" text) IS 'Collects [column, value] of the rows of a FROM clause; null where there is none of the columns.';

identifies_rows(oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.identifies_rows(relation oid, columns text[]) IS 'True when a unique index over exactly these columns, all NOT NULL, identifies every row.';

is_archive(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_archive(relation oid) IS 'True for a table of archived rows.';

is_masked_sql(lethe.managed_tables, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_masked_sql(managed lethe.managed_tables, column_name text) IS 'True when a live value is what archiving left in its place.';

is_one_of(text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_one_of(roles text[]) IS 'True when the caller has one of the roles, or is an operator.';

is_portable(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_portable(category text, legal_basis text) IS 'True for a column that belongs to the right to portability.';

is_readable(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_readable(relation oid) IS 'True when lethe_sweeper may read all of a table.';

still_fits_sql(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.still_fits_sql(partition oid) IS 'Whether a row of today could still go to a partition.';

is_ready(oid, lethe.managed_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_ready(partition oid, managed lethe.managed_tables, spec jsonb) IS 'True when a partition is over and, at the first look, all due.';

is_retained(lethe.requests, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_retained(request lethe.requests, place text, object text) IS 'True when the plan of a request keeps rows of the table by law.';

is_too_short(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_too_short(identifier text) IS 'True for what would be found everywhere.';

is_watched(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_watched(relation oid) IS 'True when a trigger may change what an UPDATE of the table writes.';

judge_arrival(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.judge_arrival() IS 'Trigger of a host''s table: refuses rows that bring back somebody who was forgotten, or flags them. Raises LE445.';

keep_held(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.keep_held() IS 'Trigger: raises LE409 for a change of the policy that would let go of what is held.';

keep_identifiers(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.keep_identifiers(request bigint) IS 'Seals what the roots of a request have in their identifier columns now, besides what has been kept already. Raises LE441, LE501.';

kept_below(lethe.requests, lethe_private.reached_row[], lethe.subject_types, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.kept_below(request lethe.requests, parents lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) IS 'Rows, and the rows kept for a request that hang on them.';

kept_from_objection(lethe.managed_tables, integer, lethe.controllers, lethe_private.reached_row[], text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.kept_from_objection(managed lethe.managed_tables, mirror_id integer, controller lethe.controllers, rows lethe_private.reached_row[], columns text[]) IS 'Until when minima and holds keep columns of rows, in the order of the rows.';

kept_sql(text, oid, lethe.controllers, date, boolean, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.kept_sql(alias text, table_oid oid, controller lethe.controllers, today date, look_ahead boolean, path oid[]) IS 'True when a row that stays refers to the row; null when nothing can refer to it.';

key_facts(oid, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.key_facts(relation oid, key_columns text[], key text) IS 'The values of a key''s columns, from the one text that key_sql writes.';

key_through_sql(text, oid, text[], oid, text[], text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.key_through_sql(alias text, child_oid oid, columns text[], parent_oid oid, to_columns text[], key_columns text[]) IS 'SQL of the key of the row that a row refers to; null where the reference does not name the key as it is written.';

key_value_sql(lethe_private.host_columns, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.key_value_sql(key_column lethe_private.host_columns, value text) IS 'One value of a key, of the type of its column.';

key_words(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.key_words(form text) IS 'The words of a form by which texts may be found.';

keyed_rows_sql(text, lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.keyed_rows_sql(alias text, managed lethe.managed_tables, table_oid oid) IS 'True for the row whose key is k.key.';

keys_of_request(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.keys_of_request(request lethe.requests) IS 'The keys of the root rows of a request. Raises LE460.';

kind_rank(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.kind_rank(kind text) IS 'The higher, the more a row is the person''s.';

known_at(lethe_private.reached_row[], integer[], text[], text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.known_at(rows lethe_private.reached_row[], positions integer[], columns text[], names text[]) IS 'Rows reached as the statements of reach_sql.sql take them, each with its position.';

known_rows(lethe_private.reached_row[], text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.known_rows(parents lethe_private.reached_row[], columns text[]) IS 'What the statements of reach_sql.sql take as $2.';

known_rows_sql(oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.known_rows_sql(relation oid, columns text[]) IS 'A FROM item: the rows of $2 as p, in the types of a relation''s columns.';

last_due_day(date, interval); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.last_due_day(today date, after interval) IS 'The latest local day d for which d + after < today, by PostgreSQL''s calendar.';

up_to_day_sql(text, lethe_private.host_columns, text, text, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.up_to_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, last_day date) IS 'True when the clock lies on or before a local day of the controller.';

later_sql(text, lethe_private.host_columns, lethe.managed_tables, lethe.controllers, date, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.later_sql(alias text, clock lethe_private.host_columns, managed lethe.managed_tables, controller lethe.controllers, today date, last_day date) IS 'True when a clock shows a day after last_day, or never.';

latest_today(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.latest_today() IS 'The local day of the controller for whom it is latest.';

leaves_sql(text, lethe.managed_tables, oid, lethe.controllers, date, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.leaves_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, path oid[]) IS 'True when the row will itself leave in this cycle.';

leaving_program(lethe.managed_tables, oid, lethe.controllers, date, text, text, lethe_private.action_parts); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.leaving_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, key text, action lethe_private.action_parts) IS 'The statements that purge or archive a batch of rows: "delete" alone where nothing refers to the table, else lock, pick, before, delete.';

ledger_identifier(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ledger_identifier(subject text) IS 'What stands before an identifier where it is hashed.';

ledger_lock_id(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ledger_lock_id(request bigint) IS 'The advisory lock that a session holds from before an intent is written until its completion is.';

link_columns(lethe.managed_tables, lethe.subject_types); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.link_columns(managed lethe.managed_tables, type lethe.subject_types) IS 'The columns, besides the key, by which a table''s rows are a person''s.';

linked_child(text, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.linked_child(entry text, path text[]) IS 'The managed table that a linked clock names. Raises LE102.';

linked_clock(lethe.managed_tables, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.linked_clock(managed lethe.managed_tables, entry text) IS 'What a clock over other rows means, its entry written in full. Raises LE102, LE103, LE106, LE302, LE310 or LE315.';

linked_clocks(lethe.managed_tables, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.linked_clocks(managed lethe.managed_tables, since text[]) IS 'The clocks over other rows among those of a term.';

linked_term_sql(text, lethe.managed_tables, oid, lethe.controllers, date, date, text[], boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.linked_term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, last_day date, since text[], batch boolean) IS 'The SQL of a term with clocks over other rows: usable, unusable and expired.';

list_partitions(lethe.cycle_tables, lethe.managed_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.list_partitions(cycle_table lethe.cycle_tables, managed lethe.managed_tables, spec jsonb) IS 'The first look: puts partitions that may go whole on the list. Returns discovered, or null: there is none.';

live_holds(lethe_private.reached_row[], lethe.managed_tables, integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.live_holds(rows lethe_private.reached_row[], managed lethe.managed_tables, holds integer[]) IS 'Which of these holds reach live rows of one table.';

lock_children(oid, integer, text, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.lock_children(table_oid oid, depth integer, joins text, path oid[]) IS 'Statements that lock what would go with a batch of rows ($1: tid[]) and is referred to itself.';

lock_hold(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.lock_hold(id integer) IS 'A hold, when nobody else changes one and no batch runs; all null where there is none.';

lock_id(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.lock_id(controller_id integer) IS 'The advisory lock of a controller''s cycle.';

lock_people(bigint[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.lock_people(requests bigint[], controller lethe.controllers) IS 'Keeps imports of these people, and holds, waiting until the transaction ends.';

lock_sql(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.lock_sql() IS 'Locks the rows of a batch, so that no row which refers to them can appear.';

longest_piece(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.longest_piece(form text) IS 'The longest part of a form that is always written in one way.';

look(text, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look(statement text, managed lethe.managed_tables, OUT facts jsonb, OUT problem text) IS 'The one jsonb value of a statement run as lethe_sweeper; or, in problem, why there is none.';

look_again(oid, oid, lethe.managed_tables, jsonb, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_again(partition oid, root oid, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys) IS 'Reads a partition whole: {"rows", "root"} when every row leaves and nothing refers to any; else {"why"}.';

look_archived(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_archived(program jsonb) IS 'Counts what is due and held in a table''s archive, from the data as it stands.';

look_at_archive(bigint[], lethe.controllers, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_at_archive(requests bigint[], controller lethe.controllers, wanted jsonb) IS 'Looks through what is archived of a controller.';

look_at_catalogue(bigint[], jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_at_catalogue(requests bigint[], wanted jsonb) IS 'Looks through comments, labels, definitions and names of the host''s schema.';

look_at_host(bigint[], lethe.controllers, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_at_host(requests bigint[], controller lethe.controllers, wanted jsonb) IS 'Looks through every table and materialized view that lethe_sweeper may read. Of a managed table only through the rows of the controller.';

look_at_jobs(oid, text, bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_at_jobs(relation oid, statement text, wanted bytea) IS 'What a statement finds in a table of the jobs. Raises 42501 where reading it would run what others put there, 55P03 where it is being worked on.';

look_at_own(bigint[], lethe.controllers, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_at_own(requests bigint[], controller lethe.controllers, wanted jsonb) IS 'Looks through evidence, events, reasons, and payloads of jobs.';

look_at_statistics(bigint[], jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_at_statistics(requests bigint[], wanted jsonb) IS 'Looks through the planner''s statistics, and runs ANALYZE where they hold something and Lethe may.';

look_for(bigint[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_for(requests bigint[], controller lethe.controllers) IS 'Looks for the people of some requests of one controller and writes down what was found.';

look_for_kept(lethe.requests, lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_for_kept(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers) IS 'What became of the kept rows of a request that are not among those reached. Raises LE421.';

names_an_object(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.names_an_object(message text) IS 'True for the sentence that PostgreSQL says where a right is missing, about an object that exists.';

look_problem(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_problem(state text, message text) IS 'An error met while looking, as a finding says it.';

look_sql(text, text, lethe_private.action_parts[], text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_sql(source text, condition text, actions lethe_private.action_parts[], held text, kept text, staying text) IS 'Counts what is due, held and kept, from the data as it stands.';

look_through(text, text, jsonb, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_through(who text, statement text, wanted jsonb, relation oid, OUT facts jsonb, OUT failure text) IS 'What a statement of residue_sql found, or the SQLSTATE with which it failed.';

lost_archived(lethe_private.mirrors, lethe.controllers, text, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.lost_archived(mirror lethe_private.mirrors, controller lethe.controllers, decision text, cut text[]) IS 'Which columns of an archived row that stays become null.';

make_door(lethe_private.mirrors); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.make_door(mirror lethe_private.mirrors) IS 'The view through which lethe_sweeper reaches a mirror.';

make_mirror(lethe.managed_tables, oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.make_mirror(managed lethe.managed_tables, relation oid, kind text) IS 'Begins a mirror in the shape that its source has now.';

masked(jsonb, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.masked(facts jsonb, columns text[]) IS 'The row with *** where some columns hold something.';

may_analyze(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.may_analyze(relation oid) IS 'True when ANALYZE of the relation would be done, and not skipped with a warning.';

may_drop(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.may_drop(partition oid) IS 'True when lethe_dropper has the rights of the owner of the partition, of what is in it and of what it is in.';

CREATE TABLE lethe_private.guarded_relations (
    xact xid8 DEFAULT pg_current_xact_id() NOT NULL,
    relation oid NOT NULL,
    table_id integer NOT NULL,
    root oid NOT NULL,
    may_go boolean DEFAULT false NOT NULL
);

ALTER TABLE lethe_private.guarded_relations OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.guarded_relations IS 'While a command of DDL runs: what tables under a hold were made of before it. Emptied before the transaction ends.';

may_go(oid, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.may_go(partition oid, managed lethe.managed_tables) IS 'Tells the guard of DDL that the engine has found nothing held in a partition.';

may_sweep_now(lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.may_sweep_now(controller lethe.controllers) IS 'True within the time window, in the controller''s zone, and while no replica lags too far.';

minimum_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.minimum_day_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms) IS 'The first local day on which a statutory minimum lets a row go; null where it keeps nothing, infinity where it never ends.';

minimum_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms, boolean, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.minimum_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms, batch boolean, plain_clock text) IS 'The SQL of one statutory minimum, for one controller and one local day: that it lets a row go; that it keeps it for want of a day.';

mirror_emptied_sql(lethe_private.mirrors, lethe_private.action_parts[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirror_emptied_sql(mirror lethe_private.mirrors, columns lethe_private.action_parts[], condition text) IS 'Deletes archived values of which none would be left, with the key that dated them.';

mirror_has(integer, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirror_has(mirror_id integer, columns text[]) IS 'True when a mirror keeps all of these columns.';

mirror_purge_sql(text, lethe_private.action_parts, text, text[], integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirror_purge_sql(mirror_name text, purge lethe_private.action_parts, condition text, companions text[], root_table_id integer) IS 'Purges a batch of archived rows with all that was archived along with them.';

mirrors_lock_id(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirrors_lock_id() IS 'The advisory lock of whoever looks after the archive''s tables.';

CREATE TABLE lethe_private.restoring (
    xact xid8 DEFAULT pg_current_xact_id() NOT NULL,
    root_table_id integer NOT NULL,
    root text NOT NULL,
    archived_at timestamp with time zone NOT NULL
);

ALTER TABLE lethe_private.restoring OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.restoring IS 'The record that a transaction is putting back. Emptied before it ends: through a door, the engine reads this record and no other.';

mirrors_of_record(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mirrors_of_record() IS 'The mirrors that may hold rows of the record that this transaction has named.';

mix(bytea, bytea, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.mix(content bytea, nonce bytea, key lethe_private.controller_keys) IS 'Content and key stream, exclusive-or: encrypts, and decrypts.';

move_request(lethe.requests, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.move_request(request lethe.requests, to_state text, reason text) IS 'Moves a request, if its kind, its state and the caller allow it, writes that down, and has recipients told once it is done. Raises LE411, LE502.';

name_list(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.name_list(list text, separator text) IS 'The names of a list such as public.invoices."Issued on"; null where it is none.';

names_of_host(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.names_of_host(condition text) IS 'The first schema other than PostgreSQL''s own and Lethe''s that an expression names; null when there is none.';

never_ends(lethe.managed_tables, lethe_private.mirrors); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.never_ends(managed lethe.managed_tables, mirror lethe_private.mirrors) IS 'True when a mirror has something that no purge of its table reaches.';

never_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.never_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, entry text) IS 'True when one clock, a row''s own or the latest of other rows, means never.';

new_key(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.new_key(controller_id integer) IS 'Gives a controller its next key version.';

new_secret(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.new_secret() IS 'A new secret for webhooks.';

newest_key(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.newest_key(controller_id integer) IS 'The key that a controller''s new secrets are made with.';

news_of(lethe_private.reached_row[], lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.news_of(reached lethe_private.reached_row[], found lethe_private.reached_row[]) IS 'Of rows found, each once: those that are new, or more the person''s than was known.';

next_phase(text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.next_phase(phase text, program jsonb) IS 'What a table is swept for next: rows to purge, rows to archive, columns, what is in its archive; null after the last.';

no_event_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.no_event_sql(alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, day text) IS 'True when neither an event nor what is remembered gives a row a day, or when an event means never.';

none_later_sql(text, lethe.managed_tables, oid, lethe.controllers, date, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.none_later_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, last_day date, entry text) IS 'Conditions under which one clock shows no day after last_day, and not never.';

not_erased(lethe.requests, text, lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.not_erased(request lethe.requests, reason text, rows lethe_private.reached_row[], controller lethe.controllers) IS 'What becomes of a request that cannot be executed now: planned anew, or delayed. Raises LE432.';

not_held_sql(text, lethe.managed_tables, oid, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'The opposite of held_sql, in the form that PostgreSQL can turn into an anti-join.';

not_looked(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.not_looked(object text, problem text) IS 'The finding that something could not be looked at.';

note_ledgered(bigint, bigint, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.note_ledgered(request bigint, ledger_number bigint, ledger_hash text) IS 'Remembers which entry of the ledger announced an erasure, if one did.';

note_nothing_kept(bigint[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.note_nothing_kept(requests bigint[]) IS 'Says so of requests whose roots had nothing in their identifier columns.';

CREATE TABLE lethe_private.suppressions (
    id bigint NOT NULL,
    controller_id integer NOT NULL,
    subject text NOT NULL,
    hash bytea NOT NULL,
    key_version integer NOT NULL,
    request_id bigint,
    added_at timestamp with time zone DEFAULT now() NOT NULL,
    until date NOT NULL,
    basis text NOT NULL
);

ALTER TABLE lethe_private.suppressions OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.suppressions IS 'Keyed hashes of the identifiers of people who were forgotten, so that an import can be told not to bring them back. Pseudonymous personal data: with a basis and a last day.';

note_recapture(lethe_private.suppressions, lethe.managed_tables, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.note_recapture(entry lethe_private.suppressions, managed lethe.managed_tables, column_name text, key text) IS 'Writes down a row that brought somebody back, by its key.';

notification_body(lethe.notifications); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.notification_body(notification lethe.notifications) IS 'What a recipient is told: docs/recipients.md.';

notify_recipients(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.notify_recipients(request bigint) IS 'Makes the notifications of a request, one for each recipient of its controller and kind, with the identifiers hashed for it; dead at once where there is none.';

objection_in_words(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.objection_in_words(rows lethe_private.reached_row[]) IS 'What an objection ended, and what is kept: tables, columns, days and counts.';

others_kept(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.others_kept(request lethe.requests) IS 'Rows kept for a request that are somebody else''s now, and kept rows that hang on those. Raises LE421, LE501.';

ours_sql(lethe.managed_tables, oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ours_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers) IS 'True when row c is the controller''s, also where all of a table is another one''s.';

outcome_of(lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.outcome_of(rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys) IS 'What was done, table by table, in figures: {"erased", "anonymized", "cut", "retained", "root", "key_version"}.';

outlasts(interval, interval); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.outlasts(delay interval, other interval) IS 'True when a delay never ends before another one that began on the same day.';

outside(lethe_private.reached_row[], integer[], lethe.managed_tables, text[], oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.outside(rows lethe_private.reached_row[], positions integer[], managed lethe.managed_tables, columns text[], other oid, other_columns text[]) IS 'Rows of another table that were not reached, and that match some that were. Raises LE421.';

outside_archived(lethe_private.reached_row[], integer[], text[], lethe.managed_tables, text[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.outside_archived(rows lethe_private.reached_row[], positions integer[], columns text[], other lethe.managed_tables, other_columns text[], controller lethe.controllers) IS 'Positions of rows reached that match archived rows that were not.';

over_by_sql(text, lethe_private.host_columns, lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.over_by_sql(alias text, clock lethe_private.host_columns, managed lethe.managed_tables, controller lethe.controllers, last_day date) IS 'True when a clock shows a day, and none after last_day.';

own_events_sql(lethe.managed_tables, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.own_events_sql(child lethe.managed_tables, controller lethe.controllers) IS 'True when an event is the controller''s; null when all are.';

own_rows_sql(oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.own_rows_sql(relation oid, controller lethe.controllers) IS 'True for the rows of a table of Lethe''s own (alias c) that are the controller''s, or nobody''s; null: all are nobody''s.';

parameters_to_try(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.parameters_to_try(declared jsonb) IS 'Values for the declared parameters of a method: defaults, minima, maxima.';

parse_delay(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.parse_delay(after text) IS 'An ISO 8601 period of whole days or more as an interval. Raises LE301.';

part_in_force(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.part_in_force(part jsonb) IS 'The same part under the policy in force; null where it has none.';

reference_sql(text, text[], text, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[]) IS 'True when the child row refers to the parent row.';

partition_references(oid, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.partition_references(partition oid, root oid) IS 'Statements that ask, reference by reference, whether a row refers to a partition.';

seed_sql(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.seed_sql(pad text) IS 'SQL of a seed of 64 bits, drawn from one pad of a controller''s key.';

partition_root_sql(text, oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.partition_root_sql(alias text, table_oid oid, key_columns text[]) IS 'SQL of the keyed root over the keys of a partition, in whatever order they are read.';

partition_statements(oid, oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.partition_statements(partition oid, parent oid, how text) IS 'The statements that drop or detach a partition.';

partitions_program(lethe.managed_tables, oid, text, lethe_private.action_parts[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.partitions_program(managed lethe.managed_tables, table_oid oid, owner text, purge lethe_private.action_parts[], held text) IS 'The statements that decide whether a partition can be purged whole: {"partitions": {"how", "flag", "ready", "read"}}; empty where rows are to be deleted.';

person(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.person() IS 'The login that acts, or that issued the token of the request under way.';

rules_told(lethe.managed_tables, lethe.controllers, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rules_told(managed lethe.managed_tables, controller lethe.controllers, column_name text) IS 'How long a column (null: a row) is kept, as sentences.';

personal_columns(lethe.managed_tables, oid, lethe.controllers, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.personal_columns(managed lethe.managed_tables, relation oid, controller lethe.controllers, mirror_id integer) IS 'The columns of a table, or of a mirror of it, with how each is written as JSON and what a person is told of it.';

references_to_people(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.references_to_people() IS 'The columns by which a row says whose it is or whom it is about: declared links, and foreign keys to tables of people.';

personal_masks(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.personal_masks(rows lethe_private.reached_row[]) IS 'Of each row reached, by its number, the columns of references that lead to this person and of those that lead to others.';

personal_rows(lethe.managed_tables, integer, lethe.controllers, lethe_private.reached_row[], text[], text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.personal_rows(managed lethe.managed_tables, mirror_id integer, controller lethe.controllers, rows lethe_private.reached_row[], columns text[], expressions text[]) IS 'Rows by their number in the given ones, as JSON, with the days on which rules end them: {column, or "" for the row: day}. Raises LE501.';

personal_table(lethe.managed_tables, integer, text, lethe.controllers, lethe_private.reached_row[], integer[], jsonb, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.personal_table(managed lethe.managed_tables, mirror_id integer, kind text, controller lethe.controllers, rows lethe_private.reached_row[], numbers integer[], masks jsonb, portable boolean) IS 'One table of lethe.personal_data; null where it has nothing that is portable.';

personal_tables(lethe_private.reached_row[], lethe.controllers, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.personal_tables(rows lethe_private.reached_row[], controller lethe.controllers, portable boolean) IS 'The rows reached, table by table, for lethe.personal_data.';

phone_keys(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.phone_keys(value text) IS 'What may be telephone numbers in a text: their last nine digits, or all of 7 or 8.';

phone_within(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.phone_within(identifier text) IS 'The digits of a telephone number that an identifier is, or has in it; else null.';

picked_rows(lethe.managed_tables, jsonb, oid, tid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.picked_rows(managed lethe.managed_tables, program jsonb, target oid, tids tid[]) IS 'The rows of a batch that no other row keeps.';

place(text, oid, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.place(statement text, table_oid oid, target oid) IS 'A statement of a program, directed at the table or at one partition of it.';

place_again(bigint, jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.place_again(number bigint, entry jsonb, content jsonb) IS 'The holds that an entry asks for, placed.';

place_hold(text, text, lethe.managed_tables, lethe.controllers, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.place_hold(kind text, reason text, managed lethe.managed_tables, controller lethe.controllers, ends_on date, subject text) IS 'Begins a hold that names nothing yet, when no change of the policy is under way any more. Raises LE102, LE407.';

place_person_hold(text, lethe.subject_types, lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.place_person_hold(reason text, type lethe.subject_types, managed lethe.managed_tables, controller lethe.controllers, ends_on date) IS 'Begins a hold on a person, which names nobody yet. Raises LE102, LE109, LE407.';

plain_clock_index(lethe.managed_tables, oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) IS 'The clock of this table that has an index over all rows; null when there is none.';

plain_names(text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plain_names(names text[], separator text) IS 'The inverse of name_list.';

plan_delays(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_delays(rows lethe_private.reached_row[]) IS 'Holds in force on rows that a plan would delete or change.';

plan_document(lethe_private.reached_row[], lethe.requests, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_document(rows lethe_private.reached_row[], request lethe.requests, controller lethe.controllers) IS 'A plan as an officer reads it.';

plan_near(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_near(rows lethe_private.reached_row[]) IS 'Other people''s rows that a plan comes near.';

plan_neighbours(lethe_private.reached_row[], lethe.subject_types); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_neighbours(rows lethe_private.reached_row[], type lethe.subject_types) IS 'Rows that refer to those of a plan and are not in it: {"refusals": those that forbid it, "near": those that stay}.';

plan_positions(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_positions(rows lethe_private.reached_row[]) IS 'By table, the rows that would be deleted and those that are the person''s: {table: {"gone", "theirs": [position]}}.';

plan_rows(lethe.requests, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_rows(request lethe.requests, lock boolean) IS 'The rows that an erasure reaches, and what becomes of each. lock: they stay as they are until the transaction ends. Raises LE102, LE103, LE109, LE421, LE501.';

plan_table(lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The plan of one table. Raises LE102, LE103, LE501, LE503.';

plan_tables(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_tables(rows lethe_private.reached_row[]) IS 'What a plan does, table by table.';

plan_totals(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_totals(rows lethe_private.reached_row[]) IS 'How many rows in how many tables a plan acts on or keeps, and how many of each decision.';

plan_unclassified(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_unclassified(rows lethe_private.reached_row[]) IS 'Columns of a plan''s tables of which the policy does not say what they hold.';

resolve_table(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.resolve_table("table" text) IS 'The oid of a table named by a person. Raises LE102.';

planned_writes(oid, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.planned_writes(table_oid oid, phase text, facts jsonb) IS 'What one batch of a phase writes by itself, in the form of rows_written.';

pointer(text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.pointer(VARIADIC steps text[]) IS 'A JSON pointer (RFC 6901).';

rows_at(text, timestamp with time zone); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rows_at(object text, at timestamp with time zone) IS 'The rows of controllers, managed_tables, rules or terms as they stood at an instant, each with its last change.';

text_list(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.text_list(value jsonb) IS 'One word or a list of words, as a list; null when there is none.';

policy_at(timestamp with time zone); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.policy_at(at timestamp with time zone) IS 'The terms in force at an instant, for each controller.';

rules_of(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rules_of(policy jsonb) IS 'Every rule of a policy document, defaults first, with a pointer to it.';

policy_lines(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.policy_lines(document jsonb) IS 'An exported policy document line by line: what each line is about, and what it says.';

policy_diff(jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.policy_diff(before jsonb, after jsonb) IS 'What two exported policy documents differ in, line by line: see lethe.drafts.changes.';

policy_in_force(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.policy_in_force(controller_id integer) IS 'What a controller''s cycles obey: its tables and their effective terms. The same policy gives the same text.';

policy_mark(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.policy_mark() IS 'A mark of the policy in force, and of the methods it may name.';

preview_partitions(lethe.managed_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.preview_partitions(managed lethe.managed_tables, program jsonb) IS 'The looks at partitions, and for each that is ready the statements that purge it whole.';

program_of(lethe.cycles, lethe.cycle_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables) IS 'The compiled statements of one table of a cycle; null when it could not be compiled, which fails the table.';

progress(text, lethe.cycle_tables, timestamp with time zone); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamp with time zone) IS 'What a step reports.';

propose(jsonb, text, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.propose(document jsonb, reason text, rehearse boolean) IS 'What a policy document would change and make due at once and, if it is to be rehearsed, what its rules do when they are tried. Leaves no trace but in sequences. Raises what lethe.apply_policy raises, LE501, LE503, LE616.';

purge_packages(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.purge_packages() IS 'Deletes packages whose link has expired.';

purge_partition(lethe.cycle_tables, lethe.managed_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.purge_partition(cycle_table lethe.cycle_tables, managed lethe.managed_tables, program jsonb) IS 'One partition of a table, with its evidence. Returns discovered, swept, retry, detach (the driver is to run lethe.detach_statement), or null: none is left.';

purge_suppressions(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.purge_suppressions() IS 'Takes off the suppression list what has had its last day.';

put_back_sql(lethe.managed_tables, integer, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.put_back_sql(managed lethe.managed_tables, mirror_id integer, mirror_name text, kind text) IS 'The statement that puts a record''s rows, or its archived values, back.';

put_link(text, text, text[], text[], text, text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.put_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) IS 'Declares one link, judged by itself.';

put_minimum(text, text, text[], text, text, text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.put_minimum("table" text, after text, since text[], basis text, "column" text, "when" text, controller text, reason text) IS 'Sets one statutory minimum, judged by itself. Whoever calls it judges the rules of the table together (assert_rules).';

put_rule(text, text, text, text, text[], text, jsonb, text, text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.put_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) IS 'Sets one term of a rule, judged by itself. Whoever calls it judges the rules of the table together (assert_rules).';

put_view(text, text, text[], boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.put_view(view text, shows text, counts text[], looked_again boolean) IS 'Writes down what a view shows; as it is now, unless that stands there already and nobody has looked again. Raises LE102, LE103, LE106.';

put_waiver(text, text, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.put_waiver(code text, object text, until date, reason text) IS 'Writes a waiver down; its day may have passed already. Raises LE112, LE621.';

raise_missing_right(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.raise_missing_right(managed lethe.managed_tables) IS 'Raises LE501 or LE503 where a table could not be read.';

reach(lethe.subject_types, lethe.controllers, text[], boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reach(type lethe.subject_types, controller lethe.controllers, keys text[], lock boolean) IS 'The rows that belong to people or name them, live and archived, each once. Raises LE102, LE103, LE421, LE501.';

reach_archive(integer, text, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reach_archive(hold_id integer, subject text, controller lethe.controllers) IS 'Puts what is archived of a person on the list of its hold''s keys.';

reach_archived(lethe.managed_tables, text[], lethe_private.reached_row[], lethe.controllers, jsonb, lethe.links[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reach_archived(managed lethe.managed_tables, mirror_kinds text[], rows lethe_private.reached_row[], controller lethe.controllers, columns jsonb, links lethe.links[]) IS 'What the archive has under the keys of these rows, in mirrors of rows or of values.';

reach_edges(lethe_private.reached_row[], lethe.links[], lethe_private.erasure_references[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reach_edges(rows lethe_private.reached_row[], links lethe.links[], keys lethe_private.erasure_references[]) IS 'By which links and foreign keys the rows reached refer to one another.';

reach_roots(lethe.subject_types, lethe.controllers, text[], boolean, jsonb, lethe.links[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reach_roots(type lethe.subject_types, controller lethe.controllers, keys text[], lock boolean, columns jsonb, links lethe.links[]) IS 'The root rows with these keys, live and archived. Raises LE102 where the table is gone.';

reach_step(lethe.links, lethe_private.reached_row[], lethe.controllers, boolean, jsonb, lethe.links[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reach_step(link lethe.links, parents lethe_private.reached_row[], controller lethe.controllers, lock boolean, columns jsonb, links lethe.links[]) IS 'The rows, live and archived, that one link leads to. Raises LE102 where a table is gone.';

reach_values(lethe_private.reached_row[], lethe.controllers, jsonb, lethe.links[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reach_values(reached lethe_private.reached_row[], controller lethe.controllers, columns jsonb, links lethe.links[]) IS 'The values that were archived of rows just found.';

reached_tables(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reached_tables() IS 'All managed tables that exist, and all others that hold people as far as foreign keys tell.';

read_condition(oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.read_condition(relation oid, condition text) IS 'A predicate over one table as PostgreSQL reads it, every name qualified. Raises LE303.';

read_days(text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.read_days(days text[]) IS 'Days written as ISO 8601. Raises LE302.';

read_identifiers(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.read_identifiers(request lethe.requests) IS 'What the roots of a request have in the identifier columns of their subject type. Raises LE501.';

read_record(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.read_record() IS 'All rows of the record that this transaction has named.';

readable(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.readable(value text) IS 'A lower-case text, and behind it what its escapes (%40, \u0040, &#64;, \n) stand for.';

reading_again_sql(oid, text[], lethe_private.action_parts[], lethe_private.due_day[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reading_again_sql(relation oid, key_columns text[], actions lethe_private.action_parts[], due_days lethe_private.due_day[]) IS 'Reads the rows of a batch again after it was done, by their keys, and counts what is not as it should be.';

reading_sql(text[], text, lethe_private.action_parts[], lethe_private.due_day[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reading_sql(key_columns text[], owner text, actions lethe_private.action_parts[], due_days lethe_private.due_day[]) IS 'Reads what is to be done on the rows of a batch, before it is done.';

reads_plainly(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reads_plainly(relation oid) IS 'False for a table whose reading could run a function of somebody who is no superuser: by an index or a partition key.';

ready_partitions(lethe.managed_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.ready_partitions(managed lethe.managed_tables, spec jsonb) IS 'Partitions that, at the first look, can be purged whole.';

reason_not_to_erase(lethe.requests[], bigint[], lethe_private.reached_row[], lethe_private.reached_row[], lethe.subject_types, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reason_not_to_erase(requests lethe.requests[], owners bigint[], reached lethe_private.reached_row[], rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) IS 'plan or hold; null when what was approved can be done. That only time has passed since changes no plan.';

recipient_controller(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.recipient_controller(controller text) IS 'The controller of a recipient, for an officer. Raises LE101, LE418, LE502.';

recipient_form(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.recipient_form(identifier text) IS 'An identifier as it is hashed for recipients: trimmed and in lower case; what looks like a telephone number as its digits, with + before an international one (00 is +).';

recipients_told(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.recipients_told(controller_id integer) IS 'The recipients of a controller as a person is told of them: since when; until when, where that is over.';

record_change(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.record_change() IS 'Trigger: keeps who changed which part of the policy, when and why (of a hold: not why), and has open cycles compiled anew.';

rectify_row(lethe.managed_tables, lethe_private.reached_row, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rectify_row(managed lethe.managed_tables, "row" lethe_private.reached_row, changes jsonb) IS 'Changes one row and reads it again; nothing else may have been written. Raises LE466, LE501.';

reduce_notes(lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reduce_notes(declared lethe_private.declared_formats) IS 'What the DBA should know of the reduction.';

references_of_people(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.references_of_people() IS 'The foreign keys from or to managed tables.';

refuse_cascades(lethe_private.reached_row[], integer[], lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.refuse_cascades(rows lethe_private.reached_row[], positions integer[], managed lethe.managed_tables, first_key oid) IS 'What cascades that no link declares would reach beyond the first table.';

refuse_plan(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.refuse_plan(rows lethe_private.reached_row[], controller lethe.controllers) IS 'Why decided rows cannot be treated as decided: no method, no right, a rewrite rule in between.';

refuse_sealed(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.refuse_sealed() IS 'Trigger: refuses to change, delete or truncate sealed evidence. Raises LE801.';

refuse_tombs(lethe.managed_tables, lethe.controllers, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.refuse_tombs(managed lethe.managed_tables, controller lethe.controllers, rows bigint) IS 'Why rows of a table cannot stay without their person; null where they can.';

refused_rules(lethe.managed_tables, lethe.controllers, jsonb, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.refused_rules(managed lethe.managed_tables, controller lethe.controllers, program jsonb, actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[]) IS 'The rules on columns that the database refuses even by themselves; none when only all together are refused.';

remember_leaving(lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.remember_leaving(rows lethe_private.reached_row[], controller lethe.controllers) IS 'Remembers, for the clocks of rows that stay, the latest day among rows that are about to go.';

remember_relations(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.remember_relations() IS 'Remembers what tables under a hold are made of, and forgets it where nothing is held.';

remembered_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.remembered_sql(alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, condition text) IS 'FROM and WHERE that find what is remembered of a row''s events.';

renamed(lethe_private.reached_row[], text[], text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.renamed(parents lethe_private.reached_row[], to_columns text[], columns text[]) IS 'Rows with some of their facts, under other names.';

replay_explained_by(integer, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.replay_explained_by(table_id integer, key text) IS 'The erasure that has reached a root row already: what is there of it a law or a hold keeps. Null: none has.';

CREATE TABLE lethe_private.replay_matches (
    number bigint NOT NULL,
    subject text NOT NULL,
    controller_id integer NOT NULL,
    table_id integer NOT NULL,
    key text NOT NULL,
    by_key boolean NOT NULL,
    by_identifier boolean NOT NULL
);

ALTER TABLE lethe_private.replay_matches OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.replay_matches IS 'Which root rows fit an entry of the ledger, as a replay found them; emptied when it has ended.';

replay_failed(lethe_private.replay_matches, timestamp with time zone, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.replay_failed(match lethe_private.replay_matches, at timestamp with time zone, failure jsonb) IS 'Makes a finding of a record that could not be erased.';

replay_is_explained(integer, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.replay_is_explained(table_id integer, key text) IS 'True of a root row that an erasure has reached already.';

replay_match(lethe.subject_types, lethe.controllers, bytea, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.replay_match(type lethe.subject_types, controller lethe.controllers, pads bytea, wanted jsonb) IS 'The root rows, live and archived, that fit what is wanted: key, and hashes of key and identifiers. Raises LE501.';

replay_match_sql(text, text, text, text, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.replay_match_sql("from" text, key text, root text, identifier text, identifiers text[], "where" text) IS 'Statement that finds rows by the hashes of their key and identifiers.';

replay_request(text, lethe.subject_types, lethe.controllers, text, timestamp with time zone, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.replay_request(kind text, type lethe.subject_types, controller lethe.controllers, key text, received_at timestamp with time zone, number bigint) IS 'An approved request about one root row, for an entry of the ledger. Raises what opening, planning and approving raise.';

replay_type(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.replay_type(subject text) IS 'The subject type that an entry names. Raises LE109.';

replay_undecided(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.replay_undecided() IS 'Findings of the replay under way that nobody has decided.';

request_controller(lethe.subject_types, lethe.managed_tables, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.request_controller(type lethe.subject_types, managed lethe.managed_tables, controller text) IS 'The controller of whom something is asked. Raises LE101, LE412, LE502.';

requested_type(text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.requested_type(kind text, subject text, identified_by text) IS 'The subject type of a request, its identifiers narrowed to the one that was named. Raises LE106, LE109, LE412, LE502.';

requests_lock_id(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.requests_lock_id(controller_id integer) IS 'The advisory lock under which requests of a controller are opened, one after the other: none is opened twice.';

reread_data(lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reread_data(rows lethe_private.reached_row[]) IS 'The keys and old values by which an erasure is read again.';

residue_relations(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.residue_relations() IS 'Every relation of the host that stores rows: each once, under the name of the table it is part of, and the managed table that is.';

restore_record(lethe.archive_openings); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restore_record(opening lethe.archive_openings) IS 'Puts the named record back and leaves it alone until the opening''s day. Raises LE409, LE445, LE501, LE902.';

restricted_statement(lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restricted_statement(managed lethe.managed_tables, table_oid oid) IS 'Asks whether a row, as jsonb in $1, is restricted.';

restriction_notes(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restriction_notes(root oid) IS 'The comment that heads lethe.restriction_sql: who passes.';

restriction_of(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.restriction_of(request lethe.requests) IS 'The restriction of a request that is in force. Raises LE462.';

rests_on_interest(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rests_on_interest(legal_basis text) IS 'True when a legal basis is legitimate interest and nothing besides.';

row_ends_sql(lethe.managed_tables, oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.row_ends_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) IS 'SQL of the days on which the rules of a table end values of row c, and the row.';

row_findings(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.row_findings(controller_id integer) IS 'Rows of evidence that were altered, removed or put in, and how many are not sealed yet.';

row_of_key(lethe.managed_tables, oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.row_of_key(managed lethe.managed_tables, table_oid oid, given text, OUT key text, OUT condition text) IS 'A key as the engine writes it (key_sql), and what finds its row, alias c; nulls where it can be none of this table.';

row_to_rectify(lethe.requests, lethe.managed_tables, lethe.controllers, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.row_to_rectify(request lethe.requests, managed lethe.managed_tables, controller lethe.controllers, key text, changes jsonb) IS 'The live row, locked, if it is the person''s and may be corrected. Raises LE465.';

rows_to_explain(lethe.managed_tables, lethe.controllers, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rows_to_explain(managed lethe.managed_tables, controller lethe.controllers, today date, given text) IS 'What is asked of the rows that have a key, live and archived; of an archived one "kept" says that it came along with another row.';

rows_written(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rows_written() IS 'Rows that this transaction has inserted, updated and deleted so far, table by table (oid), undone ones included.';

rule_in_words(lethe.managed_tables, lethe.rules, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rule_in_words(managed lethe.managed_tables, rule lethe.rules, method text) IS 'What a rule does, as one says it.';

rule_sql(text, lethe.managed_tables, oid, lethe.controllers, date, integer, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rule_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer, batch boolean) IS 'When a row is due under a rule, for one controller and one local day; null when the rule has no term for it.';

run_as_dropper(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.run_as_dropper(statement text) IS 'Runs one statement as lethe_dropper, the definition checked first. Raises LE504, LE505.';

CREATE VIEW lethe.checks AS
 SELECT c.code,
    c.severity,
    c.reads,
    c.about
   FROM ( VALUES (10,'unmanaged-table'::text,'error'::text,'the catalogue'::text,'a table that foreign keys join to people, and that the policy does not know'::text), (11,'unclassified-column'::text,'error'::text,'the catalogue'::text,'a column of a managed table on which nothing was decided'::text), (12,'kept-for-ever'::text,'error'::text,'the catalogue'::text,'a personal column that no rule ever ends'::text), (13,'undecided-link'::text,'error'::text,'the catalogue'::text,'a foreign key to people''s rows of which it is not said how the referring rows belong to them'::text), (14,'undecided-view'::text,'error'::text,'the catalogue'::text,'a view or materialized view over people''s columns on which nothing was decided'::text), (15,'child-column'::text,'error'::text,'the catalogue'::text,'a column of an inheritance child that no rule can reach'::text), (16,'missing-object'::text,'error'::text,'the catalogue'::text,'a table, column or view that the policy names and that is gone'::text), (20,'copying-trigger'::text,'error'::text,'the catalogue'::text,'a trigger or rule that copies people''s rows into a table that is not managed'::text), (21,'look-alike-table'::text,'warning'::text,'the catalogue'::text,'a table with largely the personal columns of a managed one'::text), (30,'partition-foreign-key'::text,'error'::text,'the catalogue'::text,'a partition without the foreign key that its siblings have'::text), (31,'unindexed-reference'::text,'warning'::text,'the catalogue'::text,'a reference to people''s rows without an index'::text), (32,'restarted-clock'::text,'error'::text,'the catalogue'::text,'a trigger that sets a clock anew at every update'::text), (33,'pseudonymous-claim'::text,'error'::text,'the catalogue'::text,'a column claimed to end anonymous whose method makes pseudonyms'::text), (34,'broken-hold'::text,'error'::text,'the catalogue'::text,'a guard that is not as it was put up, or a held table or partition that is gone'::text), (35,'unguarded-hold'::text,'note'::text,'the catalogue'::text,'a hold that binds Lethe and nobody else'::text), (36,'unrehearsed-rule'::text,'note'::text,'the catalogue'::text,'a rule that was put in force without a rehearsal'::text), (40,'row-security-bypass'::text,'warning'::text,'the catalogue'::text,'a role that passes by the row security of people''s tables'::text), (41,'definer-view'::text,'warning'::text,'the catalogue'::text,'a view that leads others around row security'::text), (42,'definer-function'::text,'warning'::text,'the catalogue'::text,'a function that lends its owner''s rights over people''s tables'::text), (43,'archive-reader'::text,'error'::text,'the catalogue'::text,'a grant or policy that opens the archive or the keys'::text), (44,'unforced-row-security'::text,'note'::text,'the catalogue'::text,'row security that does not bind the owner of the table'::text), (45,'archive-limit'::text,'note'::text,'the catalogue'::text,'who can read the archive and the keys by being who they are'::text), (50,'never-due'::text,'warning'::text,'the data'::text,'a rule whose clock no row has, or a condition that no row fulfils'::text), (51,'unpurposed-value'::text,'warning'::text,'the data'::text,'values to which no purpose of their rule applies'::text), (52,'identifiable-row'::text,'warning'::text,'the data'::text,'masked rows that what is left of them singles out'::text), (53,'small-group'::text,'error'::text,'the data'::text,'a view of figures about fewer people than k'::text), (54,'unkept-format'::text,'error'::text,'the data'::text,'a column that may hold more than its declared format'::text), (60,'policy-drift'::text,'error'::text,'the policy file'::text,'the policy in force is not what the file says'::text), (70,'expired-waiver'::text,'error'::text,'the findings'::text,'a waiver whose last day has passed, or whose view has changed'::text), (71,'unused-waiver'::text,'warning'::text,'the findings'::text,'a waiver that matches no finding'::text), (72,'not-looked-at'::text,'error'::text,'the findings'::text,'something that could not be looked at'::text)) c(place, code, severity, reads, about)
  ORDER BY c.place;

ALTER TABLE lethe.checks OWNER TO lethe_owner;

COMMENT ON VIEW lethe.checks IS 'The findings that lethe.check() can report. Each has a page in docs/checks.';

COMMENT ON COLUMN lethe.checks.severity IS 'error: lethe check ends with exit code 1. warning: to be looked at. note: a limit that is named.';

COMMENT ON COLUMN lethe.checks.reads IS 'What it is found in.';

run_check(lethe.checks, lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.run_check(checked lethe.checks, reached lethe_private.reached[]) IS 'The findings of one rule of the check.';

run_on_archive(text, tid[], bytea, bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.run_on_archive(statement text, tids tid[], inner_pad bytea, outer_pad bytea) IS 'Runs one statement over the archive.';

same_hold(integer, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.same_hold(id integer, placed_at text) IS 'The hold of that number, if it was placed at that moment.';

sample_sql(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sample_sql(relation oid) IS 'The clause that reads some 100,000 rows of a table, spread over it.';

sample_sql(text, text, text, lethe_private.due_day[], integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sample_sql(source text, owner text, not_held text, due_days lethe_private.due_day[], rows_max integer) IS 'Finds rows to try the rules on: at the most so many, those first that fall due first.';

seal_controller(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.seal_controller(controller_id integer) IS 'Adds a seal over what is final and not sealed yet. Returns its number; null where there was nothing to seal. Raises LE405.';

seal_hash(lethe.seals); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.seal_hash(seal lethe.seals) IS 'What the hash of a seal has to be, from its other columns.';

sealed_line(bigint, text, text, integer, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sealed_line("position" bigint, relation text, key text, format integer, hash text) IS 'One line of the list that a seal''s root is the hash of.';

CREATE TABLE lethe.sealed_rows (
    controller_id integer NOT NULL,
    number bigint NOT NULL,
    "position" bigint NOT NULL,
    relation text NOT NULL,
    key text NOT NULL,
    format integer NOT NULL,
    hash text NOT NULL,
    CONSTRAINT hash_is_sha256 CHECK ((hash ~ '^[0-9a-f]{64}$'::text))
);

ALTER TABLE lethe.sealed_rows OWNER TO lethe_owner;

COMMENT ON TABLE lethe.sealed_rows IS 'Which rows of evidence each seal covers, in which order, and the hash of each.';

COMMENT ON COLUMN lethe.sealed_rows.key IS 'The row''s primary key, as a JSON array.';

COMMENT ON COLUMN lethe.sealed_rows.format IS 'Which list of columns was hashed: a column that is added later does not break older seals.';

seal_findings(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.seal_findings(controller_id integer) IS 'What is wrong with the seals of a controller and their lists.';

seal_text(text, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.seal_text(value text, controller_id integer) IS 'A text, encrypted and authenticated with the controller''s newest key: nonce (16 bytes), ciphertext, HMAC (32 bytes).';

search_again(lethe.cycle_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb) IS 'Discovers due rows once more, or ends the phase. Returns discovered, retry, failed or done.';

shape_mark(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.shape_mark(relations jsonb) IS 'A mark of all columns of the given tables (oids).';

shape_of(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.shape_of(managed lethe.managed_tables) IS 'The columns of a table and of what is archived along with its rows, for a program to remember: {"of": oids, "mark"}.';

shared_with_others(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], lethe_private.erasure_references[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.shared_with_others(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], keys lethe_private.erasure_references[], controller lethe.controllers) IS 'Positions of the shared rows that somebody has who is not erased.';

shortest_fit(lethe.methods, lethe_private.host_columns, jsonb, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max integer) IS 'The shortest length limit under which a method''s output fits and is recognised; null when any does.';

sole_controller(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sole_controller(name text) IS 'A controller by its name, or the only one. Raises LE101.';

stand_in(lethe_private.host_columns); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.stand_in(column_facts lethe_private.host_columns, OUT new_value text, OUT test text) IS 'SQL of what a value that may not be null is replaced by when no rule says; null where nothing fits.';

statistics_sql(jsonb, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.statistics_sql(wanted jsonb, own boolean) IS 'Looks through pg_stats: of the host, or of Lethe''s own tables.';

staying_sql(lethe.managed_tables, oid, lethe.controllers, date, boolean, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.staying_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean, phases text[]) IS 'The WITH clause that finds the rows due in the given phases which stay because of references within their own table; null when it has none.';

strange_keys(lethe_private.kept_rows[], jsonb, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.strange_keys(kept lethe_private.kept_rows[], found jsonb, today date) IS 'Rows whose day has come and that are not the person''s any more, as far as one can tell.';

suppose(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.suppose(what_if text) IS 'Changes the delay of one rule, to be rolled back. Raises LE102, LE106, LE107, LE301.';

suppress(bigint, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.suppress(request bigint, until date, basis text) IS 'Puts the identifiers of a request on the suppression list, as keyed hashes; by default for three years. Raises LE441.';

suppression_hash(lethe_private.controller_keys, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.suppression_hash(key lethe_private.controller_keys, identifier text) IS 'What an identifier is recognised by.';

suppression_of(integer, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.suppression_of(controller_id integer, subject text, identifier text) IS 'By which entry of the list an identifier is suppressed today; null: by none.';

sweep_archived(jsonb, lethe_private.worklist, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sweep_archived(program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) IS 'Sweeps one batch of archived rows. Returns {"rows", "root", "rN": rows per rule}.';

sweep_columns(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sweep_columns(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) IS 'Applies the column rules to one batch. Returns {"rows", "root", "rN": rows per rule}.';

sweep_leaving(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sweep_leaving(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) IS 'Purges or archives one batch of rows. Returns {"rows", "root", "rN": rows, "children": [{"table", "rule", "rows"}]}.';

sweep_purge(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sweep_purge(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) IS 'Purges one batch of rows. Returns {"rows", "root", "r1", "children": [{"table", "rule", "rows"}]}.';

table_controller(oid, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.table_controller(relation oid, controller text, controller_column text) IS 'The id of the one controller of a table; null where a column tells. Raises LE101, LE103, LE203.';

table_failed(lethe.cycle_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb) IS 'Gives a table up for this cycle, with the cause. The next cycle finds its rows again.';

table_lock_id(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.table_lock_id(table_id integer) IS 'The advisory lock that keeps one table from being swept twice at once, by cycles of two controllers too.';

take_batch(lethe.cycle_tables, lethe.controllers, jsonb, lethe_private.worklist); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.take_batch(cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist) IS 'Sweeps one batch of the worklist. Returns swept, retry or failed.';

take_detached(lethe.partition_purges, lethe.managed_tables, jsonb, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.take_detached(next lethe.partition_purges, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys) IS 'Reads a partition that the driver has detached concurrently, and attaches it again unless every row of it leaves.';

take_partition(lethe.partition_purges, lethe.managed_tables, jsonb, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.take_partition(next lethe.partition_purges, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys) IS 'Drops or detaches one partition if all of it leaves: {"rows", "root", "how"}; else why it stays: {"why"} or {"sqlstate"}.';

term_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.term_day_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms) IS 'The first local day on which a term has expired; null where it does not apply, infinity where it applies and never expires.';

term_facts(lethe.terms); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.term_facts(term lethe.terms) IS 'A term for lethe.effective_rules: {"purpose", "after", "since", "when", "own"}.';

term_in_words(lethe.managed_tables, lethe.terms); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.term_in_words(managed lethe.managed_tables, term lethe.terms) IS 'A term as one says it: three years after last_seen_at where status = ''open'' (marketing).';

terms_in_force(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.terms_in_force(controller_id integer) IS 'The effective terms of a controller, as a receipt lists them.';

text_columns(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.text_columns(relation oid) IS 'The columns of a relation that can hold text, and SQL (of alias c) that reads each as text.';

texts_sql(text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.texts_sql(columns text[]) IS 'Reads columns of a row ($1) as texts.';

token_facts(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.token_facts(id integer) IS 'A token as the record of changes keeps it: without its hash.';

tombstones(lethe_private.reached_row[], lethe_private.reached_edge[], lethe_private.erasure_references[], integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.tombstones(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], keys lethe_private.erasure_references[], ignored integer[]) IS 'Positions of rows that would go, and to which something refers that stays.';

trigger_notes(lethe_private.declared_formats); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.trigger_notes(declared lethe_private.declared_formats) IS 'What the DBA should know of the trigger.';

trigger_targets(oid, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.trigger_targets(function oid, relation oid) IS 'The tables that a trigger function writes to, as far as its text tells.';

try_batch(lethe.managed_tables, lethe.controllers, jsonb, text, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_batch(managed lethe.managed_tables, controller lethe.controllers, program jsonb, phase text, actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[]) IS 'Runs the statements of one phase on a batch, reads it again, and undoes it. Returns {"again", "writes"}, or {"failure": {"sqlstate", "constraint", "relation"}}.';

try_expressions(lethe.methods, lethe_private.host_columns, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb) IS 'Raises PostgreSQL''s own error unless mask and recogniser can stand in an index.';

try_hold(lethe.managed_tables, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_hold(managed lethe.managed_tables, hold_id integer) IS 'How many live rows of a table a hold reaches. Raises LE501, or the error that the predicate meets.';

try_method(lethe.methods, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_method(method lethe.methods, type oid) IS 'Tries a method on one type and adds what it learns (null results, lengths). Raises LE303 or LE304.';

try_rules(lethe.managed_tables, lethe.controllers, integer, timestamp with time zone); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_rules(managed lethe.managed_tables, controller lethe.controllers, rows_max integer, deadline timestamp with time zone) IS 'Rehearses the rules of a table for a controller on at most so many rows. Raises LE616 past the deadline.';

try_tables(bigint, timestamp with time zone); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_tables(since_change bigint, deadline timestamp with time zone) IS 'Rehearses every rule that the changes after a given one concern. Returns {"findings", "tried", "effects"}, see lethe.drafts.';

try_to_execute(bigint, bigint, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_to_execute(request bigint, ledger_number bigint, ledger_hash text) IS 'Executes a request, or writes down why that failed.';

try_values(lethe.methods, text, lethe_private.host_columns, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb) IS 'Masks the sample values twice and raises LE304 unless the method is total, recognises its own output, is idempotent and keeps what it says.';

type_of_request(lethe.requests); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.type_of_request(request lethe.requests) IS 'The subject type of a request. Raises LE109.';

types_to_try(text, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.types_to_try(method text, types text[]) IS 'The types on which a method that is being registered must prove itself. Raises LE304 for a type that is unknown or has no sample values.';

unclocked_sql(text, text, lethe_private.action_parts[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[]) IS 'Counts rows that no term can make due as they stand.';

undeclared_sentence(text, text, text, bigint, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.undeclared_sentence(foreign_key text, on_delete text, child text, rows bigint, parent lethe.managed_tables) IS 'What PostgreSQL would do with rows that no link declares.';

under_paths_of(integer[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.under_paths_of(table_ids integer[]) IS 'One of the tables, with the search paths declared for any of them, one behind the other.';

unique_indexes(oid, smallint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unique_indexes(relation oid, column_position smallint) IS 'Names of the indexes that keep a column''s values apart.';

unlocked_sql(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unlocked_sql() IS 'Locks the rows of a batch that nobody else has locked, and returns them.';

unplanned_writes(jsonb, jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unplanned_writes(before jsonb, after jsonb, planned jsonb) IS 'The difference of two readings of rows_written, less what was planned.';

unpurposed_sql(lethe.managed_tables, oid, lethe.controllers[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unpurposed_sql(managed lethe.managed_tables, table_oid oid, controllers lethe.controllers[]) IS 'Counts per controller and rule to how many values no term applies, and how many of them have no usable clock: {"controller rule": [n, n]}.';

unreached_rows(lethe.requests, lethe_private.reached_row[], lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unreached_rows(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers) IS 'Rows that were kept for a request and that no link leads to any more, decided by their day. Raises LE421, LE439.';

untouchable_sql(text, lethe.managed_tables, oid, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) IS 'True when a row may neither go nor change with another one: it is held, or is not the controller''s.';

usable_key(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.usable_key(relation oid) IS 'The columns that identify a row; null when nothing does.';

wait_for_batches(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.wait_for_batches() IS 'Trigger: no batch runs while holds change.';

written_forms(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.written_forms(identifier text) IS 'The ways in which an identifier may be written, in lower case.';

wanted(bigint[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.wanted(requests bigint[]) IS 'What is looked for on behalf of some requests.';

with_news(lethe_private.reached_row[], lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.with_news(reached lethe_private.reached_row[], news lethe_private.reached_row[]) IS 'What was reached so far and what is new; of a row that is in both, the new form.';

with_outcome(jsonb, lethe.managed_tables, lethe.controllers, jsonb, text, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[], date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.with_outcome(result jsonb, managed lethe.managed_tables, controller lethe.controllers, program jsonb, phase text, actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[], as_of date) IS 'Tries one batch and adds what it shows to the result of try_rules.';

without_predicates(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.without_predicates(program jsonb) IS 'A program as it is shown to somebody who may not read what holds ask for.';

without_rows(lethe_private.reached_row[], lethe_private.reached_row[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.without_rows(rows lethe_private.reached_row[], others lethe_private.reached_row[]) IS 'Rows that are not among others.';

without_waived(jsonb, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.without_waived(found jsonb, looked text[]) IS 'Findings that no waiver covers, and what is to be said of the waivers themselves.';

CREATE TABLE lethe.evidence_batches (
    id bigint NOT NULL,
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    phase text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    rows_done bigint NOT NULL,
    counts jsonb NOT NULL,
    root text NOT NULL,
    key_version integer NOT NULL
);

ALTER TABLE lethe.evidence_batches OWNER TO lethe_owner;

COMMENT ON TABLE lethe.evidence_batches IS 'One record a batch, committed with the batch itself.';

COMMENT ON COLUMN lethe.evidence_batches.root IS 'HMAC-SHA-256, under the controller''s key, over the ordered keys of the rows the batch changed. Names nobody.';

write_evidence(lethe.cycle_tables, jsonb, jsonb, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb) IS 'Puts what was found, done and re-read into lethe.evidence, rule by rule.';

write_findings(bigint[], jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.write_findings(requests bigint[], findings jsonb) IS 'Puts findings in the place of those of an earlier look.';

write_guards(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.write_guards() IS 'Writes beforehand what guards ask.';

write_outcomes(lethe.requests[], bigint[], lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.write_outcomes(requests lethe.requests[], owners bigint[], rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys) IS 'Writes down what was done for each request, what is kept for it, and until when.';

write_receipt(lethe.cycles); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.write_receipt(cycle lethe.cycles) IS 'Writes the receipt of a cycle that has just ended.';

CREATE VIEW lethe.api_tokens WITH (security_barrier='true') AS
 SELECT t.id,
    t.name,
    t.role,
    t.controller_id,
    t.issued_at,
    t.issued_by,
    t.expires_at,
    t.last_used_at,
    t.revoked_at
   FROM lethe_private.api_tokens t
  WHERE
        CASE
            WHEN (t.controller_id IS NULL) THEN lethe_private.is_operator()
            ELSE lethe_private.acts_for(t.controller_id)
        END;

ALTER TABLE lethe.api_tokens OWNER TO lethe_owner;

COMMENT ON VIEW lethe.api_tokens IS '@primaryKey id
@foreignKey (controller_id) references lethe.controllers (id)
Who may use the API, as which role, for which controller and until when. Not the tokens themselves.';

COMMENT ON COLUMN lethe.api_tokens.controller_id IS 'Null: all controllers.';

COMMENT ON COLUMN lethe.api_tokens.last_used_at IS 'To the minute; null: never used.';

ALTER TABLE lethe.archive_openings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.archive_openings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe.certificates (
    request_id bigint NOT NULL,
    number integer NOT NULL,
    controller_id integer NOT NULL,
    issued_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    document jsonb NOT NULL
);

ALTER TABLE lethe.certificates OWNER TO lethe_owner;

COMMENT ON TABLE lethe.certificates IS 'What became of a person''s data: erased, retained (basis, until), found, and what only time removes. Figures and names of tables, no personal data. Sealed as evidence.';

ALTER TABLE lethe.controllers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.controllers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.cycles ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.cycles_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW lethe.detached_partitions WITH (security_invoker='true', security_barrier='true') AS
 SELECT DISTINCT ON (c.oid) format('%I.%I'::text, n.nspname, c.relname) AS table_name,
    format('%I.%I'::text, m.schema_name, m.table_name) AS detached_from,
    p.rows,
    p.at AS detached_at,
    p.cycle_id
   FROM (((lethe.partition_purges p
     JOIN pg_class c ON (((c.relkind = ANY (ARRAY['r'::"char", 'p'::"char"])) AND (NOT c.relispartition))))
     JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
     LEFT JOIN lethe.managed_tables m ON ((m.id = p.table_id)))
  WHERE ((p.how = ANY (ARRAY['detached'::text, 'detaching'::text])) AND ((c.oid = p.partition_oid) OR (format('%I.%I'::text, n.nspname, c.relname) = p.partition)))
  ORDER BY c.oid, p.id DESC;

ALTER TABLE lethe.detached_partitions OWNER TO lethe_owner;

COMMENT ON VIEW lethe.detached_partitions IS 'Tables that Lethe has detached and that still exist: they hold personal data whose time is over, and nobody manages them. Drop them.';

COMMENT ON COLUMN lethe.detached_partitions.rows IS 'Rows it had when it was detached; null: being detached.';

ALTER TABLE lethe.drafts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.drafts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.evidence_batches ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.evidence_batches_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.holds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.holds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.links ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.managed_tables ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.managed_tables_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.notifications ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.notifications_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.partition_purges ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.partition_purges_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.policy_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.policy_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.recipients ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.recipients_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.replay_findings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.replay_findings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.request_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.request_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe.request_moves (
    kind text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    moved_by text[] NOT NULL,
    description text NOT NULL,
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['access'::text, 'portability'::text, 'rectification'::text, 'restriction'::text, 'objection'::text, 'erasure'::text]))),
    CONSTRAINT moved_by_a_role CHECK (((moved_by <@ ARRAY['lethe_officer'::text, 'lethe_agent'::text, 'lethe_worker'::text]) AND (moved_by <> '{}'::text[])))
);

ALTER TABLE lethe.request_moves OWNER TO lethe_owner;

COMMENT ON TABLE lethe.request_moves IS 'From which state a request may go to which, and who may move it: roles, of which one is enough.';

ALTER TABLE lethe.requests ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.rules ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.rules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.subject_types ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.subject_types_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe.terms ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.terms_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe_private.api_tokens ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe_private.api_tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe_private.compiled (
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    program jsonb NOT NULL
);

ALTER TABLE lethe_private.compiled OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.compiled IS 'The statements a cycle runs on a table, as lethe.preview shows them.';

CREATE VIEW lethe_private.evidence_formats AS
 SELECT f.relation_order,
    f.relation,
    f.format,
    f.columns
   FROM ( VALUES (1,'lethe.cycles'::text,1,ARRAY['id'::text, 'controller_id'::text, 'local_date'::text, 'covers_since'::text, 'state'::text, 'started_at'::text, 'finished_at'::text]), (2,'lethe.cycle_tables'::text,1,ARRAY['cycle_id'::text, 'table_id'::text, 'table_name'::text, 'state'::text, 'phase'::text, 'round'::text, 'pass'::text, 'found_in_pass'::text, 'done_before_pass'::text, 'done_before_round'::text, 'rows_done'::text, 'rows_found'::text, 'batches'::text, 'attempts'::text, 'found'::text, 'skipped'::text, 'failure'::text]), (3,'lethe.evidence'::text,1,ARRAY['cycle_id'::text, 'table_name'::text, 'rule'::text, 'table_id'::text, 'due'::text, 'done'::text, 'held'::text, 'kept_by_child'::text, 'skipped'::text, 'skipped_why'::text, 'unclocked'::text, 'left_over'::text]), (4,'lethe.evidence_batches'::text,1,ARRAY['id'::text, 'cycle_id'::text, 'table_id'::text, 'phase'::text, 'at'::text, 'rows_done'::text, 'counts'::text, 'root'::text, 'key_version'::text]), (5,'lethe.receipts'::text,1,ARRAY['cycle_id'::text, 'document'::text]), (6,'lethe.archive_openings'::text,1,ARRAY['id'::text, 'at'::text, 'by'::text, 'controller_id'::text, 'table_name'::text, 'key_hash'::text, 'key_version'::text, 'restored'::text, 'exempt_until'::text, 'rows_opened'::text]), (7,'lethe.certificates'::text,1,ARRAY['request_id'::text, 'number'::text, 'controller_id'::text, 'issued_at'::text, 'document'::text])) f(relation_order, relation, format, columns);

ALTER TABLE lethe_private.evidence_formats OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.evidence_formats IS 'Which columns of which tables are sealed. The highest format of a table is the one for new seals.';

CREATE VIEW lethe_private.evidence_rows AS
 SELECT c.controller_id,
    c.id AS cycle_id,
    'lethe.cycles'::text AS relation,
    (jsonb_build_array(c.id))::text AS key,
    (c.state <> 'open'::text) AS final,
    to_jsonb(c.*) AS content
   FROM lethe.cycles c
UNION ALL
 SELECT c.controller_id,
    t.cycle_id,
    'lethe.cycle_tables'::text AS relation,
    (jsonb_build_array(t.cycle_id, t.table_id))::text AS key,
    (c.state <> 'open'::text) AS final,
    to_jsonb(t.*) AS content
   FROM (lethe.cycle_tables t
     LEFT JOIN lethe.cycles c ON ((c.id = t.cycle_id)))
UNION ALL
 SELECT c.controller_id,
    e.cycle_id,
    'lethe.evidence'::text AS relation,
    (jsonb_build_array(e.cycle_id, e.table_name, e.rule))::text AS key,
    (c.state <> 'open'::text) AS final,
    to_jsonb(e.*) AS content
   FROM (lethe.evidence e
     LEFT JOIN lethe.cycles c ON ((c.id = e.cycle_id)))
UNION ALL
 SELECT c.controller_id,
    b.cycle_id,
    'lethe.evidence_batches'::text AS relation,
    (jsonb_build_array(b.id))::text AS key,
    (c.state <> 'open'::text) AS final,
    to_jsonb(b.*) AS content
   FROM (lethe.evidence_batches b
     LEFT JOIN lethe.cycles c ON ((c.id = b.cycle_id)))
UNION ALL
 SELECT c.controller_id,
    r.cycle_id,
    'lethe.receipts'::text AS relation,
    (jsonb_build_array(r.cycle_id))::text AS key,
    (c.state <> 'open'::text) AS final,
    to_jsonb(r.*) AS content
   FROM (lethe.receipts r
     LEFT JOIN lethe.cycles c ON ((c.id = r.cycle_id)))
UNION ALL
 SELECT o.controller_id,
    NULL::bigint AS cycle_id,
    'lethe.archive_openings'::text AS relation,
    (jsonb_build_array(o.id))::text AS key,
    true AS final,
    to_jsonb(o.*) AS content
   FROM lethe.archive_openings o
UNION ALL
 SELECT c.controller_id,
    NULL::bigint AS cycle_id,
    'lethe.certificates'::text AS relation,
    (jsonb_build_array(c.request_id, c.number))::text AS key,
    true AS final,
    to_jsonb(c.*) AS content
   FROM lethe.certificates c;

ALTER TABLE lethe_private.evidence_rows OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.evidence_rows IS 'Every row of evidence: whose it is, its key, whether it can no longer change, and what it says. Times are in the session''s zone: only functions that pin it may hash them.';

CREATE TABLE lethe_private.exemptions (
    opening_id bigint NOT NULL,
    table_id integer NOT NULL,
    key text NOT NULL,
    until date NOT NULL
);

ALTER TABLE lethe_private.exemptions OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.exemptions IS 'Rows put back from the archive, left alone up to and including a day; else the next cycle would take them back.';

CREATE TABLE lethe_private.guard_programs (
    table_id integer NOT NULL,
    holds integer[] NOT NULL,
    relations oid[] NOT NULL,
    on_delete text NOT NULL,
    on_update text NOT NULL
);

ALTER TABLE lethe_private.guard_programs OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.guard_programs IS 'What guards ask about a row, of tables under a hold: written beforehand, since writing it takes longer than asking it.';

CREATE TABLE lethe_private.guard_state (
    only_row boolean DEFAULT true NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    CONSTRAINT one_row CHECK (only_row)
);

ALTER TABLE lethe_private.guard_state OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.guard_state IS 'Until when the programs of guards are what they would be if they were written now. Without a row they are not: the policy has changed.';

CREATE VIEW lethe_private.held AS
 SELECT k.table_id,
    k.key,
    h.ends_on,
    h.id AS hold_id
   FROM (lethe_private.held_keys k
     JOIN lethe.holds h ON ((h.id = k.hold_id)))
  WHERE (h.released_at IS NULL)
UNION ALL
 SELECT e.table_id,
    e.key,
    e.until AS ends_on,
    NULL::integer AS hold_id
   FROM lethe_private.exemptions e;

ALTER TABLE lethe_private.held OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.held IS 'Keys under a hold that has not been released (a null key is the whole table), or put back from the archive for a time (without a hold).';

CREATE TABLE lethe_private.held_links (
    hold_id integer NOT NULL,
    table_id integer NOT NULL,
    columns text[] NOT NULL,
    to_table_id integer NOT NULL,
    to_columns text[] NOT NULL
);

ALTER TABLE lethe_private.held_links OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.held_links IS 'The links by which a hold on a person reached rows when it was placed: a policy must keep them while it is in force.';

CREATE VIEW lethe_private.keys_of_holds AS
 SELECT k.hold_id,
    k.table_id,
    k.key
   FROM lethe_private.held_keys k;

ALTER TABLE lethe_private.keys_of_holds OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.keys_of_holds IS 'Which hold names which key, and nothing else about it; for lethe_sweeper.';

CREATE TABLE lethe_private.migrations (
    filename text NOT NULL,
    hash text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE lethe_private.migrations OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.migrations IS 'Which of Lethe''s migrations this database has, and the SHA-256 of the text that was applied.';

ALTER TABLE lethe_private.mirrors ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe_private.mirrors_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe_private.packages ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe_private.packages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe_private.recaptures ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe_private.recaptures_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe_private.recipient_secrets (
    recipient_id integer NOT NULL,
    secret bytea NOT NULL
);

ALTER TABLE lethe_private.recipient_secrets OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.recipient_secrets IS 'What a recipient''s webhooks are signed with.';

CREATE TABLE lethe_private.rehearsing (
    xact xid8 DEFAULT pg_current_xact_id() NOT NULL
);

ALTER TABLE lethe_private.rehearsing OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.rehearsing IS 'The transaction in which a drafted policy holds for a moment. Rolled back with it: nobody else ever sees a row here, and open cycles go on under the policy in force.';

CREATE VIEW lethe_private.remembered AS
 SELECT l.parent_table_id,
    l.parent_key,
    l.controller_id,
    l.entry,
    l.last_day
   FROM lethe_private.last_events l;

ALTER TABLE lethe_private.remembered OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.remembered IS 'The latest day of events that are gone, as statements read and write it.';

CREATE TABLE lethe_private.restriction_programs (
    table_id integer NOT NULL,
    statement text NOT NULL
);

ALTER TABLE lethe_private.restriction_programs OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.restriction_programs IS 'What is asked about a row while something is restricted: written beforehand, with the programs of guards and good for as long.';

ALTER TABLE lethe_private.suppressions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe_private.suppressions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE lethe_private.worklist ALTER COLUMN batch ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe_private.worklist_batch_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY lethe.recipients
    ADD CONSTRAINT recipients_pkey PRIMARY KEY (id);

list_recipients(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.list_recipients() IS 'The recipients of the controllers you act for, and how many notifications each has, by state.';

ALTER TABLE ONLY lethe.managed_tables
    ADD CONSTRAINT managed_tables_pkey PRIMARY KEY (id);

check_unrehearsed_rule(lethe_private.reached[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.check_unrehearsed_rule(reached lethe_private.reached[]) IS 'Rules that were set directly, and not by a draft that had been rehearsed.';

export_links(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.export_links(subject_type_id integer) IS 'The links of a subject type as a policy document writes them.';

ALTER TABLE ONLY lethe.archive_openings
    ADD CONSTRAINT archive_openings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.certificates
    ADD CONSTRAINT certificates_pkey PRIMARY KEY (request_id, number);

ALTER TABLE ONLY lethe.column_formats
    ADD CONSTRAINT column_formats_pkey PRIMARY KEY (table_id, column_name);

ALTER TABLE ONLY lethe.controllers
    ADD CONSTRAINT controllers_name_key UNIQUE (name);

ALTER TABLE ONLY lethe.controllers
    ADD CONSTRAINT controllers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.controllers
    ADD CONSTRAINT controllers_reference_key UNIQUE (reference);

ALTER TABLE ONLY lethe.cycle_tables
    ADD CONSTRAINT cycle_tables_pkey PRIMARY KEY (cycle_id, table_id);

ALTER TABLE ONLY lethe.cycles
    ADD CONSTRAINT cycles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.drafts
    ADD CONSTRAINT drafts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.evidence_batches
    ADD CONSTRAINT evidence_batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.evidence
    ADD CONSTRAINT evidence_pkey PRIMARY KEY (cycle_id, table_name, rule);

ALTER TABLE ONLY lethe.formats
    ADD CONSTRAINT formats_pkey PRIMARY KEY (name, kind);

ALTER TABLE ONLY lethe.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_table_id_columns_to_table_id_subject_type_id_key UNIQUE NULLS NOT DISTINCT (table_id, columns, to_table_id, subject_type_id);

ALTER TABLE ONLY lethe.managed_columns
    ADD CONSTRAINT managed_columns_pkey PRIMARY KEY (table_id, column_name);

ALTER TABLE ONLY lethe.managed_tables
    ADD CONSTRAINT managed_tables_schema_name_table_name_key UNIQUE (schema_name, table_name);

ALTER TABLE ONLY lethe.managed_views
    ADD CONSTRAINT managed_views_pkey PRIMARY KEY (schema_name, view_name);

ALTER TABLE ONLY lethe.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (login, controller_id);

ALTER TABLE ONLY lethe.methods
    ADD CONSTRAINT methods_pkey PRIMARY KEY (name);

ALTER TABLE ONLY lethe.notifications
    ADD CONSTRAINT notifications_event_key_key UNIQUE (event_key);

ALTER TABLE ONLY lethe.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.notifications
    ADD CONSTRAINT notifications_request_id_recipient_id_key UNIQUE (request_id, recipient_id);

ALTER TABLE ONLY lethe.partition_purges
    ADD CONSTRAINT partition_purges_cycle_id_table_id_round_partition_oid_key UNIQUE (cycle_id, table_id, round, partition_oid);

ALTER TABLE ONLY lethe.partition_purges
    ADD CONSTRAINT partition_purges_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.policy_changes
    ADD CONSTRAINT policy_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (cycle_id);

ALTER TABLE ONLY lethe.replay_findings
    ADD CONSTRAINT replay_findings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.request_events
    ADD CONSTRAINT request_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.request_findings
    ADD CONSTRAINT request_findings_pkey PRIMARY KEY (request_id, n);

ALTER TABLE ONLY lethe.request_moves
    ADD CONSTRAINT request_moves_pkey PRIMARY KEY (kind, from_state, to_state);

ALTER TABLE ONLY lethe.request_states
    ADD CONSTRAINT request_states_pkey PRIMARY KEY (name);

ALTER TABLE ONLY lethe.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_table_id_column_name_action_key UNIQUE NULLS NOT DISTINCT (table_id, column_name, action);

ALTER TABLE ONLY lethe.sealed_rows
    ADD CONSTRAINT sealed_rows_pkey PRIMARY KEY (controller_id, number, "position");

ALTER TABLE ONLY lethe.sealed_rows
    ADD CONSTRAINT sealed_rows_relation_key_key UNIQUE (relation, key);

ALTER TABLE ONLY lethe.seals
    ADD CONSTRAINT seals_pkey PRIMARY KEY (controller_id, number);

ALTER TABLE ONLY lethe.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY lethe.subject_types
    ADD CONSTRAINT subject_types_name_key UNIQUE (name);

ALTER TABLE ONLY lethe.subject_types
    ADD CONSTRAINT subject_types_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_rule_id_controller_id_purpose_key UNIQUE NULLS NOT DISTINCT (rule_id, controller_id, purpose);

ALTER TABLE ONLY lethe.waivers
    ADD CONSTRAINT waivers_pkey PRIMARY KEY (code, object);

ALTER TABLE ONLY lethe_private.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe_private.api_tokens
    ADD CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY lethe_private.compiled
    ADD CONSTRAINT compiled_pkey PRIMARY KEY (cycle_id, table_id);

ALTER TABLE ONLY lethe_private.controller_keys
    ADD CONSTRAINT controller_keys_pkey PRIMARY KEY (controller_id, version);

ALTER TABLE ONLY lethe_private.exemptions
    ADD CONSTRAINT exemptions_pkey PRIMARY KEY (table_id, key, until);

ALTER TABLE ONLY lethe_private.guard_programs
    ADD CONSTRAINT guard_programs_pkey PRIMARY KEY (table_id);

ALTER TABLE ONLY lethe_private.guard_state
    ADD CONSTRAINT guard_state_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY lethe_private.guarded_relations
    ADD CONSTRAINT guarded_relations_pkey PRIMARY KEY (xact, relation);

ALTER TABLE ONLY lethe_private.held_conditions
    ADD CONSTRAINT held_conditions_pkey PRIMARY KEY (hold_id);

ALTER TABLE ONLY lethe_private.held_links
    ADD CONSTRAINT held_links_pkey PRIMARY KEY (hold_id, table_id, columns, to_table_id);

ALTER TABLE ONLY lethe_private.held_relations
    ADD CONSTRAINT held_relations_pkey PRIMARY KEY (table_id, relation);

ALTER TABLE ONLY lethe_private.kept_rows
    ADD CONSTRAINT kept_rows_pkey PRIMARY KEY (request_id, table_id, key);

ALTER TABLE ONLY lethe_private.last_events
    ADD CONSTRAINT last_events_pkey PRIMARY KEY (parent_table_id, parent_key, controller_id, entry);

ALTER TABLE ONLY lethe_private.ledger_holds
    ADD CONSTRAINT ledger_holds_pkey PRIMARY KEY (hold_id, event);

ALTER TABLE ONLY lethe_private.ledger_known
    ADD CONSTRAINT ledger_known_pkey PRIMARY KEY (number);

ALTER TABLE ONLY lethe_private.ledger_state
    ADD CONSTRAINT ledger_state_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY lethe_private.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (filename);

ALTER TABLE ONLY lethe_private.mirror_columns
    ADD CONSTRAINT mirror_columns_pkey PRIMARY KEY (mirror_id, column_name);

ALTER TABLE ONLY lethe_private.mirror_roots
    ADD CONSTRAINT mirror_roots_pkey PRIMARY KEY (mirror_id, root_table_id);

ALTER TABLE ONLY lethe_private.mirrors
    ADD CONSTRAINT mirrors_name_key UNIQUE (name);

ALTER TABLE ONLY lethe_private.mirrors
    ADD CONSTRAINT mirrors_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe_private.notification_hashes
    ADD CONSTRAINT notification_hashes_pkey PRIMARY KEY (notification_id);

ALTER TABLE ONLY lethe_private.packages
    ADD CONSTRAINT packages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe_private.packages
    ADD CONSTRAINT packages_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY lethe_private.recaptures
    ADD CONSTRAINT recaptures_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe_private.recipient_secrets
    ADD CONSTRAINT recipient_secrets_pkey PRIMARY KEY (recipient_id);

ALTER TABLE ONLY lethe_private.rehearsing
    ADD CONSTRAINT rehearsing_pkey PRIMARY KEY (xact);

ALTER TABLE ONLY lethe_private.replay_finding_keys
    ADD CONSTRAINT replay_finding_keys_pkey PRIMARY KEY (finding_id);

ALTER TABLE ONLY lethe_private.replay_finding_keys
    ADD CONSTRAINT replay_finding_keys_table_id_key_key UNIQUE (table_id, key);

ALTER TABLE ONLY lethe_private.replay_matches
    ADD CONSTRAINT replay_matches_pkey PRIMARY KEY (number, table_id, key);

ALTER TABLE ONLY lethe_private.request_identifiers
    ADD CONSTRAINT request_identifiers_pkey PRIMARY KEY (request_id, n, column_name);

ALTER TABLE ONLY lethe_private.request_roots
    ADD CONSTRAINT request_roots_pkey PRIMARY KEY (request_id, n);

ALTER TABLE ONLY lethe_private.restoring
    ADD CONSTRAINT restoring_pkey PRIMARY KEY (xact, root_table_id, root, archived_at);

ALTER TABLE ONLY lethe_private.restriction_programs
    ADD CONSTRAINT restriction_programs_pkey PRIMARY KEY (table_id);

ALTER TABLE ONLY lethe_private.suppressions
    ADD CONSTRAINT suppressions_controller_id_subject_hash_key UNIQUE (controller_id, subject, hash);

ALTER TABLE ONLY lethe_private.suppressions
    ADD CONSTRAINT suppressions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe_private.worklist
    ADD CONSTRAINT worklist_pkey PRIMARY KEY (cycle_id, table_id, batch);

CREATE INDEX archive_openings_by_controller ON lethe.archive_openings USING btree (controller_id, at);

CREATE INDEX certificates_by_controller ON lethe.certificates USING btree (controller_id);

CREATE INDEX column_formats_by_format ON lethe.column_formats USING btree (format, kind);

CREATE INDEX cycles_by_controller ON lethe.cycles USING btree (controller_id, local_date);

CREATE UNIQUE INDEX cycles_one_open ON lethe.cycles USING btree (controller_id) WHERE (state = 'open'::text);

CREATE INDEX evidence_batches_by_cycle ON lethe.evidence_batches USING btree (cycle_id, table_id);

CREATE INDEX holds_by_controller ON lethe.holds USING btree (controller_id);

CREATE INDEX holds_by_request ON lethe.holds USING btree (request_id);

CREATE INDEX holds_by_table ON lethe.holds USING btree (table_id);

CREATE INDEX holds_not_released ON lethe.holds USING btree (id) WHERE (released_at IS NULL);

CREATE INDEX links_by_subject_type ON lethe.links USING btree (subject_type_id);

CREATE INDEX links_by_to_table ON lethe.links USING btree (to_table_id);

CREATE INDEX managed_tables_by_controller ON lethe.managed_tables USING btree (controller_id);

CREATE INDEX memberships_by_controller ON lethe.memberships USING btree (controller_id);

CREATE INDEX notifications_by_recipient ON lethe.notifications USING btree (recipient_id);

CREATE INDEX policy_changes_by_draft ON lethe.policy_changes USING btree (draft_id);

CREATE INDEX recipients_by_controller ON lethe.recipients USING btree (controller_id);

CREATE UNIQUE INDEX recipients_once ON lethe.recipients USING btree (controller_id, name) WHERE (removed_at IS NULL);

CREATE INDEX replay_findings_by_controller ON lethe.replay_findings USING btree (controller_id);

CREATE INDEX replay_findings_by_request ON lethe.replay_findings USING btree (request_id);

CREATE INDEX request_events_by_request ON lethe.request_events USING btree (request_id);

CREATE INDEX request_moves_by_from_state ON lethe.request_moves USING btree (from_state);

CREATE INDEX request_moves_by_to_state ON lethe.request_moves USING btree (to_state);

CREATE INDEX requests_by_controller ON lethe.requests USING btree (controller_id);

CREATE INDEX requests_by_state ON lethe.requests USING btree (state);

CREATE INDEX requests_open_by_due ON lethe.requests USING btree (due_on) WHERE (ended_at IS NULL);

CREATE INDEX subject_types_by_table ON lethe.subject_types USING btree (table_id);

CREATE INDEX terms_by_controller ON lethe.terms USING btree (controller_id);

CREATE INDEX terms_by_method ON lethe.terms USING btree (method);

CREATE INDEX api_tokens_by_controller ON lethe_private.api_tokens USING btree (controller_id);

CREATE INDEX exemptions_by_opening ON lethe_private.exemptions USING btree (opening_id);

CREATE INDEX held_conditions_by_table ON lethe_private.held_conditions USING btree (table_id);

CREATE INDEX held_keys_by_hold ON lethe_private.held_keys USING btree (hold_id);

CREATE INDEX held_keys_by_key ON lethe_private.held_keys USING btree (table_id, key);

CREATE INDEX held_links_by_table ON lethe_private.held_links USING btree (table_id);

CREATE INDEX held_links_by_to_table ON lethe_private.held_links USING btree (to_table_id);

CREATE INDEX kept_rows_by_table_and_key ON lethe_private.kept_rows USING btree (table_id, key);

CREATE INDEX last_events_by_controller ON lethe_private.last_events USING btree (controller_id);

CREATE INDEX ledger_holds_by_number ON lethe_private.ledger_holds USING btree (number);

CREATE INDEX mirror_roots_by_root ON lethe_private.mirror_roots USING btree (root_table_id);

CREATE INDEX mirrors_by_table ON lethe_private.mirrors USING btree (table_id);

CREATE INDEX packages_by_expiry ON lethe_private.packages USING btree (expires_at);

CREATE INDEX packages_by_request ON lethe_private.packages USING btree (request_id);

CREATE INDEX recaptures_by_controller ON lethe_private.recaptures USING btree (controller_id);

CREATE INDEX recaptures_by_request ON lethe_private.recaptures USING btree (request_id);

CREATE INDEX recaptures_by_table ON lethe_private.recaptures USING btree (table_id);

CREATE INDEX replay_matches_by_controller ON lethe_private.replay_matches USING btree (controller_id);

CREATE INDEX replay_matches_by_table ON lethe_private.replay_matches USING btree (table_id, key);

CREATE INDEX request_roots_by_table_and_key ON lethe_private.request_roots USING btree (table_id, key);

CREATE INDEX suppressions_by_request ON lethe_private.suppressions USING btree (request_id);

CREATE TRIGGER drop_empty_mirrors BEFORE DELETE ON lethe.managed_tables FOR EACH ROW EXECUTE FUNCTION lethe_private.drop_empty_mirrors();

CREATE TRIGGER keep_held_changed BEFORE UPDATE ON lethe.managed_tables FOR EACH ROW WHEN (((old.key_columns IS DISTINCT FROM new.key_columns) OR (old.controller_column IS DISTINCT FROM new.controller_column) OR (old.controller_id IS DISTINCT FROM new.controller_id))) EXECUTE FUNCTION lethe_private.keep_held();

CREATE TRIGGER keep_held_changed BEFORE UPDATE ON lethe.subject_types FOR EACH ROW WHEN (((old.name <> new.name) OR (old.table_id <> new.table_id))) EXECUTE FUNCTION lethe_private.keep_held();

CREATE TRIGGER keep_held_deleted BEFORE DELETE ON lethe.managed_tables FOR EACH ROW EXECUTE FUNCTION lethe_private.keep_held();

CREATE TRIGGER keep_held_deleted BEFORE DELETE ON lethe.subject_types FOR EACH ROW EXECUTE FUNCTION lethe_private.keep_held();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.column_formats FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.controllers FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.holds FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.links FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.managed_columns FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.managed_tables FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.managed_views FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.memberships FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.rules FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.settings FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.subject_types FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.terms FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.waivers FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.archive_openings FOR EACH ROW EXECUTE FUNCTION lethe_private.refuse_sealed('lethe.archive_openings', 'id');

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.certificates FOR EACH ROW EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.cycle_tables FOR EACH ROW WHEN ((old.state <> ALL (ARRAY['waiting'::text, 'sweeping'::text, 'swept'::text]))) EXECUTE FUNCTION lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.cycles FOR EACH ROW WHEN ((old.state <> 'open'::text)) EXECUTE FUNCTION lethe_private.refuse_sealed('lethe.cycles', 'id');

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.evidence FOR EACH ROW EXECUTE FUNCTION lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.evidence_batches FOR EACH ROW EXECUTE FUNCTION lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.receipts FOR EACH ROW EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.sealed_rows FOR EACH ROW EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_sealed BEFORE DELETE OR UPDATE ON lethe.seals FOR EACH ROW EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.archive_openings FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.certificates FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.cycle_tables FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.cycles FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.evidence FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.evidence_batches FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.receipts FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.sealed_rows FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lethe.seals FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.refuse_sealed();

CREATE TRIGGER wait_for_batches BEFORE INSERT OR DELETE OR UPDATE OF controller_id, ends_on, released_at, kind, subject, table_id, request_id ON lethe.holds FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.wait_for_batches();

CREATE TRIGGER wait_for_batches BEFORE INSERT OR DELETE OR UPDATE ON lethe_private.held_conditions FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.wait_for_batches();

CREATE TRIGGER wait_for_batches BEFORE INSERT OR DELETE OR UPDATE ON lethe_private.held_keys FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.wait_for_batches();

ALTER TABLE ONLY lethe.archive_openings
    ADD CONSTRAINT archive_openings_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.certificates
    ADD CONSTRAINT certificates_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.certificates
    ADD CONSTRAINT certificates_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.column_formats
    ADD CONSTRAINT column_formats_format_kind_fkey FOREIGN KEY (format, kind) REFERENCES lethe.formats(name, kind) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.column_formats
    ADD CONSTRAINT column_formats_table_id_column_name_fkey FOREIGN KEY (table_id, column_name) REFERENCES lethe.managed_columns(table_id, column_name) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.cycle_tables
    ADD CONSTRAINT cycle_tables_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES lethe.cycles(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.cycles
    ADD CONSTRAINT cycles_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.evidence_batches
    ADD CONSTRAINT evidence_batches_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES lethe.cycles(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.evidence
    ADD CONSTRAINT evidence_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES lethe.cycles(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.holds
    ADD CONSTRAINT holds_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.holds
    ADD CONSTRAINT holds_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.holds
    ADD CONSTRAINT holds_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE SET NULL;

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_subject_type_id_fkey FOREIGN KEY (subject_type_id) REFERENCES lethe.subject_types(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_to_table_id_fkey FOREIGN KEY (to_table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.managed_columns
    ADD CONSTRAINT managed_columns_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.managed_tables
    ADD CONSTRAINT managed_tables_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.memberships
    ADD CONSTRAINT memberships_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.notifications
    ADD CONSTRAINT notifications_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES lethe.recipients(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.notifications
    ADD CONSTRAINT notifications_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.partition_purges
    ADD CONSTRAINT partition_purges_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES lethe.cycles(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.policy_changes
    ADD CONSTRAINT policy_changes_draft_id_fkey FOREIGN KEY (draft_id) REFERENCES lethe.drafts(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.receipts
    ADD CONSTRAINT receipts_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES lethe.cycles(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.recipients
    ADD CONSTRAINT recipients_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.replay_findings
    ADD CONSTRAINT replay_findings_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.replay_findings
    ADD CONSTRAINT replay_findings_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE SET NULL;

ALTER TABLE ONLY lethe.request_events
    ADD CONSTRAINT request_events_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.request_findings
    ADD CONSTRAINT request_findings_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.request_moves
    ADD CONSTRAINT request_moves_from_state_fkey FOREIGN KEY (from_state) REFERENCES lethe.request_states(name) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.request_moves
    ADD CONSTRAINT request_moves_to_state_fkey FOREIGN KEY (to_state) REFERENCES lethe.request_states(name) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.requests
    ADD CONSTRAINT requests_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.requests
    ADD CONSTRAINT requests_state_fkey FOREIGN KEY (state) REFERENCES lethe.request_states(name) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.sealed_rows
    ADD CONSTRAINT sealed_rows_controller_id_number_fkey FOREIGN KEY (controller_id, number) REFERENCES lethe.seals(controller_id, number) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.seals
    ADD CONSTRAINT seals_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.subject_types
    ADD CONSTRAINT subject_types_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_method_fkey FOREIGN KEY (method) REFERENCES lethe.methods(name) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES lethe.rules(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.api_tokens
    ADD CONSTRAINT api_tokens_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.compiled
    ADD CONSTRAINT compiled_cycle_id_table_id_fkey FOREIGN KEY (cycle_id, table_id) REFERENCES lethe.cycle_tables(cycle_id, table_id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.controller_keys
    ADD CONSTRAINT controller_keys_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.exemptions
    ADD CONSTRAINT exemptions_opening_id_fkey FOREIGN KEY (opening_id) REFERENCES lethe.archive_openings(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.exemptions
    ADD CONSTRAINT exemptions_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.guard_programs
    ADD CONSTRAINT guard_programs_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_conditions
    ADD CONSTRAINT held_conditions_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES lethe.holds(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_conditions
    ADD CONSTRAINT held_conditions_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_keys
    ADD CONSTRAINT held_keys_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES lethe.holds(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_keys
    ADD CONSTRAINT held_keys_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_links
    ADD CONSTRAINT held_links_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES lethe.holds(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_links
    ADD CONSTRAINT held_links_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_links
    ADD CONSTRAINT held_links_to_table_id_fkey FOREIGN KEY (to_table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_relations
    ADD CONSTRAINT held_relations_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.kept_rows
    ADD CONSTRAINT kept_rows_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.kept_rows
    ADD CONSTRAINT kept_rows_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.last_events
    ADD CONSTRAINT last_events_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.last_events
    ADD CONSTRAINT last_events_parent_table_id_fkey FOREIGN KEY (parent_table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.ledger_holds
    ADD CONSTRAINT ledger_holds_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES lethe.holds(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.mirror_columns
    ADD CONSTRAINT mirror_columns_mirror_id_fkey FOREIGN KEY (mirror_id) REFERENCES lethe_private.mirrors(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.mirror_roots
    ADD CONSTRAINT mirror_roots_mirror_id_fkey FOREIGN KEY (mirror_id) REFERENCES lethe_private.mirrors(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.mirror_roots
    ADD CONSTRAINT mirror_roots_root_table_id_fkey FOREIGN KEY (root_table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.mirrors
    ADD CONSTRAINT mirrors_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe_private.notification_hashes
    ADD CONSTRAINT notification_hashes_notification_id_fkey FOREIGN KEY (notification_id) REFERENCES lethe.notifications(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.packages
    ADD CONSTRAINT packages_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.recaptures
    ADD CONSTRAINT recaptures_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.recaptures
    ADD CONSTRAINT recaptures_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE SET NULL;

ALTER TABLE ONLY lethe_private.recaptures
    ADD CONSTRAINT recaptures_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.recipient_secrets
    ADD CONSTRAINT recipient_secrets_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES lethe.recipients(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.replay_finding_keys
    ADD CONSTRAINT replay_finding_keys_finding_id_fkey FOREIGN KEY (finding_id) REFERENCES lethe.replay_findings(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.replay_finding_keys
    ADD CONSTRAINT replay_finding_keys_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.replay_matches
    ADD CONSTRAINT replay_matches_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.replay_matches
    ADD CONSTRAINT replay_matches_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.request_identifiers
    ADD CONSTRAINT request_identifiers_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.request_roots
    ADD CONSTRAINT request_roots_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.request_roots
    ADD CONSTRAINT request_roots_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.restriction_programs
    ADD CONSTRAINT restriction_programs_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.suppressions
    ADD CONSTRAINT suppressions_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.suppressions
    ADD CONSTRAINT suppressions_request_id_fkey FOREIGN KEY (request_id) REFERENCES lethe.requests(id) ON DELETE SET NULL;

ALTER TABLE ONLY lethe_private.worklist
    ADD CONSTRAINT worklist_cycle_id_table_id_fkey FOREIGN KEY (cycle_id, table_id) REFERENCES lethe.cycle_tables(cycle_id, table_id) ON DELETE CASCADE;

ALTER TABLE lethe.archive_openings ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.certificates ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.column_formats ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.controllers ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.cycle_tables ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.cycles ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.drafts ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.evidence ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.evidence_batches ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.formats ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.links ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.managed_columns ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.managed_tables ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.managed_views ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.methods ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.notifications ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.partition_purges ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.policy_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.receipts ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.recipients ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.replay_findings ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.request_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.request_findings ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.request_moves ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.request_states ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.requests ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.sealed_rows ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.seals ENABLE ROW LEVEL SECURITY;

CREATE POLICY select_own_controller ON lethe.archive_openings FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.certificates FOR SELECT TO lethe_officer, lethe_agent, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.column_formats FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.managed_tables m
  WHERE (m.id = column_formats.table_id))));

CREATE POLICY select_own_controller ON lethe.controllers FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(id));

CREATE POLICY select_own_controller ON lethe.cycle_tables FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = cycle_tables.cycle_id))));

CREATE POLICY select_own_controller ON lethe.cycles FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.drafts FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.is_operator());

CREATE POLICY select_own_controller ON lethe.evidence FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = evidence.cycle_id))));

CREATE POLICY select_own_controller ON lethe.evidence_batches FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = evidence_batches.cycle_id))));

CREATE POLICY select_own_controller ON lethe.formats FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.holds FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.links FOR SELECT TO lethe_officer, lethe_auditor USING (((EXISTS ( SELECT
   FROM lethe.managed_tables m
  WHERE (m.id = links.table_id))) AND (EXISTS ( SELECT
   FROM lethe.managed_tables m
  WHERE (m.id = links.to_table_id)))));

CREATE POLICY select_own_controller ON lethe.managed_columns FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.managed_tables m
  WHERE (m.id = managed_columns.table_id))));

CREATE POLICY select_own_controller ON lethe.managed_tables FOR SELECT TO lethe_officer, lethe_auditor USING (((controller_id IS NULL) OR lethe_private.acts_for(controller_id)));

CREATE POLICY select_own_controller ON lethe.managed_views FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.is_operator());

CREATE POLICY select_own_controller ON lethe.memberships FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.methods FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.notifications FOR SELECT TO lethe_officer, lethe_agent, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.requests r
  WHERE (r.id = notifications.request_id))));

CREATE POLICY select_own_controller ON lethe.partition_purges FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = partition_purges.cycle_id))));

CREATE POLICY select_own_controller ON lethe.policy_changes FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.is_operator());

CREATE POLICY select_own_controller ON lethe.receipts FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = receipts.cycle_id))));

CREATE POLICY select_own_controller ON lethe.recipients FOR SELECT TO lethe_officer, lethe_agent, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.replay_findings FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.request_events FOR SELECT TO lethe_officer, lethe_agent, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.requests r
  WHERE (r.id = request_events.request_id))));

CREATE POLICY select_own_controller ON lethe.request_findings FOR SELECT TO lethe_officer, lethe_agent, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.requests r
  WHERE (r.id = request_findings.request_id))));

CREATE POLICY select_own_controller ON lethe.request_moves FOR SELECT TO lethe_officer, lethe_agent, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.request_states FOR SELECT TO lethe_officer, lethe_agent, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.requests FOR SELECT TO lethe_officer, lethe_agent, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.rules FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.managed_tables m
  WHERE (m.id = rules.table_id))));

CREATE POLICY select_own_controller ON lethe.sealed_rows FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.seals FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.settings FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.subject_types FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.managed_tables m
  WHERE (m.id = subject_types.table_id))));

CREATE POLICY select_own_controller ON lethe.terms FOR SELECT TO lethe_officer, lethe_auditor USING (
CASE
    WHEN (controller_id IS NULL) THEN (EXISTS ( SELECT
       FROM lethe.rules r
      WHERE (r.id = terms.rule_id)))
    ELSE lethe_private.acts_for(controller_id)
END);

CREATE POLICY select_own_controller ON lethe.waivers FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.is_operator());

ALTER TABLE lethe.settings ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.subject_types ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.terms ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.waivers ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.api_tokens ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.compiled ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.controller_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.exemptions ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.guard_programs ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.guard_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.guarded_relations ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.held_conditions ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.held_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.held_links ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.held_relations ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.kept_rows ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.last_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.ledger_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.ledger_known ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.ledger_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.migrations ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.mirror_columns ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.mirror_roots ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.mirrors ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.notification_hashes ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.packages ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.recaptures ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.recipient_secrets ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.rehearsing ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.replay_finding_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.replay_matches ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.request_identifiers ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.request_roots ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.restoring ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.restriction_programs ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.suppressions ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.worklist ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA lethe TO PUBLIC;

GRANT USAGE ON SCHEMA lethe_private TO lethe_sweeper;
GRANT USAGE ON SCHEMA lethe_private TO lethe_dropper;

REVOKE ALL ON FUNCTION lethe.activate(draft integer, accept text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.activate(draft integer, accept text[]) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.add_member(login name, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.add_member(login name, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.add_recipient(name text, url text, kinds text[], controller text, secret text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.add_recipient(name text, url text, kinds text[], controller text, secret text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.adopt_ledger(ledger text, restored boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.adopt_ledger(ledger text, restored boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.advance_request(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.advance_request(request bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.advance_request(request bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.allow_recapture(subject text, identifier text, reason text, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.allow_recapture(subject text, identifier text, reason text, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.answer_notification(event_key uuid, state text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.answer_notification(event_key uuid, state text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.answer_notification(event_key uuid, state text) TO lethe_agent;

GRANT SELECT ON TABLE lethe.holds TO lethe_officer;
GRANT SELECT ON TABLE lethe.holds TO lethe_auditor;

GRANT SELECT ON TABLE lethe.requests TO lethe_officer;
GRANT SELECT ON TABLE lethe.requests TO lethe_agent;
GRANT SELECT ON TABLE lethe.requests TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.applied_migrations() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.applied_migrations() TO lethe_api;

REVOKE ALL ON FUNCTION lethe.apply_policy(policy jsonb, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.apply_policy(policy jsonb, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.approve_draft(draft integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.approve_draft(draft integer) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.approve_request(request bigint, plan_mark text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.approve_request(request bigint, plan_mark text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.approve_request(request bigint, plan_mark text) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe.archive_contents() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.archive_contents() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.archive_contents() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.archive_contents() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.authenticate(token_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.authenticate(token_hash text) TO lethe_api;

REVOKE ALL ON FUNCTION lethe.begin_replay() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.certificate(request bigint, number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.certificate(request bigint, number integer) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.certificate(request bigint, number integer) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.certificate(request bigint, number integer) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.certify_request(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.certify_request(request bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.certify_request(request bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe."check"(read_data boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe."check"(read_data boolean) TO lethe_officer;
GRANT ALL ON FUNCTION lethe."check"(read_data boolean) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.claim_anonymous("table" text, "column" text, claimed boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.claim_anonymous("table" text, "column" text, claimed boolean) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.request_reaches(controller_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.request_reaches(controller_id integer) TO lethe_officer;
GRANT ALL ON FUNCTION lethe_private.request_reaches(controller_id integer) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe_private.request_reaches(controller_id integer) TO lethe_analyst;

REVOKE ALL ON FUNCTION lethe_private.is_operator() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.is_operator() TO lethe_officer;
GRANT ALL ON FUNCTION lethe_private.is_operator() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe_private.is_operator() TO lethe_analyst;

GRANT SELECT ON TABLE lethe.memberships TO lethe_officer;
GRANT SELECT ON TABLE lethe.memberships TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.acts_for(controller_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.acts_for(controller_id integer) TO lethe_officer;
GRANT ALL ON FUNCTION lethe_private.acts_for(controller_id integer) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe_private.acts_for(controller_id integer) TO lethe_analyst;
GRANT ALL ON FUNCTION lethe_private.acts_for(controller_id integer) TO lethe_agent;

GRANT SELECT ON TABLE lethe.controllers TO lethe_officer;
GRANT SELECT ON TABLE lethe.controllers TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.controller_references() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.controller_references() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.controller_references() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.controller_references() TO lethe_analyst;

GRANT SELECT ON TABLE lethe.managed_tables TO lethe_officer;
GRANT SELECT ON TABLE lethe.managed_tables TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.has_controller(managed lethe.managed_tables, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.today(time_zone text) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.cycles TO lethe_officer;
GRANT SELECT ON TABLE lethe.cycles TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.controllers_due() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.controllers_due() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.controllers_to_run(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.controllers_to_run(controller text) TO lethe_worker;

GRANT SELECT ON TABLE lethe.cycle_tables TO lethe_officer;
GRANT SELECT ON TABLE lethe.cycle_tables TO lethe_auditor;

GRANT SELECT ON TABLE lethe.evidence TO lethe_officer;
GRANT SELECT ON TABLE lethe.evidence TO lethe_auditor;

GRANT SELECT ON TABLE lethe.receipts TO lethe_officer;
GRANT SELECT ON TABLE lethe.receipts TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.cycle_faults(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.cycle_faults(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.cycle_report(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.cycle_report(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.decide_replay_finding(id integer, decision text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.decide_replay_finding(id integer, decision text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.host_name(relation oid) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.partition_purges TO lethe_officer;
GRANT SELECT ON TABLE lethe.partition_purges TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.detach_statement(cycle_id bigint, table_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.detach_statement(cycle_id bigint, table_id integer) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.draft_policy(document jsonb, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.draft_policy(document jsonb, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.drop_minimum("table" text, basis text, "column" text, controller text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.drop_minimum("table" text, basis text, "column" text, controller text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.effective_rules("table" text, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.effective_rules("table" text, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.effective_rules("table" text, controller_name text) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.utc_text(at timestamp with time zone) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.seals TO lethe_officer;
GRANT SELECT ON TABLE lethe.seals TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.evidence_heads() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.evidence_heads() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.evidence_heads() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.evidence_heads() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.execute_request(request bigint, ledger_number bigint, ledger_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.execute_request(request bigint, ledger_number bigint, ledger_hash text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.execute_request(request bigint, ledger_number bigint, ledger_hash text) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.execute_request(request bigint, ledger_number bigint, ledger_hash text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.execute_requests(requests bigint[], ledger_numbers bigint[], ledger_hashes text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.execute_requests(requests bigint[], ledger_numbers bigint[], ledger_hashes text[]) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.execute_requests(requests bigint[], ledger_numbers bigint[], ledger_hashes text[]) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.explain_row("table" text, key text, as_of date) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.explain_row("table" text, key text, as_of date) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.export_policy() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.export_policy() TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.extend_request(request bigint, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.extend_request(request bigint, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.fetch_package(token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.fetch_package(token_hash bytea) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.fetch_package(token_hash bytea) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.fetch_package(token_hash bytea) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.finish_cycle(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.finish_cycle(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.finish_replay(number bigint, hash text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.forecast(controller_name text, what_if text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.forecast(controller_name text, what_if text[]) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.forecast(controller_name text, what_if text[]) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.forecast(controller_name text, what_if text[]) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.format_domain_sql(format text, schema text, name text, type text, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.format_domain_sql(format text, schema text, name text, type text, parameters jsonb) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.format_domain_sql(format text, schema text, name text, type text, parameters jsonb) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.format_domain_sql(format text, schema text, name text, type text, parameters jsonb) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe_private.format_findings_of(managed lethe.managed_tables) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.column_formats TO lethe_officer;
GRANT SELECT ON TABLE lethe.column_formats TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.format_tables() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.format_findings() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.format_findings() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.format_findings() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.format_findings() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.format_sql("table" text, "column" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.format_sql("table" text, "column" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.format_sql("table" text, "column" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.format_sql("table" text, "column" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.format_steps("table" text, "column" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.format_steps("table" text, "column" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.format_steps("table" text, "column" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.format_steps("table" text, "column" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.guard_ddl_sql() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.guard_ddl_sql() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.guard_ddl_sql() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.guard_ddl_sql() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe_private.acts_for_hold(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.controller_day(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.guard_row() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.guard_truncate() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.holds_in_force(day date) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.links TO lethe_officer;
GRANT SELECT ON TABLE lethe.links TO lethe_auditor;

GRANT SELECT ON TABLE lethe.subject_types TO lethe_officer;
GRANT SELECT ON TABLE lethe.subject_types TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.person_links(subject text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.holds_touching(table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.host_table(schema_name text, table_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_guard(function_id oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plain_name(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.relations_of(root oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.guard_findings() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.guard_findings() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.guard_findings() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.guard_findings() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe_private.get_managed("table" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.guard_sql("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.guard_sql("table" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.guard_sql("table" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.guard_sql("table" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.held_rows(hold_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.held_rows(hold_id integer) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.held_rows(hold_id integer) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.held_rows(hold_id integer) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.hold_person(reason text, subject text, key text, identifier text, ends_on date, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.hold_person(reason text, subject text, key text, identifier text, ends_on date, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.hold_rows(reason text, "table" text, "when" text, ends_on date, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.hold_rows(reason text, "table" text, "when" text, ends_on date, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.hold_table(reason text, "table" text, ends_on date, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.hold_table(reason text, "table" text, ends_on date, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.ledger_hash(value text, pads bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.ledger_hash(value text, pads bytea) TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe_private.ledger_root(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.ledger_roots(table_id integer, keys text[], pads bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.holds_to_ship(pads bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.holds_to_ship(pads bytea) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.is_suppressed(subject text, identifier text, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.is_suppressed(subject text, identifier text, controller text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.is_suppressed(subject text, identifier text, controller text) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.is_suppressed(subject text, identifier text, controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.issue_token(role text, controller text, expires_after text, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.issue_token(role text, controller text, expires_after text, name text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.know_entry(number bigint, hash text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.know_entry(number bigint, hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.know_entry(number bigint, hash text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.ledger_fate(request bigint, received_at text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ledger_fate(request bigint, received_at text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.ledger_state() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ledger_state() TO lethe_worker;
GRANT ALL ON FUNCTION lethe.ledger_state() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.ledger_state() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.ledger_state() TO lethe_api;

REVOKE ALL ON FUNCTION lethe.ledger_subject(request bigint, pads bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ledger_subject(request bigint, pads bytea) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.lift_restriction(request bigint, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.lift_restriction(request bigint, reason text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.lift_restriction(request bigint, reason text) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe.link_finding_sql(request bigint, n integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.link_finding_sql(request bigint, n integer) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.link_finding_sql(request bigint, n integer) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe_private.may_read_predicates() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.list_holds(released boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.list_holds(released boolean) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.list_holds(released boolean) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.list_holds(released boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.list_recaptures() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.list_recaptures() TO lethe_officer;

GRANT SELECT ON TABLE lethe.replay_findings TO lethe_officer;
GRANT SELECT ON TABLE lethe.replay_findings TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.list_replay_findings() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.list_replay_findings() TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.days_paused(request lethe.requests) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.request_states TO lethe_officer;
GRANT SELECT ON TABLE lethe.request_states TO lethe_agent;
GRANT SELECT ON TABLE lethe.request_states TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.days_left(request lethe.requests) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.notifications TO lethe_officer;
GRANT SELECT ON TABLE lethe.notifications TO lethe_agent;
GRANT SELECT ON TABLE lethe.notifications TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.list_requests("all" boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.list_requests("all" boolean) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.list_requests("all" boolean) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.list_requests("all" boolean) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.lock_ledgered(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.lock_ledgered(request bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[], partitions text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[], partitions text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.references_to(parent oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_family(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.whole_partitions(root oid) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.rules TO lethe_officer;
GRANT SELECT ON TABLE lethe.rules TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.missing_for_partitions() FROM PUBLIC;

GRANT SELECT ON TABLE lethe.managed_columns TO lethe_officer;
GRANT SELECT ON TABLE lethe.managed_columns TO lethe_auditor;

GRANT SELECT ON TABLE lethe.settings TO lethe_officer;
GRANT SELECT ON TABLE lethe.settings TO lethe_auditor;

GRANT SELECT ON TABLE lethe.terms TO lethe_officer;
GRANT SELECT ON TABLE lethe.terms TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.missing_rights() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.note_notification(notification bigint, status integer, completed boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.note_notification(notification bigint, status integer, completed boolean) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.note_notification(notification bigint, status integer, completed boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.note_reminder(request bigint, level text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.note_reminder(request bigint, level text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.note_shipped(hold_id integer, event text, number bigint, hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.note_shipped(hold_id integer, event text, number bigint, hash text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.note_told(request bigint, how text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.note_told(request bigint, how text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.note_told(request bigint, how text) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe.open_archive(reason text, "table" text, key text, restore boolean, exempt_until date, archived_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.open_archive(reason text, "table" text, key text, restore boolean, exempt_until date, archived_at timestamp with time zone) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.open_request(kind text, subject text, key text, identifier text, controller text, received_at timestamp with time zone, received_on date, identified_by text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.open_request(kind text, subject text, key text, identifier text, controller text, received_at timestamp with time zone, received_on date, identified_by text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.open_request(kind text, subject text, key text, identifier text, controller text, received_at timestamp with time zone, received_on date, identified_by text) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe.ownerless_rows() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.pace() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.pace() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.pause_request(request bigint, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.pause_request(request bigint, reason text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.pause_request(request bigint, reason text) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe.personal_data(request bigint, portable boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.personal_data(request bigint, portable boolean) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.personal_data(request bigint, portable boolean) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.personal_data(request bigint, portable boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.plan(as_of date, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.plan_request(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.plan_request(request bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.plan_request(request bigint) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.plan_request(request bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.policy_on(day date, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.policy_on(day date, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.policy_on(day date, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.policy_on(day date, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.preview("table" text, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.ready_tables(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ready_tables(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.receipt(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.receipt(cycle_id bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.receipt(cycle_id bigint) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.recognise_hold(hold_id integer, event text, placed_at text, number bigint, hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.recognise_hold(hold_id integer, event text, placed_at text, number bigint, hash text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.record_failure(request bigint, sqlstate text, "table" text, constraint_name text, cause text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.record_failure(request bigint, sqlstate text, "table" text, constraint_name text, cause text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.record_failure(request bigint, sqlstate text, "table" text, constraint_name text, cause text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.rectify(request bigint, "table" text, key text, changes jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.rectify(request bigint, "table" text, key text, changes jsonb) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.rectify(request bigint, "table" text, key text, changes jsonb) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe.refuse_request(request bigint, ground text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.refuse_request(request bigint, ground text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.rehearse(draft integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.rehearse(draft integer) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.release_controller(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.release_controller(controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.release_hold(id integer, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.release_hold(id integer, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.remove_member(login name, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.remove_member(login name, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.remove_recipient(name text, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.remove_recipient(name text, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.next_step(request lethe.requests) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.request_events TO lethe_officer;
GRANT SELECT ON TABLE lethe.request_events TO lethe_agent;
GRANT SELECT ON TABLE lethe.request_events TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.replay_delayed() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.replay_erase(number bigint, hash text, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.replay_find(entries jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.replay_hold(number bigint, hash text, entry jsonb, content jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.replay_match(subject text, controller text, pads bytea, wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.replay_open(finding integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.replay_release(number bigint, hash text, entry jsonb, content jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.replay_to_erase() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.request_report(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.request_report(request bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.request_report(request bigint) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.request_report(request bigint) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.request_work(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.request_work(controller text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.request_work(controller text) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.request_work(controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.requests_to_complete(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.requests_to_complete(controller text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.requests_to_complete(controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.requests_to_remind() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.requests_to_remind() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.require_ledger(required boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.restricted_rows(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.restricted_rows(request bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.restricted_rows(request bigint) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.restricted_rows(request bigint) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.restricted_path_sql(alias text, managed lethe.managed_tables, table_oid oid, path integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restricting_paths(table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restricted_parts(alias text, managed lethe.managed_tables, table_oid oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restricting_columns(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restriction_policy(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restriction_mark(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe.restriction_findings() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.restriction_findings() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.restriction_findings() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.restriction_findings() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.restriction_sql("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.restriction_sql("table" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.restriction_sql("table" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.restriction_sql("table" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.resume_request(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.resume_request(request bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.resume_request(request bigint) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe.revoke_token(id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.revoke_token(id integer) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.scan_residue(requests bigint[], keep boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.scan_residue(requests bigint[], keep boolean) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.scan_residue(requests bigint[], keep boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.seal(controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.seal(controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_format("table" text, "column" text, format text, parameters jsonb, on_arrival text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_format("table" text, "column" text, format text, parameters jsonb, on_arrival text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_minimum("table" text, after text, since text[], basis text, "column" text, "when" text, controller text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_minimum("table" text, after text, since text[], basis text, "column" text, "when" text, controller text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_view(view text, shows text, counts text[], reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_view(view text, shows text, counts text[], reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.settle_ledger(number bigint, hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.settle_ledger(number bigint, hash text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.share_controller(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.share_controller(controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.store_package(request bigint, token_hash bytea, content bytea, media_type text, expires_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.store_package(request bigint, token_hash bytea, content bytea, media_type text, expires_at timestamp with time zone) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.store_package(request bigint, token_hash bytea, content bytea, media_type text, expires_at timestamp with time zone) TO lethe_agent;
GRANT ALL ON FUNCTION lethe.store_package(request bigint, token_hash bytea, content bytea, media_type text, expires_at timestamp with time zone) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.strike_kept_rows(request bigint, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.strike_kept_rows(request bigint, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.suggested_indexes("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.suppression_sql("table" text, on_arrival text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.suppression_sql("table" text, on_arrival text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.suppression_sql("table" text, on_arrival text) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.take_notification(notification bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.take_notification(notification bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.take_notification(notification bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unfinished_tables(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unfinished_tables(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unguard_sql("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unguard_sql("table" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.unguard_sql("table" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.unguard_sql("table" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unlock_ledgered(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unlock_ledgered(request bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unmanage_table("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unmanage_table("table" text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.unpurposed("table" text, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unpurposed("table" text, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.unpurposed("table" text, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.unpurposed("table" text, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unrestriction_sql("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unrestriction_sql("table" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.unrestriction_sql("table" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.unrestriction_sql("table" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unset_view(view text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unset_view(view text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.verify_cycle(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.verify_cycle(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.verify_evidence(controller_name text, anchor text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.verify_evidence(controller_name text, anchor text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.verify_evidence(controller_name text, anchor text) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.verify_request(request bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.verify_request(request bigint) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.verify_request(request bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.waive(code text, object text, until date, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.waive(code text, object text, until date, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.withdraw_draft(draft integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.withdraw_draft(draft integer) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.withdraw_request(request bigint, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.withdraw_request(request bigint, reason text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.withdraw_request(request bigint, reason text) TO lethe_agent;

REVOKE ALL ON FUNCTION lethe.withdraw_waiver(code text, object text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.withdraw_waiver(code text, object text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.absent_table(cycle lethe.cycles, table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.object_sql(pairs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.root_sql(key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.tests_sql(actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean, archive text, clocks text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.actions(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.add_held_keys(table_id integer, hold_id integer, keys jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.whole_table(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.add_writes(planned jsonb, relation oid, updates bigint, deletes bigint) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.recipients TO lethe_officer;
GRANT SELECT ON TABLE lethe.recipients TO lethe_agent;
GRANT SELECT ON TABLE lethe.recipients TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.all_are_told(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.effective_terms(table_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.always_tests(managed lethe.managed_tables, relation oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_anchor(anchor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.anchor_findings(controller lethe.controllers, anchor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.anonymize_rows(rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys, planned jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.answer(notification lethe.notifications, state text, status integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.answer_due(received_on date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.any_due_sql(actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_claim("table" text, "column" text, claim jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_controllers(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_format("table" text, "column" text, format text, parameters jsonb, on_arrival text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_format("table" text, "column" text, spec jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_links(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_rules(policy jsonb, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_tables(tables jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_views(views jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_waivers(waivers jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archive_matches_sql(mirror oid, columns text[], relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_value(expression text, mirror_type text, source_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirror_type(source lethe_private.host_columns) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.names_column(condition text, name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirror_shape(managed lethe.managed_tables, relation oid, kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.shape_text(shape lethe_private.mirror_columns[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirror_name(managed lethe.managed_tables, relation oid, kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archive_sql(managed lethe.managed_tables, relation oid, root_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archives(action lethe_private.action_parts) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archive_values_sql(managed lethe.managed_tables, relation oid, controller_id integer, actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_actions(managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_condition(condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_answer(mirror lethe_private.mirrors, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_held_sql(alias text, mirror lethe_private.mirrors, today date, exemptions boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_left(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirror_program(managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_program(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_linked(entry text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.key_sql(alias text, table_oid oid, key_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.linked_day_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, entry text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.linked_clocks_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_row_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, root_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_rules(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.archived_values(managed lethe.managed_tables, hold_id integer, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.equality_of(relation oid, "column" text, other_relation oid, other_column text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.equals_sql(relation oid, "column" text, other_relation oid, other_column text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.erasure_links(type lethe.subject_types) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.given_sql(relation oid, columns text[], "from" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.matches_sql(relation oid, columns text[], other_relation oid, other_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.arrived_questions(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_mark(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.as_approved(requests lethe.requests[], owners bigint[], rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.as_array_sql(columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.as_dropper(statement text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.as_dropper(statement text) TO lethe_owner;

REVOKE ALL ON FUNCTION lethe_private.as_kept(kept lethe_private.kept_rows[], found jsonb, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.as_reached(found jsonb, table_id integer, mirror_id integer, kind text, link_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) TO lethe_owner;

REVOKE ALL ON FUNCTION lethe_private.fill(statement text, words jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.run_as_sweeper(statement text, managed lethe.managed_tables, tids tid[], inner_pad bytea, outer_pad bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.ask_of_partition(statement text, partition oid, managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.ask_of_row(statement text, old_row record, new_row record) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.ask_of_row(statement text, old_row record, new_row record) TO lethe_owner;

REVOKE ALL ON FUNCTION lethe_private.assert_action(managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_anonymized(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_answerable(managed lethe.managed_tables, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_archivable(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_archiving(managed lethe.managed_tables) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.formats TO lethe_officer;
GRANT SELECT ON TABLE lethe.formats TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.assert_arrival(managed lethe.managed_tables, "column" text, format lethe.formats, on_arrival text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_asking_intact() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_clock(managed lethe.managed_tables, since text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_clock_type(relation oid, clock lethe_private.host_columns) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_columns(managed lethe.managed_tables, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_columns_there(managed lethe.managed_tables, mirror_id integer, mirror_name text) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.methods TO lethe_officer;
GRANT SELECT ON TABLE lethe.methods TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_correctable(managed lethe.managed_tables, changes jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_declared_parameters(method text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_edges(rows lethe_private.reached_row[], edges lethe_private.reached_edge[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_erased(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_events_stand(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_executable(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_exemption(controller lethe.controllers, until date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_format_fits(managed lethe.managed_tables, "column" text, format text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_formats(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_free(statement text, old_row record, new_row record, relation oid, what text, holds integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_given_parameters(subject text, declared jsonb, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_intact(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_kept(request lethe.requests, rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_keys(document jsonb, allowed text[], what text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_ledgered(ledger_number bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_links_kept() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_links_stand(links lethe.links[], columns jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_manageable(relation oid) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.drafts TO lethe_officer;
GRANT SELECT ON TABLE lethe.drafts TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.assert_may_activate(draft lethe.drafts, accept text[], rows_at_once bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_may_change(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_may_name_entry(request bigint, ledger_number bigint, ledger_hash text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.fill_format(template text, value text, type text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_mark(format text, expressions text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_object(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_parameters(declared jsonb, given jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_value(prefix text, name text, type text, kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_method_keeps_format(managed lethe.managed_tables, declared lethe_private.declared_formats, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_minima(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_no_more(relation oid, rows bigint, planned bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_no_side_effects(before jsonb, planned jsonb) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.archive_openings TO lethe_officer;
GRANT SELECT ON TABLE lethe.archive_openings TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.assert_not_held(opening lethe.archive_openings) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_not_open(kind text, managed lethe.managed_tables, controller lethe.controllers, keys text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_not_outlasted(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_not_reduced_too_late(managed lethe.managed_tables, "column" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_parameters(method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_partitions(relation oid, partitions text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_plan_approvable(request lethe.requests, plan_mark text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_read_committed() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_reason(request lethe.requests, reason text, refused text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_recipient(name text, url text, kinds text[], secret text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_references(relation oid, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_rules(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_shape(shape jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_single_expression(expression text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_still_true(draft lethe.drafts, proposal jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_template(method text, part text, template text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_time_zone(time_zone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_trusted_names(method text, part text, template text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.before_leaving(table_oid oid, controller lethe.controllers, today date, root lethe.managed_tables, depth integer, joins text, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.belonging(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], shared integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.companion_mirrors(managed lethe.managed_tables, mirror lethe_private.mirrors) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.companions_sql(mirror_name text, alias text, of_alias text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.companions_free_sql(managed lethe.managed_tables, companions text[], today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirror_actions(managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unanswered(managed lethe.managed_tables, mirror lethe_private.mirrors) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.blast_mirrors(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.blast_part(managed lethe.managed_tables, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.kept_in(part jsonb, other jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.part_actions(part jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.test_in(part jsonb, rule text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.blast_sql(before jsonb, after jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.by_day(counts jsonb, flag text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.function_text(function oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.likely_schemas(function oid, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.names_in(source text, place text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.called_functions(function oid, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_worker() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.callers_rows_sql(alias text, managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.cascade_mark(table_oid oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.refusal(code text, object text, sentence text, hint text, rows bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.cascade_refusal(way lethe_private.erasure_references, rows bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.cast_enum_domains(relation oid, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.catalogue_mark() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.residue_sql("from" text, texts text[], "where" text, object text, wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.catalogue_sql(wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.what_remains(request lethe.requests) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.request_findings TO lethe_officer;
GRANT SELECT ON TABLE lethe.request_findings TO lethe_agent;
GRANT SELECT ON TABLE lethe.request_findings TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.certificate_of(request lethe.requests, number integer) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.policy_changes TO lethe_officer;
GRANT SELECT ON TABLE lethe.policy_changes TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.changed_tables(since_change bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_archive_limit(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_archive_reader(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_broken_hold(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_child_column(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.checked_columns(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_lethes(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_personal(category text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.written_tables(function oid, relation oid, arguments bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_copying_trigger(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_definer_function(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_definer_view(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_identifiable_row(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.may_be_rewritten(managed lethe.managed_tables, relation oid, column_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sources_of(relation oid, column_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_kept_for_ever(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_look_alike_table(reached lethe_private.reached[]) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.managed_views TO lethe_officer;
GRANT SELECT ON TABLE lethe.managed_views TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.check_missing_object(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_never_due(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_partition_foreign_key(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_pseudonymous_claim(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_restarted_clock(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_row_security_bypass(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_small_group(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_unclassified_column(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.links_of(child_id integer, child_columns text[], parent_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_undecided_link(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.personal_views(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.waived_definition(object text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_undecided_view(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_unforced_row_security(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_unguarded_hold(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.has_leading_index(relation oid, positions smallint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_unindexed_reference(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_unkept_format(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_unmanaged_table(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.check_unpurposed_value(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.children_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, phase text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.chosen_archived_sql(mirror lethe_private.mirrors, controller lethe.controllers, fact_names text[], "from" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.chosen_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, "from" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clock_ceiling() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clock_floor() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.local_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clock_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, sentinels date[], today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clock_in_words(managed lethe.managed_tables, since text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clocks_over(child lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.columns_of_type(table_ids integer[], type_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restorable(managed lethe.managed_tables, mirror_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.compare_sql(managed lethe.managed_tables, mirror_id integer, mirror_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.on_one_line(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.constraint_notes(declared lethe_private.declared_formats, name_taken boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sha256_hex(content text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.content_hash(content jsonb, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.count_held_archived(managed lethe.managed_tables, hold_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.count_mirror(before jsonb, after jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.count_outside(rows lethe_private.reached_row[], known jsonb, managed lethe.managed_tables, relation oid, table_id integer, alias text, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.count_part(before jsonb, after jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.cut_rows(rows lethe_private.reached_row[], controller lethe.controllers, planned jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.cutting(link lethe.links, keys lethe_private.erasure_references[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.decide(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.decide_cut(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], mine integer[], links lethe.links[], how jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.decide_objection(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.decide_retained(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.decide_tombstones(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], keys lethe_private.erasure_references[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.list_in_words(words text[], last_word text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.delay_in_words(after interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.delete_rows(rows lethe_private.reached_row[], controller lethe.controllers, planned jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.leaving_columns_sql(alias text, managed lethe.managed_tables, table_oid oid, with_key boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.leaving_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, with_parent oid, by_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.delete_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, key text, action lethe_private.action_parts, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.deleted_in_transaction(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hmac(content bytea, inner_pad bytea, outer_pad bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hmac_pad(key bytea, mixed_with integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.derived_key(master lethe_private.controller_keys, label text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.describe_chain(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.discover_sql(source text, condition text, actions lethe_private.action_parts[], in_order_of text, has_leaves boolean, batch_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.dollar_quoted(body text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.driver_detaches() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.drop_empty_mirrors() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.due_days(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.due_to_leave_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, phases text[], batch boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.effective_rule(managed lethe.managed_tables, rule lethe.rules, controller lethe.controllers, OUT method text, OUT terms jsonb, OUT decides text, OUT replaced jsonb, OUT minima jsonb, OUT holds jsonb, OUT sentence text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reaching_triggers(relation oid, events integer, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.effects(writes jsonb, since_change bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.empty_archived(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.end_hold(id integer, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.ensure_mirrors(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.erase(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.erase_archived(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.erased_columns(managed lethe.managed_tables, controller lethe.controllers, only_these text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.erased_questions(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.events_sql(alias text, clock lethe_private.linked_clock, controller lethe.controllers, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.execute_access(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.execute_erasures(requests lethe.requests[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.execute_objection(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.execute_portability(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.execute_rectification(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.execute_restriction(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.expired_events_sql(alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, day text, later text, last_day date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.explain_rule(facts jsonb, today date, action lethe_private.action_parts, place text, OUT terms jsonb, OUT decides text, OUT due_on date, OUT sentence text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.latest_day_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, since text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.minima_of(table_id integer, rule_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, after interval, since text[], condition text, batch boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.explain_terms_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.explain_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, actions lethe_private.action_parts[], condition text, held text, kept text, staying text) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.waivers TO lethe_officer;
GRANT SELECT ON TABLE lethe.waivers TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.export_checks() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.export_format(declared lethe.column_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_delay(after interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.export_terms(rule_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.export_rules(table_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.extended_statistics_sql(wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.fact_columns(keys lethe_private.erasure_references[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.fact_tuple(facts jsonb, columns text[], folded boolean, padded boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.facts_at(facts jsonb, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.facts_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, columns jsonb, links lethe.links[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.fail_request(request bigint, sqlstate text, "table" text, constraint_name text, cause text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.failed_requests(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.find_kept(managed lethe.managed_tables, names text[], given jsonb, controller lethe.controllers, columns jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.find_person(type lethe.subject_types, managed lethe.managed_tables, controller lethe.controllers, key text, identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.find_record(managed lethe.managed_tables, key text, archived_at timestamp with time zone, only_one boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.findings_of(outcome jsonb, phase text, actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.follow_renames(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forecast_part(managed lethe.managed_tables, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forecast_parts_if(what_if text[], managed lethe.managed_tables[], controllers lethe.controllers[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forecast_table(part jsonb, part_if jsonb, managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forget_asker(request_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forget_hold_reasons() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forget_identifiers(request bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forget_rows(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forget_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.forget_unused(controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.form_pattern(form text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_constraint_sql(declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_more(alias text, managed lethe.managed_tables, table_oid oid, holds integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_left_sql(managed lethe.managed_tables, declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.trigger_relations(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_leftovers(declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_of_type(format text, type_name text, what text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_reduce_sql(managed lethe.managed_tables, declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_state(declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hostile_values(type oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_trials(declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_trigger_sql(declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_violations(managed lethe.managed_tables, declared lethe_private.declared_formats, own_rows text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.found_rows(facts jsonb, names text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.found_sql(source text, known text, matches text, key text, ours text, facts text, lock boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_controller(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_cycle(cycle_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_draft(draft integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_format("table" text, "column" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_notification(id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_request(id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.given_rows(rows lethe_private.reached_row[], decision text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.goes_without_columns(link lethe.links, root_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.grant_nothing(relation text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.guard_ddl() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.guarded_columns(managed lethe.managed_tables, table_oid oid, holds integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.guarded_row_sql(parameter text, root oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_by_sql(alias text, managed lethe.managed_tables, table_oid oid, holds integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.guard_statement(managed lethe.managed_tables, root oid, holds integer[], operation text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.guarded_root(relation oid, managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.guards_lock_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.has_delete_trigger(partition oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.has_linked_clock(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.has_rules(table_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_condition_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_path_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, path integer[], holds integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_paths(table_id integer, holds integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_values(managed lethe.managed_tables, hold_id integer, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.histogram_sql(source text, owner text, held text, condition text, due lethe_private.due_day[], today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hmac_text(value text, secret bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hold_archived(managed lethe.managed_tables, hold_id integer, controller lethe.controllers, columns text[], wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hold_controller(managed lethe.managed_tables, controller text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hold_keys(hold_id integer, type lethe.subject_types, controller lethe.controllers, keys text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hold_keys_again(entry jsonb, content jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hold_live(managed lethe.managed_tables, hold_id integer, controller lethe.controllers, columns text[], wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hold_values(managed lethe.managed_tables, hold_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.holds_lock_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.holds_mark(day date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.holds_on(table_id integer, controller_id integer, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.holds_text(type oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.how_to_answer(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.identified_sql(identifiers text[], forms text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.normalise_identifier(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.normalise_identifier(value text) TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe_private.phone_digits(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.phone_digits(value text) TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe_private.identifier_forms(identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.identifier_key(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.identifier_key(value text) TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe_private.identifier_lock_id(controller_id integer, identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.open_text(sealed bytea, controller_id integer, key_version integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.identifiers_of(request_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.method_sql(template text, alias text, column_facts lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unmasked_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, column_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.identifiers_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, columns text[], "from" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.identifies_rows(relation oid, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_archive(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_masked_sql(managed lethe.managed_tables, column_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_one_of(roles text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_portable(category text, legal_basis text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_readable(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.still_fits_sql(partition oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_ready(partition oid, managed lethe.managed_tables, spec jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_retained(request lethe.requests, place text, object text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_too_short(identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_watched(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.judge_arrival() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.keep_held() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.keep_identifiers(request bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.kept_below(request lethe.requests, parents lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.kept_from_objection(managed lethe.managed_tables, mirror_id integer, controller lethe.controllers, rows lethe_private.reached_row[], columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.kept_sql(alias text, table_oid oid, controller lethe.controllers, today date, look_ahead boolean, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.key_facts(relation oid, key_columns text[], key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.key_through_sql(alias text, child_oid oid, columns text[], parent_oid oid, to_columns text[], key_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.key_value_sql(key_column lethe_private.host_columns, value text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.key_words(form text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.keyed_rows_sql(alias text, managed lethe.managed_tables, table_oid oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.keys_of_request(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.kind_rank(kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.known_at(rows lethe_private.reached_row[], positions integer[], columns text[], names text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.known_rows(parents lethe_private.reached_row[], columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.known_rows_sql(relation oid, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.last_due_day(today date, after interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.up_to_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, last_day date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.later_sql(alias text, clock lethe_private.host_columns, managed lethe.managed_tables, controller lethe.controllers, today date, last_day date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.latest_today() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.leaves_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.leaving_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, key text, action lethe_private.action_parts) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.ledger_identifier(subject text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.ledger_lock_id(request bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.link_columns(managed lethe.managed_tables, type lethe.subject_types) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.linked_child(entry text, path text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.linked_clock(managed lethe.managed_tables, entry text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.linked_clocks(managed lethe.managed_tables, since text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.linked_term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, last_day date, since text[], batch boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.list_partitions(cycle_table lethe.cycle_tables, managed lethe.managed_tables, spec jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.live_holds(rows lethe_private.reached_row[], managed lethe.managed_tables, holds integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_children(table_oid oid, depth integer, joins text, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_hold(id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_id(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_people(requests bigint[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_sql() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.longest_piece(form text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look(statement text, managed lethe.managed_tables, OUT facts jsonb, OUT problem text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_again(partition oid, root oid, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_archived(program jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_at_archive(requests bigint[], controller lethe.controllers, wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_at_catalogue(requests bigint[], wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_at_host(requests bigint[], controller lethe.controllers, wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_at_jobs(relation oid, statement text, wanted bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_at_own(requests bigint[], controller lethe.controllers, wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_at_statistics(requests bigint[], wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_for(requests bigint[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_for_kept(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.names_an_object(message text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_problem(state text, message text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_sql(source text, condition text, actions lethe_private.action_parts[], held text, kept text, staying text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_through(who text, statement text, wanted jsonb, relation oid, OUT facts jsonb, OUT failure text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lost_archived(mirror lethe_private.mirrors, controller lethe.controllers, decision text, cut text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.make_door(mirror lethe_private.mirrors) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.make_mirror(managed lethe.managed_tables, relation oid, kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.masked(facts jsonb, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.may_analyze(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.may_drop(partition oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.may_go(partition oid, managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.may_sweep_now(controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.minimum_day_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.minimum_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms, batch boolean, plain_clock text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirror_emptied_sql(mirror lethe_private.mirrors, columns lethe_private.action_parts[], condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirror_has(mirror_id integer, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirror_purge_sql(mirror_name text, purge lethe_private.action_parts, condition text, companions text[], root_table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirrors_lock_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mirrors_of_record() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.mix(content bytea, nonce bytea, key lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.move_request(request lethe.requests, to_state text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.name_list(list text, separator text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.names_of_host(condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.never_ends(managed lethe.managed_tables, mirror lethe_private.mirrors) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.never_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, entry text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.new_key(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.new_secret() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.newest_key(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.news_of(reached lethe_private.reached_row[], found lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.next_phase(phase text, program jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.no_event_sql(alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, day text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.none_later_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, last_day date, entry text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.not_erased(request lethe.requests, reason text, rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.not_looked(object text, problem text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.note_ledgered(request bigint, ledger_number bigint, ledger_hash text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.note_nothing_kept(requests bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.note_recapture(entry lethe_private.suppressions, managed lethe.managed_tables, column_name text, key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.notification_body(notification lethe.notifications) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.notify_recipients(request bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.objection_in_words(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.others_kept(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.ours_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.outcome_of(rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.outlasts(delay interval, other interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.outside(rows lethe_private.reached_row[], positions integer[], managed lethe.managed_tables, columns text[], other oid, other_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.outside_archived(rows lethe_private.reached_row[], positions integer[], columns text[], other lethe.managed_tables, other_columns text[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.over_by_sql(alias text, clock lethe_private.host_columns, managed lethe.managed_tables, controller lethe.controllers, last_day date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.own_events_sql(child lethe.managed_tables, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.own_rows_sql(relation oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.parameters_to_try(declared jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.parse_delay(after text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.part_in_force(part jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.partition_references(partition oid, root oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.seed_sql(pad text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.partition_root_sql(alias text, table_oid oid, key_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.partition_statements(partition oid, parent oid, how text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.partitions_program(managed lethe.managed_tables, table_oid oid, owner text, purge lethe_private.action_parts[], held text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.person() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rules_told(managed lethe.managed_tables, controller lethe.controllers, column_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.personal_columns(managed lethe.managed_tables, relation oid, controller lethe.controllers, mirror_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.references_to_people() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.personal_masks(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.personal_rows(managed lethe.managed_tables, mirror_id integer, controller lethe.controllers, rows lethe_private.reached_row[], columns text[], expressions text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.personal_table(managed lethe.managed_tables, mirror_id integer, kind text, controller lethe.controllers, rows lethe_private.reached_row[], numbers integer[], masks jsonb, portable boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.personal_tables(rows lethe_private.reached_row[], controller lethe.controllers, portable boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.phone_keys(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.phone_keys(value text) TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe_private.phone_within(identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.picked_rows(managed lethe.managed_tables, program jsonb, target oid, tids tid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.place(statement text, table_oid oid, target oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.place_again(number bigint, entry jsonb, content jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.place_hold(kind text, reason text, managed lethe.managed_tables, controller lethe.controllers, ends_on date, subject text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.place_person_hold(reason text, type lethe.subject_types, managed lethe.managed_tables, controller lethe.controllers, ends_on date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plain_names(names text[], separator text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_delays(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_document(rows lethe_private.reached_row[], request lethe.requests, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_near(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_neighbours(rows lethe_private.reached_row[], type lethe.subject_types) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_positions(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_rows(request lethe.requests, lock boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_tables(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_totals(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_unclassified(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.resolve_table("table" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.planned_writes(table_oid oid, phase text, facts jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.pointer(VARIADIC steps text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rows_at(object text, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.text_list(value jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.policy_at(at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rules_of(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.policy_lines(document jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.policy_diff(before jsonb, after jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.policy_in_force(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.policy_mark() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.preview_partitions(managed lethe.managed_tables, program jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.propose(document jsonb, reason text, rehearse boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.purge_packages() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.purge_partition(cycle_table lethe.cycle_tables, managed lethe.managed_tables, program jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.purge_suppressions() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_back_sql(managed lethe.managed_tables, mirror_id integer, mirror_name text, kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_minimum("table" text, after text, since text[], basis text, "column" text, "when" text, controller text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_view(view text, shows text, counts text[], looked_again boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_waiver(code text, object text, until date, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.raise_missing_right(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reach(type lethe.subject_types, controller lethe.controllers, keys text[], lock boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reach_archive(hold_id integer, subject text, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reach_archived(managed lethe.managed_tables, mirror_kinds text[], rows lethe_private.reached_row[], controller lethe.controllers, columns jsonb, links lethe.links[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reach_edges(rows lethe_private.reached_row[], links lethe.links[], keys lethe_private.erasure_references[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reach_roots(type lethe.subject_types, controller lethe.controllers, keys text[], lock boolean, columns jsonb, links lethe.links[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reach_step(link lethe.links, parents lethe_private.reached_row[], controller lethe.controllers, lock boolean, columns jsonb, links lethe.links[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reach_values(reached lethe_private.reached_row[], controller lethe.controllers, columns jsonb, links lethe.links[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reached_tables() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_condition(relation oid, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_days(days text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_identifiers(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_record() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.readable(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.readable(value text) TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe_private.reading_again_sql(relation oid, key_columns text[], actions lethe_private.action_parts[], due_days lethe_private.due_day[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reading_sql(key_columns text[], owner text, actions lethe_private.action_parts[], due_days lethe_private.due_day[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reads_plainly(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.ready_partitions(managed lethe.managed_tables, spec jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reason_not_to_erase(requests lethe.requests[], owners bigint[], reached lethe_private.reached_row[], rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.recipient_controller(controller text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.recipient_form(identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.recipients_told(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.record_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rectify_row(managed lethe.managed_tables, "row" lethe_private.reached_row, changes jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reduce_notes(declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.references_of_people() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.refuse_cascades(rows lethe_private.reached_row[], positions integer[], managed lethe.managed_tables, first_key oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.refuse_plan(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.refuse_sealed() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.refuse_tombs(managed lethe.managed_tables, controller lethe.controllers, rows bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.refused_rules(managed lethe.managed_tables, controller lethe.controllers, program jsonb, actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.remember_leaving(rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.remember_relations() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.remembered_sql(alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.renamed(parents lethe_private.reached_row[], to_columns text[], columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.replay_explained_by(table_id integer, key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.replay_failed(match lethe_private.replay_matches, at timestamp with time zone, failure jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.replay_is_explained(table_id integer, key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.replay_match(type lethe.subject_types, controller lethe.controllers, pads bytea, wanted jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.replay_match_sql("from" text, key text, root text, identifier text, identifiers text[], "where" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.replay_request(kind text, type lethe.subject_types, controller lethe.controllers, key text, received_at timestamp with time zone, number bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.replay_type(subject text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.replay_undecided() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.request_controller(type lethe.subject_types, managed lethe.managed_tables, controller text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.requested_type(kind text, subject text, identified_by text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.requests_lock_id(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reread_data(rows lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.residue_relations() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restore_record(opening lethe.archive_openings) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restricted_statement(managed lethe.managed_tables, table_oid oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restriction_notes(root oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.restriction_of(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rests_on_interest(legal_basis text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.row_ends_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.row_findings(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.row_of_key(managed lethe.managed_tables, table_oid oid, given text, OUT key text, OUT condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.row_to_rectify(request lethe.requests, managed lethe.managed_tables, controller lethe.controllers, key text, changes jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rows_to_explain(managed lethe.managed_tables, controller lethe.controllers, today date, given text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rows_written() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rule_in_words(managed lethe.managed_tables, rule lethe.rules, method text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rule_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer, batch boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.run_as_dropper(statement text) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.checks TO lethe_officer;
GRANT SELECT ON TABLE lethe.checks TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.run_check(checked lethe.checks, reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.run_on_archive(statement text, tids tid[], inner_pad bytea, outer_pad bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.same_hold(id integer, placed_at text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sample_sql(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sample_sql(source text, owner text, not_held text, due_days lethe_private.due_day[], rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.seal_controller(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.seal_hash(seal lethe.seals) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sealed_line("position" bigint, relation text, key text, format integer, hash text) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.sealed_rows TO lethe_officer;
GRANT SELECT ON TABLE lethe.sealed_rows TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.seal_findings(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.seal_text(value text, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.shape_mark(relations jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.shape_of(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.shared_with_others(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], keys lethe_private.erasure_references[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sole_controller(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.stand_in(column_facts lethe_private.host_columns, OUT new_value text, OUT test text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.statistics_sql(wanted jsonb, own boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.staying_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean, phases text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.strange_keys(kept lethe_private.kept_rows[], found jsonb, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.suppose(what_if text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.suppress(request bigint, until date, basis text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.suppression_hash(key lethe_private.controller_keys, identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.suppression_of(controller_id integer, subject text, identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sweep_archived(program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sweep_columns(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sweep_leaving(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sweep_purge(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_controller(relation oid, controller text, controller_column text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_lock_id(table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.take_batch(cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.take_detached(next lethe.partition_purges, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.take_partition(next lethe.partition_purges, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.term_day_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.term_facts(term lethe.terms) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.term_in_words(managed lethe.managed_tables, term lethe.terms) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.terms_in_force(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.text_columns(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.texts_sql(columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.token_facts(id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.tombstones(rows lethe_private.reached_row[], edges lethe_private.reached_edge[], keys lethe_private.erasure_references[], ignored integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.trigger_notes(declared lethe_private.declared_formats) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.trigger_targets(function oid, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_batch(managed lethe.managed_tables, controller lethe.controllers, program jsonb, phase text, actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_hold(managed lethe.managed_tables, hold_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_method(method lethe.methods, type oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_rules(managed lethe.managed_tables, controller lethe.controllers, rows_max integer, deadline timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_tables(since_change bigint, deadline timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_to_execute(request bigint, ledger_number bigint, ledger_hash text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.type_of_request(request lethe.requests) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.types_to_try(method text, types text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.undeclared_sentence(foreign_key text, on_delete text, child text, rows bigint, parent lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.under_paths_of(table_ids integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unique_indexes(relation oid, column_position smallint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unlocked_sql() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unplanned_writes(before jsonb, after jsonb, planned jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unpurposed_sql(managed lethe.managed_tables, table_oid oid, controllers lethe.controllers[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unreached_rows(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.usable_key(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.wait_for_batches() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.written_forms(identifier text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.wanted(requests bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.with_news(reached lethe_private.reached_row[], news lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.with_outcome(result jsonb, managed lethe.managed_tables, controller lethe.controllers, program jsonb, phase text, actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[], as_of date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.without_predicates(program jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.without_rows(rows lethe_private.reached_row[], others lethe_private.reached_row[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.without_waived(found jsonb, looked text[]) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.evidence_batches TO lethe_officer;
GRANT SELECT ON TABLE lethe.evidence_batches TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.write_findings(requests bigint[], findings jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.write_guards() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.write_outcomes(requests lethe.requests[], owners bigint[], rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.write_receipt(cycle lethe.cycles) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.api_tokens TO lethe_officer;
GRANT SELECT ON TABLE lethe.api_tokens TO lethe_auditor;

GRANT SELECT ON TABLE lethe.certificates TO lethe_officer;
GRANT SELECT ON TABLE lethe.certificates TO lethe_agent;
GRANT SELECT ON TABLE lethe.certificates TO lethe_auditor;

GRANT SELECT ON TABLE lethe.detached_partitions TO lethe_officer;
GRANT SELECT ON TABLE lethe.detached_partitions TO lethe_auditor;

GRANT SELECT ON TABLE lethe.request_moves TO lethe_officer;
GRANT SELECT ON TABLE lethe.request_moves TO lethe_agent;
GRANT SELECT ON TABLE lethe.request_moves TO lethe_auditor;

GRANT SELECT ON TABLE lethe_private.held TO lethe_sweeper;

GRANT SELECT ON TABLE lethe_private.keys_of_holds TO lethe_sweeper;

GRANT SELECT,INSERT,DELETE ON TABLE lethe_private.remembered TO lethe_sweeper;

GRANT UPDATE(last_day) ON TABLE lethe_private.remembered TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe.list_recipients() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.list_recipients() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.list_recipients() TO lethe_agent;
GRANT ALL ON FUNCTION lethe.list_recipients() TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.check_unrehearsed_rule(reached lethe_private.reached[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.export_links(subject_type_id integer) FROM PUBLIC;

