"""Tables of the publisher and the scheduler; here, so that who only migrates or checks loads no broker's library."""

PUBLISHED_TABLE = """
    CREATE TABLE IF NOT EXISTS published (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one stream
        stream_created text NOT NULL,  -- distinguishes a new stream from one that retention emptied
        last_sequence bigint NOT NULL,  -- of the stream when we last used it; another one means lost or other messages
        epoch bigint NOT NULL DEFAULT 1,
        epoch_id uuid  -- of the message that began the epoch; NULL in the first one
    )
"""
PUBLISHED_EPOCH = """
    ALTER TABLE published ADD COLUMN IF NOT EXISTS epoch bigint NOT NULL DEFAULT 1,
        ADD COLUMN IF NOT EXISTS epoch_id uuid
"""
"""What version 5 of the schema added."""
DUE_SENT_TABLE = """
    CREATE TABLE IF NOT EXISTS due_sent (
        card_id uuid PRIMARY KEY,  -- one message per card is in flight
        version bigint NOT NULL,
        lease integer NOT NULL,  -- how often this version was sent
        lease_until timestamptz NOT NULL  -- real time: until then the message counts as in flight
    ) WITH (fillfactor = 50)
"""
