"""The commands for what is stopped, parked or limited, and their options; see app.py for the others."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from adapters.cli.options import Json, Limit, Page
from adapters.settings import load_settings

parked_app = typer.Typer(help="Cards and messages that could not be handled.", no_args_is_help=True)
charging_app = typer.Typer(help="Stop and resume all charging.", no_args_is_help=True)
restore_app = typer.Typer(help="After the database was restored from a backup.", no_args_is_help=True)
clock_app = typer.Typer(help="The clock.", no_args_is_help=True)
limits_app = typer.Typer(help="Network limits of payment cards.", no_args_is_help=True)


@parked_app.command("list")
def parked_list(*, as_json: Json = False) -> None:
    """Parked cards and messages, with their reasons."""
    from adapters.cli import parking

    parking.list_parked_messages(load_settings(), as_json=as_json)


@parked_app.command("show")
def parked_show(
    parked_id: Annotated[int, typer.Argument(metavar="ID", help="Its number in `parked list`.")],
    *,
    as_json: Json = False,
) -> None:
    """One parked message: its body, headers and subject, why it is parked, and how often it was tried."""
    from adapters.cli import parking

    parking.show_parked_message(load_settings(), parked_id, as_json=as_json)


@parked_app.command("retry")
def parked_retry(
    parked_ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Default: all.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Retry parked cards."""
    from adapters.cli import parking

    parking.retry_parked_messages(load_settings(), parked_ids or None, as_json=as_json)


@parked_app.command("drop")
def parked_drop(
    parked_ids: Annotated[list[int], typer.Argument(metavar="ID...", help="Their ids in `parked list`.")],
    *,
    as_json: Json = False,
) -> None:
    """Remove messages that name no card."""
    from adapters.cli import parking

    parking.drop_parked_messages(load_settings(), parked_ids, as_json=as_json)


@charging_app.command("stop")
def charging_stop(
    why: Annotated[str, typer.Option(help="The reason, recorded with the stop.")] = "by the operator",
    *,
    as_json: Json = False,
) -> None:
    """Stop new attempts; open ones are completed, and no card is suspended for it."""
    from adapters.cli import charging

    charging.stop(load_settings(), why, as_json=as_json)


@charging_app.command("resume")
def charging_resume(*, as_json: Json = False) -> None:
    """Allow attempts again, and wake the cards that the stop kept from being charged."""
    from adapters.cli import charging

    charging.resume(load_settings(), as_json=as_json)


@charging_app.command("status")
def charging_status(*, as_json: Json = False) -> None:
    """Whether charging is stopped: since when, why, and by whom."""
    from adapters.cli import charging

    charging.status(load_settings(), as_json=as_json)


@charging_app.command("history")
def charging_history(*, as_json: Json = False) -> None:
    """When charging was stopped and resumed, by whom and why."""
    from adapters.cli import charging

    charging.history(load_settings(), as_json=as_json)


@restore_app.command("begin")
def restore_begin(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S"], help="In UTC: since when facts may be missing; default: the newest charge."
        ),
    ] = None,
    why: Annotated[str, typer.Option(help="What happened, recorded with the restore.")],
    as_json: Json = False,
) -> None:
    """Send nothing for a card before the gateway was asked what it charged the card since the backup."""
    from adapters.cli import restoring

    restoring.begin(load_settings(), since.replace(tzinfo=UTC) if since else None, why, as_json=as_json)


@restore_app.command("status")
def restore_status(*, as_json: Json = False) -> None:
    """How many cards are still to be looked up, and what the gateway charged that the log does not know."""
    from adapters.cli import restoring

    restoring.status(load_settings(), as_json=as_json)


@restore_app.command("end")
def restore_end(
    *,
    why: Annotated[str | None, typer.Option(help="Why, although something is left; it may be charged twice.")] = None,
    as_json: Json = False,
) -> None:
    """End the look-ups, when nothing is left."""
    from adapters.cli import restoring

    restoring.end(load_settings(), why, as_json=as_json)


@limits_app.command("rebuild")
def limits_rebuild(*, as_json: Json = False) -> None:
    """Rebuild the tables of the network limits from the log."""
    from adapters.cli import limiting

    limiting.rebuild(load_settings(), as_json=as_json)


@limits_app.command("blocked")
def limits_blocked(*, limit: Limit = 50, page: Page = 1, as_json: Json = False) -> None:
    """Payment cards that a code or an issuer's advice has blocked for every card."""
    from adapters.cli import limiting

    limiting.show_blocked(load_settings(), limit=limit, page=page, as_json=as_json)


@limits_app.command("allow")
def limits_allow(
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="The payment card's fingerprint.")],
    *,
    why: Annotated[str, typer.Option(help="Why it may be tried again, for those who come after you.")],
    as_json: Json = False,
) -> None:
    """Let a payment card be tried again that a code has blocked for every card, also where that had ended it."""
    from adapters.cli import limiting

    limiting.allow(load_settings(), fingerprint, why, as_json=as_json)


@clock_app.command("forward")
def clock_forward(
    by: Annotated[str, typer.Argument(metavar="TIME", help="Such as 30d: minutes m, hours h, days d or weeks w.")],
    *,
    as_json: Json = False,
) -> None:
    """Let time pass on a running system with a virtual clock; refused where the clock is the real one."""
    from adapters.cli import moving_clock

    try:
        span = moving_clock.span_of(by)
    except ValueError:
        raise typer.BadParameter(
            f"{by!r} is not like 30d, 12h, 2w or 5m, at most ten years", param_hint="TIME"
        ) from None
    moving_clock.forward(load_settings(), span, as_json=as_json)


@clock_app.command("confirm")
def clock_confirm(
    *,
    why: Annotated[str, typer.Option(help="How you know that the clock is right, for those who come after you.")],
    as_json: Json = False,
) -> None:
    """The database's clock is right, and facts of the future are of a clock that was ahead: let the work go on."""
    from adapters.cli import moving_clock

    moving_clock.confirm(load_settings(), why, as_json=as_json)
