"""`scripts/pictures`: every page of holders as a picture, on a phone and a desk, in both languages, light and dark."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from playwright.sync_api import Page

from adapters import embedded
from adapters.cli import run_command
from adapters.cli.output import err
from adapters.schema import migrate
from adapters.settings import load_settings
from tests.adapters.cards import cards_of
from tests.adapters.poolers import free_port
from tests.adapters.web.conftest import _answers, role
from tests.adapters.web.pages.holders import HOLDER, World, card_id_of
from tests.chromium import launched
from tests.engine.databases import application_url

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
WIDTHS = {"phone": 390, "desktop": 1280}
LANGUAGES = {"en": "en", "zh": "zh-CN"}


def main(
    folder: Annotated[Path, typer.Argument(help="Where the pictures go.")] = FOLDER,
    only: Annotated[str, typer.Option(help="Only pictures whose name holds this.")] = "",
) -> None:
    """Make the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with _served() as (address, world):
        for browser in launched():
            for short, language in LANGUAGES.items():
                world.connection.execute("UPDATE accounts SET language = %s", (language,))
                for scheme, (name, width) in product(("light", "dark"), WIDTHS.items()):
                    window = {"viewport": {"width": width, "height": 700}, "color_scheme": scheme, "locale": language}
                    context = browser.new_context(base_url=address, **window)
                    cookie = {"name": "__Host-bh", "value": world.tokens[HOLDER], "domain": "localhost"}
                    context.add_cookies([{**cookie, "path": "/", "secure": True, "httpOnly": True}])
                    _take(context.new_page(), folder, f"{short}.{name}.{scheme}", only)
                    context.close()


def _take(page: Page, folder: Path, kind: str, only: str) -> None:
    page.goto(f"{OFF}/renewal/period")
    for _ in range(2):  # to the review, which is not there before
        page.locator("button.btn:not(.plain)").click()
    for what, path in PAGES.items():
        file = folder / f"{what}.{kind}.png"
        if only in file.name:
            page.goto(path)
            page.screenshot(path=str(file), full_page=True)
            err.print(file.name)


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
                settings = load_settings(clock="virtual", web_port=free_port())
                address = f"http://localhost:{settings.web_port}"
                with role(settings, world.database_url):
                    while not _answers(address):
                        pass
                    yield address, world


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
