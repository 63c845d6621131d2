"""Import: JSON lines of commands, read and executed in batches; a bad line is reported and affects no other.

Each line is one command (see `engine.commands`): `{"command": "RegisterCard", "command_id": …, "card_id": …, …}`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from engine.actor import Actor
from engine.application import Engine
from engine.commands import Command, Issued
from engine.errors import Refused
from engine.rules import Rules
from engine.text import masked, printable

COMMANDS: TypeAdapter[Command] = TypeAdapter(Command)
BATCH = 1000
"""Lines executed together."""
LINE_BYTES = 65_536
"""The longest line that is read as a command."""
FIELDS_NAMED = 8
"""If more fields of a line are wrong, they are counted."""
MESSAGE_CHARS = 500
"""The longest sentence about a line."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that changed nothing: its number from 1, the field at fault or None, a code and a sentence."""

    line: int
    field: str | None
    code: str
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", field {self.field}" if self.field else "")
        return f"{place}: {self.message} [{self.code}]"


@dataclass(slots=True)
class Imported:
    """The result of an import so far."""

    lines: int = 0
    accepted: int = 0
    repeated: int = 0
    """Those of them that had been accepted before; they are not executed again."""
    unchanged: int = 0
    """Those of the others that changed nothing."""
    facts: int = 0
    """Stored by this import."""
    problems: list[Problem] = field(default_factory=list["Problem"])


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is longer than LINE_BYTES only the beginning, too long all the same."""
    while line := file.readline(LINE_BYTES + 1):
        yield line
        rest = line
        while len(rest) > LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(LINE_BYTES + 1)


def import_commands(
    lines: Iterable[bytes],
    engine: Engine,
    actor: Actor,
    read_rules: Callable[[], tuple[Rules, datetime]],
    on_progress: Callable[[Imported], None],
) -> Imported:
    """Execute the commands in `lines`, in order, as given by `actor`; each line is all or nothing."""
    done = Imported()
    numbered = enumerate(lines, start=1)
    while batch := list(islice(numbered, BATCH)):
        done.lines += len(batch)
        commands = list(_readable(batch, done.problems))
        rules, at = read_rules()
        repeated = engine.accepted_before([command.command_id for _, command in commands])
        answers = engine.execute([Issued(command, actor) for _, command in commands], rules, at) if commands else []
        for (line, command), answer in zip(commands, answers, strict=True):
            _count(done, line, answer, repeated=command.command_id in repeated)
            repeated.add(command.command_id)
        on_progress(done)
    done.problems.sort(key=lambda problem: problem.line)
    return done


def _readable(batch: Sequence[tuple[int, bytes]], problems: list[Problem]) -> Iterator[tuple[int, Command]]:
    for line, text in batch:
        if not text.strip():
            continue
        if len(text) > LINE_BYTES:
            problems.append(Problem(line, None, "malformed", f"longer than {LINE_BYTES:,} bytes; no command is"))
            continue
        try:
            yield line, COMMANDS.validate_json(text)
        except ValidationError as error:
            problems.extend(_malformed(line, error))


def _malformed(line: int, error: ValidationError) -> list[Problem]:
    """What is wrong with a line, in sentences that repeat no secret, however its fields are called."""
    wrong = error.errors(include_url=False, include_input=False)
    if len(wrong) > FIELDS_NAMED:
        return [Problem(line, None, "malformed", f"{len(wrong):,} fields are wrong or unknown; is it a command?")]
    return [
        Problem(line, _shown(".".join(map(str, e["loc"][1:] or e["loc"]))) or None, "malformed", _shown(e["msg"]))
        for e in wrong
    ]


def _shown(text: str) -> str:
    """The beginning of a text that may repeat what stands in a line."""
    return printable(masked(text[:MESSAGE_CHARS])) + ("…" if len(text) > MESSAGE_CHARS else "")


def _count(done: Imported, line: int, answer: object, *, repeated: bool) -> None:
    match answer:
        case Refused() as refusal:
            done.problems.append(Problem(line, refusal.field, refusal.code, _shown(str(refusal))))
        case Exception() as error:
            done.problems.append(Problem(line, None, "failed", _shown(str(error))))
        case tuple() if repeated:
            done.accepted += 1
            done.repeated += 1
        case ():
            done.accepted += 1
            done.unchanged += 1
        case tuple() as facts:
            done.accepted += 1
            done.facts += len(facts)
