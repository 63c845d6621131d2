"""Messages for the events stream, publishing them as the role does, and those that a stream holds, in order."""

from contextlib import suppress

from nats.aio.client import Client
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from adapters.broker.events import CARD_EVENTS_SUBJECT, EVENTS_STREAM, Cell, card_event
from adapters.broker.sending import Outgoing
from adapters.roles.publisher import publish, resume
from adapters.settings import load_settings

CELL = Cell("main")
LIMIT = 4
"""Facts per step, so that a few cards need several."""


def messages(*message_ids):
    return [Outgoing(f"{CARD_EVENTS_SUBJECT}.test", message_id, b"{}") for message_id in message_ids]


def public_messages(cards) -> list[Outgoing]:
    """What should be on the stream."""
    return [event for fact in cards.log() if (event := card_event(fact, CELL)) is not None]


async def publish_all(connection, client: Client) -> int:
    """Publish as the role does until nothing is left, and return how many messages were sent."""
    last, sent, ahead = (await resume(connection, client, load_settings())).last_sequence, 0, None
    while True:
        step = await publish(connection, client, CELL.name, last, LIMIT, ahead)
        last, sent, ahead = step.last_sequence, sent + step.messages, step.ahead
        if not step.more:
            return sent


async def stored(client: Client, stream: str = EVENTS_STREAM) -> list[RawStreamMsg]:
    jetstream = client.jetstream()
    state = (await jetstream.stream_info(stream)).state
    found = []
    for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
        with suppress(NotFoundError):  # acknowledged or removed
            found.append(await jetstream.get_msg(stream, seq=sequence))
    return found


async def stored_ids(client: Client, stream: str = EVENTS_STREAM) -> list[str]:
    return [message.headers["Nats-Msg-Id"] for message in await stored(client, stream)]
