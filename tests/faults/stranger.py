"""Somebody else on the broker, who speaks its protocol and publishes what nobody asked for."""

import json
import socket
from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from urllib.parse import urlsplit
from uuid import UUID

from tests.faults.stream import OURS, Message

MARK = "Stranger"
"""A header that tells these messages from those of the system."""
GARBAGE = (b"", b"{", b"\xff\x00\xfe", b'{"card_id": 7}', b'{"card_id": "7"}', b"[]", b"x" * 700)
STRANGE_IDS = ("", "x", "a.b.c", "00000000-0000-0000-0000-000000000000.1.1", "é" * 20)


def publish(
    nats_url: str, subject: str, body: bytes, message_id: str = "", others: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Publish one message and wait until the broker has seen it; raises OSError."""
    headers = {MARK: "yes", **others} | ({"Nats-Msg-Id": message_id} if message_id else {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    address = urlsplit(nats_url)
    with (
        socket.create_connection((address.hostname, address.port or 4222), timeout=5) as line,
        line.makefile("rwb") as io,
    ):
        io.readline()  # INFO
        io.write(b'CONNECT {"verbose":false,"headers":true}\r\n')
        io.write(f"HPUB {subject} {len(head)} {len(head) + len(body)}\r\n".encode() + head + body + b"\r\nPING\r\n")
        io.flush()
        while (heard := io.readline()) and not heard.startswith(b"PONG"):
            pass


def due_again(dice: Random, card_ids: list[UUID]) -> tuple[str, bytes, str]:
    """A message that wakes a card of ours, due or not, under an id of the scheduler's shape or a strange one."""
    card_id = dice.choice(card_ids)
    message_id = dice.choice([*STRANGE_IDS, f"{card_id}.{dice.randrange(9)}.{dice.randrange(3)}"])
    return "baohao.due", json.dumps({"card_id": str(card_id)}).encode(), message_id


def due_foreign(dice: Random) -> tuple[str, bytes, str]:
    """A message on the queue that means nothing, or names a card that nobody knows."""
    unknown = json.dumps({"card_id": str(UUID(int=dice.getrandbits(128)))}).encode()
    return "baohao.due", dice.choice([*GARBAGE, unknown, unknown]), dice.choice(STRANGE_IDS)


def event_again(dice: Random, published: list[Message]) -> tuple[str, bytes, str, Mapping[str, str]]:
    """A public message once more, under its own id, a strange one or none."""
    ours = [one for one in published if MARK not in one.headers] or [Message("baohao.v1.card.x", b"{}", {})]
    one = dice.choice([dice.choice(ours), ours[-1]])
    others = {name: value for name, value in one.headers.items() if name.startswith("ce-")}
    return one.subject, one.body, dice.choice([one.headers.get(OURS, ""), *STRANGE_IDS]), others


def event_foreign(dice: Random) -> tuple[str, bytes, str]:
    """A message on a subject of the public events that no fact stands behind."""
    subject = dice.choice(["baohao.v1.card.x.card_renewed", "baohao.v1.stream.epoch_started", "baohao.v1.card.a.b.c"])
    return subject, dice.choice(GARBAGE), dice.choice(STRANGE_IDS)
