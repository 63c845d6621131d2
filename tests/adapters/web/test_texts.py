"""Every text of the pages stands in the Chinese catalogue, with the same values, and nothing else stands there."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import adapters.web

WEB = Path(adapters.web.__file__).parent
KEYWORDS = {"say": None, "_": None, "many": (1, 2)}
METHODS = {".py": "python", ".html": "jinja2.ext:babel_extract"}
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
_VALUE = re.compile(r"%\((\w+)\)s")


def texts_of(path: Path) -> Iterator[str | tuple[str, ...]]:
    """The texts of a file; one and many together where it counts something."""
    content = io.BytesIO(path.read_bytes())
    for _, text, _, _ in extract(_method(path), content, KEYWORDS, options=OPTIONS):
        if isinstance(text, str):
            yield text
        else:
            yield tuple(part for part in text if part is not None)[:2]


def _method(path):
    if path.suffix == ".py":
        return "python"
    from jinja2.ext import babel_extract  # noqa: PLC0415 (Babel finds it by name only where it is installed as a plugin)

    return babel_extract


def values_of(text):
    return sorted(_VALUE.findall(text))


@pytest.fixture(scope="module")
def used():
    """Text → the file that says it."""
    return {
        text: path.relative_to(WEB).as_posix()
        for path in sorted(WEB.rglob("*"))
        if path.suffix in METHODS
        for text in texts_of(path)
    }


@pytest.fixture(scope="module")
def catalogue():
    content = (WEB / "locale" / "zh_CN.po").read_bytes()
    return [one for one in read_po(io.BytesIO(content), abort_invalid=True) if one.id]


def test_texts_are_found_where_they_stand(used):
    assert used["Sign out everywhere"] == "templates/accounts/account.html"
    assert used["That sign-in does not match."] == "pages/accounts/signing_in.py"
    assert used["%(count)s card.", "%(count)s cards."] == "templates/cards.html"
    assert len(used) > 200


def test_every_text_is_translated(used, catalogue):
    translated = {one.id for one in catalogue if one.string and not one.fuzzy}
    missing = sorted(f"{path}: {text!r}" for text, path in used.items() if text not in translated)
    assert not missing, "\n".join(missing)


def test_nothing_is_translated_that_no_page_says(used, catalogue):
    unused = sorted(str(one.id) for one in catalogue if one.id not in used)
    assert not unused, "\n".join(unused)


def test_no_text_stands_twice():
    ids = re.findall(r'^msgid ((?:".*"\n?)+)', (WEB / "locale" / "zh_CN.po").read_text(), re.MULTILINE)
    assert len(ids) == len(set(ids))


def test_a_translation_has_the_values_of_its_text(catalogue):
    wrong = [
        one.id
        for one in catalogue
        for said in ([one.string] if isinstance(one.string, str) else one.string)
        if values_of(said) != values_of(one.id if isinstance(one.id, str) else one.id[1])
    ]
    assert not wrong


def test_each_text_says_where_it_stands(used, catalogue):
    """The first place, of several."""
    wrong = [f"{one.id!r}: {place}" for one in catalogue for place, _ in one.locations if not (WEB / place).is_file()]
    assert not wrong, "\n".join(wrong)
    assert all(one.locations for one in catalogue)


def test_chinese_texts_keep_the_house_style(catalogue):
    """A space between Chinese and digits, full-width marks after Chinese, no exclamation."""
    wrong = [
        said
        for one in catalogue
        for said in ([one.string] if isinstance(one.string, str) else one.string)
        if re.search(
            r"[一-鿿][0-9A-Za-z]|[0-9A-Za-z][一-鿿]|[一-鿿][,.:;!?]|！", _VALUE.sub("", re.sub(r"<[^>]+>", "", said))
        )
    ]
    assert not wrong, "\n".join(wrong)
