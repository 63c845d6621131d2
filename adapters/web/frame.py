"""Pages from templates, in the reader's language."""

from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import sha256
from importlib import resources
from urllib.parse import quote

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from adapters.languages import shown
from adapters.languages.language import Language
from adapters.web.voice import voice

STATIC = resources.files("adapters.web") / "static"
NO_STORE = {"Cache-Control": "no-store"}
_LINES_KEPT = 4096
"""Lifelines that were drawn last: who comes back to the list sees the same."""


@cache
def versioned(name: str) -> str:
    """The address of a file of ours, which changes with its content, so that browsers may keep it for ever."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


class _TextsInPlace(Extension):
    """Puts `{{ _('a text') }}` into a template as it is read, in the environment's language, once and for all pages."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The tokens of a template, with each such text as a part of it."""
        say, tokens, place = self.environment.globals["say"], list(stream), 0
        while place < len(tokens):
            found = tokens[place : place + len(_TEXT)]
            if tuple(one.type for one in found) == _TEXT and found[1].value == "_":
                yield Token(found[0].lineno, "data", str(say(found[3].value)))
                place += len(_TEXT)
            else:
                yield tokens[place]
                place += 1


_TEXT = ("variable_begin", "name", "lparen", "string", "rparen", "variable_end")


@cache
def _templates(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("adapters.web"),
        extensions=[_TextsInPlace],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # else each page asks the disk whether its templates have changed
    )
    speaks = voice(language)
    environment.globals |= {
        "_": speaks,
        "many": speaks.many,
        "say": speaks,
        "language": language,
        "stylesheet": versioned("baohao.css"),
        "script": versioned("passkeys.js"),
        "console_sheet": versioned("console.css"),
        "visitor": None,
        "task": None,
        "here": "/cards",
        "other": "en" if language == "zh-CN" else "zh-CN",
    }
    environment.filters |= {
        "money": speaks.money,
        "day": speaks.day,
        "short_day": speaks.short_day,
        "day_of_year": speaks.day_of_year,
        "phone": shown.phone_number,
        "path": lambda value: quote(str(value), safe=""),
    }
    drawn = vars(environment.get_template("macros.html").module)
    environment.globals |= {"status": cache(drawn["status"]), "life": lru_cache(_LINES_KEPT)(drawn["life"])}
    return environment


def page(template: str, language: Language, /, status: int = 200, **values: object) -> HTMLResponse:
    """A page; pages of a holder are never kept by a cache."""
    html = _templates(language).get_template(f"{template}.html").render(values)
    return HTMLResponse(html, status, NO_STORE)
