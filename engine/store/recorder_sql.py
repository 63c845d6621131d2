"""The SQL of the recorder: its tables beside the events, and the functions that make an append one round trip.

Names in braces are filled in by the recorder, which derives them from the name of the events table.
"""

INSERT = "SELECT * FROM {insert}(%b::{id_type}[], %b::bigint[], %b::text[], %b::bytea[])"

APPEND = """
    SELECT * FROM {append}(
        %b::{id_type}[], %b::bigint[], %b::text[], %b::bytea[], %b::{id_type}[], %b::bigint[],
        %b::{id_type}[], %b::bigint[], %b::integer[], %b::bytea[],
        %b::{id_type}[], %b::text[], %b::bytea[], %b::bigint[], %b::integer[], %b::timestamptz,
        {rules}::jsonb, %b::text[],
        %b::{id_type}[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[],
        %b::{id_type}[], %b::uuid[], %b::timestamptz[], %b::{id_type}[], %b::text[]
    )
"""

# One row per snapshot (topic NULL), then the events after it; each stream's rows in order.
LOAD = """
    SELECT wanted.place, rows.version, rows.topic, rows.state
    FROM unnest(%b::{id_type}[]) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN {snapshots} s ON s.card_id = wanted.id AND s.state_version = %b
    CROSS JOIN LATERAL (
        SELECT s.version, NULL AS topic, s.state WHERE s.card_id IS NOT NULL
        UNION ALL
        (
            SELECT e.originator_version, e.topic, e.state FROM {events} e
            WHERE e.originator_id = wanted.id AND e.originator_version > coalesce(s.version, 0)
            ORDER BY e.originator_version
        )
    ) AS rows
"""

RECALL = (
    "SELECT command_id, body_hash, card_id, first_version, facts FROM {commands} WHERE command_id = ANY (%b::text[])"
)

APPEND_ONLY = (
    # Facts are never changed: not by us, not by a slip in a console.
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
        facts integer NOT NULL CHECK (facts >= 0),  -- 0: all was so already
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

# Answers the streams of which nothing was stored: those in conflict without a rule, the limited ones with theirs.
# `streams` and `watched` belong together: the fingerprint of a try that does not count but must not be blocked.
# The planner settings keep its cached plans on the indexes, also when they were made while the tables were small.
_APPEND_FUNCTION = """
    CREATE OR REPLACE FUNCTION {append}(
        ids {id_type}[], versions bigint[], topics text[], states bytea[],
        streams {id_type}[], first_versions bigint[],
        snap_ids {id_type}[], snap_versions bigint[], snap_state_versions integer[], snap_states bytea[],
        c_cards {id_type}[], c_ids text[], c_hashes bytea[], c_versions bigint[], c_facts integer[], c_at timestamptz,
        rules jsonb, watched text[],
        t_cards {id_type}[], t_attempts uuid[], t_fingerprints text[], t_networks text[], t_amounts text[],
        t_ats timestamptz[], t_declined timestamptz[],
        o_cards {id_type}[], o_attempts uuid[], o_declined timestamptz[], b_cards {id_type}[], b_fingerprints text[]
    ) RETURNS TABLE (refused_card {id_type}, refused_by text, refused_until timestamptz) LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    DECLARE
        left_out {id_type}[];
        limited_cards {id_type}[] := '{{}}';
        limited_by text[];
        limited_until timestamptz[];
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended({lock}, 0));
        left_out := ARRAY(
            SELECT s.stream FROM unnest(streams, first_versions) AS s (stream, version)
            WHERE EXISTS (
                SELECT FROM {events} e WHERE e.originator_id = s.stream AND e.originator_version = s.version
            )
        );
        IF cardinality(c_ids) > 0 THEN
            left_out := left_out || ARRAY(
                SELECT c.card FROM (
                    SELECT n.card, n.id, row_number() OVER (PARTITION BY n.id ORDER BY n.place) AS nth
                    FROM unnest(c_cards, c_ids) WITH ORDINALITY AS n (card, id, place)
                ) AS c
                WHERE c.nth > 1 OR EXISTS (SELECT FROM {commands} known WHERE known.command_id = c.id)
            );
        END IF;
        IF cardinality(left_out) > 0 THEN
            RETURN QUERY SELECT unnest(left_out), NULL::text, NULL::timestamptz;
        END IF;
        IF cardinality(t_cards) > 0 OR cardinality(b_cards) > 0
            OR cardinality(watched) > 0 AND EXISTS (SELECT FROM {blocked} WHERE fingerprint = ANY (watched))
            OR cardinality(o_cards) > 0 AND EXISTS (SELECT FROM {tries} WHERE attempt_id = ANY (o_attempts))
        THEN
            SELECT coalesce(array_agg(l.limited_card), '{{}}'), array_agg(l.rule), array_agg(l.until)
            INTO limited_cards, limited_by, limited_until
            FROM {limit}(
                streams, left_out, rules, watched,
                t_cards, t_attempts, t_fingerprints, t_networks, t_amounts, t_ats, t_declined,
                o_cards, o_attempts, o_declined, b_cards, b_fingerprints
            ) AS l;
            RETURN QUERY SELECT * FROM unnest(limited_cards, limited_by, limited_until);
            left_out := left_out || limited_cards;
        END IF;
        IF cardinality(ids) > 0 THEN
            NOTIFY {channel};
            INSERT INTO {events} (originator_id, originator_version, topic, state)
            SELECT * FROM unnest(ids, versions, topics, states) AS n (id, version, topic, state)
            WHERE n.id <> ALL (left_out);
        END IF;
        IF cardinality(snap_ids) > 0 THEN
            INSERT INTO {snapshots} AS old (card_id, version, state_version, state)
            SELECT * FROM unnest(snap_ids, snap_versions, snap_state_versions, snap_states) AS n (id, v, s, b)
            WHERE n.id <> ALL (left_out)
            ON CONFLICT (card_id) DO UPDATE
            SET version = excluded.version, state_version = excluded.state_version, state = excluded.state;
        END IF;
        IF cardinality(c_ids) > 0 THEN
            INSERT INTO {commands} (command_id, body_hash, card_id, first_version, facts, at)
            SELECT c.id, c.hash, c.card, c.version, c.facts, c_at
            FROM unnest(c_cards, c_ids, c_hashes, c_versions, c_facts) AS c (card, id, hash, version, facts)
            WHERE c.card <> ALL (left_out);
        END IF;
    END $$
"""

FUNCTIONS = (_INSERT_FUNCTION, _APPEND_FUNCTION)
