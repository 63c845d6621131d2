"""Sending many messages to a stream with one acknowledgement, that of the last one."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.protocol.command import hpub_cmd


class Outgoing(NamedTuple):
    """One message for a stream; `message_id` lets the broker drop duplicates within its window."""

    subject: str
    message_id: str
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class NotStoredError(Exception):
    """The broker did not confirm that the batch is stored: all, some or none of it may be."""


ACK_TIMEOUT_S = 10.0
CHUNK = 256
"""Messages between two pauses in which the client writes to its socket."""


async def send(client: Client, messages: Sequence[Outgoing], after: int | None = None) -> int:
    """Publish `messages` in order, wait until the broker has stored the last one, and return its sequence.

    With `after`, the first one expects that to be the stream's last sequence, and each other one expects the message
    before it to be the last, so that nothing is stored behind a hole or a stranger's message, and the last one's
    acknowledgement confirms them all. The first one is waited for too: its error is the cause. Raises NotStoredError.
    """
    first, *others = messages
    try:
        if after is None:
            sequence = await _send_unchained(client, messages)
        else:
            sequence = await _stored(client, first, {"Nats-Expected-Last-Sequence": str(after)})
            before = first
            for number, message in enumerate(others, start=1):
                expected = {"Nats-Expected-Last-Msg-Id": before.message_id}
                before = message
                if number == len(others):
                    sequence = await _stored(client, message, expected)
                else:
                    await _publish(client, message, expected, number)
    except (nats.errors.Error, TimeoutError, OSError) as error:
        raise NotStoredError(str(error) or type(error).__name__) from error
    return sequence


async def _send_unchained(client: Client, messages: Sequence[Outgoing]) -> int:
    for number, message in enumerate(messages[:-1], start=1):
        await _publish(client, message, {}, number)
    return await _stored(client, messages[-1], {})


async def _publish(client: Client, message: Outgoing, headers: Mapping[str, str], number: int) -> None:
    if client.is_closed:
        raise nats.errors.ConnectionClosedError
    command = hpub_cmd(message.subject, "", _head(_headers(message, headers)), message.body)
    await client._send_command(command)  # noqa: SLF001 (`publish` takes five times as long to write a dozen headers)
    if number % CHUNK == 0:
        await client.flush()


async def _stored(client: Client, message: Outgoing, headers: Mapping[str, str]) -> int:
    """Publish, wait for the acknowledgement, and return the sequence."""
    ack = await client.jetstream().publish(
        message.subject, message.body, headers=_headers(message, headers), timeout=ACK_TIMEOUT_S
    )
    if headers and ack.duplicate:
        raise NotStoredError(
            f"the broker takes message {message.message_id} for a duplicate of an earlier one; it forgets those "
            "after two minutes, then it is sent"
        )
    return ack.seq


def _head(headers: Mapping[str, str]) -> bytes:
    """Headers as they are sent; raises ValueError for a line break in one, which would begin another one."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if not lines.count("\r") == lines.count("\n") == len(headers):
        raise ValueError(f"a line break in the headers {dict(headers)}")
    return f"NATS/1.0\r\n{lines}\r\n".encode()


def _headers(message: Outgoing, expected: Mapping[str, str]) -> dict[str, str]:
    return {**message.headers, "Nats-Msg-Id": message.message_id, **expected}
