"""The tables of operators: who they are, who is signed in, and what each of them did and looked at."""

from typing import LiteralString

OPERATOR_TABLES = """
    CREATE TABLE IF NOT EXISTS operators (
        operator_id text PRIMARY KEY,  -- what facts name; no personal data
        email text NOT NULL CHECK (email !~ '[A-Z]'),
        role text NOT NULL CHECK (role IN ('read', 'support', 'operator')),
        password_hash text,  -- Argon2id; NULL until set up
        totp_secret text,  -- base32
        totp_step bigint NOT NULL DEFAULT 0,  -- of the last code that was taken: none is taken twice
        set_up_hash bytea UNIQUE,  -- SHA-256 of the token of the link; NULL once it was used
        set_up_until timestamptz,
        created_at timestamptz NOT NULL,
        removed_at timestamptz,  -- the row stays, so that the record names who it was
        CHECK ((password_hash IS NULL) = (totp_secret IS NULL))  -- nobody signs in with half a proof
    );
    CREATE UNIQUE INDEX IF NOT EXISTS operators_email ON operators (email) WHERE removed_at IS NULL;
    CREATE TABLE IF NOT EXISTS operator_sessions (
        session_id uuid PRIMARY KEY,
        token_hash bytea NOT NULL UNIQUE,  -- SHA-256: whoever reads the table can be nobody
        operator_id text NOT NULL,
        created_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL
    ) WITH (fillfactor = 70);
    CREATE INDEX IF NOT EXISTS operator_sessions_of ON operator_sessions (operator_id);
    CREATE TABLE IF NOT EXISTS operator_actions (
        action_id uuid PRIMARY KEY,  -- comes with the form: sent twice, it is one
        at timestamptz NOT NULL,
        operator_id text NOT NULL,
        action text NOT NULL,
        card_id uuid,
        holder_id text,
        about text,  -- an attempt, a notice, a payment card; never what is personal
        reason text,
        outcome text  -- NULL: it was begun, and nobody knows how it ended
    );
    CREATE INDEX IF NOT EXISTS operator_actions_at ON operator_actions (at, action_id);
    CREATE INDEX IF NOT EXISTS operator_actions_of_card ON operator_actions (card_id, at)
"""

RECORD_FORGOTTEN: LiteralString = """
    CREATE OR REPLACE FUNCTION operator_actions_forget(kept interval, most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH old AS (
            SELECT action_id FROM operator_actions
            WHERE at < now() - greatest(kept, interval '1 year')  -- nobody removes what has just been done
            ORDER BY at LIMIT most
        ), gone AS (
            DELETE FROM operator_actions USING old WHERE operator_actions.action_id = old.action_id RETURNING 1
        )
        SELECT count(*)::integer FROM gone
    $$
"""
"""With the owner's rights: the application itself may remove nothing from the record."""

OPERATOR_RIGHTS: dict[str, LiteralString] = {
    "operators": "SELECT, INSERT, UPDATE, DELETE",
    "operator_sessions": "SELECT, INSERT, UPDATE, DELETE",
    "operator_actions": "SELECT, INSERT, UPDATE (outcome)",
}
"""Table → rights of the application, which cannot change what was recorded but for its outcome."""
