"""The message broker: streams, the messages on them, sending and fetching."""
