"""The numbers of cards, for operators: setting, listing and importing them."""

from typing import BinaryIO, NamedTuple
from uuid import UUID

import typer

from adapters.cli.output import err, out, put_fields, put_json, put_rows
from adapters.cli.servers import waiting_on
from adapters.directory.addresses import number_of_text
from adapters.directory.answers import Taken
from adapters.directory.card_numbers import known_cards, list_numbers, set_number
from adapters.directory.number_lines import import_lines
from adapters.importer import read_lines
from adapters.settings import Settings
from engine.errors import BaohaoError

SHOWN_PROBLEMS = 20


class Listed(NamedTuple):
    """A number and its card."""

    number: str
    card_id: UUID


def set_one(settings: Settings, card_id: UUID, number: str, *, as_json: bool) -> None:
    """Give a card its number; raises BaohaoError if that is none, another card has it, or there is no such card."""
    read = number_of_text(number)
    if read is None:
        raise BaohaoError("that is no phone number; write it with its country, such as +8613800138000")
    if not waiting_on(settings, lambda connection: known_cards(connection, [card_id])):
        raise BaohaoError(f"there is no card {card_id}")
    if isinstance(waiting_on(settings, lambda connection: set_number(connection, card_id, read)), Taken):
        raise BaohaoError("another card has that number; nothing was changed")
    put_fields("number", {"card_id": card_id, "number": read}, as_json=as_json)


def show(settings: Settings, ending: str, *, limit: int, page: int, as_json: bool) -> None:
    """One page of the numbers."""
    found = waiting_on(settings, lambda connection: list_numbers(connection, limit + 1, limit * (page - 1), ending))
    put_rows("numbers", [Listed(number, card_id) for card_id, number in found[:limit]], as_json=as_json)
    if len(found) > limit and not as_json:
        out.print(f"--page {page + 1} has the next")


def import_file(settings: Settings, lines: BinaryIO, *, as_json: bool) -> None:
    """Give many cards their numbers; exit status 1 if a line changed nothing."""
    done = waiting_on(settings, lambda connection: import_lines(connection, read_lines(lines)))
    for problem in done.problems[:SHOWN_PROBLEMS]:
        err.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    if len(done.problems) > SHOWN_PROBLEMS:
        err.print(f"… and {len(done.problems) - SHOWN_PROBLEMS} more")
    if as_json:
        problems = [{"line": p.line, "field": p.field, "code": p.code, "message": p.message} for p in done.problems]
        put_json({"lines": done.lines, "set": done.set, "problems": problems})
    else:
        out.print(f"lines {done.lines}, set {done.set}, problems {len(done.problems)}", soft_wrap=True)
    if done.problems:
        raise typer.Exit(1)
