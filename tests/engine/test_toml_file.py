"""TOML files: every key's line is known however it is written, and each problem is reported with its line."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from engine.toml_file import Problem, dotted, lines_of, read_toml

ITS_OWN_LINES = Path(__file__).with_name("its_own_lines.toml").read_text("utf-8")


def numbers_in(value, place=()):
    """All integers in a document, by their place."""
    if isinstance(value, int):
        yield place, value
    elif isinstance(value, dict | list):
        for part, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers_in(inner, (*place, part))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["Unix", "Windows"])
def test_each_key_has_its_line_however_it_is_written(line_end):
    text = ITS_OWN_LINES.replace("\n", line_end)
    numbers, lines = dict(numbers_in(tomllib.loads(text))), lines_of(text)
    assert len(numbers) == 28
    assert {place: lines[place] for place in numbers} == numbers


def test_tables_have_the_lines_of_their_headers():
    lines = lines_of(ITS_OWN_LINES)
    assert lines["table",] == 22
    assert lines["other", "x.y"] == 26
    assert lines["items",] == lines["items", 0] == 28
    assert lines["items", 1] == 38
    assert lines["items", 0, "subs", 1, "deep"] == 36
    assert lines["late",] == 44, "its own header, not that of the table below it"


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@given(st.dictionaries(texts, st.one_of(texts, st.lists(texts, max_size=3)), max_size=8))
def test_no_text_in_keys_and_values_confuses_the_lines(document):
    pairs = [[json.dumps(part, ensure_ascii=False) for part in pair] for pair in document.items()]
    text = "".join(f"{key} = {value}\n\n" for key, value in pairs)
    assert tomllib.loads(text) == document
    lines = lines_of(text)
    assert [lines[key,] for key in document] == [1 + 2 * number for number in range(len(document))]


def test_places_are_written_as_people_write_them():
    assert dotted(("versions", 0, "prices", "keep us", "CNY")) == 'versions[0].prices."keep us".CNY'
    assert dotted(("保号", "")) == '保号.""'
    assert dotted(()) == ""


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: int
    b: str = ""


class Outer(BaseModel):
    one: Inner
    more: tuple[Inner, ...] = ()


@pytest.fixture
def read(tmp_path):
    """What a file with these bytes is read as."""

    def reading(content: bytes):
        path = tmp_path / "some.toml"
        path.write_bytes(content)
        return read_toml(path, Outer)

    return reading


def test_a_good_file_becomes_its_model(read):
    assert read(b"[one]\na = 1\n[[more]]\na = 2") == Outer(one=Inner(a=1), more=(Inner(a=2),))


def test_all_problems_are_reported_in_the_order_of_their_lines(read):
    assert read(b"[[more]]\nc = 1\na = 'x'\n\n[one]\nb = 7\n") == (
        Problem(2, "more[0].c", "is not known here; remove it or correct its spelling"),
        Problem(3, "more[0].a", "must be a valid integer, unable to parse string as an integer"),
        Problem(5, "one.a", "is missing; add it"),
        Problem(6, "one.b", "must be text in quotes"),
    )


def test_a_missing_table_is_reported_on_the_first_line(read):
    assert read(b"") == (Problem(1, "one", "is missing; add it"),)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"[one]\na = \n", 2, "is not TOML: Invalid value (column 5)"),
        (b"[one]\na = 1\na = 2\n", 3, "is not TOML: Cannot overwrite a value (column 6)"),
        (b"[one]\na = 2026-02-30\n", 2, "is not TOML: Invalid date or datetime (column 5)"),
        (b"[one]\nb = '''", None, "is not TOML: Expected \"'''\" (at end of document)"),
        (b"[one]\n# \xff", 2, "is not text in UTF-8; save it as such"),
        (b"a = " + b"[" * 9_999, None, "is not TOML: maximum recursion depth exceeded"),
        (b"[one]\n" + b"a." * 100_000 + b"a = 1", 2, "has a key of more than 32 parts"),
        (b"['a'" + b' . "a"' * 40 + b"]", 1, "has a key of more than 32 parts"),
        (b"#" * (1 << 20) + b"\n", None, "is larger than 1,048,576 bytes"),
        (b"a = " + b"9" * 9_999, None, "is not TOML: Exceeds the limit"),
    ],
    ids=[
        "no value",
        "twice",
        "no such day",
        "no end",
        "no text",
        "too deep",
        "dots",
        "dots in a header",
        "too large",
        "too long",
    ],
)
def test_a_file_that_is_no_toml_is_reported_with_the_line(read, content, line, message):
    [problem] = read(content)
    assert (problem.line, problem.place) == (line, "")
    assert problem.message.startswith(message)


def test_of_very_many_problems_the_first_are_reported_with_their_lines_and_the_others_counted(read):
    found = read(b"[one]\na = 1\n" + b"".join(b"k%d = 1\n" % number for number in range(5_000)))
    assert [problem.line for problem in found] == [*range(3, 53), None]
    assert found[-1].formatted("some.toml") == "some.toml: has 4,950 more problems; correct these first"


def test_dots_in_texts_and_comments_are_no_keys(read):
    assert read(b"# " + b"." * 99 + b"\n[one]\na = 1\nb = '" + b"." * 99 + b"'") == Outer(one=Inner(a=1, b="." * 99))


def test_a_missing_file_is_reported(tmp_path):
    [problem] = read_toml(tmp_path / "gone.toml", Outer)
    assert problem.formatted("gone.toml") == "gone.toml: cannot be read: No such file or directory"


def test_a_problem_is_formatted_like_a_compiler_s():
    assert Problem(3, "one.a", "is bad").formatted("some.toml") == "some.toml:3: one.a: is bad"
    assert Problem(3, "", "is bad").formatted("some.toml") == "some.toml:3: is bad"
