"""The sandbox's own endpoints, below `/_sandbox/`: its clock, its faults, and what banks and schemes do by themselves.

Bodies are JSON. They are answered on loopback only, as the whole sandbox is, and never under a name of another host.
"""

from datetime import datetime
from typing import Any

from aiohttp import web
from msgspec import DecodeError, Struct, ValidationError, json

from adapters.gateways.sandbox import disputes, due
from adapters.gateways.sandbox.desk import Desk
from adapters.gateways.sandbox.faults import Fault, Faults
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import RefusedError
from adapters.gateways.sandbox.world import World

_BODY_MAX = 1 << 16
_LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Clock(Struct, forbid_unknown_fields=True):
    """`now` sets the clock, in seconds or as an ISO date with zone; `forward_s` moves it; neither: the real one."""

    now: float | datetime | None = None
    forward_s: float | None = None


class _NewFaults(Struct, forbid_unknown_fields=True):
    faults: tuple[Fault, ...]


class Control:
    """Answers what is below `/_sandbox/`."""

    def __init__(self, desk: Desk, faults: Faults) -> None:
        self._desk = desk
        self._faults = faults

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request; 400 for a body that cannot be read, 403 for one that comes from a page of another host."""
        if request.host.rpartition(":")[0] not in _LOCAL or "Origin" in request.headers:
            return _json({"error": "only on loopback"}, 403)
        body = (await request.read())[:_BODY_MAX]
        parts = request.path.strip("/").split("/")[1:]
        try:
            return await self._answer(request.method, parts, body)
        except (DecodeError, ValidationError) as error:
            return _json({"error": str(error)}, 400)
        except RefusedError as refused:
            return _json(refused.error, refused.status)

    async def _answer(self, method: str, parts: list[str], body: bytes) -> web.StreamResponse:
        match method, parts:
            case "GET", ["clock"]:
                return _json(await self._desk.do(self._now))
            case "POST", ["clock"]:
                wanted = json.decode(body, type=Clock)
                await self._desk.do(lambda world: self._set(world, wanted))
                return _json(await self._desk.do(self._now))
            case "GET", ["faults"]:
                return _json({"faults": self._faults.on})
            case "POST", ["faults"]:
                self._faults.use(json.decode(body, type=_NewFaults).faults)
                return _json({"faults": self._faults.on})
            case "GET", ["totals"]:
                return _json(await self._desk.do(totals))
            case "POST", ["charges", charge_id, "dispute"]:
                return _json(await self._desk.do(lambda world: _dispute(world, charge_id)))
            case "POST", ["payment_methods", method_id, "update"]:
                return _json(await self._desk.do(lambda world: _updated_by_scheme(world, method_id)))
            case "POST", ["settle", object_id]:
                return _json(await self._desk.do(lambda world: _settle(world, object_id)))
            case _:
                return _json({"error": "no such endpoint"}, 404)

    def _now(self, world: World) -> dict[str, Any]:
        return {"now": world.now_s, "real": self._desk.clock.set_to_s is None}

    def _set(self, world: World, wanted: Clock) -> None:
        now = wanted.now.timestamp() if isinstance(wanted.now, datetime) else wanted.now
        if wanted.forward_s is not None:
            now = (world.now_s if now is None else now) + wanted.forward_s
        self._desk.clock.set(now)


def totals(world: World) -> dict[str, Any]:
    """Net minor units by currency, how many charges succeeded, and how many beyond one per card and purpose."""
    net = world.record.rows(
        """
        SELECT json_extract(body, '$.currency'),
            SUM(json_extract(body, '$.amount_captured') - json_extract(body, '$.amount_refunded'))
        FROM objects WHERE object = 'charge' AND json_extract(body, '$.status') = 'succeeded' GROUP BY 1 ORDER BY 1
        """
    )
    ((charges,),) = world.record.rows(
        "SELECT COUNT(*) FROM objects WHERE object = 'charge' AND json_extract(body, '$.status') = 'succeeded'"
    )
    ((doubled,),) = world.record.rows(
        """
        SELECT COALESCE(SUM(kept - 1), 0) FROM (
            SELECT COUNT(*) AS kept FROM objects
            WHERE object = 'charge' AND json_extract(body, '$.status') = 'succeeded'
                AND NOT json_extract(body, '$.refunded') AND json_extract(body, '$.metadata.purpose') IS NOT NULL
            GROUP BY json_extract(body, '$.metadata.card'), json_extract(body, '$.metadata.purpose')
        )
        """
    )
    return {"net": dict(net), "charges": charges, "charged_twice": doubled}


def _dispute(world: World, charge_id: str) -> dict[str, Any]:
    return disputes.open_dispute(world, world.find("charge", charge_id)).body


def _updated_by_scheme(world: World, method_id: str) -> dict[str, Any]:
    """The card was replaced: another number, a year more."""
    method = world.find("payment_method", method_id)
    card = method.body["card"]
    previous = {"card": {"exp_year": card["exp_year"], "last4": card["last4"]}}
    method.body["card"] = {**card, "exp_year": card["exp_year"] + 1, "last4": f"{(int(card['last4']) + 1) % 10_000:04}"}
    world.record.put(method)
    world.emit("payment_method.automatically_updated", method, previous)
    return method.body


def _settle(world: World, object_id: str) -> dict[str, Any]:
    """What would happen to an object by itself, now."""
    entry: Entry | None = world.record.get(object_id)
    if entry is None or not due.do_now(world, entry):
        return {"error": "nothing would happen to it"}
    return entry.body


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.encode(value), content_type="application/json")
