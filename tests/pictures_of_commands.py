"""Pictures of what commands print: read models rebuilt, how far they are, the log verified; and of the binding page."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import psycopg
from playwright.sync_api import Page

from adapters.cli.output import err
from adapters.embedded import owner_url
from projections.audit.heads import SealKey
from projections.audit.sealing import seal_next
from tests.bench.stripe import posted, sandbox

COLUMNS = 96
KEY = SealKey.new("baohao.example/1")
SEALED_AT_ONCE = 16
COMMANDS = {
    "projections-rebuild": ("projections", "rebuild", "cards", "ledger", "terms", "--parallel", "2"),
    "projections-status": ("projections", "status"),
    "audit-verify": ("audit", "verify"),
    "report-recovery": ("report", "recovery"),
}
SCREEN = (
    "font: 14px/1.45 monospace; padding: 20px; margin: 0; background: #16181d; color: #e6e6e6; display: inline-block"
)


def take_commands(page: Page, folder: Path, database_url: str, only: str) -> None:
    """What each of the commands prints on the database, as a terminal shows it."""
    key_file = folder / "seal.key"
    if not any(only in file_of(folder, name).name for name in COMMANDS):
        return
    with psycopg.connect(database_url, autocommit=True) as connection:
        while seal_next(connection, KEY, SEALED_AT_ONCE) is not None:
            pass
    key_file.write_text(KEY.text)
    try:
        for name, words in COMMANDS.items():
            file = file_of(folder, name)
            if only in file.name:
                own = {
                    "DATABASE_URL": database_url,
                    "BAOHAO_OWNER_DATABASE_URL": owner_url(database_url),
                    "BAOHAO_SEAL_KEY_FILE": str(key_file),
                    "BAOHAO_CLOCK": "virtual",
                }
                page.set_content(f'<pre style="{SCREEN}">{escape(printed(words, own))}</pre>')
                page.locator("pre").screenshot(path=str(file))
                err.print(file.name)
    finally:
        key_file.unlink()


def file_of(folder: Path, name: str) -> Path:
    """Where the picture of a command goes."""
    return folder / f"command-{name}.png"


def printed(words: Sequence[str], variables: Mapping[str, str]) -> str:
    """The command line, and all that it prints."""
    env = os.environ | {"COLUMNS": str(COLUMNS)} | variables
    done = subprocess.run(
        [sys.executable, "-m", "adapters.cli", *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return f"$ baohao {' '.join(words)}\n{done.stdout}"


def take_binding_page(page: Page, folder: Path, kind: str, only: str) -> None:
    """The provider's page on which a holder binds a card: that of the sandbox."""
    file = folder / f"4-provider.{kind}.png"
    if only not in file.name:
        return
    with sandbox() as address:
        fields = {
            "mode": "setup",
            "currency": "cny",
            "customer": posted(f"{address}/v1/customers")["id"],
            "success_url": f"{address}/",
            "cancel_url": f"{address}/",
        }
        page.goto(posted(f"{address}/v1/checkout/sessions", **fields)["url"])
        page.screenshot(path=str(file), full_page=True)
        err.print(file.name)
