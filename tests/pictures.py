"""`scripts/pictures`: all pages on a phone and a desk, light and dark; those of holders in both languages."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import psycopg
import typer
from msgspec.structs import replace
from playwright.sync_api import Browser, Page

from adapters import embedded
from adapters.cli import run_command
from adapters.cli.output import err
from adapters.cli.whatif_page import page_of
from adapters.schema import migrate
from adapters.settings import load_settings
from adapters.web.console.visit import SESSION
from projections.whatif.compared import compare
from projections.whatif.histories import Span
from tests.adapters.cards import cards_of
from tests.adapters.web.conftest import role
from tests.adapters.web.console.operators import signed_in
from tests.adapters.web.pages.holders import HOLDER, World, card_id_of
from tests.chromium import launched
from tests.engine.databases import application_url
from tests.pictures_of_commands import take_binding_page, take_commands
from tests.ports import free_port
from tests.projections.whatif.years import BEGIN, RULES, lived, past_of

FOLDER = Path(__file__).parents[1] / ".pictures"
OFF, FAILING, PLUS = (f"/cards/{card_id_of(name)}" for name in ("off", "failing", "plus"))
PAGES = {
    "1-sign-in": "/sign-in",
    "2-cards": "/cards",
    "3-period": f"{OFF}/renewal/period",
    "4-payment": f"{OFF}/renewal/payment",
    "5-review": f"{OFF}/renewal/review",
    "card": FAILING,
    "methods": f"{PLUS}/methods",
    "switch-off": f"{PLUS}/renewal/off",
    "top-up": f"{PLUS}/top-up",
    "account": "/account",
}
CONSOLE = {
    "console-search": "/",
    "console-card": FAILING,
    "console-hold": f"{PLUS}/hold",
    "console-figures": "/figures?days=90",
    "console-record": "/record",
}
WIDTHS = {"phone": 390, "desktop": 1280}
COOKIE = {"path": "/", "secure": True, "httpOnly": True}
LANGUAGES = {"en": "en", "zh": "zh-CN"}


def main(
    folder: Annotated[Path, typer.Argument(help="Where the pictures go.")] = FOLDER,
    only: Annotated[str, typer.Option(help="Only pictures whose name holds this.")] = "",
) -> None:
    """Make the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with _served() as (address, world):
        token = asyncio.run(signed_in(world.database_url))["operator"]
        for browser in launched():
            for scheme, (name, width) in product(("light", "dark"), WIDTHS.items()):
                host = f"http://console.localhost:{urlsplit(address).port}"
                window = {"viewport": {"width": width, "height": 700}, "color_scheme": scheme}
                context = browser.new_context(base_url=host, **window)
                context.add_cookies([{**COOKIE, "name": SESSION, "value": token, "domain": "console.localhost"}])
                _take_console(context.new_page(), folder, f"{name}.{scheme}", only)
                take_binding_page(context.new_page(), folder, f"{name}.{scheme}", only)
                context.close()
            take_commands(browser.new_page(), folder, world.database_url, only)
            for short, language in LANGUAGES.items():
                world.connection.execute("UPDATE accounts SET language = %s", (language,))
                for scheme, (name, width) in product(("light", "dark"), WIDTHS.items()):
                    window = {"viewport": {"width": width, "height": 700}, "color_scheme": scheme, "locale": language}
                    context = browser.new_context(base_url=address, **window)
                    own = {"name": "__Host-bh", "value": world.tokens[HOLDER], "domain": "localhost"}
                    context.add_cookies([{**COOKIE, **own}])
                    _take(context.new_page(), folder, f"{short}.{name}.{scheme}", only)
                    context.close()
            _take_what_if(browser, folder, only)


def _take(page: Page, folder: Path, kind: str, only: str) -> None:
    page.goto(f"{OFF}/renewal/period")
    page.locator("input[name=months]").last.check()
    for _ in range(2):  # to the review, which is not there before
        page.locator("button.btn:not(.plain)").click()
    for what, path in PAGES.items():
        file = folder / f"{what}.{kind}.png"
        if only in file.name:
            page.goto(path)
            page.screenshot(path=str(file), full_page=True)
            err.print(file.name)


def _take_console(page: Page, folder: Path, kind: str, only: str) -> None:
    for what, path in CONSOLE.items():
        file = folder / f"{what}.{kind}.png"
        if only in file.name:
            page.goto(path)
            page.screenshot(path=str(file), full_page=True)
            err.print(file.name)


def _take_what_if(browser: Browser, folder: Path, only: str) -> None:
    """The page of `baohao whatif`, of a year lived in memory."""
    looks = [(scheme, *width) for scheme, width in product(("light", "dark"), WIDTHS.items())]
    wanted = [look for look in looks if only in f"what-if.{look[1]}.{look[0]}.png"]
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="baohao-what-if-") as there:
        policy = RULES.policy.model_copy(update={"version": "few", "ladder_days": (2,), "ladder_then_every_days": 14})
        past = past_of(lived(300, 12, 1, Path(there)), Span(BEGIN, BEGIN + timedelta(days=360)))
        compared = compare(past, RULES, replace(RULES, policy=policy), range(1, 6))
        (Path(there) / "page.html").write_text(page_of(compared, ["fewer-rungs.toml"]), "utf-8")
        for scheme, name, width in wanted:
            context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
            page, file = context.new_page(), folder / f"what-if.{name}.{scheme}.png"
            page.goto((Path(there) / "page.html").as_uri())
            page.screenshot(path=str(file), full_page=True)
            err.print(file.name)
            context.close()


@contextmanager
def _served() -> Iterator[tuple[str, World]]:
    os.environ["BAOHAO_NATS_PORT"] = "0"
    with tempfile.TemporaryDirectory(prefix="baohao-pictures-") as home, embedded.postgres(Path(home)) as url:
        owner = embedded.owner_url(url)
        migrate(owner, url)
        with psycopg.connect(owner, autocommit=True) as connection:
            cards, pool = cards_of(connection, application_url(owner), timedelta(seconds=1))
            with closing(pool):
                world = World(cards, application_url(owner), connection)
                world.populate()
                port = free_port()
                console = f"http://console.localhost:{port}"
                settings = load_settings(clock="virtual", web_port=port, console_url=console)
                address = f"http://localhost:{settings.web_port}"
                with role(settings, world.database_url):
                    yield address, world


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
