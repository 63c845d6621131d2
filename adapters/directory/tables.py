"""The tables of the directory. Tables refer to each other by id alone: who erases an account clears each of them."""

DIRECTORY_TABLES = """
    CREATE TABLE IF NOT EXISTS directory_secret (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one row
        secret bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())  -- 244 random bits
    );
    INSERT INTO directory_secret DEFAULT VALUES ON CONFLICT DO NOTHING;
    CREATE TABLE IF NOT EXISTS accounts (
        holder_id text PRIMARY KEY,
        email text UNIQUE CHECK (email !~ '[A-Z]'),  -- one account each, however it is typed
        email_confirmed boolean NOT NULL DEFAULT false,
        phone text UNIQUE CHECK (phone ~ '^\\+[1-9][0-9]{4,14}$'),  -- E.164
        phone_confirmed boolean NOT NULL DEFAULT false,
        password_hash text,  -- Argon2id; NULL: signs in by code only
        language text NOT NULL CHECK (language IN ('zh-CN', 'en')),
        zone text NOT NULL,
        created_at timestamptz NOT NULL,
        CHECK (email IS NOT NULL OR phone IS NOT NULL)  -- else nobody could sign in
    );
    CREATE TABLE IF NOT EXISTS card_numbers (
        card_id uuid PRIMARY KEY,
        number text NOT NULL UNIQUE CHECK (number ~ '^\\+[1-9][0-9]{4,14}$')  -- E.164; one card each
    );
    CREATE TABLE IF NOT EXISTS sessions (
        session_id uuid PRIMARY KEY,
        token_hash bytea NOT NULL UNIQUE,  -- SHA-256: whoever reads the table can be nobody
        holder_id text NOT NULL,
        created_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        confirmed_at timestamptz NOT NULL,  -- when the holder last proved to be the holder
        device text NOT NULL,
        draft jsonb NOT NULL DEFAULT '{}' CHECK (length(draft::text) <= 20000)  -- no store for anything else
    ) WITH (fillfactor = 70);
    CREATE INDEX IF NOT EXISTS sessions_of ON sessions (holder_id);
    CREATE TABLE IF NOT EXISTS codes (
        request_hash bytea PRIMARY KEY,  -- SHA-256 of the token of the request that asked
        purpose text NOT NULL,
        kind text NOT NULL,  -- of the address
        address text NOT NULL,
        language text NOT NULL,
        holder_id text,
        works boolean NOT NULL,  -- false: asked for what cannot be, and answered as if it could
        sends text,  -- the kind of message; NULL: none
        tries integer NOT NULL DEFAULT 0,
        times_sent integer NOT NULL DEFAULT 1,
        sent_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        redeemed_at timestamptz  -- since then it has no effect, and the same form is answered as before
    );
    CREATE INDEX IF NOT EXISTS codes_of ON codes (holder_id);
    CREATE TABLE IF NOT EXISTS directory_uses (
        use_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        what text NOT NULL,
        key bytea NOT NULL,  -- keyed hash of who or whereto
        at timestamptz NOT NULL
    );
    CREATE INDEX IF NOT EXISTS directory_uses_of ON directory_uses (what, key, at);
    CREATE TABLE IF NOT EXISTS sign_in_tries (
        key bytea PRIMARY KEY,  -- keyed hash of what was typed as the account, whether there is one or not
        failures integer NOT NULL,
        failed_at timestamptz NOT NULL,
        try_at timestamptz NOT NULL  -- no earlier than that
    );
    CREATE TABLE IF NOT EXISTS account_events (
        event_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        holder_id text NOT NULL,
        what text NOT NULL,
        at timestamptz NOT NULL,
        ip_prefix text,
        session_id uuid
    );
    CREATE INDEX IF NOT EXISTS account_events_of ON account_events (holder_id, at)
"""
"""All of version 8, and the row with the secret that codes and keyed hashes are made with."""

PASSKEY_TABLES = """
    CREATE TABLE IF NOT EXISTS passkeys (
        passkey_id uuid PRIMARY KEY,
        holder_id text NOT NULL,
        credential_id bytea NOT NULL UNIQUE CHECK (length(credential_id) <= 1023),  -- one account each
        public_key bytea NOT NULL,  -- COSE
        sign_count bigint NOT NULL,  -- what the authenticator last said; one that goes back is a copy's
        label text NOT NULL CHECK (length(label) BETWEEN 1 AND 60),
        created_at timestamptz NOT NULL,
        used_at timestamptz
    );
    CREATE INDEX IF NOT EXISTS passkeys_of ON passkeys (holder_id);
    CREATE TABLE IF NOT EXISTS passkey_challenges (
        request_hash bytea PRIMARY KEY,  -- SHA-256 of the token in the browser that asked; gone once it was answered
        purpose text NOT NULL,
        holder_id text,  -- NULL: of whoever signs in
        expires_at timestamptz NOT NULL
    )
"""
"""What version 9 adds."""

DIRECTORY = (
    *("accounts", "card_numbers", "sessions", "codes", "directory_uses", "sign_in_tries", "account_events"),
    *("passkeys", "passkey_challenges"),
)
"""The names of those that the application changes; the secret is only read."""
