"""Options and arguments that several commands have."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import typer

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]
CardId = Annotated[UUID, typer.Argument(metavar="ID", help="The card's id.")]
Page = Annotated[int, typer.Option(min=1, max=1_000_000, help="Which page of so many rows.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of rows.")]
Moment = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"],
        metavar="T",
        help="As it was at this moment, in UTC: 2027-01-31T12:00:00.",
    ),
]
SandboxGateway = Annotated[
    Literal["sandbox"] | None,
    typer.Option(
        "--gateway", help="Charge through a sandbox of its own, that speaks Stripe's API, with notifications."
    ),
]
