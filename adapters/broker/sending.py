"""Sending many messages to a stream with one acknowledgement, that of the last one."""

from collections.abc import Sequence
from typing import NamedTuple

import nats.errors
from nats.aio.client import Client


class Message(NamedTuple):
    """One message for a stream; `message_id` lets the broker drop duplicates within its window."""

    subject: str
    message_id: str
    body: bytes


class NotStoredError(Exception):
    """The broker did not confirm that the batch is stored: all, some or none of it may be."""


ACK_TIMEOUT_S = 10.0
CHUNK = 256
"""Messages between two pauses in which the client writes to its socket."""


async def send(client: Client, messages: Sequence[Message], after: str | None, *, chained: bool) -> int:
    """Publish `messages` in order wait until the broker has stored the last one, and return its sequence.

    Chained, each message expects the one before it (first of all `after`) to be the stream's last, so that
    nothing is stored behind a hole, and the last one's acknowledgement confirms them all.
    Raises NotStoredError.
    """
    headers: dict[str, str] = {}
    try:
        for number, message in enumerate(messages, start=1):
            headers = {"Nats-Msg-Id": message.message_id}
            if chained and after is not None:
                headers["Nats-Expected-Last-Msg-Id"] = after
            after = message.message_id
            if number < len(messages):
                await client.publish(message.subject, message.body, headers=headers)
                if number % CHUNK == 0:
                    await client.flush()
        message = messages[-1]
        ack = await client.jetstream().publish(message.subject, message.body, headers=headers, timeout=ACK_TIMEOUT_S)
    except (nats.errors.Error, TimeoutError, OSError) as error:
        raise NotStoredError(str(error) or type(error).__name__) from error
    return ack.seq
