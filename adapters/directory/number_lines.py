"""Numbers of many cards, as JSON lines such as `{"card_id": …, "number": "+8613800138000"}`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.directory.addresses import number_of_text
from adapters.directory.card_numbers import import_numbers, known_cards
from adapters.importer import BATCH, LINE_BYTES, Problem


class _Line(BaseModel):
    """What a line says."""

    model_config = ConfigDict(extra="forbid")

    card_id: UUID
    number: str


@dataclass(slots=True)
class Numbered:
    """How far an import came."""

    lines: int = 0
    set: int = 0
    """Lines whose card has that number now."""
    problems: list[Problem] = field(default_factory=list[Problem])


async def import_lines(connection: AsyncConnection[Any], lines: Iterable[bytes]) -> Numbered:
    """Give the cards their numbers, a batch at a time; a bad line changes nothing. No sentence repeats a number."""
    done = Numbered()
    numbered = enumerate(lines, start=1)
    while batch := list(islice(numbered, BATCH)):
        done.lines += len(batch)
        wanted = {}
        for line, text in batch:
            if not text.strip():
                continue
            read = _read(line, text)
            if isinstance(read, Problem):
                done.problems.append(read)
            elif read[0] in wanted:
                done.problems.append(Problem(line, "card_id", "repeated", "the card stands on a line before"))
            else:
                wanted[read[0]] = (line, read[1])
        await _set(connection, wanted, done)
    done.problems.sort(key=lambda problem: problem.line)
    return done


async def _set(connection: AsyncConnection[Any], wanted: dict[UUID, tuple[int, str]], done: Numbered) -> None:
    known = await known_cards(connection, wanted)
    taken = await import_numbers(connection, {card_id: wanted[card_id][1] for card_id in wanted if card_id in known})
    for card_id, (line, _) in wanted.items():
        if card_id not in known:
            done.problems.append(Problem(line, "card_id", "unknown_card", f"there is no card {card_id}"))
        elif card_id in taken:
            done.problems.append(Problem(line, "number", "taken", "another card has that number"))
        else:
            done.set += 1


def _read(line: int, text: bytes) -> tuple[UUID, str] | Problem:
    if len(text) > LINE_BYTES:
        return Problem(line, None, "malformed", f"longer than {LINE_BYTES:,} bytes")
    try:
        read = _Line.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else None
        wrong = name if name in _Line.model_fields else None
        return Problem(line, wrong, "malformed", 'not as {"card_id": …, "number": …}')
    number = number_of_text(read.number)
    return (read.card_id, number) if number else Problem(line, "number", "malformed", "no phone number")
