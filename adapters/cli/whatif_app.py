"""The command `baohao whatif` and its options; imagining.py implements it."""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.options import Json
from adapters.settings import load_settings

_File = typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Another one than is in force, in TOML.")


def whatif(  # noqa: PLR0913 (one per option)
    *,
    policy: Annotated[Path | None, _File] = None,
    catalogue: Annotated[Path | None, _File] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, in UTC; default: of the log."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, in UTC; default: of the log.")
    ] = None,
    cards: Annotated[int, typer.Option(min=1, max=100_000, help="The first so many cards, by their ids.")] = 10_000,
    plan: Annotated[str | None, typer.Option(metavar="NAME", help="Only cards of this plan.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="What is drawn by chance; the same seed draws the same.")] = 1,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="So many seeds, from --seed on, show the spread.")] = 5,
    html: Annotated[Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Write a page, too.")] = None,
    as_json: Json = False,
) -> None:
    """What would have become of the real cards by another policy or catalogue; nothing is changed anywhere."""
    from adapters.cli import imagining

    if policy is None and catalogue is None:
        raise typer.BadParameter("say what would be otherwise: --policy FILE, --catalogue FILE", param_hint="--policy")
    if since is not None and until is not None and since > until:
        raise typer.BadParameter(f"{since:%Y-%m-%d} is after {until:%Y-%m-%d}", param_hint="--from")
    settings = load_settings()
    if html is not None:
        _check_page(html, (policy, catalogue, settings.policy, settings.catalogue))
    asked = imagining.Asked(policy, catalogue, since, until, cards, plan, range(seed, seed + seeds))
    imagining.show(settings, asked, html, as_json=as_json)


def _check_page(page: Path, inputs: Iterable[Path | None]) -> None:
    """Before anything is replayed: the page can be written, and not over a file that is read."""
    if page.exists() and any(one is not None and one.exists() and page.samefile(one) for one in inputs):
        raise typer.BadParameter(f"{page} is a file of rules: name another one for the page", param_hint="--html")
    if not page.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {page.parent}", param_hint="--html")
    if not os.access(page if page.exists() else page.parent, os.W_OK):
        raise typer.BadParameter(f"{page} cannot be written", param_hint="--html")
