"""Pages from templates, in the reader's language."""

from functools import cache
from hashlib import sha256
from importlib import resources
from urllib.parse import quote

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from adapters.languages import shown
from adapters.languages.language import Language
from adapters.web.voice import voice

STATIC = resources.files("adapters.web") / "static"
NO_STORE = {"Cache-Control": "no-store"}


@cache
def versioned(name: str) -> str:
    """The address of a file of ours, which changes with its content, so that browsers may keep it for ever."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


@cache
def _templates(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("adapters.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
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
    return environment


def page(template: str, language: Language, /, status: int = 200, **values: object) -> HTMLResponse:
    """A page; pages of a holder are never kept by a cache."""
    html = _templates(language).get_template(f"{template}.html").render(values)
    return HTMLResponse(html, status, NO_STORE)
