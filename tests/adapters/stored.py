"""Messages for the events stream, and those that a stream holds, in order."""

from contextlib import suppress

from nats.aio.client import Client
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from adapters.broker.contract import EVENTS_STREAM, EVENTS_SUBJECT
from adapters.broker.sending import Message


def messages(*message_ids):
    return [Message(f"{EVENTS_SUBJECT}.test", message_id, b"{}") for message_id in message_ids]


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
