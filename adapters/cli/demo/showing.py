"""`baohao up --demo`: a system whose clock a visitor moves, with three holders to sign in as."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime, time
from functools import partial
from time import monotonic, sleep
from urllib.request import urlopen

import psycopg

from adapters.cli.demo.at_sandbox import bound_there, set_clock, wait_for
from adapters.cli.demo.desk import OPERATOR, open_operator, secret_in
from adapters.cli.demo.holders import HOLDERS, LIVED, open_accounts, password_of, story
from adapters.cli.demo.population import Dated
from adapters.cli.demo.year import Year
from adapters.cli.output import err
from adapters.cli.servers import Running
from adapters.cli.with_sandbox import System
from adapters.clock import recorded_now
from adapters.control import read_control
from adapters.wiring import engine_of, rules_of
from engine.errors import BaohaoError

PAGES_WITHIN_S = 60


def live_through(system: System, running: Running, stop: threading.Event) -> None:
    """Let the holders' cards live until today, if they have not yet; some seconds."""
    home, password = system.settings.home, password_of(system.settings.home)
    asyncio.run(open_accounts(running.database_url, password))
    asyncio.run(open_operator(running.database_url, home, password))
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        wait_for(system.address)
        row = connection.execute("SELECT EXISTS (SELECT FROM cards)").fetchone()
        commands: Sequence[Dated] = ()
        begin = shown_at = read_control(connection, virtual_clock=True).now
        if not (row and row[0]):
            shown_at = datetime.combine(recorded_now().date(), time(4), recorded_now().tzinfo)
            begin = shown_at - LIVED
            set_clock(system.address, begin)
            commands = bound_there(system.address, story(shown_at))
        with err.status("the cards of three holders live through two months …") as shown:

            def step(now: datetime) -> None:
                shown.update(f"the cards of three holders live through two months … {now:%Y-%m-%d}")
                if stop.is_set():
                    raise KeyboardInterrupt

            Year(
                begin=begin,
                end=shown_at,
                commands=commands,
                engine=engine_of(system.settings, running.database_url, "demo"),
                rules=rules_of(system.settings),
                connection=connection,
                nats_url=running.nats_url,
                on_step=step,
                move_others=partial(set_clock, system.address),
            ).run()
    _wait_for_pages(system.settings.web_port)


def _wait_for_pages(port: int) -> None:
    """Wait until the pages are there; raises BaohaoError."""
    deadline = monotonic() + PAGES_WITHIN_S
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
        except OSError as error:
            if monotonic() > deadline:
                raise BaohaoError(f"the pages do not come up: {error}; see logs/web.log in the home folder") from None
            sleep(0.1)
        else:
            return


def guide(system: System) -> str:
    """What to open, and who to sign in as."""
    address = f"http://localhost:{system.settings.web_port}"
    people = "\n".join(f"  {one.email:<18}{one.shows}" for one in HOLDERS)
    return (
        f"Open {address} and sign in with the password {password_of(system.settings.home)} as\n{people}\n"
        f"{address}/demo moves the clock and shows what was sent.\n"
        f"The operator's console is at {system.settings.console_url}: {OPERATOR}, the same password, and a code of an\n"
        f"authenticator app with the secret {secret_in(system.settings.home)}; {address}/demo shows that of the moment."
        f"\nFor commands beside it: export {system.variables}"
    )
