
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

add_member(name, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.add_member(login name, controller text) IS 'Lets a login act for a controller. Raises LE101, LE108, LE502.';

already_masked(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.already_masked("table" text, controller_name text) IS 'Values that a rule''s method takes for its own output although the rule is not due on them, per controller and rule. Reads the whole table. Raises LE101 to LE103.';

apply_policy(jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.apply_policy(policy jsonb, reason text) IS 'Makes the policy what the document says, in one transaction, and lists what changed. The document is described by docs/policy.schema.json.';

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
    CONSTRAINT controller_by_column_xor_constant CHECK ((num_nonnulls(controller_id, controller_column) = 1)),
    CONSTRAINT key_is_not_empty CHECK ((cardinality(key_columns) > 0))
);

ALTER TABLE lethe.managed_tables OWNER TO lethe_owner;

COMMENT ON TABLE lethe.managed_tables IS 'Tables of the host told to Lethe. Nothing else is ever read or changed.';

COMMENT ON COLUMN lethe.managed_tables.time_zone IS 'Zone in which the table''s timestamps without time zone are to be read; null: each controller''s own.';

COMMENT ON COLUMN lethe.managed_tables.search_path IS 'Search path under which the table''s triggers work; null: none but pg_catalog.';

COMMENT ON COLUMN lethe.managed_tables.sentinels IS 'Days that stand for "none" in this table''s clocks. Never due, and reported.';

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
    CONSTRAINT phase_is_known CHECK ((phase = ANY (ARRAY['purge'::text, 'columns'::text]))),
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

cycle_faults(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.cycle_faults(cycle_id bigint) IS 'The tables that keep a cycle from being complete, and why: SQLSTATE and constraint, or how many rows are left.';

cycle_report(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.cycle_report(cycle_id bigint) IS 'The evidence of a cycle, for whoever runs it.';

drop_rule(text, text, text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) IS 'Takes one term of a rule back; the rule goes with its last term. Raises LE101, LE102, LE107, LE502.';

export_policy(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.export_policy() IS 'The policy in force as a document; applying it changes nothing. Raises LE502.';

finish_cycle(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.finish_cycle(cycle_id bigint) IS 'Closes a cycle whose tables are all verified, left over or failed: complete or incomplete; open while some are not. Raises LE403.';

generalize_date(date, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_date(value date, "to" text, width integer) IS 'First day of the month, the year or the age_band (of so many years) that the date lies in. Infinite dates stay.';

generalize_date(timestamp without time zone, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_date(value timestamp without time zone, "to" text, width integer) IS 'First instant of the month, the year or the age_band (of so many years) that the timestamp lies in. Infinite ones stay.';

generalize_date(timestamp with time zone, text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.generalize_date(value timestamp with time zone, "to" text, width integer) IS 'First instant, in UTC, of the month, the year or the age_band (of so many years) that the instant lies in. Infinite ones stay.';

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

is_partial(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_partial(value text, keep_start integer, keep_end integer) IS 'True when lethe.partial would leave the value as it is; null for null.';

is_pseudonym(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym(value text) IS 'True for p- and 8 to 32 hexadecimal digits; null for null.';

is_pseudonym_email(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_email(value text) IS 'True for 8 to 32 hexadecimal digits at anonymized.invalid; null for null.';

is_pseudonym_uuid(uuid); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_pseudonym_uuid(value uuid) IS 'True for a uuid of the form ********-****-8e7e-8e7e-************; null for null.';

is_scrub(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.is_scrub(value text) IS 'True for text without a digit and without an at sign; null for null.';

keyed_hash(text, bytea, bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.keyed_hash(value text, inner_pad bytea, outer_pad bytea) IS 'HMAC-SHA-256 of a text in the database''s encoding. The key comes as its inner and outer pad (key xor 0x3636..., key xor 0x5c5c...), 64 bytes each.';

manage_table(text, text, text, text, text, text[], text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[]) IS 'Tells Lethe of a table: whose rows it holds (one controller, or a column that says), in which zone its timestamps are, and so on. Returns its id. Raises LE101 to LE106, LE201 to LE203, LE502.';

host_name(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.host_name(relation oid) IS 'The quoted, qualified name of a relation.';

host_table(text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.host_table(schema_name text, table_name text) IS 'The oid of a relation by its exact names; null when there is none.';

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

references_to(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.references_to(parent oid) IS 'Every way in which rows of other tables, or of its own, refer to a table, and what the policy says of each.';

CREATE TABLE lethe.rules (
    id integer NOT NULL,
    table_id integer NOT NULL,
    column_name text,
    action text NOT NULL,
    CONSTRAINT action_is_known CHECK ((action = ANY (ARRAY['anonymize'::text, 'purge'::text]))),
    CONSTRAINT rows_are_purged CHECK (((column_name IS NOT NULL) OR (action = 'purge'::text)))
);

ALTER TABLE lethe.rules OWNER TO lethe_owner;

COMMENT ON TABLE lethe.rules IS 'What happens to a column (or, where column_name is null, to the whole row) of a managed table. When is said by its terms.';

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
    CONSTRAINT attempts_max_positive CHECK ((attempts_max > 0)),
    CONSTRAINT batch_rows_positive CHECK (((batch_rows >= 1) AND (batch_rows <= 100000))),
    CONSTRAINT lock_timeout_positive CHECK ((lock_timeout > '00:00:00'::interval)),
    CONSTRAINT one_row CHECK (only_row),
    CONSTRAINT pause_ratio_not_negative CHECK ((pause_ratio >= (0)::numeric)),
    CONSTRAINT replica_lag_max_positive CHECK ((replica_lag_max > '00:00:00'::interval)),
    CONSTRAINT rounds_max_positive CHECK ((rounds_max > 0)),
    CONSTRAINT skipped_rows_max_not_negative CHECK ((skipped_rows_max >= 0))
);

ALTER TABLE lethe.settings OWNER TO lethe_owner;

COMMENT ON TABLE lethe.settings IS 'How cycles share the machine. One row.';

COMMENT ON COLUMN lethe.settings.pause_ratio IS 'The worker pauses after each batch for as long as it took, times this.';

COMMENT ON COLUMN lethe.settings.window_starts_at IS 'Local time of the controller from which the worker may sweep; a window that ends before it starts spans midnight.';

COMMENT ON COLUMN lethe.settings.replica_lag_max IS 'Sweeping waits while any replica replays later than this; null: never.';

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

COMMENT ON TABLE lethe.terms IS 'One purpose''s term of a rule. A value is due when the last term that applies to it has expired. A controller''s own term replaces the default of the same purpose.';

COMMENT ON COLUMN lethe.terms.since IS 'The clock: one column, or several of which the latest counts (nulls ignored).';

COMMENT ON COLUMN lethe.terms."when" IS 'The predicate as it was given; the term applies where it holds. Null: applies where the clock is usable.';

COMMENT ON COLUMN lethe.terms.condition IS 'The same predicate as PostgreSQL reads it, names qualified: this is what runs.';

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

missing_rights(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.missing_rights() IS 'Rights that the policy needs on the host''s objects and that are missing, each with the statement that grants it.';

ownerless_rows(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.ownerless_rows() IS 'Rows that no controller''s cycle ever reaches, per table. Reads the tables whole.';

pace(); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pace() IS 'How long to pause after a batch, as a multiple of the time it took.';

partial(text, integer, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.partial(value text, keep_start integer, keep_end integer) IS 'Keeps the length and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

plan(date, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.plan(as_of date, controller_name text) IS 'Rows due, held, kept by a child and unclocked, per controller, table and rule; "rows" counts the rows that would change; rows of other tables that would go or be unlinked with them stand on lines of their own. as_of: a local day, default today. Raises LE101 to LE103, LE501, LE503.';

preview(text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.preview("table" text, controller_name text) IS 'The exact statements a cycle would run on a table today. $1: addresses of a batch; $2, $3: the controller''s key. Raises LE101 to LE103.';

pseudonym(text, bytea, bytea, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym(value text, inner_pad bytea, outer_pad bytea, length integer) IS 'p- and 32 hexadecimal digits of the value''s HMAC, or fewer to fit a length limit (null: none; 10 characters at least).';

pseudonym_email(text, bytea, bytea, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_email(value text, inner_pad bytea, outer_pad bytea, length integer) IS '32 hexadecimal digits of the value''s HMAC at anonymized.invalid, or fewer to fit a length limit (null: none; 27 characters at least). Takes any text, an address or not.';

pseudonym_uuid(uuid, bytea, bytea); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.pseudonym_uuid(value uuid, inner_pad bytea, outer_pad bytea) IS 'A version 8 uuid made of 96 bits of the value''s HMAC and a mark in its two middle groups.';

ready_tables(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.ready_tables(cycle_id bigint) IS 'The tables of a cycle that can be swept now.';

register_method(text, text, text, text[], text, boolean, jsonb, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) IS 'Adds or replaces a method of your own: two SQL expressions with {value}, {type}, {length}, {key} and {parameter} in them. Names in them are schema-qualified. Raises LE106, LE303, LE304, LE502.';

release_controller(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.release_controller(controller text) IS 'Gives back what start_cycle(..., alone => true) took for this session.';

remove_member(name, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.remove_member(login name, controller text) IS 'Ends what add_member began. Raises LE101, LE502.';

run_cycle(text, numeric); Type: PROCEDURE; Schema: lethe; Owner: lethe_owner

COMMENT ON PROCEDURE lethe.run_cycle(IN controller text, IN pause_ratio numeric) IS 'Runs today''s cycle of one controller, or of all the login acts for, to its end. pause_ratio: pause after each batch, as a multiple of its time. Raises LE101, LE401, LE404 (incomplete), LE502.';

scrub(text, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.scrub(value text, length integer) IS 'Replaces each word with an at sign by [email] and each run of digits by [number], cut to a length limit (null: none).';

set_column(text, text, text, text[], text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) IS 'Says what a column holds, for which purposes and on which legal basis. Raises LE102, LE103, LE106, LE502.';

set_controller(text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) IS 'Adds or changes a controller. reference: what a table''s controller column holds for it. Raises LE101, LE105, LE203, LE502.';

set_link(text, text, text[], text[], text, text, text, jsonb); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) IS 'Declares how rows of a table refer to another: through its foreign key, or by the columns named. Raises LE102, LE103, LE106, LE109, LE305, LE502.';

set_rule(text, text, text, text, text[], text, jsonb, text, text, text, text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) IS 'Sets one term of a rule: what happens (anonymize, purge) to a column, or to the row, how long (ISO 8601) after which clock, for which purpose. Returns the rule''s id. Raises LE101 to LE106, LE301 to LE316, LE502.';

set_subject_type(text, text, text[]); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) IS 'Names a kind of person: its root table and the columns by which one is looked up. Raises LE102, LE103, LE109, LE502.';

share_controller(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.share_controller(controller text) IS 'Turns what start_cycle(..., alone => true) took for this session into a shared lock, until the session ends or unlocks all. Raises LE101.';

start_cycle(text, date, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) IS 'Opens or resumes the cycle of a controller''s local day (default: today). alone: for this session only. Raises LE101, LE401, LE402.';

suggested_indexes(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.suggested_indexes("table" text) IS 'Indexes that keep a daily cycle cheap, as statements for the table''s owner to review and run.';

sweep_step(bigint, integer, boolean); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) IS 'One batch of one table of a cycle. paced: not outside the time window, nor while replicas lag. Call until the state is done or failed; after retry, wait or busy, pause first. Raises LE403, LE405.';

unfinished_tables(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unfinished_tables(cycle_id bigint) IS 'The tables of a cycle that are not swept yet.';

unmanage_table(text); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.unmanage_table("table" text) IS 'Forgets a table with its rules, links and subject types; the table itself is not touched. Raises LE102, LE502.';

verify_cycle(bigint); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.verify_cycle(cycle_id bigint) IS 'Re-reads every swept table of a cycle. Returns how many are to be swept once more.';

verify_table(bigint, integer); Type: FUNCTION; Schema: lethe; Owner: lethe_owner

COMMENT ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) IS 'Re-reads one swept table and writes its evidence. True: nothing due is left. False: it waits to be swept again, is left over, or failed. Raises LE403.';

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

act_sql(text, lethe_private.action_parts[], text, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean) IS 'Applies every action due on the rows of a batch in one statement, and counts them.';

actions(text, lethe.managed_tables, oid, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.actions(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) IS 'The actions in force on a managed table for one controller and one local day, row purge first.';

is_operator(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_operator() IS 'True for superusers and members of lethe_owner: they act for every controller.';

CREATE TABLE lethe.memberships (
    login name NOT NULL,
    controller_id integer NOT NULL
);

ALTER TABLE lethe.memberships OWNER TO lethe_owner;

COMMENT ON TABLE lethe.memberships IS 'Which database login may act for which controller. Members of lethe_owner act for all.';

acts_for(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.acts_for(controller_id integer) IS 'True when the login may act for the controller.';

add_skipped(jsonb, text, text, bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint) IS 'Counts rows set aside under their cause.';

any_due_sql(lethe_private.action_parts[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.any_due_sql(actions lethe_private.action_parts[]) IS 'True when at least one of the actions is to be done on a row.';

apply_controllers(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.apply_controllers(policy jsonb) IS 'The controllers of a policy document.';

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

as_sweeper(text, tid[], bytea, bytea, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_sweeper

COMMENT ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) IS 'Runs one statement as lethe_sweeper, row security off, under the search path declared for the table. Raises LE504, LE505.';

assert_action(lethe.managed_tables, oid, text, text, text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_action(managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb) IS 'Raises LE103 to LE106, LE304 to LE309, LE315 or LE316 when the action cannot be done to the column or row.';

assert_clock(oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_clock(relation oid, since text[]) IS 'Raises LE103, LE302, LE315 unless every name is a date or time column of the table.';

assert_clock_stands(lethe.managed_tables, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid) IS 'Raises LE312 when a trigger restarts a clock of the table.';

assert_column_may_change(lethe.managed_tables, oid, lethe_private.host_columns); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns) IS 'Raises LE308, LE309 or LE316 for a column that no rule may rewrite.';

assert_columns(lethe.managed_tables, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_columns(managed lethe.managed_tables, columns text[]) IS 'Raises LE103 for the first column the table does not have.';

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

assert_declared_parameters(text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_declared_parameters(method text, parameters jsonb) IS 'Raises LE106 unless each parameter of a method has a usable name and a known type.';

assert_intact(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_intact(managed lethe.managed_tables) IS 'Raises LE102 or LE103 when the table, or a column the policy needs, is no longer there.';

assert_keys(jsonb, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_keys(document jsonb, allowed text[], what text) IS 'Raises LE605 (no mapping) or LE106 (unknown key).';

assert_manageable(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_manageable(relation oid) IS 'Raises LE201 or LE202 for what is not a table of its own.';

assert_may_change(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_may_change(controller_id integer) IS 'Raises LE502 unless the login may change the policy of the controller (null: of all).';

assert_method_fits(oid, lethe_private.host_columns, lethe.methods, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) IS 'Raises LE304 (type), LE305 (NOT NULL), LE306 (unique) or LE307 (length).';

assert_no_rewrite_rule(oid, "char", text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text) IS 'Raises LE311 when a rewrite rule stands in the way.';

assert_nulls_fit(oid, lethe_private.host_columns); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns) IS 'Raises LE306 when a column may hold one null at the most.';

assert_on_purge(lethe.managed_tables, lethe.managed_tables, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text) IS 'Raises LE305 (unlinking what is NOT NULL) or LE316 (a table that would go with itself).';

assert_parameters(lethe.methods, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_parameters(method lethe.methods, parameters jsonb) IS 'Raises LE106 for a parameter that is unknown, missing or of the wrong kind.';

assert_references(oid, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_references(relation oid, path oid[]) IS 'Raises LE310 (a reference without an index) or LE313 (a partition without its siblings'' foreign key).';

assert_rules(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_rules(managed lethe.managed_tables) IS 'Raises LE310 to LE314 or LE316 when the rules of a table cannot work together or on it.';

assert_single_expression(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.assert_single_expression(expression text) IS 'Raises LE303 unless the text can only be one expression.';

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

before_purge(oid, integer, text, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.before_purge(table_oid oid, depth integer, joins text, path oid[]) IS 'Statements over a batch of leaving rows ($1: tid[]), and what counts them beforehand; a null statement marks a table that PostgreSQL''s own cascade empties.';

cascade_mark(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.cascade_mark(table_oid oid) IS 'A mark of all foreign keys by which PostgreSQL itself would delete or change rows along with rows of a table.';

children_program(lethe.managed_tables, oid, lethe.controllers, date, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.children_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text) IS 'The statements that count what would follow the leaving rows: [{"table", "rule", "statement"}].';

clock_ceiling(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.clock_ceiling() IS 'Clocks from here on stand for "never".';

clock_floor(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.clock_floor() IS 'Clocks up to here stand for "none".';

compile(lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The statements of one table, for one controller and one local day; null when no rule applies.';

compile_cycle(lethe.cycles, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers) IS 'Lists and compiles the managed tables of a new cycle.';

controller_sql(text, lethe.managed_tables, oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers) IS 'True when the row belongs to the controller.';

count_as_sweeper(text, lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables) IS 'The one jsonb value of a statement run as lethe_sweeper.';

deleted_in_transaction(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.deleted_in_transaction(relation oid) IS 'Rows deleted from a table so far by this transaction, cascades included, as PostgreSQL''s own statistics count them.';

discover(lethe.cycle_tables, lethe.managed_tables, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text) IS 'One search for all due rows of a table''s phase.';

discover_sql(text, text, lethe_private.action_parts[], text, boolean, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.discover_sql(source text, condition text, actions lethe_private.action_parts[], in_order_of text, has_leaves boolean, batch_rows integer) IS 'Finds all due rows once and groups their addresses into batches.';

effective_terms(integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.effective_terms(table_id integer, controller_id integer) IS 'The terms in force on a managed table for a controller.';

plain_name(lethe.managed_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plain_name(managed lethe.managed_tables) IS 'schema.table without quotes, as a policy document names it.';

export_links(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.export_links(subject_type_id integer) IS 'The links of a subject type as a policy document writes them.';

format_delay(interval); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.format_delay(after interval) IS 'The inverse of parse_delay; weeks come back as days.';

export_terms(integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.export_terms(rule_id integer, controller_id integer) IS 'The terms of a rule as a policy document writes them.';

CREATE TABLE lethe.managed_columns (
    table_id integer NOT NULL,
    column_name text NOT NULL,
    category text,
    purposes text[] DEFAULT '{}'::text[] NOT NULL,
    legal_basis text,
    CONSTRAINT category_is_known CHECK ((category = ANY (ARRAY['direct identifier'::text, 'contact'::text, 'quasi-identifier'::text, 'special category'::text, 'content'::text, 'technical'::text, 'not personal'::text])))
);

ALTER TABLE lethe.managed_columns OWNER TO lethe_owner;

COMMENT ON TABLE lethe.managed_columns IS 'What a column holds, for which purposes, on which legal basis.';

export_rules(integer, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.export_rules(table_id integer, controller_id integer) IS 'The rules of a table, of all controllers or of one, as a policy document writes them.';

fill(text, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.fill(statement text, words jsonb) IS 'A statement with the given words in place of its marks.';

find_reference(lethe.managed_tables, text, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[]) IS 'The one foreign key of a managed table that fits. Raises LE106 when none or several do.';

get_controller(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_controller(name text) IS 'A controller by its name. Raises LE101.';

get_cycle(bigint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_cycle(cycle_id bigint) IS 'A cycle by its id. Raises LE403.';

get_managed(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.get_managed("table" text) IS 'A managed table as a person names it. Raises LE102.';

halve_batch(lethe.cycle_tables, lethe_private.worklist, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) IS 'Takes a batch apart to find the row that cannot be changed, which is skipped once it stands alone; too many of them fail the table.';

has_leading_index(oid, smallint[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.has_leading_index(relation oid, positions smallint[]) IS 'True when some complete index begins with these columns, so that a reference can be looked up.';

key_sql(text, oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.key_sql(alias text, table_oid oid, key_columns text[]) IS 'SQL that renders a row''s key as text, independent of DateStyle and TimeZone.';

held_exists(text, lethe.managed_tables, oid, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'Two predicates: the whole table is held; the row is held.';

held_sql(text, lethe.managed_tables, oid, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'True when the row is under a hold on the given day.';

hmac_pad(bytea, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hmac_pad(key bytea, mixed_with integer) IS 'A key of at most 64 bytes, filled with zeros and mixed with 0x36 (inner) or 0x5c (outer).';

holds_lock_id(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.holds_lock_id() IS 'The advisory lock that batches share and that whoever changes holds takes alone: when a hold has been committed, no batch is under way that did not see it.';

hostile_values(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.hostile_values(type oid) IS 'Sample values of a type on which methods tend to fail; null for a type that has none.';

identifies_rows(oid, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.identifies_rows(relation oid, columns text[]) IS 'True when a unique index over exactly these columns, all NOT NULL, identifies every row.';

is_watched(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.is_watched(relation oid) IS 'True when a trigger may change what an UPDATE of the table writes.';

kept_sql(text, oid, lethe.controllers, date, boolean, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.kept_sql(alias text, table_oid oid, controller lethe.controllers, today date, look_ahead boolean, path oid[]) IS 'True when a row that stays refers to the row; null when nothing can refer to it.';

last_due_day(date, interval); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.last_due_day(today date, after interval) IS 'The latest local day d for which d + after < today, by PostgreSQL''s calendar.';

local_day_sql(text, lethe_private.host_columns, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.local_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text) IS 'The controller''s local day of a clock column of type date, timestamp or timestamptz.';

latest_day_sql(text, oid, text[], text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.latest_day_sql(alias text, table_oid oid, since text[], table_zone text, controller_zone text, past_sentinels text) IS 'The latest local day of several clocks; null when none is usable.';

leaves_sql(text, lethe.managed_tables, oid, lethe.controllers, date, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.leaves_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, path oid[]) IS 'True when the row will itself be purged in this cycle.';

lock_children(oid, integer, text, oid[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.lock_children(table_oid oid, depth integer, joins text, path oid[]) IS 'Statements that lock what would go with a batch of rows ($1: tid[]) and is referred to itself.';

lock_id(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.lock_id(controller_id integer) IS 'The advisory lock of a controller''s cycle.';

look_sql(text, text, lethe_private.action_parts[], text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.look_sql(source text, condition text, actions lethe_private.action_parts[], held text, kept text, staying text) IS 'Counts what is due, held and kept, from the data as it stands.';

may_sweep_now(lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.may_sweep_now(controller lethe.controllers) IS 'True within the time window, in the controller''s zone, and while no replica lags too far.';

method_sql(text, text, lethe_private.host_columns, lethe.methods, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.method_sql(template text, alias text, column_facts lethe_private.host_columns, method lethe.methods, parameters jsonb) IS 'The mask or the recogniser of a method over one column of a row.';

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

new_key(integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.new_key(controller_id integer) IS 'Gives a controller its next key version.';

not_held_sql(text, lethe.managed_tables, oid, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) IS 'The opposite of held_sql, in the form that PostgreSQL can turn into an anti-join.';

parameters_to_try(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.parameters_to_try(declared jsonb) IS 'Values for the declared parameters of a method: defaults, minima, maxima.';

parse_delay(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.parse_delay(after text) IS 'An ISO 8601 period of whole days or more as an interval. Raises LE301.';

place(text, oid, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.place(statement text, table_oid oid, target oid) IS 'A statement of a program, directed at the table or at one partition of it.';

plain_clock_index(lethe.managed_tables, oid, lethe.controllers); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) IS 'The clock of this table that has an index over all rows; null when there is none.';

plan_table(lethe.managed_tables, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date) IS 'The plan of one table. Raises LE102, LE103, LE501, LE503.';

pointer(text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.pointer(VARIADIC steps text[]) IS 'A JSON pointer (RFC 6901).';

program_of(lethe.cycles, lethe.cycle_tables); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables) IS 'The compiled statements of one table of a cycle; null when it could not be compiled, which fails the table.';

progress(text, lethe.cycle_tables, timestamp with time zone); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamp with time zone) IS 'What a step reports.';

purge_program(lethe.managed_tables, oid, lethe.controllers, date, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.purge_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, key text) IS 'The statements that purge a batch of rows: "delete" alone where nothing refers to the table, else lock, pick, before, delete.';

put_rule(text, text, text, text, text[], text, jsonb, text, text, text, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.put_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) IS 'Sets one term of a rule, judged by itself. Whoever calls it judges the rules of the table together (assert_rules).';

read_condition(oid, text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.read_condition(relation oid, condition text) IS 'A predicate over one table as PostgreSQL reads it, every name qualified. Raises LE303.';

read_days(text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.read_days(days text[]) IS 'Days written as ISO 8601. Raises LE302.';

record_change(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.record_change() IS 'Trigger: keeps who changed which part of the policy, when and why, and has open cycles compiled anew.';

reference_sql(text, text[], text, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[]) IS 'True when the child row refers to the parent row.';

resolve_table(text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.resolve_table("table" text) IS 'The oid of a table named by a person. Raises LE102.';

rule_sql(text, lethe.managed_tables, oid, lethe.controllers, date, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rule_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer) IS 'When a row is due under a rule, for one controller and one local day; null when the rule has no term for it.';

rules_of(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.rules_of(policy jsonb) IS 'Every rule of a policy document, defaults first, with a pointer to it.';

run_as_sweeper(text, lethe.managed_tables, tid[], bytea, bytea); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.run_as_sweeper(statement text, managed lethe.managed_tables, tids tid[], inner_pad bytea, outer_pad bytea) IS 'Runs one statement over a managed table as lethe_sweeper. Raises LE504, LE505.';

search_again(lethe.cycle_tables, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb) IS 'Discovers due rows once more, or ends the phase. Returns discovered, retry, failed or done.';

shortest_fit(lethe.methods, lethe_private.host_columns, jsonb, integer); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max integer) IS 'The shortest length limit under which a method''s output fits and is recognised; null when any does.';

staying_sql(lethe.managed_tables, oid, lethe.controllers, date, boolean); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.staying_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean) IS 'The WITH clause that finds the due rows which stay because of references within their own table; null when it has none.';

sweep_columns(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.sweep_columns(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) IS 'Applies the column rules to one batch. Returns {"rows", "root", "rN": rows per rule}.';

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

term_sql(text, lethe.managed_tables, oid, text, date, interval, text[], text); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller_zone text, today date, after interval, since text[], condition text) IS 'The SQL of one term of a rule, for one controller and one local day.';

text_list(jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.text_list(value jsonb) IS 'One word or a list of words, as a list; null when there is none.';

try_expressions(lethe.methods, lethe_private.host_columns, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb) IS 'Raises PostgreSQL''s own error unless mask and recogniser can stand in an index.';

try_method(lethe.methods, oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_method(method lethe.methods, type oid) IS 'Tries a method on one type and adds what it learns (null results, lengths). Raises LE303 or LE304.';

try_values(lethe.methods, text, lethe_private.host_columns, jsonb); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb) IS 'Masks the sample values twice and raises LE304 unless the method is total, recognises its own output, is idempotent and keeps what it says.';

types_to_try(text, text[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.types_to_try(method text, types text[]) IS 'The types on which a method that is being registered must prove itself. Raises LE304 for a type that is unknown or has no sample values.';

unclocked_sql(text, text, lethe_private.action_parts[]); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[]) IS 'Counts rows that no term can make due as they stand.';

unique_indexes(oid, smallint); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unique_indexes(relation oid, column_position smallint) IS 'Names of the indexes that keep a column''s values apart.';

unlocked_sql(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.unlocked_sql() IS 'Locks the rows of a batch that nobody else has locked, and returns them.';

untouchable_sql(text, lethe.managed_tables, oid, lethe.controllers, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) IS 'True when a row may neither go nor change with another one: it is held, or is not the controller''s.';

up_to_day_sql(text, lethe_private.host_columns, text, text, date); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.up_to_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, last_day date) IS 'True when the clock lies on or before a local day of the controller.';

usable_key(oid); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.usable_key(relation oid) IS 'The columns that identify a row; null when nothing does.';

wait_for_batches(); Type: FUNCTION; Schema: lethe_private; Owner: lethe_owner

COMMENT ON FUNCTION lethe_private.wait_for_batches() IS 'Trigger: no batch runs while holds change.';

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

ALTER TABLE lethe.evidence_batches ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.evidence_batches_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE lethe.holds (
    id integer NOT NULL,
    controller_id integer,
    reason text NOT NULL,
    author name DEFAULT SESSION_USER NOT NULL,
    placed_at timestamp with time zone DEFAULT now() NOT NULL,
    ends_on date,
    released_at timestamp with time zone
);

ALTER TABLE lethe.holds OWNER TO lethe_owner;

COMMENT ON TABLE lethe.holds IS 'Legal holds: what they name is left untouched until released or until the day after ends_on.';

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

CREATE TABLE lethe.policy_changes (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    by name DEFAULT SESSION_USER NOT NULL,
    reason text,
    object text NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT something_changed CHECK ((before IS DISTINCT FROM after))
);

ALTER TABLE lethe.policy_changes OWNER TO lethe_owner;

COMMENT ON TABLE lethe.policy_changes IS 'Every change of the policy: who, when, why, from what to what.';

ALTER TABLE lethe.policy_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe.policy_changes_id_seq
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

CREATE TABLE lethe.subject_types (
    id integer NOT NULL,
    name text NOT NULL,
    table_id integer NOT NULL,
    identifiers text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT name_is_a_plain_word CHECK ((name ~ '^[a-z][a-z0-9_-]{0,62}$'::text))
);

ALTER TABLE lethe.subject_types OWNER TO lethe_owner;

COMMENT ON TABLE lethe.subject_types IS 'A kind of person: its root table and the columns by which one is looked up.';

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

CREATE TABLE lethe_private.compiled (
    cycle_id bigint NOT NULL,
    table_id integer NOT NULL,
    program jsonb NOT NULL
);

ALTER TABLE lethe_private.compiled OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.compiled IS 'The statements a cycle runs on a table, as lethe.preview shows them.';

CREATE TABLE lethe_private.held_keys (
    hold_id integer NOT NULL,
    table_id integer NOT NULL,
    key text
);

ALTER TABLE lethe_private.held_keys OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.held_keys IS 'The rows that a hold names, by key; a null key is the whole table.';

CREATE VIEW lethe_private.held AS
 SELECT k.table_id,
    k.key,
    h.ends_on
   FROM (lethe_private.held_keys k
     JOIN lethe.holds h ON ((h.id = k.hold_id)))
  WHERE (h.released_at IS NULL);

ALTER TABLE lethe_private.held OWNER TO lethe_owner;

COMMENT ON VIEW lethe_private.held IS 'Keys under a hold that has not been released; a null key is the whole table.';

CREATE TABLE lethe_private.migrations (
    filename text NOT NULL,
    hash text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE lethe_private.migrations OWNER TO lethe_owner;

COMMENT ON TABLE lethe_private.migrations IS 'Which of Lethe''s migrations this database has, and the SHA-256 of the text that was applied.';

ALTER TABLE lethe_private.worklist ALTER COLUMN batch ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lethe_private.worklist_batch_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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

ALTER TABLE ONLY lethe.evidence_batches
    ADD CONSTRAINT evidence_batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.evidence
    ADD CONSTRAINT evidence_pkey PRIMARY KEY (cycle_id, table_name, rule);

ALTER TABLE ONLY lethe.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.links
    ADD CONSTRAINT links_table_id_columns_to_table_id_subject_type_id_key UNIQUE NULLS NOT DISTINCT (table_id, columns, to_table_id, subject_type_id);

ALTER TABLE ONLY lethe.managed_columns
    ADD CONSTRAINT managed_columns_pkey PRIMARY KEY (table_id, column_name);

ALTER TABLE ONLY lethe.managed_tables
    ADD CONSTRAINT managed_tables_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.managed_tables
    ADD CONSTRAINT managed_tables_schema_name_table_name_key UNIQUE (schema_name, table_name);

ALTER TABLE ONLY lethe.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (login, controller_id);

ALTER TABLE ONLY lethe.methods
    ADD CONSTRAINT methods_pkey PRIMARY KEY (name);

ALTER TABLE ONLY lethe.policy_changes
    ADD CONSTRAINT policy_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_table_id_column_name_action_key UNIQUE NULLS NOT DISTINCT (table_id, column_name, action);

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

ALTER TABLE ONLY lethe_private.compiled
    ADD CONSTRAINT compiled_pkey PRIMARY KEY (cycle_id, table_id);

ALTER TABLE ONLY lethe_private.controller_keys
    ADD CONSTRAINT controller_keys_pkey PRIMARY KEY (controller_id, version);

ALTER TABLE ONLY lethe_private.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (filename);

ALTER TABLE ONLY lethe_private.worklist
    ADD CONSTRAINT worklist_pkey PRIMARY KEY (cycle_id, table_id, batch);

CREATE INDEX cycles_by_controller ON lethe.cycles USING btree (controller_id, local_date);

CREATE UNIQUE INDEX cycles_one_open ON lethe.cycles USING btree (controller_id) WHERE (state = 'open'::text);

CREATE INDEX evidence_batches_by_cycle ON lethe.evidence_batches USING btree (cycle_id, table_id);

CREATE INDEX holds_by_controller ON lethe.holds USING btree (controller_id);

CREATE INDEX links_by_subject_type ON lethe.links USING btree (subject_type_id);

CREATE INDEX links_by_to_table ON lethe.links USING btree (to_table_id);

CREATE INDEX managed_tables_by_controller ON lethe.managed_tables USING btree (controller_id);

CREATE INDEX memberships_by_controller ON lethe.memberships USING btree (controller_id);

CREATE INDEX subject_types_by_table ON lethe.subject_types USING btree (table_id);

CREATE INDEX terms_by_controller ON lethe.terms USING btree (controller_id);

CREATE INDEX terms_by_method ON lethe.terms USING btree (method);

CREATE INDEX held_keys_by_hold ON lethe_private.held_keys USING btree (hold_id);

CREATE INDEX held_keys_by_key ON lethe_private.held_keys USING btree (table_id, key);

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.controllers FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.holds FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.links FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.managed_columns FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.managed_tables FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.memberships FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.settings FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.subject_types FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON lethe.terms FOR EACH ROW EXECUTE FUNCTION lethe_private.record_change();

CREATE TRIGGER wait_for_batches BEFORE INSERT OR DELETE OR UPDATE ON lethe.holds FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.wait_for_batches();

CREATE TRIGGER wait_for_batches BEFORE INSERT OR DELETE OR UPDATE ON lethe_private.held_keys FOR EACH STATEMENT EXECUTE FUNCTION lethe_private.wait_for_batches();

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

ALTER TABLE ONLY lethe.rules
    ADD CONSTRAINT rules_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.subject_types
    ADD CONSTRAINT subject_types_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_method_fkey FOREIGN KEY (method) REFERENCES lethe.methods(name) ON DELETE RESTRICT;

ALTER TABLE ONLY lethe.terms
    ADD CONSTRAINT terms_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES lethe.rules(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.compiled
    ADD CONSTRAINT compiled_cycle_id_table_id_fkey FOREIGN KEY (cycle_id, table_id) REFERENCES lethe.cycle_tables(cycle_id, table_id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.controller_keys
    ADD CONSTRAINT controller_keys_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES lethe.controllers(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_keys
    ADD CONSTRAINT held_keys_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES lethe.holds(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.held_keys
    ADD CONSTRAINT held_keys_table_id_fkey FOREIGN KEY (table_id) REFERENCES lethe.managed_tables(id) ON DELETE CASCADE;

ALTER TABLE ONLY lethe_private.worklist
    ADD CONSTRAINT worklist_cycle_id_table_id_fkey FOREIGN KEY (cycle_id, table_id) REFERENCES lethe.cycle_tables(cycle_id, table_id) ON DELETE CASCADE;

ALTER TABLE lethe.controllers ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.cycle_tables ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.cycles ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.evidence ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.evidence_batches ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.links ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.managed_columns ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.managed_tables ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.methods ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.policy_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.rules ENABLE ROW LEVEL SECURITY;

CREATE POLICY select_own_controller ON lethe.controllers FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(id));

CREATE POLICY select_own_controller ON lethe.cycle_tables FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = cycle_tables.cycle_id))));

CREATE POLICY select_own_controller ON lethe.cycles FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.evidence FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = evidence.cycle_id))));

CREATE POLICY select_own_controller ON lethe.evidence_batches FOR SELECT TO lethe_officer, lethe_auditor USING ((EXISTS ( SELECT
   FROM lethe.cycles c
  WHERE (c.id = evidence_batches.cycle_id))));

CREATE POLICY select_own_controller ON lethe.holds FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.links FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.managed_columns FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.managed_tables FOR SELECT TO lethe_officer, lethe_auditor USING (((controller_id IS NULL) OR lethe_private.acts_for(controller_id)));

CREATE POLICY select_own_controller ON lethe.memberships FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.acts_for(controller_id));

CREATE POLICY select_own_controller ON lethe.methods FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.policy_changes FOR SELECT TO lethe_officer, lethe_auditor USING (lethe_private.is_operator());

CREATE POLICY select_own_controller ON lethe.rules FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.settings FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.subject_types FOR SELECT TO lethe_officer, lethe_auditor USING (true);

CREATE POLICY select_own_controller ON lethe.terms FOR SELECT TO lethe_officer, lethe_auditor USING (((controller_id IS NULL) OR lethe_private.acts_for(controller_id)));

ALTER TABLE lethe.settings ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.subject_types ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe.terms ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.compiled ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.controller_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.held_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.migrations ENABLE ROW LEVEL SECURITY;

ALTER TABLE lethe_private.worklist ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA lethe TO PUBLIC;

GRANT USAGE ON SCHEMA lethe_private TO lethe_sweeper;

REVOKE ALL ON FUNCTION lethe.add_member(login name, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.add_member(login name, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.already_masked("table" text, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.apply_policy(policy jsonb, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.apply_policy(policy jsonb, reason text) TO lethe_officer;

GRANT SELECT ON TABLE lethe.controllers TO lethe_officer;
GRANT SELECT ON TABLE lethe.controllers TO lethe_auditor;

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

REVOKE ALL ON FUNCTION lethe.cycle_faults(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.cycle_faults(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.cycle_report(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.cycle_report(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.drop_rule("table" text, action text, "column" text, purpose text, controller text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.export_policy() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.export_policy() TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.finish_cycle(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.finish_cycle(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.manage_table("table" text, controller text, controller_column text, time_zone text, search_path text, key text[], sentinels text[]) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe_private.host_name(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.host_table(schema_name text, table_name text) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.links TO lethe_officer;
GRANT SELECT ON TABLE lethe.links TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.references_to(parent oid) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.rules TO lethe_officer;
GRANT SELECT ON TABLE lethe.rules TO lethe_auditor;

GRANT SELECT ON TABLE lethe.settings TO lethe_officer;
GRANT SELECT ON TABLE lethe.settings TO lethe_auditor;

GRANT SELECT ON TABLE lethe.terms TO lethe_officer;
GRANT SELECT ON TABLE lethe.terms TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe.missing_rights() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.missing_rights() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.ownerless_rows() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_officer;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.ownerless_rows() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.pace() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.pace() TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.plan(as_of date, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.plan(as_of date, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.preview("table" text, controller_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.preview("table" text, controller_name text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.ready_tables(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.ready_tables(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.register_method(name text, mask text, recogniser text, types text[], output text, keeps_unique boolean, parameters jsonb, description text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.release_controller(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.release_controller(controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.remove_member(login name, controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.remove_member(login name, controller text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_column("table" text, "column" text, category text, purposes text[], legal_basis text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_controller(name text, time_zone text, reference text, title text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_link("table" text, "to" text, columns text[], to_columns text[], on_purge text, subject text, kind text, on_erasure jsonb) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.set_subject_type(name text, "table" text, identifiers text[]) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.share_controller(controller text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.share_controller(controller text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.start_cycle(controller text, local_date date, alone boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.suggested_indexes("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_officer;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_auditor;
GRANT ALL ON FUNCTION lethe.suggested_indexes("table" text) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.sweep_step(cycle_id bigint, table_id integer, paced boolean) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unfinished_tables(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unfinished_tables(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.unmanage_table("table" text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.unmanage_table("table" text) TO lethe_officer;

REVOKE ALL ON FUNCTION lethe.verify_cycle(cycle_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.verify_cycle(cycle_id bigint) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe.verify_table(cycle_id bigint, table_id integer) TO lethe_worker;

REVOKE ALL ON FUNCTION lethe_private.absent_table(cycle lethe.cycles, table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.object_sql(pairs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.root_sql(key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.tests_sql(actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.actions(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_operator() FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.is_operator() TO lethe_officer;
GRANT ALL ON FUNCTION lethe_private.is_operator() TO lethe_auditor;

GRANT SELECT ON TABLE lethe.memberships TO lethe_officer;
GRANT SELECT ON TABLE lethe.memberships TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.acts_for(controller_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.acts_for(controller_id integer) TO lethe_officer;
GRANT ALL ON FUNCTION lethe_private.acts_for(controller_id integer) TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.any_due_sql(actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_controllers(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_links(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_rules(policy jsonb, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_tables(tables jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) FROM PUBLIC;
GRANT ALL ON FUNCTION lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text) TO lethe_owner;

REVOKE ALL ON FUNCTION lethe_private.assert_action(managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_clock(relation oid, since text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_columns(managed lethe.managed_tables, columns text[]) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.methods TO lethe_officer;
GRANT SELECT ON TABLE lethe.methods TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_declared_parameters(method text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_intact(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_keys(document jsonb, allowed text[], what text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_manageable(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_may_change(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_parameters(method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_references(relation oid, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_rules(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_single_expression(expression text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_template(method text, part text, template text, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_time_zone(time_zone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.assert_trusted_names(method text, part text, template text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.before_purge(table_oid oid, depth integer, joins text, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.cascade_mark(table_oid oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.children_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clock_ceiling() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.clock_floor() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.deleted_in_transaction(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.discover_sql(source text, condition text, actions lethe_private.action_parts[], in_order_of text, has_leaves boolean, batch_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.effective_terms(table_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plain_name(managed lethe.managed_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.export_links(subject_type_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.format_delay(after interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.export_terms(rule_id integer, controller_id integer) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.managed_columns TO lethe_officer;
GRANT SELECT ON TABLE lethe.managed_columns TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.export_rules(table_id integer, controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.fill(statement text, words jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_controller(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_cycle(cycle_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.get_managed("table" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.has_leading_index(relation oid, positions smallint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.key_sql(alias text, table_oid oid, key_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hmac_pad(key bytea, mixed_with integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.holds_lock_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.hostile_values(type oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.identifies_rows(relation oid, columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.is_watched(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.kept_sql(alias text, table_oid oid, controller lethe.controllers, today date, look_ahead boolean, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.last_due_day(today date, after interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.local_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.latest_day_sql(alias text, table_oid oid, since text[], table_zone text, controller_zone text, past_sentinels text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.leaves_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_children(table_oid oid, depth integer, joins text, path oid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.lock_id(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.look_sql(source text, condition text, actions lethe_private.action_parts[], held text, kept text, staying text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.may_sweep_now(controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.method_sql(template text, alias text, column_facts lethe_private.host_columns, method lethe.methods, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.new_key(controller_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.parameters_to_try(declared jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.parse_delay(after text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.place(statement text, table_oid oid, target oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.pointer(VARIADIC steps text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.purge_program(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, condition text, key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.put_rule("table" text, action text, after text, "column" text, since text[], method text, parameters jsonb, purpose text, "when" text, controller text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_condition(relation oid, condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.read_days(days text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.record_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.resolve_table("table" text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rule_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.rules_of(policy jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.run_as_sweeper(statement text, managed lethe.managed_tables, tids tid[], inner_pad bytea, outer_pad bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.staying_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, batch boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sweep_columns(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.sweep_purge(managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_controller(relation oid, controller text, controller_column text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.table_lock_id(table_id integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.take_batch(cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.term_sql(alias text, managed lethe.managed_tables, table_oid oid, controller_zone text, today date, after interval, since text[], condition text) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.text_list(value jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_method(method lethe.methods, type oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.types_to_try(method text, types text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unique_indexes(relation oid, column_position smallint) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.unlocked_sql() FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.up_to_day_sql(alias text, clock lethe_private.host_columns, table_zone text, controller_zone text, last_day date) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.usable_key(relation oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION lethe_private.wait_for_batches() FROM PUBLIC;

GRANT SELECT ON TABLE lethe.evidence_batches TO lethe_officer;
GRANT SELECT ON TABLE lethe.evidence_batches TO lethe_auditor;

REVOKE ALL ON FUNCTION lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb) FROM PUBLIC;

GRANT SELECT ON TABLE lethe.holds TO lethe_officer;
GRANT SELECT ON TABLE lethe.holds TO lethe_auditor;

GRANT SELECT ON TABLE lethe.policy_changes TO lethe_officer;
GRANT SELECT ON TABLE lethe.policy_changes TO lethe_auditor;

GRANT SELECT ON TABLE lethe.subject_types TO lethe_officer;
GRANT SELECT ON TABLE lethe.subject_types TO lethe_auditor;

GRANT SELECT ON TABLE lethe_private.held TO lethe_sweeper;

