"""The demo at a sandbox: made-up holders get customers and payment methods there, and its clock is the virtual one."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.request import Request, urlopen

import aiohttp
import msgspec
from msgspec.structs import replace

from adapters.cli.demo.population import Dated
from adapters.cli.with_sandbox import KEY
from adapters.gateways.sandbox.faults import Fault
from engine.card.methods import PaymentMethod
from engine.commands import BindPaymentMethod, RegisterCard, UpdatePaymentMethod
from engine.errors import BaohaoError

SHARE = 0.005
"""Of each kind of fault: some five percent of all requests go wrong in one way or another."""
STALL_S = 3.0
"""Longer than the demo's gateway budget."""
FAULTS = tuple(
    Fault(kind=kind, share=SHARE, method="POST", path="payment_intents*", seconds=STALL_S)
    for kind in (
        "commit_then_stall",
        "dropped",
        "rate_limit",
        "lock_timeout",
        "error_before",
        "error_after",
        "gateway_after",
        "cut",
        "not_json",
        "wrong_amount",
    )
) + tuple(Fault(kind=kind, share=0.02, seconds=1.0) for kind in ("webhook_doubled", "webhook_lost"))
_STARTS_WITHIN_S = 30
_WALLETS = {"paypal": "paypal_", "e_wallet": "link_"}


def set_clock(address: str, now: datetime) -> None:
    """Let it be that time at the sandbox."""
    _control(address, "clock", {"now": now.timestamp()})


def totals_of(address: str) -> Mapping[str, Any]:
    """Net amounts by currency, charges, and how many there are beyond one per card and purpose."""
    return _control(address, "totals", None)


def wait_for(address: str) -> None:
    """Wait until the sandbox answers; raises BaohaoError."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            _control(address, "clock", None)
        except OSError as error:
            if time.monotonic() > deadline:
                raise BaohaoError(f"the sandbox does not start: {error}") from None
            time.sleep(0.05)
        else:
            return


def _control(address: str, name: str, body: object) -> Mapping[str, Any]:
    data = None if body is None else msgspec.json.encode(body)
    request = Request(f"{address}/_sandbox/{name}", data, {"Content-Type": "application/json"})  # noqa: S310 (loopback)
    with urlopen(request, timeout=30) as answer:  # noqa: S310 (as above)
        return msgspec.json.decode(answer.read())


def bound_there(address: str, commands: Sequence[Dated]) -> list[Dated]:
    """The commands, whose simulated payment methods are methods at the sandbox."""
    return asyncio.run(_bound_there(address, commands))


async def _bound_there(address: str, commands: Sequence[Dated]) -> list[Dated]:
    holders = {one.command.card_id: one.command.holder_id for one in commands if isinstance(one.command, RegisterCard)}
    wanted: dict[str, tuple[str, PaymentMethod]] = {}
    for one in commands:
        if isinstance(one.command, BindPaymentMethod | UpdatePaymentMethod):
            wanted[one.command.method.token] = holders[one.command.card_id], one.command.method
    async with aiohttp.ClientSession(address, headers={"Authorization": f"Bearer {KEY}"}) as session:
        names = sorted({holder for holder, _ in wanted.values()})
        customers = dict(zip(names, await asyncio.gather(*(_customer(session, name) for name in names)), strict=True))
        made = await asyncio.gather(*(_attached(session, customers[who], what) for who, what in wanted.values()))
    tokens = dict(zip(wanted, made, strict=True))
    return [_with_token(one, tokens) for one in commands]


def _with_token(dated: Dated, tokens: Mapping[str, str]) -> Dated:
    command = dated.command
    if not isinstance(command, BindPaymentMethod | UpdatePaymentMethod):
        return dated
    method = replace(command.method, token=tokens[command.method.token])
    return dated._replace(command=command.model_copy(update={"method": method}))


async def _customer(session: aiohttp.ClientSession, holder_id: str) -> str:
    made = await _post(session, "/v1/customers", {"metadata[holder]": holder_id})
    return str(made["id"])


async def _attached(session: aiohttp.ClientSession, customer: str, method: PaymentMethod) -> str:
    """A token of ours for a method that behaves as the simulated one."""
    wallet = _WALLETS.get(method.kind, "")
    path = f"/v1/payment_methods/{_token_there(method, wallet)}/attach"
    attached = await _post(session, path, {"customer": customer})
    kind = f"/{wallet.rstrip('_')}" if wallet else ""
    return f"{customer}/{attached['id']}{kind}"


def _token_there(method: PaymentMethod, wallet: str) -> str:
    """The sandbox's token for a simulated behaviour; what fails on the way there is left to the sandbox's faults."""
    match method.token.split(":"):
        case [_, "expired", _]:
            behaviour = "expired_card"
        case [_, "lost", _]:
            behaviour = "lost_card"
        case [_, "declined", codes, _]:
            behaviour = codes.replace("+", "_")
        case [_, "insufficient_until", day, _]:
            behaviour = f"until_{day}"
        case [_, "flaky", argument, _]:
            behaviour = f"flaky_{argument.replace('+', '_')}"
        case _:
            behaviour = "good"
    return f"pm_sandbox_{wallet}{behaviour}"


async def _post(session: aiohttp.ClientSession, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    async with session.post(path, data=form) as answer:
        body = msgspec.json.decode(await answer.read())
        if answer.status != 200:  # noqa: PLR2004 (all went well)
            raise BaohaoError(f"the sandbox refuses {path}: {body}")
        return body
