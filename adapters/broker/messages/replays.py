"""Of a replay that one reader asked for."""

from typing import Annotated

from msgspec import Meta

from adapters.broker.messages.parts import Message


class ReplayFinished(Message):
    """Everything that was asked for is told, up to `position`; the live stream goes on after `sequence`."""

    position: Annotated[int, Meta(ge=0, description="Up to this position of the log; `ce-epoch` says of which.")]
    sequence: Annotated[int, Meta(ge=0, description="In the stream BAOHAO_EVENTS: what follows it was not told here.")]


REPLAY_FINISHED = "replay_finished.v1"
