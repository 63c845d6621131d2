"""Parking as a test says it: card, message, reason, and what more is known of how the message came."""

from adapters.parked import ToPark
from adapters.parked import park as park_all

CAME = {"subject": "baohao.due", "headers": {}, "tries": 1}


def park(connection, rows, **came):
    park_all(connection, [ToPark(*row, **CAME | came) for row in rows])
