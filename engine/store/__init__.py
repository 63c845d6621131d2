"""The event store: streams, recorder, limits checked in the append, the log. Only here the engine knows PostgreSQL."""
