"""Cards, a consumer with its gateway, and a broker, as the tests of the roles have them."""

from tests.adapters.conftest import cards, client, connection, run
from tests.adapters.roles.conftest import consumer, gateway, queue, record

__all__ = ["cards", "client", "connection", "consumer", "gateway", "queue", "record", "run"]
