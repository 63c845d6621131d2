"""The network limits as they are kept in PostgreSQL and in memory, checked with facts of new cards."""

from uuid import uuid4

import pytest

from engine.card.limits import effects_of
from engine.networks import LimitBook, Limited
from engine.store.port import Write
from engine.store.recorder import CardRecorder


class InPostgres:
    """The tables of the limits, checked by appends without events."""

    def __init__(self, recorder: CardRecorder) -> None:
        self.recorder = recorder

    def append(self, effects) -> Limited | None:
        answers = self.recorder.append_many([Write(effects.card_id, 1, [], limit_effects=effects)])
        return answers.limited.get(effects.card_id)


@pytest.fixture(params=["in PostgreSQL", "in memory"])
def happens(request):
    """Appends facts of a new card; returns the limit that forbids it."""
    book = LimitBook() if request.param == "in memory" else InPostgres(request.getfixturevalue("recorder"))
    return lambda *facts: book.append(effects_of(uuid4(), facts))
