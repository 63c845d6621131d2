"""The only glue to the event store library and to PostgreSQL: streams, recorder, limits in the append, the log."""
