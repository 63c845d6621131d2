"""The SQL of the network limits: their tables beside the events, checked and written inside the append.

Names in braces are filled in by the recorder. `LimitBook` (limits.py) is the same in memory; the tests compare them.
"""

TABLES = (
    # The tries that network limits count, over all cards; can be made anew from the log.
    """
    CREATE TABLE IF NOT EXISTS {tries} (
        attempt_id uuid PRIMARY KEY,  -- a try counts once
        fingerprint text COLLATE "C" NOT NULL,
        amount text COLLATE "C" NOT NULL,
        declined_at timestamptz NOT NULL  -- infinity while it is open
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX IF NOT EXISTS {tries_index} ON {tries} (fingerprint, declined_at)",
    # Payment cards that may never be tried again; can be made anew from the log.
    'CREATE TABLE IF NOT EXISTS {blocked} (fingerprint text COLLATE "C" PRIMARY KEY)',
)

# What became of earlier tries, of one card or (NULL) of all that are not left out.
_SETTLE_FUNCTION = """
    CREATE OR REPLACE FUNCTION {settle}(
        only_card {id_type}, left_out {id_type}[], o_cards {id_type}[], o_attempts uuid[], o_declined timestamptz[]
    ) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        gone uuid[];
        declined uuid[];
    BEGIN
        SELECT coalesce(array_agg(o.attempt) FILTER (WHERE o.at IS NULL), '{{}}'),
               coalesce(array_agg(o.attempt) FILTER (WHERE o.at IS NOT NULL), '{{}}')
        INTO gone, declined
        FROM unnest(o_cards, o_attempts, o_declined) AS o (card, attempt, at)
        WHERE (only_card IS NULL OR o.card = only_card) AND o.card <> ALL (left_out);
        DELETE FROM {tries} WHERE attempt_id = ANY (gone);
        UPDATE {tries} SET declined_at = o_declined[array_position(o_attempts, attempt_id)]
        WHERE attempt_id = ANY (declined) AND declined_at = 'infinity';  -- a decline told twice is one
    END $$
"""

# The rules that open tries break, the first to be named first, all tries of the append being written already. Counts
# are correlated subqueries, so that every plan of theirs uses the index, however small the table was at first.
_BROKEN_FUNCTION = """
    CREATE OR REPLACE FUNCTION {broken}(
        rules jsonb, fingerprints text[], networks text[], amounts text[], ats timestamptz[]
    ) RETURNS TABLE (nth bigint, fingerprint text, rule text, until timestamptz) LANGUAGE plpgsql AS $$
    BEGIN
        RETURN QUERY
            WITH wanted AS (
                SELECT * FROM unnest(fingerprints, networks, amounts, ats)
                WITH ORDINALITY AS t (fingerprint, network, amount, at, place)
            ), limits AS (
                SELECT * FROM jsonb_to_recordset(rules)
                AS r (name text, network text, most integer, per_amount boolean, "window" interval)
            ), broken AS (
                SELECT w.place, w.fingerprint, 'never' AS rule, NULL::timestamptz AS until FROM wanted w
                WHERE w.fingerprint = ANY (
                    ARRAY(SELECT b.fingerprint FROM {blocked} b WHERE b.fingerprint = ANY (fingerprints))
                )
                UNION ALL
                SELECT w.place, w.fingerprint, r.name, CASE WHEN isfinite(f.freed) THEN f.freed + r.window
                                             ELSE w.at + interval '10 minutes' END
                FROM wanted w JOIN limits r ON r.network = w.network
                CROSS JOIN LATERAL (
                    SELECT count(*) FROM {tries} t
                    WHERE t.fingerprint = w.fingerprint AND t.declined_at > w.at - r.window
                    AND (t.amount = w.amount OR NOT r.per_amount)
                ) AS c (counted)
                CROSS JOIN LATERAL (
                    SELECT t.declined_at FROM {tries} t
                    WHERE c.counted > r.most AND t.fingerprint = w.fingerprint AND t.declined_at > w.at - r.window
                    AND (t.amount = w.amount OR NOT r.per_amount)
                    ORDER BY t.declined_at OFFSET greatest(c.counted - r.most - 1, 0) LIMIT 1
                ) AS f (freed)
            )
            SELECT row_number() OVER (ORDER BY b.place, b.until DESC NULLS FIRST, b.rule COLLATE "C" DESC),
                   b.fingerprint, b.rule, b.until
            FROM broken b;
    END $$
"""

# Checks and writes tries, outcomes and blocks; answers the cards that are limited, of which nothing is written.
# Most payment cards are not limited even if no outcome had freed anything, so all cards are written together first,
# outcomes last. If that breaks a rule, cards that have to do with those payment cards are set aside and go alone, in
# their order, each one's outcomes and blocks before its own tries.
_LIMIT_FUNCTION = """
    CREATE OR REPLACE FUNCTION {limit}(
        cards {id_type}[], left_out {id_type}[], rules jsonb, watched text[],
        t_cards {id_type}[], t_attempts uuid[], t_fingerprints text[], t_networks text[], t_amounts text[],
        t_ats timestamptz[], t_declined timestamptz[],
        o_cards {id_type}[], o_attempts uuid[], o_declined timestamptz[], b_cards {id_type}[], b_fingerprints text[]
    ) RETURNS TABLE (limited_card {id_type}, rule text, until timestamptz) LANGUAGE plpgsql AS $$
    DECLARE
        turns {id_type}[] := ARRAY[NULL]::{id_type}[];  -- NULL: all that do not go alone
        turn integer := 1;
        only_card {id_type};
        apart {id_type}[] := left_out;
        broken text[];  -- fingerprints
        touched uuid[];  -- earlier tries of theirs that this batch settles
    BEGIN
        WHILE turn <= cardinality(turns) LOOP
            only_card := turns[turn];
            turn := turn + 1;
            BEGIN
                IF only_card IS NOT NULL THEN
                    PERFORM {settle}(only_card, '{{}}', o_cards, o_attempts, o_declined);
                END IF;
                INSERT INTO {blocked}
                SELECT b.fingerprint FROM unnest(b_cards, b_fingerprints) AS b (card, fingerprint)
                WHERE b.card = only_card OR only_card IS NULL AND b.card <> ALL (apart)
                ON CONFLICT DO NOTHING;
                INSERT INTO {tries}
                SELECT t.attempt, t.fingerprint, t.amount, coalesce(t.declined, 'infinity')
                FROM unnest(t_cards, t_attempts, t_fingerprints, t_networks, t_amounts, t_declined)
                AS t (card, attempt, fingerprint, network, amount, declined)
                WHERE t.network IS NOT NULL
                AND (t.card = only_card OR only_card IS NULL AND t.card <> ALL (apart))
                ON CONFLICT DO NOTHING;
                SELECT array_agg(b.fingerprint),
                       min(b.rule) FILTER (WHERE b.nth = 1), min(b.until) FILTER (WHERE b.nth = 1)
                INTO broken, rule, until
                FROM (
                    SELECT array_agg(t.fingerprint ORDER BY t.place), array_agg(t.network ORDER BY t.place),
                           array_agg(t.amount ORDER BY t.place), array_agg(t.at ORDER BY t.place)
                    FROM (
                        SELECT * FROM unnest(t_cards, t_fingerprints, t_networks, t_amounts, t_ats, t_declined)
                        WITH ORDINALITY
                        UNION ALL
                        SELECT c.card, c.fingerprint, NULL, NULL, NULL, NULL, 0
                        FROM unnest(cards, watched) AS c (card, fingerprint) WHERE c.fingerprint IS NOT NULL
                    ) AS t (card, fingerprint, network, amount, at, declined, place)
                    WHERE t.declined IS NULL
                    AND (t.card = only_card OR only_card IS NULL AND t.card <> ALL (apart))
                ) AS w (fingerprints, networks, amounts, ats)
                CROSS JOIN LATERAL {broken}(rules, w.fingerprints, w.networks, w.amounts, w.ats) AS b;
                IF broken IS NOT NULL THEN
                    IF only_card IS NULL THEN
                        ASSERT cardinality(turns) = 1, 'the others broke no rule';  -- or this would never end
                        touched := ARRAY(
                            SELECT f.attempt_id FROM {tries} f
                            WHERE f.attempt_id = ANY (o_attempts) AND f.fingerprint = ANY (broken)
                        );
                        turns := turns || ARRAY(
                            SELECT c.card FROM unnest(cards) WITH ORDINALITY AS c (card, place)
                            WHERE c.card <> ALL (left_out) AND (
                                c.card IN (
                                    SELECT n.card
                                    FROM unnest(
                                        t_cards || b_cards || cards, t_fingerprints || b_fingerprints || watched
                                    ) AS n (card, fingerprint)
                                    WHERE n.fingerprint = ANY (broken)
                                ) OR c.card IN (
                                    SELECT o.card FROM unnest(o_cards, o_attempts) AS o (card, attempt)
                                    WHERE o.attempt = ANY (touched)
                                )
                            )
                            ORDER BY c.place
                        );
                        ASSERT cardinality(turns) > 1, 'somebody broke the rule';
                        apart := left_out || turns[2:];
                        turn := 1;
                    END IF;
                    RAISE EXCEPTION USING ERRCODE = 'BHLIM';  -- takes back what was written in this block
                END IF;
                DELETE FROM {tries} WHERE attempt_id = ANY (ARRAY(
                    SELECT old.attempt_id FROM unnest(t_cards, t_fingerprints, t_networks, t_ats)
                    AS t (card, fingerprint, network, at)
                    CROSS JOIN LATERAL (
                        SELECT f.attempt_id FROM {tries} f
                        WHERE f.fingerprint = t.fingerprint AND f.declined_at <= t.at - interval '31 days' OFFSET 0
                    ) AS old
                    WHERE t.network IS NOT NULL
                    AND (t.card = only_card OR only_card IS NULL AND t.card <> ALL (apart))
                ));
                IF only_card IS NULL THEN
                    PERFORM {settle}(NULL, apart, o_cards, o_attempts, o_declined);
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
