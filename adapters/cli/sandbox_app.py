"""The command `baohao sandbox` and its options; sandbox.py implements it."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.gateways.sandbox import PORT
from adapters.settings import load_settings


def sandbox(
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="On loopback; 0: any free one.")] = PORT,
    record: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Default: sandbox.db in the home folder.")
    ] = None,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Where events are sent to.")] = None,
    webhook_secret_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, metavar="FILE", help="What they are signed with.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same ids, chances and faults.")] = 0,
    delay_ms: Annotated[int, typer.Option(min=0, help="How long each answer takes.")] = 0,
    faults: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, metavar="FILE", help="A JSON list of faults.")
    ] = None,
) -> None:
    """A payment provider that speaks Stripe's API, for trying everything without an account; no money moves."""
    from adapters.cli import sandbox
    from adapters.gateways.sandbox.server import Options
    from adapters.gateways.sandbox.webhooks import Webhook
    from adapters.gateways.sandbox.world import Setting

    if (webhook is None) != (webhook_secret_file is None):
        raise typer.BadParameter("--webhook and --webhook-secret-file go together", param_hint="--webhook")
    settings = load_settings()
    endpoints = (Webhook(webhook, sandbox.secret_of(webhook_secret_file)),) if webhook and webhook_secret_file else ()
    options = Options(
        record=sandbox.record_of(settings, record),
        port=port,
        setting=Setting(seed=seed),
        delay_s=delay_ms / 1000,
        faults=sandbox.faults_of(faults) if faults else (),
        webhooks=endpoints,
    )
    sandbox.run(settings, options)
