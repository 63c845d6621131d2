"""The SQL of the network limits: their tables beside the events, checked and written inside the append.

The recorder fills in the names in braces. `LimitBook` (networks.py) does the same in memory; the tests compare them.
Rules, windows and how long declines are kept come from networks.py as the parameter `limits`.
"""

TABLES = (
    # The tries that network limits count, over all cards; can be rebuilt from the log.
    """
    CREATE TABLE IF NOT EXISTS {tries} (
        attempt_id uuid PRIMARY KEY,  -- a try counts once
        fingerprint text COLLATE "C" NOT NULL,
        amount text COLLATE "C" NOT NULL,
        declined_at timestamptz NOT NULL  -- infinity while it is open
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX IF NOT EXISTS {tries_index} ON {tries} (fingerprint, declined_at)",
    # Payment cards that may not be tried; can be rebuilt from the log.
    """
    CREATE TABLE IF NOT EXISTS {blocked} (
        fingerprint text COLLATE "C" PRIMARY KEY,
        until timestamptz NOT NULL DEFAULT 'infinity'
    )
    """,
)

TYPES = (
    # A try; without a network it counts for no rule and is checked against blocks and delays only.
    """
    DO $$ BEGIN
        CREATE TYPE {try_type} AS (
            card {id_type}, attempt uuid, fingerprint text, network text, amount text,
            at timestamptz, declined timestamptz,  -- NULL while it is open
            last_rung boolean  -- NULL: it is none
        );
    EXCEPTION WHEN duplicate_object THEN NULL;
    END $$
    """,
    # The outcome of an earlier try; without `declined` the try does not count any more.
    """
    DO $$ BEGIN
        CREATE TYPE {outcome_type} AS (card {id_type}, attempt uuid, declined timestamptz);
    EXCEPTION WHEN duplicate_object THEN NULL;
    END $$
    """,
    # A payment card that may not be tried again before `until` (NULL: never), or that is `allowed` again.
    """
    DO $$ BEGIN
        CREATE TYPE {block_type} AS (card {id_type}, fingerprint text, until timestamptz, allowed boolean);
    EXCEPTION WHEN duplicate_object THEN NULL;
    END $$
    """,
)

# Writes outcomes of earlier tries, of one card or (NULL) of all that are not left out.
_SETTLE_FUNCTION = """
    CREATE OR REPLACE FUNCTION {settle}(only_card {id_type}, left_out {id_type}[], outcomes {outcome_type}[])
    RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM {tries} WHERE attempt_id = ANY (ARRAY(
            SELECT o.attempt FROM unnest(outcomes) AS o
            WHERE o.declined IS NULL AND (only_card IS NULL OR o.card = only_card) AND o.card <> ALL (left_out)
        ));
        UPDATE {tries} AS t SET declined_at = o.declined FROM unnest(outcomes) AS o
        WHERE o.declined IS NOT NULL AND (only_card IS NULL OR o.card = only_card) AND o.card <> ALL (left_out)
        AND t.attempt_id = o.attempt AND t.declined_at = 'infinity';  -- a decline recorded twice is one
    END $$
"""

# The rules that `wanted`, open tries, break, in the order in which they are reported; all tries of the append are
# written already. Counts are correlated subqueries, so that every plan uses the index, however small the table was
# when it was planned.
_BROKEN_FUNCTION = """
    CREATE OR REPLACE FUNCTION {broken}(wanted {try_type}[], limits jsonb)
    RETURNS TABLE (nth bigint, fingerprint text, rule text, until timestamptz, open_only boolean)
    LANGUAGE plpgsql AS $$
    BEGIN
        RETURN QUERY
            WITH wishes AS (
                SELECT * FROM unnest(wanted) WITH ORDINALITY
                AS w (card, attempt, fingerprint, network, amount, at, declined, last_rung, place)
            ), rules AS (
                SELECT * FROM jsonb_to_recordset(limits -> 'rules')
                AS r (
                    name text, network text, most integer, most_early integer, per_amount boolean, "window" interval
                )
            ), broken AS (
                SELECT w.place, w.fingerprint, CASE WHEN isfinite(b.until) THEN 'delayed' ELSE 'never' END AS rule,
                       nullif(b.until, 'infinity') AS until, false AS open_only
                FROM wishes w CROSS JOIN LATERAL (
                    SELECT f.until FROM {blocked} f WHERE f.fingerprint = w.fingerprint AND f.until > w.at OFFSET 0
                ) AS b
                UNION ALL
                SELECT w.place, w.fingerprint, r.name,
                       CASE WHEN c.declines >= m.most AND isfinite(f.freed) THEN f.freed + r.window
                       ELSE w.at + (limits ->> 'open_for')::interval END,
                       c.declines < m.most
                FROM wishes w JOIN rules r ON r.network = w.network
                CROSS JOIN LATERAL (
                    SELECT CASE WHEN w.last_rung THEN r.most ELSE r.most_early END
                ) AS m (most)
                CROSS JOIN LATERAL (
                    SELECT count(*), count(*) FILTER (WHERE isfinite(t.declined_at)) FROM {tries} t
                    WHERE t.fingerprint = w.fingerprint AND t.declined_at > w.at - r.window
                    AND (t.amount = w.amount OR NOT r.per_amount)
                ) AS c (counted, declines)
                CROSS JOIN LATERAL (
                    SELECT t.declined_at FROM {tries} t
                    WHERE c.counted > m.most AND t.fingerprint = w.fingerprint AND t.declined_at > w.at - r.window
                    AND (t.amount = w.amount OR NOT r.per_amount)
                    ORDER BY t.declined_at OFFSET greatest(c.counted - m.most - 1, 0) LIMIT 1
                ) AS f (freed)
            )
            SELECT row_number() OVER (
                       ORDER BY b.place, b.open_only, b.until DESC NULLS FIRST, b.rule COLLATE "C" DESC
                   ),
                   b.fingerprint, b.rule, b.until, b.open_only
            FROM broken b;
    END $$
"""

# Checks and writes tries, outcomes and blocks; returns the cards that are limited, of which nothing is written.
# Most payment cards are not limited even before outcomes free anything, so all cards are written together first,
# outcomes last. If that breaks a rule, the cards that concern those payment cards are written one by one, in their
# order, each one's outcomes and blocks before its own tries.
_LIMIT_FUNCTION = """
    CREATE OR REPLACE FUNCTION {limit}(
        cards {id_type}[], left_out {id_type}[],
        tries {try_type}[], outcomes {outcome_type}[], blocks {block_type}[], limits jsonb
    ) RETURNS TABLE (limited_card {id_type}, rule text, until timestamptz, open_only boolean) LANGUAGE plpgsql AS $$
    DECLARE
        kept interval := limits ->> 'kept';
        turns {id_type}[] := ARRAY[NULL]::{id_type}[];  -- NULL: all that do not go alone
        turn integer := 1;
        only_card {id_type};
        apart {id_type}[] := left_out;
        its_tries {try_type}[];  -- of this turn
        broken text[];  -- fingerprints
        touched uuid[];  -- earlier tries of theirs that this batch settles
    BEGIN
        WHILE turn <= cardinality(turns) LOOP
            only_card := turns[turn];
            turn := turn + 1;
            its_tries := ARRAY(
                SELECT t FROM unnest(tries) AS t
                WHERE t.card = only_card OR only_card IS NULL AND t.card <> ALL (apart)
            );
            BEGIN
                IF only_card IS NOT NULL THEN
                    PERFORM {settle}(only_card, '{{}}', outcomes);
                END IF;
                INSERT INTO {blocked} AS old
                SELECT b.fingerprint, max(coalesce(b.until, 'infinity')) FROM unnest(blocks) AS b
                WHERE b.allowed IS NULL AND (b.card = only_card OR only_card IS NULL AND b.card <> ALL (apart))
                GROUP BY b.fingerprint
                ON CONFLICT (fingerprint) DO UPDATE SET until = excluded.until WHERE old.until < excluded.until;
                DELETE FROM {blocked} AS old WHERE old.fingerprint = ANY (ARRAY(
                    SELECT b.fingerprint FROM unnest(blocks) AS b
                    WHERE b.allowed AND (b.card = only_card OR only_card IS NULL AND b.card <> ALL (apart))
                ));
                INSERT INTO {tries}
                SELECT t.attempt, t.fingerprint, t.amount, coalesce(t.declined, 'infinity')
                FROM unnest(its_tries) AS t WHERE t.network IS NOT NULL
                ON CONFLICT DO NOTHING;
                SELECT array_agg(b.fingerprint),
                       min(b.rule) FILTER (WHERE b.nth = 1), min(b.until) FILTER (WHERE b.nth = 1),
                       bool_or(b.open_only) FILTER (WHERE b.nth = 1)
                INTO broken, rule, until, open_only
                FROM {broken}(ARRAY(SELECT t FROM unnest(its_tries) AS t WHERE t.declined IS NULL), limits) AS b;
                IF broken IS NOT NULL THEN
                    IF only_card IS NULL THEN
                        ASSERT cardinality(turns) = 1, 'the others broke no rule';  -- or this would never end
                        touched := ARRAY(
                            SELECT f.attempt_id FROM {tries} f
                            WHERE f.attempt_id = ANY (ARRAY(SELECT o.attempt FROM unnest(outcomes) AS o))
                            AND f.fingerprint = ANY (broken)
                        );
                        turns := turns || ARRAY(
                            SELECT c.card FROM unnest(cards) WITH ORDINALITY AS c (card, place)
                            WHERE c.card <> ALL (left_out) AND c.card IN (
                                SELECT t.card FROM unnest(tries) AS t WHERE t.fingerprint = ANY (broken)
                                UNION ALL
                                SELECT b.card FROM unnest(blocks) AS b WHERE b.fingerprint = ANY (broken)
                                UNION ALL
                                SELECT o.card FROM unnest(outcomes) AS o WHERE o.attempt = ANY (touched)
                            )
                            ORDER BY c.place
                        );
                        ASSERT cardinality(turns) > 1, 'somebody broke the rule';
                        apart := left_out || turns[2:];
                        turn := 1;
                    END IF;
                    RAISE EXCEPTION USING ERRCODE = 'BHLIM';  -- takes back what was written in this block
                END IF;
                DELETE FROM {blocked} AS old WHERE old.fingerprint = ANY (ARRAY(
                    SELECT f.fingerprint FROM unnest(its_tries) AS t JOIN {blocked} f ON f.fingerprint = t.fingerprint
                    WHERE f.until <= t.at - kept
                ));
                DELETE FROM {tries} WHERE attempt_id = ANY (ARRAY(
                    SELECT old.attempt_id FROM unnest(its_tries) AS t
                    CROSS JOIN LATERAL (
                        SELECT f.attempt_id FROM {tries} f
                        WHERE f.fingerprint = t.fingerprint AND f.declined_at <= t.at - kept OFFSET 0
                    ) AS old
                    WHERE t.network IS NOT NULL
                ));
                IF only_card IS NULL THEN
                    PERFORM {settle}(NULL, apart, outcomes);
                END IF;
            EXCEPTION WHEN SQLSTATE 'BHLIM' THEN
                IF only_card IS NOT NULL THEN
                    limited_card := only_card;
                    RETURN NEXT;
                END IF;
            END;
        END LOOP;
    END $$
"""

FUNCTIONS = (_SETTLE_FUNCTION, _BROKEN_FUNCTION, _LIMIT_FUNCTION)
