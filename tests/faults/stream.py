"""What stands on the stream of public events, read from outside."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

STREAM, SUBJECT = "BAOHAO_EVENTS", "baohao.v1"
PATIENCE_S = 10
OURS = "Nats-Msg-Id"


class Message(NamedTuple):
    """One message of the stream."""

    subject: str
    body: bytes
    headers: Mapping[str, str]


def messages_of(nats_url: str, last: int | None = None) -> list[Message]:
    """The messages in the order of the stream: all, or so many of its last ones."""
    return asyncio.run(_read(nats_url, last))


async def _read(nats_url: str, last: int | None) -> list[Message]:
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        try:
            state = (await jetstream.stream_info(STREAM)).state
        except NotFoundError:
            return []
        if not state.messages:
            return []
        first = state.first_seq if last is None else max(state.first_seq, state.last_seq - last + 1)
        start = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=first)
        reader = await jetstream.subscribe(f"{SUBJECT}.>", stream=STREAM, ordered_consumer=True, config=start)
        found: list[Message] = []
        sequence = 0
        while sequence < state.last_seq:
            one = await reader.next_msg(timeout=PATIENCE_S)
            sequence = one.metadata.sequence.stream
            found.append(Message(one.subject, one.data, dict(one.headers or {})))
        return found
    finally:
        await client.close()
