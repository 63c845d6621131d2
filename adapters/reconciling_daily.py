"""Once a day the provider's list is compared with the log; what differs is a case, and recorded by nobody but a person.

Each process that does so lists by itself: two of them only log twice.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

import structlog
from psycopg import Connection

from adapters.asking import ReadRules
from adapters.clock import recorded_now
from adapters.differences import keep, oldest_charge
from adapters.lost import Use
from adapters.reconciling import Compared, NotListedError, compare, span_of
from engine.ports import Gateway

log = structlog.get_logger()

AT = time(3, 0, tzinfo=UTC)
"""When, in real time: few charges are under way."""
LOOKS_BACK = timedelta(days=3)
"""Two days may fail, and nothing is missed."""
LOOKS_BACK_MOST = timedelta(days=30)
"""So far it looks back for what it found before, which closes by itself then."""


async def reconcile_daily(
    use: Use,
    read_rules: ReadRules,
    listing: Callable[[], AbstractAsyncContextManager[Gateway]],
    budget: timedelta,
    stop: asyncio.Event,
) -> None:
    """Reconcile each day at `AT` until `stop`; `listing` opens a gateway that has the time to list."""
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(until_next(recorded_now()).total_seconds()):
                await stop.wait()
                return
        try:
            await reconcile(use, read_rules, listing, budget)
        except Exception:  # the next day it is done again
            log.exception("reconcile.failed")


def until_next(now: datetime) -> timedelta:
    """How long it is to `AT`; a whole day where it is now."""
    today = datetime.combine(now.astimezone(UTC), AT)
    return today - now if now < today else today + timedelta(days=1) - now


async def reconcile(
    use: Use, read_rules: ReadRules, listing: Callable[[], AbstractAsyncContextManager[Gateway]], budget: timedelta
) -> Compared | None:
    """Compare the last days, log and keep what differs; None where nothing was compared."""
    rules, now = await asyncio.to_thread(read_rules)
    if rules.restored is not None:
        log.info("reconcile.left_out", reason="restored")  # each card asks for its charges anyway
        return None
    try:
        async with listing() as gateway:
            since = await asyncio.to_thread(use, partial(_since, now))
            span = span_of(since, now, budget)
            compared = await compare(use, gateway, span)
    except NotListedError as error:
        log.warning("reconcile.not_listed", error=str(error))
        return None
    await asyncio.to_thread(use, lambda connection: keep(connection, span, compared.differences, now))
    for one in compared.differences:
        about = {"card_id": str(one.card_id), "attempt_id": str(one.attempt_id), "gateway_ref": one.gateway_ref}
        amounts = {"provider_minor": one.provider_minor, "log_minor": one.log_minor, "currency": one.currency}
        log.warning("reconcile.difference", kind=one.kind, **about, **amounts)
    counts = {"at_provider": compared.at_provider, "in_log": compared.in_log, "open": len(compared.open)}
    kinds = Counter(one.kind for one in compared.differences)
    log.info("reconcile.done", **counts, differences=len(compared.differences), **kinds)
    return compared


def _since(now: datetime, connection: Connection[Any]) -> datetime:
    """From the oldest charge that still differs, as far as it is looked back."""
    oldest = oldest_charge(connection) or now
    return max(min(now - LOOKS_BACK, oldest), now - LOOKS_BACK_MOST)
