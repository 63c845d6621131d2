"""Jobs: what other systems ask of the queue that concerns many cards, and takes longer than a command of one.

A job is given as a command is, by the queue alone; how far it is, is told until its answer. One that is killed begins
again, and does nothing twice.
"""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from engine.command_body import ShortText

RATE, RATE_MOST = 2000, 20_000
"""How many events a second a replay tells if nothing is said, and at most."""


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    command_id: ShortText


class AnnouncePrices(_Body):
    """Notify every holder of a plan of the prices of a catalogue version."""

    plan: ShortText
    version: ShortText


class ReplayEvents(_Body):
    """Tell the sender events again, on a stream of its own: those after a position of the log, or since a moment.

    Only those of the named `types` (without version), and of the named `cards`; where none is named, of all.
    """

    since: Annotated[int, Field(ge=0, lt=2**63)] | AwareDatetime = 0
    types: Annotated[tuple[ShortText, ...], Field(max_length=100)] = ()
    cards: Annotated[tuple[UUID, ...], Field(max_length=1000)] = ()
    rate: Annotated[int, Field(ge=1, le=RATE_MOST)] = RATE


Job = AnnouncePrices | ReplayEvents

JOBS: Mapping[str, type[Job]] = {"announce_prices": AnnouncePrices, "replay_events": ReplayEvents}
"""Each job by the name that ends its subject."""
