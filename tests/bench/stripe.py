"""What a charge through Stripe costs us: CPU of this process for each, and how many a second at a slow provider.

`python -m tests.bench.stripe` measures the adapter alone, for charges that succeed and for declines, against a sandbox
in a process of its own that takes 100 ms for each request; `scripts/bench` also has a consumer charge through one.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter, process_time
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

from adapters.collector import collect_rarely
from adapters.gateways.pace import at_once
from adapters.gateways.stripe import StripeGateway
from adapters.gateways.stripe_api import CONCURRENCY, StripeApi
from engine.money import Money
from engine.ports import ChargeRequest

CHARGES = 3000
WARM_UP = 200
DELAY_S = 0.1
KEY = "sk_test_of_the_benchmark"
CPU_MAX_US = 1500
LEAST_PER_S = 300
TOKENS = {"success": "pm_card_visa", "decline": "pm_sandbox_insufficient_funds"}
_SANDBOX = f"""
import sys
from adapters.gateways.sandbox.running import running
from adapters.gateways.sandbox.server import Options
with running(Options(delay_s={DELAY_S})) as address:
    print(address, flush=True)
    sys.stdin.read()
"""


def charge_figures(charges: int) -> dict[str, dict[str, float]]:
    """For charges that succeed and for declines: how many a second, and microseconds of our CPU for each."""
    with sandbox() as address:
        return {name: _measure(address, bound(address, token), charges) for name, token in TOKENS.items()}


def stripe_settings(address: str) -> dict[str, object]:
    """Settings of roles that charge through the sandbox, as fast as they can."""
    return {"gateway": "stripe", "stripe_key": KEY, "stripe_url": address, "gateway_rate": 10_000.0}


def taken(address: str) -> dict[str, int]:
    """By currency, what the sandbox took, in minor units."""
    request = Request(f"{address}/_sandbox/totals")
    with urlopen(request, timeout=10) as answer:
        return {currency.upper(): amount for currency, amount in json.loads(answer.read())["net"].items()}


@contextmanager
def sandbox() -> Iterator[str]:
    """The address of a sandbox in a process of its own."""
    command = [sys.executable, "-c", _SANDBOX]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate("")


def bound(address: str, token: str) -> str:
    """Our token of a test method that is attached to a new customer."""
    customer = posted(f"{address}/v1/customers")["id"]
    return f"{customer}/{posted(f'{address}/v1/payment_methods/{token}/attach', customer=customer)['id']}"


def posted(url: str, **fields: str) -> dict[str, str]:
    """What the sandbox answers to a form."""
    request = Request(url, urlencode(fields).encode(), {"Authorization": f"Bearer {KEY}"})
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def _measure(address: str, token: str, charges: int) -> dict[str, float]:
    """Charges a second, and microseconds of our CPU for each."""

    async def measured() -> dict[str, float]:
        gateway = StripeGateway(StripeApi(KEY, address, at_once, livemode=False), timedelta(minutes=5))
        await _charge(gateway, token, WARM_UP)
        began, cpu = perf_counter(), process_time()
        await _charge(gateway, token, charges)
        seconds, used = perf_counter() - began, process_time() - cpu
        await gateway.close()
        return {"per_s": round(charges / seconds, 1), "cpu_us": round(used / charges * 1e6)}

    return asyncio.run(measured())


async def _charge(gateway: StripeGateway, token: str, charges: int) -> None:
    """So many charges, as many at a time as the gateway has connections."""
    left = iter(range(charges))
    at = datetime.now(UTC)

    async def one_after_the_other() -> None:
        for _ in left:
            amount = Money(minor=990, currency="EUR")
            await gateway.charge(ChargeRequest(uuid4(), uuid4(), "renewal:2", token, amount, at), at)

    await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENCY)))


def main() -> int:
    """Print the figures; returns the exit status: 0 only if they are within the bounds."""
    collect_rarely()
    figures = charge_figures(CHARGES)
    sys.stdout.write(f"{json.dumps(figures)}\n")
    good = all(one["cpu_us"] < CPU_MAX_US and one["per_s"] >= LEAST_PER_S for one in figures.values())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
