"""Of the stream itself."""

from typing import Annotated

from msgspec import Meta

from adapters.broker.messages.parts import Message


class EpochStarted(Message):
    """The log was restored from a backup: what was told of facts after `position` holds only if it is told again."""

    position: Annotated[int, Meta(ge=0, description="What follows are the facts after it.")]


EPOCH_STARTED = "epoch_started.v1"
