"""The tables of notices; what stands in them is not of the log, and is never rebuilt."""

NOTICE_TABLES = """
    CREATE TABLE IF NOT EXISTS outbox (
        key text NOT NULL,  -- of the cause: the notice's own, or one made up for a message of accounts
        channel text NOT NULL CHECK (channel IN ('email', 'sms')),
        holder_id text,
        card_id uuid,  -- NULL: a message of accounts, which is judged by real time
        kind text NOT NULL,
        caused_at timestamptz NOT NULL,
        content jsonb,  -- the values of its text; NULL once a message of accounts has been dealt with
        state text NOT NULL DEFAULT 'pending'
            CHECK (state IN ('pending', 'sending', 'accepted', 'delivered', 'bounced', 'dropped')),
        reason text,  -- why it bounced, was dropped, or waits
        not_before timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,  -- after that it is no news
        tries integer NOT NULL DEFAULT 0,
        claim integer NOT NULL DEFAULT 0,  -- counts who took it: whoever comes with an older number writes nothing
        lease_until timestamptz NOT NULL DEFAULT now(),  -- in somebody's hands, or resting after a failure
        handed_over boolean NOT NULL DEFAULT false,  -- it may have arrived, nobody has said so
        doubts integer NOT NULL DEFAULT 0,  -- how often that was so
        language text,
        address text,  -- only while it is to be sent
        address_hash bytea,
        body bytea,  -- what is sent, also by a retry; only until it was accepted
        body_hash bytea,
        template_version text,
        provider_id text,  -- by which whoever took it knows it
        sent_at timestamptz,  -- when it was accepted
        settled_at timestamptz,  -- real time: when nothing more was to be done with it
        correlation_id text,  -- that of its fact; NULL for a message of accounts, and for what is older than the column
        PRIMARY KEY (key, channel)  -- nobody is told of a cause twice
    );
    CREATE INDEX IF NOT EXISTS outbox_open ON outbox (channel, not_before) WHERE state IN ('pending', 'sending');
    CREATE INDEX IF NOT EXISTS outbox_of_holder ON outbox (holder_id, caused_at);
    CREATE INDEX IF NOT EXISTS outbox_of_card ON outbox (card_id, caused_at);
    CREATE INDEX IF NOT EXISTS outbox_by_address ON outbox (address_hash, settled_at) WHERE address_hash IS NOT NULL;
    CREATE TABLE IF NOT EXISTS optional_notices (
        token text PRIMARY KEY,  -- whoever has it may end these notices, and nothing else
        holder_id text NOT NULL,
        kind text NOT NULL,
        unsubscribed_at timestamptz,  -- NULL: they are sent
        UNIQUE (holder_id, kind)
    )
"""
