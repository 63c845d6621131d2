"""Messages of the outbox that came back, or arrived, for tests of the pages."""

from adapters.notices.reached import hash_of


def settled(connection, address, state, *, minutes_ago=0, reason=None):
    """A message to that address that ended so."""
    connection.execute(
        """
        INSERT INTO outbox (
            key, channel, kind, caused_at, not_before, expires_at, state, reason, address_hash, settled_at
        )
        VALUES ('account:' || gen_random_uuid(), 'email', 'registered', now(), now(), now(), %s, %s, %s,
            now() - make_interval(mins => %s))
        """,
        (state, reason, hash_of(address), minutes_ago),
    )
