"""The operator's console: on a host of its own, with accounts, sessions, roles and a record of its own."""
