"""Sending many messages to a stream with one acknowledgement: the last one's."""

from collections.abc import Sequence
from typing import NamedTuple

from nats.aio.client import Client
from nats.js.errors import APIError


class Message(NamedTuple):
    """One message for a stream; `message_id` lets the broker drop repeats inside its window."""

    subject: str
    message_id: str
    body: bytes


class NotStoredError(Exception):
    """The broker did not say that the batch is stored: some, all or none of it may be."""


ACK_TIMEOUT_S = 10.0
CHUNK = 256
"""Messages between two pauses in which the client writes to its socket."""


async def send(client: Client, messages: Sequence[Message], after: str | None, *, chained: bool) -> None:
    """Publish `messages` in order and wait until the broker has stored the last one; raises NotStoredError.

    Chained, each message expects the one before it (first of all `after`) to be the stream's last, so that
    nothing is stored behind a hole, and the last one's acknowledgement vouches for all of them.
    """
    jetstream, last = client.jetstream(), len(messages) - 1
    for index, message in enumerate(messages):
        headers = {"Nats-Msg-Id": message.message_id}
        if chained and after is not None:
            headers["Nats-Expected-Last-Msg-Id"] = after
        after = message.message_id
        if index < last:
            await client.publish(message.subject, message.body, headers=headers)
            if index % CHUNK == CHUNK - 1:
                await client.flush()
            continue
        try:
            await jetstream.publish(message.subject, message.body, headers=headers, timeout=ACK_TIMEOUT_S)
        except (APIError, TimeoutError, OSError) as error:
            raise NotStoredError(str(error)) from error
