"""How results reach stdout: JSON for programs, tables for people; everything else goes to stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.cli.tables import laid_out, shown
from engine.text import escaped, masked, printable_lines


class _Cleaned(Console):
    """Prints no control characters of other people's texts, and no card numbers or tokens."""

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 (as the console has it)
        super().print(*(_cleaned(one) if isinstance(one, str) else one for one in objects), **options)


def _cleaned(text: str) -> str:
    return printable_lines(masked(text))


out = _Cleaned()
err = _Cleaned(stderr=True)


def put_json(value: object) -> None:
    """One line of JSON on stdout."""
    sys.stdout.write(escaped(json.dumps(value, default=_plain, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def put_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people, as wide as the terminal; where that is too narrow for it, a block for each row."""
    texts = [[_cleaned(shown(cell)) for cell in row] for row in rows]
    layout = laid_out(columns, texts, out.width)
    if layout is not None:
        _put(title, columns, layout.rows)
        if layout.shortened:
            out.print("ids are shortened; --json has them whole", style="dim")
        return
    for row in texts:
        fields = list(zip(columns, row, strict=True))
        block = laid_out(("field", "value"), fields, out.width)
        _put(title, ("field", "value"), block.rows if block is not None else fields)


def _put(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # never mark-up: other people wrote much of it
    out.print(table)


def put_rows(title: str, rows: Sequence[Any], *, as_json: bool, columns: Sequence[str] = ()) -> None:
    """Rows (NamedTuples): a JSON array of all fields, or a table of all fields or those named."""
    if as_json:
        put_json([row._asdict() for row in rows])
    elif rows:
        columns = columns or rows[0]._fields
        put_table(title, columns, [[getattr(row, column) for column in columns] for row in rows])
    else:
        out.print(f"{title}: none")


def put_fields(title: str, fields: Mapping[str, object], *, as_json: bool) -> None:
    """One thing and its fields."""
    if as_json:
        put_json(dict(fields))
    else:
        put_table(title, ("field", "value"), list(fields.items()))


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case _:
            message = f"{type(value).__name__} has no JSON form"
            raise TypeError(message)
