"""Reads a TOML file into a model; every problem is reported with line, dotted place and what to do."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
BYTES_MOST = 1 << 20
"""The largest file that is read."""
PARTS_MOST = 32
"""Of a dotted key."""
PROBLEMS_MOST = 50
"""So many problems are reported; of the others, their number."""
Place = tuple[str | int, ...]
"""Keys and array indexes from the top of the file."""


class Problem(NamedTuple):
    """One problem: its line (None: the whole file), its place such as `plans.a.name`, a sentence."""

    line: int | None
    place: str
    message: str

    def formatted(self, source: object) -> str:
        """The problem of the file `source` in one line, as compilers write it."""
        where = f"{source}" if self.line is None else f"{source}:{self.line}"
        return ": ".join(part for part in (where, self.place, self.message) if part)


def read_toml(source: Traversable, model: type[Model]) -> Model | tuple[Problem, ...]:
    """The file as a `model`, or all its problems in the order of their lines."""
    try:
        with source.open("rb") as file:
            content = file.read(BYTES_MOST + 1)
        if len(content) > BYTES_MOST:
            return (Problem(None, "", f"is larger than {BYTES_MOST:,} bytes; is it the right file?"),)
        text = content.decode()
        if deep := _DEEP_KEY.search(text):
            line = text.count("\n", 0, deep.start()) + 1
            return (Problem(line, "", f"has a key of more than {PARTS_MOST} parts; nothing here is so deep"),)
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        return (Problem(error.object.count(b"\n", 0, error.start) + 1, "", "is not text in UTF-8; save it as such"),)
    except OSError as error:
        return (Problem(None, "", f"cannot be read: {error.strerror}"),)
    except (ValueError, RecursionError) as error:  # the latter: brackets in brackets in brackets
        return (_of_syntax(str(error)),)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = lines_of(text)
        problems = (_of_field(lines, details) for details in error.errors(include_url=False))
        return _first(sorted(problems, key=lambda problem: problem.line or 0))


def _first(problems: list[Problem]) -> tuple[Problem, ...]:
    more = len(problems) - PROBLEMS_MOST
    rest = (Problem(None, "", f"has {more:,} more problems; correct these first"),) if more > 0 else ()
    return (*problems[:PROBLEMS_MOST], *rest)


def dotted(place: Place) -> str:
    """A place as people write it: `versions[0].prices."keep us".CNY`."""
    return "".join(_parts(place)).removeprefix(".")


def _parts(place: Place) -> Iterator[str]:
    for part in place:
        if isinstance(part, int):
            yield f"[{part}]"
        else:
            yield "." + (part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False))


_AT = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)


def _of_syntax(message: str) -> Problem:
    found = _AT.fullmatch(message)
    if found is None:
        return Problem(None, "", f"is not TOML: {message}")
    return Problem(int(found["line"]), "", f"is not TOML: {found['what']} (column {found['column']})")


_KEY_MARK = "[key]"  # how pydantic says that it means the key, not its value
_SENTENCES = {
    "missing": "is missing; add it",
    "extra_forbidden": "is not known here; remove it or correct its spelling",
    "int_type": "must be a whole number, without quotes",
    "string_type": "must be text in quotes",
    "date_type": "must be a date such as 2026-01-31, without quotes",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "tuple_type": "must be an array of tables, each begun by a line with [[…]]",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}
"""By pydantic's error type; its own sentences serve for the others."""


def _of_field(lines: dict[Place, int], details: ErrorDetails) -> Problem:
    place = tuple(part for part in details["loc"] if part != _KEY_MARK)
    message = details["msg"].removeprefix("Value error, ")
    message = _SENTENCES.get(details["type"]) or re.sub(r"^\w+ should ", "must ", message)
    known = next(place[:length] for length in range(len(place), -1, -1) if place[:length] in lines)
    return Problem(lines[known], dotted(place), message)


def lines_of(text: str) -> dict[Place, int]:
    """The line of each key, table and array item of `text`, which must be valid TOML; () is line 1."""
    return _Locator(text).walk()


_BARE_KEY = re.compile(r"[\w-]+")
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_QUOTED = r""""(?:\\.|[^"\\])*"|'[^']*'"""
_KEY = re.compile(rf"{_QUOTED}|[\w-]+")
_DEEP_KEY = re.compile(rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*"|'[^'\n]*')[ \t]*+\.[ \t]*+){{{PARTS_MOST}}}""")
_SCALAR = re.compile(rf'"""(?:\\.|[^\\])*?"{{3,5}}|\'\'\'.*?\'{{3,5}}|{_QUOTED}|[^,\]}}#\n]+', re.DOTALL)


class _Locator:
    """Walks once through a document that tomllib has accepted, so its grammar is known to be valid."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted_to, self._counted = 0, 1
        self._lines: dict[Place, int] = {(): 1}
        self._last_items: dict[Place, int] = {}  # of each array of tables, the index of its last one

    def walk(self) -> dict[Place, int]:
        table: Place = ()
        while self._more():
            if self._take("[["):
                table = self._header(is_item=True)
                self._take("]]")
            elif self._take("["):
                table = self._header(is_item=False)
                self._take("]")
            else:
                self._pair(table)
        return self._lines

    def _header(self, *, is_item: bool) -> Place:
        line = self._line()
        *above, last = self._keys()
        place: Place = ()
        for key in above:
            place = (*place, key)
            self._lines.setdefault(place, line)
            if place in self._last_items:
                place = (*place, self._last_items[place])
        place = (*place, last)
        if is_item:
            self._lines.setdefault(place, line)
            self._last_items[place] = self._last_items.get(place, -1) + 1
            place = (*place, self._last_items[place])
        self._lines[place] = line  # a table's own header, even if tables below it came first
        return place

    def _pair(self, table: Place) -> None:
        line, place = self._line(), table
        for key in self._keys():
            place = (*place, key)
            self._lines.setdefault(place, line)
        self._take("=")
        self._value(place)

    def _value(self, place: Place) -> None:
        if self._take("{"):
            while self._more() and not self._take("}"):
                self._pair(place)
                self._take(",")
        elif self._take("["):
            index = 0
            while self._more() and not self._take("]"):
                self._lines[*place, index] = self._line()
                self._value((*place, index))
                self._take(",")
                index += 1
        else:
            self._match(_SCALAR)

    def _keys(self) -> list[str]:
        keys = [self._key()]
        while self._take("."):
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        raw = self._match(_KEY)
        return tomllib.loads(f"key = {raw}")["key"] if raw.startswith(('"', "'")) else raw

    def _line(self) -> int:
        self._skip_blank()
        self._counted += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._counted

    def _more(self) -> bool:
        self._skip_blank()
        return self._at < len(self._text)

    def _take(self, mark: str) -> bool:
        self._skip_blank()
        found = self._text.startswith(mark, self._at)
        self._at += len(mark) if found else 0
        return found

    def _match(self, pattern: re.Pattern[str]) -> str:
        self._skip_blank()
        return self._pass(pattern)

    def _skip_blank(self) -> None:
        self._pass(_BLANK)

    def _pass(self, pattern: re.Pattern[str]) -> str:
        match, begin = pattern.match(self._text, self._at), self._at
        self._at = match.end() if match else len(self._text)
        return self._text[begin : self._at]
