"""How fast holders get their pages, with many cards in the log and the read models.

Holders have four cards each. A web role for each of two cores serves; database and client run beside them, on the
same cores.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from time import monotonic, perf_counter
from typing import NamedTuple
from urllib.request import urlopen

import aiohttp
import psutil
import psycopg

from adapters.cli.demo.population import card_id_of
from adapters.cli.servers import both_servers, owner_of
from adapters.clock import recorded_now
from adapters.control import move_clock
from adapters.directory.accounts import NewAccount, create_account
from adapters.directory.card_numbers import set_number
from adapters.directory.sessions import open_session
from adapters.directory.visit import Visit
from adapters.schema import migrate
from adapters.settings import Settings, environment
from adapters.wiring import engine_of, rules_of
from engine.actor import actor
from engine.card.methods import PaymentMethod
from engine.commands import AnyCommand, BindPaymentMethod, EnableAutoRenew, Issued, RegisterCard
from engine.errors import BaohaoError
from projections.follow import BATCH, follow
from projections.live import LIVE
from tests.bench.renewals import Show

SEED = 16
CARDS_OF_HOLDER = 4
WEB_ROLES = 2
HOLDERS = 200
"""So many of the holders look at their cards."""
AT_ONCE = 16
WARM_UP, ALONE, TOGETHER = 200, 1000, 4000
_COMMANDS_AT_ONCE = 3000
_STARTS_WITHIN_S = 30
_OK = 200
_ACTOR = actor("system", "bench")


class Figures(NamedTuple):
    """Of one page: milliseconds one at a time, and how many a second with AT_ONCE of them under way."""

    p50_ms: float
    p95_ms: float
    per_s: float
    cpu_ms: float
    """Of the web roles, for each page."""
    kb: float


def page_figures(settings: Settings, cards: int, show: Show) -> dict[str, dict[str, float]]:
    """The figures of the list of cards and of a card's own page."""
    with both_servers(settings) as running:
        migrate(owner_of(settings, running.database_url), running.database_url)
        _seed(running.settings, running.database_url, cards, show)
        tokens = asyncio.run(_accounts(running.database_url))
        with _served(running.settings) as web_roles:
            paths = {
                "cards": ["/cards"] * HOLDERS,
                "card": [f"/cards/{card_id_of(SEED, n * CARDS_OF_HOLDER)}" for n in range(HOLDERS)],
            }
            return {
                name: asyncio.run(_measure(web_roles, tokens, found, show, name))._asdict()
                for name, found in paths.items()
            }


def _seed(settings: Settings, database_url: str, cards: int, show: Show) -> None:
    engine, rules = engine_of(settings, database_url, "bench"), rules_of(settings)
    now = recorded_now()
    commands = (command for number in range(cards) for command in _card(number, now.date()))
    done = 0
    while batch := list(islice(commands, _COMMANDS_AT_ONCE)):
        for reply in engine.execute([Issued(one, _ACTOR) for one in batch], rules, now):
            if isinstance(reply, Exception):
                raise reply
        done += len(batch)
        show("writing cards", done, 3 * cards)
    with psycopg.connect(database_url, autocommit=True) as connection:
        move_clock(connection, now)
        while followed := follow(connection, LIVE, BATCH).fact_count:
            done -= followed
            show("following", 3 * cards - max(done, 0), 3 * cards)
        connection.execute("ANALYZE cards")


def _card(number: int, today: date) -> Sequence[AnyCommand]:
    card_id = card_id_of(SEED, number)
    starts_on = today - timedelta(days=1 + number % 300)
    method = PaymentMethod(
        method_id="visa",
        kind="credit_card",
        token=f"sim:good:{number}",
        brand="visa",
        last4="4242",
        fingerprint=f"fp-{number}",
    )
    return (
        RegisterCard(
            command_id=f"r-{number}",
            card_id=card_id,
            holder_id=f"holder-{number // CARDS_OF_HOLDER}",
            plan=("keep-basic", "keep-plus", "keep-us", "keep-short")[number % 4],
            currency="CNY",
            zone=("Asia/Hong_Kong", "Europe/London", "America/New_York", "Australia/Sydney")[number % 4],
            starts_on=starts_on,
            months=12,
        ),
        BindPaymentMethod(command_id=f"b-{number}", card_id=card_id, method=method),
        EnableAutoRenew(command_id=f"e-{number}", card_id=card_id, months=12, terms_version="2026-11", channel="web"),
    )


async def _accounts(database_url: str) -> list[str]:
    """The tokens of the sessions of those who look."""
    tokens: list[str] = []
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        visit = Visit(recorded_now())
        for number in range(HOLDERS):
            holder = f"holder-{number}"
            await create_account(connection, NewAccount(email=f"{holder}@example.com", holder_id=holder), visit)
            tokens.append((await open_session(connection, holder, visit)).token)
            for card in range(number * CARDS_OF_HOLDER, (number + 1) * CARDS_OF_HOLDER):
                await set_number(connection, card_id_of(SEED, card), f"+85255{card:06}")
    return tokens


class _WebRole(NamedTuple):
    """Where a web role is reached, and its process."""

    address: str
    process: psutil.Process


@contextmanager
def _served(settings: Settings) -> Iterator[Sequence[_WebRole]]:
    """The web roles."""
    with ExitStack() as running:
        ports = [settings.web_port + place for place in range(WEB_ROLES)]
        yield [running.enter_context(_web_role(settings.model_copy(update={"web_port": port}))) for port in ports]


@contextmanager
def _web_role(settings: Settings) -> Iterator[_WebRole]:
    address = f"http://127.0.0.1:{settings.web_port}"
    command = [sys.executable, "-m", "adapters.cli", "run", "web"]
    with (
        Path(settings.home / f"web-{settings.web_port}.log").open("wb") as log,
        subprocess.Popen(command, env=environment(settings), stderr=log, stdout=log) as process,
    ):
        try:
            deadline = monotonic() + _STARTS_WITHIN_S
            while not _answers(address):
                if process.poll() is not None or monotonic() > deadline:
                    raise BaohaoError(f"the web role does not start; see {log.name}")
            yield _WebRole(address, psutil.Process(process.pid))
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/health", timeout=2) as answer:
            return bool(answer.status)
    except OSError:
        return False


async def _measure(
    web_roles: Sequence[_WebRole], tokens: Sequence[str], paths: Sequence[str], show: Show, name: str
) -> Figures:
    visits = list(zip(tokens, paths, strict=True))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

        async def get(number: int) -> tuple[float, int]:
            token, path = visits[number % len(visits)]
            began = perf_counter()
            address = web_roles[number % len(web_roles)].address
            async with session.get(address + path, headers={"Cookie": f"__Host-bh={token}"}) as answer:
                body = await answer.read()
                if answer.status != _OK:
                    raise BaohaoError(f"{path} answers {answer.status}")
            return perf_counter() - began, len(body)

        for number in range(WARM_UP):
            await get(number)
        alone = sorted([(await get(number))[0] * 1000 for number in range(ALONE)])
        show(f"page {name}", 1, 2)
        numbers, cpu, began = iter(range(TOGETHER)), _cpu_s(web_roles), perf_counter()

        async def visitor() -> int:
            return sum([(await get(number))[1] for number in numbers])

        sizes = await asyncio.gather(*(visitor() for _ in range(AT_ONCE)))
        seconds = perf_counter() - began
        show(f"page {name}", 2, 2)
        return Figures(
            round(alone[len(alone) // 2], 1),
            round(alone[len(alone) * 95 // 100], 1),
            round(TOGETHER / seconds, 1),
            round((_cpu_s(web_roles) - cpu) / TOGETHER * 1000, 2),
            round(sum(sizes) / TOGETHER / 1000, 1),
        )


def _cpu_s(web_roles: Sequence[_WebRole]) -> float:
    times = [one.process.cpu_times() for one in web_roles]
    return sum(one.user + one.system for one in times)
