"""Cards, a consumer with its gateway, and a broker, as the tests of the roles have them."""

from tests.adapters.conftest import cards, client, connection, database_url, migrated_databases, migrated_url, run
from tests.adapters.roles.conftest import consumer, gateway, queue, record

__all__ = [
    "cards",
    "client",
    "connection",
    "consumer",
    "database_url",
    "gateway",
    "migrated_databases",
    "migrated_url",
    "queue",
    "record",
    "run",
]
