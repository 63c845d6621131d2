"""Commands and jobs that other systems give over the broker, and the answers to them.

Two doors, with the same commands, ids and answers: `baohao.v1.command.<sender>.<command>` is a queue of JetStream, for
what must not be lost, and for jobs (jobs.py); `baohao.v1.ask.<sender>.<command>` is request and reply. Who gives a
command stands in the subject, not in the body, since that is where a broker can hold a sender to its own name.

Every answer is a CloudEvent on `baohao.v1.answer.<sender>.<answer>`; the reply to a request, and what goes to the
subject in the header `Baohao-Answer-To` of a queued command, are copies of it.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, TypeVar, get_args
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import MsgspecError, Raw, Struct, json
from pydantic import ValidationError

from adapters.broker.events import TYPE_PREFIX, Cell, shown_cause, source_of, time_of
from adapters.broker.jobs import JOBS, Job
from adapters.broker.messages.answers import ANSWERS, Answer, CommandAnswer, CommandRefused
from adapters.broker.names import SYSTEM_NAME
from adapters.broker.sending import Outgoing
from engine.commands import AnyCommand
from engine.text import CARD_NUMBER_REFUSED, CONTACT_REFUSED, has_card_number, is_contact, masked, printable

COMMANDS_STREAM, COMMANDS_SUBJECT = "BAOHAO_COMMANDS", "baohao.v1.command"
ANSWERS_STREAM, ANSWERS_SUBJECT = "BAOHAO_ANSWERS", "baohao.v1.answer"
ASK_SUBJECT = "baohao.v1.ask"
ANSWER_TO = "Baohao-Answer-To"
COMMAND_MAX_BYTES = 64 * 1024
"""The longest command; those that holders and operators give have a few hundred bytes."""
ID_CHARS = 100
"""The longest id that a sender may choose; its name is put before it."""

T = TypeVar("T")

_INBOX = re.compile(r"_INBOX(?:\.[A-Za-z0-9_-]+){1,8}")
"""Where answers may be sent to, so that nobody has us write on subjects that are closed to them."""
NO_SUCH_FIELD = "there is no such field; see the contract"
_MESSAGE_CHARS = 500
_NAME_OF = {kind: name for name, kind in ANSWERS.items()}
_encode = json.Encoder().encode


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


KINDS: Mapping[str, type[AnyCommand]] = {_snake(kind.__name__): kind for kind in get_args(AnyCommand)}
"""Each command of the engine by the name that ends its subject."""


class Given(NamedTuple):
    """One message at a door."""

    sender: str
    said: AnyCommand | CommandRefused
    """The command, under an id that has the sender's name before it; or why the message is none."""


class GivenJob(NamedTuple):
    """A job in the queue, under an id that has the sender's name before it."""

    sender: str
    job: Job


class _Ids(Struct):
    """What an answer may repeat of a message that is no command."""

    command_id: Raw = Raw(b"null")
    card_id: Raw = Raw(b"null")


_read_ids = json.Decoder(_Ids).decode
_read_text = json.Decoder(str | None).decode
_read_uuid = json.Decoder(UUID | None).decode


def read(subject: str, body: bytes, senders: Collection[str]) -> Given | GivenJob:
    """What a message at either door says; whatever it holds, it is at worst a refusal."""
    sender, name = subject.split(".")[-2:]
    if sender not in senders:
        return _refused(sender, body, "unknown_sender", f"{_shown(sender)} may not give commands here")
    kind = KINDS.get(name) or JOBS.get(name)
    if kind is None:
        return _refused(sender, body, "unknown_command", f"there is no command {_shown(name)}; see the contract")
    if name in JOBS and subject.startswith(f"{ASK_SUBJECT}."):
        return _refused(sender, body, "queue_only", f"{name} takes long: give it to the queue")
    if len(body) > COMMAND_MAX_BYTES:
        return _refused(sender, b"", "malformed", f"it is longer than {COMMAND_MAX_BYTES:,} bytes; no command is")
    try:
        said = kind.__pydantic_validator__.validate_json(body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        message = NO_SUCH_FIELD if wrong["type"] == "extra_forbidden" else _shown(wrong["msg"])
        return _refused(sender, body, "malformed", message, ".".join(map(str, wrong["loc"])) or None)
    if (wrong_id := _wrong_id(said.command_id)) is not None:
        return _refused(sender, body, "malformed", wrong_id, "command_id")
    said = said.model_copy(update={"command_id": f"{sender}:{said.command_id}"})
    return GivenJob(sender, said) if isinstance(said, Job) else Given(sender, said)


def _wrong_id(command_id: str) -> str | None:
    """Why an id is refused: it gets into the log as the cause of facts, and is published."""
    if len(command_id) > ID_CHARS:
        return f"it has more than {ID_CHARS} characters"
    if is_contact(command_id):
        return CONTACT_REFUSED
    return CARD_NUMBER_REFUSED if has_card_number(command_id) else None


def own_id(command: AnyCommand | Job) -> str:
    """The id of a command or job as its sender chose it."""
    return command.command_id.partition(":")[2]


def refusal(command: AnyCommand | Job, code: str, message: str, field: str | None = None) -> CommandRefused:
    """The answer to a command or job that was refused; what the sentence repeats of it is masked."""
    shown = None if field is None else _shown(field)
    card_id = None if isinstance(command, Job) else command.card_id
    return CommandRefused(command_id=own_id(command), card_id=card_id, code=code, message=_shown(message), field=shown)


def answer_event(answer: Answer, sender: str, origin: str, cell: Cell, at: datetime) -> Outgoing:
    """The answer as it is told; the same `origin`, which names one message, gives the same id."""
    kind = _NAME_OF[type(answer)]
    body = _encode(answer)
    event_id = str(uuid5(NAMESPACE_URL, f"{cell.name} {sender} {origin} {body.decode()}"))
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": source_of(cell.name),
        "ce-type": TYPE_PREFIX + kind,
        "ce-time": time_of(at),
        "ce-datacontenttype": "application/json",
    }
    if isinstance(answer, CommandAnswer) and answer.card_id is not None:
        headers["ce-subject"] = str(answer.card_id)
    if answer.command_id is not None and (cause := shown_cause(f"{sender}:{answer.command_id}")) is not None:
        headers["ce-correlationid"] = cause
    return Outgoing(_subject_of(kind, sender), event_id, body, headers)


def copy_to(subject: str, headers: Mapping[str, str] | None, reply: str) -> str | None:
    """Where a copy of the answer goes: the reply of a request, the inbox that a queued command names."""
    if subject.startswith(f"{ASK_SUBJECT}."):
        return reply or None
    named = (headers or {}).get(ANSWER_TO, "")
    return named if _INBOX.fullmatch(named) else None


def _refused(sender: str, body: bytes, code: str, message: str, field: str | None = None) -> Given:
    ids = _read_or(_read_ids, body, _Ids())
    command_id, card_id = _read_or(_read_text, ids.command_id, None), _read_or(_read_uuid, ids.card_id, None)
    known = None if command_id is None or _wrong_id(command_id) is not None else command_id
    shown = None if field is None else _shown(field)
    said = CommandRefused(command_id=known, card_id=card_id, code=code, message=message, field=shown)
    return Given(sender, said)


def _read_or(read_it: Callable[[bytes], T], body: bytes | Raw, default: T) -> T:
    """What stands in JSON from outside, or the default where it is something else."""
    try:
        return read_it(bytes(body))
    except (MsgspecError, ValueError, RecursionError):
        return default


@lru_cache
def _subject_of(kind: str, sender: str) -> str:
    named = sender if SYSTEM_NAME.fullmatch(sender) else "unknown"
    return f"{ANSWERS_SUBJECT}.{named}.{kind.partition('.')[0]}"


def _shown(text: str) -> str:
    """The beginning of a text that may repeat what stands in a message."""
    return printable(masked(text[:_MESSAGE_CHARS]))
