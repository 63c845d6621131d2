"""The SQL of the recorder: its tables beside the events, and the functions that make an append one round trip.

Names in braces are filled in by the recorder, which derives them from the name of the events table.
"""

INSERT = "SELECT * FROM {insert}(%b::{id_type}[], %b::bigint[], %b::text[], %b::bytea[])"

APPEND = """
    SELECT * FROM {append}(
        %b::{id_type}[], %b::bigint[], %b::text[], %b::bytea[], %b::bytea[], %b::jsonb, %b::timestamptz, {limits}::jsonb
    )
"""

# One row per snapshot (topic NULL), then the events from its version on; each stream's rows in order.
LOAD = """
    SELECT wanted.place, rows.version, rows.topic, rows.state
    FROM unnest(%b::{id_type}[]) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN {snapshots} s ON s.card_id = wanted.id AND s.state_version = %b
    CROSS JOIN LATERAL (
        SELECT s.version, NULL AS topic, s.state WHERE s.card_id IS NOT NULL
        UNION ALL
        (
            SELECT e.originator_version, e.topic, e.state FROM {events} e
            WHERE e.originator_id = wanted.id AND e.originator_version >= coalesce(s.version, 0)
            ORDER BY e.originator_version
        )
    ) AS rows
"""

ACCEPTED_COMMANDS = (
    "SELECT command_id, body_hash, card_id, first_version, facts FROM {commands} WHERE command_id = ANY (%b::text[])"
)

# The streams among facts that are to be stored whose attempt the log holds already.
REPEATED = """
    SELECT n.id FROM unnest(%b::{id_type}[], %b::bigint[], %b::text[], %b::bytea[]) AS n (id, version, topic, state)
    WHERE n.topic IN {attempts} AND EXISTS (
        SELECT FROM {events} e WHERE e.topic IN {attempts} AND {attempt}(e.state) = {attempt}(n.state)
    )
"""

APPEND_ONLY = (
    # Facts are never changed: not by the program, not by a mistake in a console.
    """
    CREATE OR REPLACE FUNCTION {refuse}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER {refuse_rows} BEFORE UPDATE OR DELETE ON {events}
    FOR EACH STATEMENT EXECUTE FUNCTION {refuse}()
    """,
    """
    CREATE OR REPLACE TRIGGER {refuse_truncate} BEFORE TRUNCATE ON {events}
    FOR EACH STATEMENT EXECUTE FUNCTION {refuse}()
    """,
    "REVOKE UPDATE, DELETE, TRUNCATE ON {events} FROM PUBLIC",
)

# An attempt is recorded once, whatever a wrong state would have decided: its id is the key at the gateway.
# In our compact JSON this name cannot stand within a string, where its quotes would be escaped.
UNIQUE_ATTEMPTS = (
    """
    CREATE OR REPLACE FUNCTION {attempt}(state bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT substring(state FROM nullif(position('"attempt_id":"'::bytea IN state), 0) + 14 FOR 36)
    $$
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS {attempts_index} ON {events} ({attempt}(state)) WHERE topic IN {attempts}",
)

TABLES = (
    # A cache: one row per stream, the latest state; may be emptied at any time.
    """
    CREATE TABLE IF NOT EXISTS {snapshots} (
        card_id {id_type} PRIMARY KEY,
        version bigint NOT NULL,
        state_version integer NOT NULL,
        state bytea NOT NULL
    ) WITH (fillfactor = 70)
    """,
    # Accepted commands, for ever.
    """
    CREATE TABLE IF NOT EXISTS {commands} (
        command_id text COLLATE "C" PRIMARY KEY,  -- a command is accepted once
        body_hash bytea NOT NULL,
        card_id {id_type} NOT NULL,
        first_version bigint NOT NULL,
        facts integer NOT NULL CHECK (facts >= 0),  -- 0: it changed nothing
        at timestamptz NOT NULL
    )
    """,
)

# The lock comes first, in a statement of its own: the INSERT then sees all that was committed before.
_INSERT_FUNCTION = """
    CREATE OR REPLACE FUNCTION {insert}(
        ids {id_type}[], versions bigint[], topics text[], states bytea[]
    ) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended({lock}, 0));
        NOTIFY {channel};
        RETURN QUERY
            INSERT INTO {events} (originator_id, originator_version, topic, state)
            SELECT * FROM unnest(ids, versions, topics, states)
            RETURNING notification_id;
    END $$
"""

TYPES = (
    # One stream of an append, with its command; its snapshot's state comes in `snapshots`.
    """
    DO $$ BEGIN
        CREATE TYPE {stream_type} AS (
            card {id_type}, first_version bigint, facts integer, command_id text, body_hash text,  -- in base64
            snapshot_version bigint, state_version integer, after text
        );
    EXCEPTION WHEN duplicate_object THEN NULL;
    END $$
    """,
)

# Which database this is: another one was put in its place, or the server started again, where it differs from before.
_INCARNATION_FUNCTION = """
    CREATE OR REPLACE FUNCTION {incarnation}() RETURNS text LANGUAGE sql STABLE AS $$
        SELECT concat_ws(
            '.', (SELECT oid FROM pg_database WHERE datname = current_database()), to_regclass({events_name})::oid,
            extract(epoch FROM pg_postmaster_start_time())
        )
    $$
"""

# Stores the facts of many streams, all of a stream or nothing; returns the streams of which nothing was stored: those
# in conflict without a rule, the limited ones with theirs. `snapshots` stand in the order of the streams, NULL where
# there is none. `writes` holds arrays of the composite types: streams, tries, outcomes and blocks.
# A stream goes on only from the fact, by its event id, on which it was decided: in a database that was restored under a
# running process the same version may be free, or be another fact's.
# The time of recording is set under the lock and never falls, so that an instant names a place in the log: it is the
# later one of now and the last fact's. In each fact's JSON it replaces what `engine.envelope` calls NOT_YET.
# The planner settings keep its cached plans on the indexes, also when they were made while the tables were small.
_APPEND_FUNCTION = r"""
    CREATE OR REPLACE FUNCTION {append}(
        ids {id_type}[], versions bigint[], topics text[], states bytea[],
        snapshots bytea[], writes jsonb, recorded_at timestamptz, limits jsonb
    ) RETURNS TABLE (refused_card {id_type}, refused_by text, refused_until timestamptz, refused_by_open boolean)
    LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    DECLARE
        streams {stream_type}[] :=
            ARRAY(SELECT s FROM jsonb_populate_recordset(NULL::{stream_type}, writes -> 'streams') AS s);
        tries {try_type}[] := ARRAY(SELECT t FROM jsonb_populate_recordset(NULL::{try_type}, writes -> 'tries') AS t);
        outcomes {outcome_type}[] :=
            ARRAY(SELECT o FROM jsonb_populate_recordset(NULL::{outcome_type}, writes -> 'outcomes') AS o);
        blocks {block_type}[] :=
            ARRAY(SELECT b FROM jsonb_populate_recordset(NULL::{block_type}, writes -> 'blocks') AS b);
        has_commands boolean := EXISTS (SELECT FROM unnest(streams) AS s WHERE s.command_id IS NOT NULL);
        last_time text;
        stamp bytea;
        left_out {id_type}[];
        limited_cards {id_type}[] := '{{}}';
        limited_by text[];
        limited_until timestamptz[];
        limited_by_open boolean[];
    BEGIN
        IF writes ->> 'incarnation' <> {incarnation}() THEN
            RAISE EXCEPTION 'another database was put in the place of this one, or its server started again'
            USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        PERFORM pg_advisory_xact_lock(hashtextextended({lock}, 0));
        SELECT encode(substring(e.state FROM 67 FOR 27), 'escape') INTO last_time
        FROM {events} e ORDER BY e.notification_id DESC LIMIT 1;
        recorded_at := greatest(
            coalesce(recorded_at, clock_timestamp()),
            CASE WHEN last_time ~ '^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z$' THEN last_time::timestamptz END
        );
        stamp := convert_to(to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'UTF8');
        left_out := ARRAY(
            SELECT s.card FROM unnest(streams) AS s
            WHERE EXISTS (
                SELECT FROM {events} e WHERE e.originator_id = s.card AND e.originator_version = s.first_version
            ) OR s.first_version > 1 AND NOT EXISTS (
                SELECT FROM {events} e WHERE e.originator_id = s.card AND e.originator_version = s.first_version - 1
                AND (s.after IS NULL OR substring(e.state FROM 14 FOR 36) = convert_to(s.after, 'UTF8'))
            )
        );
        IF has_commands THEN
            left_out := left_out || ARRAY(
                SELECT c.card FROM (
                    SELECT s.card, s.command_id,
                           row_number() OVER (PARTITION BY s.command_id ORDER BY s.ordinality) AS nth
                    FROM unnest(streams) WITH ORDINALITY AS s WHERE s.command_id IS NOT NULL
                ) AS c
                WHERE c.nth > 1 OR EXISTS (SELECT FROM {commands} known WHERE known.command_id = c.command_id)
            );
        END IF;
        IF cardinality(left_out) > 0 THEN
            RETURN QUERY SELECT unnest(left_out), NULL::text, NULL::timestamptz, NULL::boolean;
        END IF;
        IF cardinality(blocks) > 0 OR EXISTS (SELECT FROM unnest(tries) AS t WHERE t.network IS NOT NULL)
            OR cardinality(tries) > 0 AND EXISTS (
                SELECT FROM {blocked} WHERE fingerprint = ANY (ARRAY(SELECT t.fingerprint FROM unnest(tries) AS t))
            )
            OR cardinality(outcomes) > 0 AND EXISTS (
                SELECT FROM {tries} WHERE attempt_id = ANY (ARRAY(SELECT o.attempt FROM unnest(outcomes) AS o))
            )
        THEN
            SELECT coalesce(array_agg(l.limited_card), '{{}}'), array_agg(l.rule), array_agg(l.until),
                   array_agg(l.open_only)
            INTO limited_cards, limited_by, limited_until, limited_by_open
            FROM {limit}(
                ARRAY(SELECT s.card FROM unnest(streams) AS s), left_out, tries, outcomes, blocks, limits
            ) AS l;
            RETURN QUERY SELECT * FROM unnest(limited_cards, limited_by, limited_until, limited_by_open);
            left_out := left_out || limited_cards;
        END IF;
        IF cardinality(ids) > 0 THEN
            NOTIFY {channel};
            INSERT INTO {events} (originator_id, originator_version, topic, state)
            SELECT n.id, n.version, n.topic,
                   CASE WHEN substring(n.state FROM 67 FOR 27) = '9999-12-31T23:59:59.999999Z'::bytea
                   THEN overlay(n.state PLACING stamp FROM 67 FOR 27) ELSE n.state END
            FROM unnest(ids, versions, topics, states) AS n (id, version, topic, state)
            WHERE n.id <> ALL (left_out);
        END IF;
        IF cardinality(snapshots) > 0 THEN
            INSERT INTO {snapshots} AS old (card_id, version, state_version, state)
            SELECT n.card, n.snapshot_version, n.state_version, n.state
            FROM unnest(streams, snapshots) AS n (
                card, first_version, facts, command_id, body_hash, snapshot_version, state_version, after, state
            )
            WHERE n.state IS NOT NULL AND n.card <> ALL (left_out)
            ON CONFLICT (card_id) DO UPDATE
            SET version = excluded.version, state_version = excluded.state_version, state = excluded.state;
        END IF;
        IF has_commands THEN
            INSERT INTO {commands} (command_id, body_hash, card_id, first_version, facts, at)
            SELECT s.command_id, decode(s.body_hash, 'base64'), s.card, s.first_version, s.facts, recorded_at
            FROM unnest(streams) AS s WHERE s.command_id IS NOT NULL AND s.card <> ALL (left_out);
        END IF;
    END $$
"""

FUNCTIONS = (_INSERT_FUNCTION, _INCARNATION_FUNCTION, _APPEND_FUNCTION)
