"""Who may do what on the broker, as NATS reads it: this system all, other systems what they need and nothing more.

A reader fetches public events from the place that is kept for it. A sender gives commands under its own name, and hears
the answers to them. Nobody else publishes or subscribes anything.

https://docs.nats.io/running-a-nats-service/configuration/securing_nats/authorization
"""

from collections.abc import Iterator, Mapping

from msgspec import json

from adapters.broker.commands import ANSWERS_STREAM, ANSWERS_SUBJECT, ASK_SUBJECT, COMMANDS_SUBJECT
from adapters.broker.events import EVENTS_STREAM, SUBJECTS
from adapters.broker.names import OUR_NAME
from adapters.broker.replays import stream_of


def config(readers: frozenset[str], senders: frozenset[str], passwords: Mapping[str, str]) -> str:
    """The block `authorization` of NATS's configuration; `passwords` by name, ours included."""
    users = [_user(OUR_NAME, passwords[OUR_NAME], None)]
    for name in sorted(readers | senders):
        rights = _rights(name, reads=name in readers, sends=name in senders)
        users.append(_user(name, passwords[name], rights))
    return f"# Made by `baohao broker config`.\nauthorization {{\n  users: [\n{''.join(users)}  ]\n}}\n"


def _user(name: str, password: str, rights: Mapping[str, list[str]] | None) -> str:
    allowed = "" if rights is None else f", permissions: {json.encode(rights).decode()}"
    return f"    {{ user: {name}, password: {json.encode(password).decode()}{allowed} }}\n"


def _rights(name: str, *, reads: bool, sends: bool) -> dict[str, list[str]]:
    publish, subscribe = [], [f"_INBOX.{name}.>"]
    if reads:
        publish += [*_fetching(EVENTS_STREAM, name), *_fetching(stream_of(name), name)]
        subscribe += SUBJECTS
    if sends:
        publish += [f"{COMMANDS_SUBJECT}.{name}.*", f"{ASK_SUBJECT}.{name}.*", *_fetching(ANSWERS_STREAM, name)]
        subscribe.append(f"{ANSWERS_SUBJECT}.{name}.*")
    return {"publish": publish, "subscribe": subscribe}


def _fetching(stream: str, name: str) -> Iterator[str]:
    yield f"$JS.API.CONSUMER.INFO.{stream}.{name}"
    yield f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
    yield f"$JS.ACK.{stream}.{name}.>"
