"""The hosted pages of Checkout Sessions and of payers who are asked: plain HTML without script."""

from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from jinja2 import Environment, PackageLoader

from adapters.gateways.sandbox import checkout
from adapters.gateways.sandbox.desk import Desk
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.units import decimals
from adapters.gateways.sandbox.words import WALLETS, words_for
from adapters.gateways.sandbox.world import World

_SEE_OTHER, _OK, _DECLINED, _NOT_FOUND, _GONE = 303, 200, 402, 404, 410
_FORM_MAX = 4096
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """Answers browsers; what they do is done by the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._templates = Environment(loader=PackageLoader("adapters.gateways.sandbox"), autoescape=True)
        self._style = (resources.files("adapters.gateways.sandbox") / "templates/style.css").read_text("utf-8")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request of a browser."""
        match request.method, request.path.split("/")[1:]:
            case "GET", ["style.css"]:
                return web.Response(text=self._style, content_type="text/css", headers=_HEADERS)
            case "GET" | "POST", ["pay", session_id]:
                return await self._pay(request, session_id)
            case "GET" | "POST", ["authenticate", intent_id]:
                return await self._authenticate(request, intent_id)
            case _:
                return self._message(words_for(_accepted(request)), "not_found", _NOT_FOUND)

    async def _pay(self, request: web.BaseRequest, session_id: str) -> web.StreamResponse:
        chosen = (await _form(request)).get("method", "") if request.method == "POST" else None

        def job(world: World) -> web.StreamResponse:
            session = world.record.get(session_id)
            if session is None or session.object != "checkout.session":
                return self._message(words_for(_accepted(request)), "not_found", _NOT_FOUND)
            declined = checkout.submit(world, session, chosen) if chosen is not None else None
            return self._session(world, session, request, declined.code if declined else None)

        return await self._desk.do(job)

    def _session(
        self, world: World, session: Entry, request: web.BaseRequest, declined: str | None
    ) -> web.StreamResponse:
        words = words_for(_accepted(request), session.body["locale"])
        match session.body["status"]:
            case "expired":
                return self._message(words, "expired", _GONE, session.body["cancel_url"])
            case "complete" if request.method == "POST":
                return _redirect(checkout.way_back(session))
            case "complete":
                return self._message(words, "complete", _OK, checkout.way_back(session))
            case _:
                pass
        if intent := checkout.intent_that_waits(world, session):
            return _redirect(f"/authenticate/{intent.id}")
        setup, body = session.body["mode"] == "setup", session.body
        code = body["currency"]
        items = [
            {"name": one["description"], "quantity": one["quantity"], "amount": _shown(one["amount_total"], code)}
            for one in session.hidden["line_items"]["data"]
        ]
        page = {
            "heading": words["save"] if setup else words["pay"],
            "submit": words["save_button"] if setup else f"{words['pay']} {_shown(body['amount_total'], code)}",
            "declined": declined,
            "items": items,
            "total": None if setup else _shown(body["amount_total"], code),
            "session_id": session.id,
            "choices": checkout.choices(session),
            "cancel_url": _web_address(body["cancel_url"]),
            "expires": datetime.fromtimestamp(body["expires_at"], UTC).strftime("%Y-%m-%d %H:%M UTC"),
        }
        return self._page("pay.html", words, page, _DECLINED if declined else _OK)

    async def _authenticate(self, request: web.BaseRequest, intent_id: str) -> web.StreamResponse:
        answer = (await _form(request)).get("answer") if request.method == "POST" else None

        def job(world: World) -> web.StreamResponse:
            intent = world.record.get(intent_id)
            if intent is None or intent.object not in ("payment_intent", "setup_intent"):
                return self._message(words_for(_accepted(request)), "not_found", _NOT_FOUND)
            declined = None
            if answer in ("agree", "refuse"):
                declined = checkout.act(world, intent, agrees=answer == "agree")
            return self._intent(world, intent, request, declined.code if declined else None)

        return await self._desk.do(job)

    def _intent(
        self, world: World, intent: Entry, request: web.BaseRequest, declined: str | None
    ) -> web.StreamResponse:
        session = world.record.get(intent.hidden.get("session", ""))
        words = words_for(_accepted(request), session.body["locale"] if session else None)
        if intent.body["status"] == "requires_action":
            return self._page("authenticate.html", words, _question(world, intent, words), _OK)
        if session and declined:
            return self._session(world, session, request, declined)
        if session:
            return _redirect(f"/pay/{session.id}" if session.body["status"] == "open" else checkout.way_back(session))
        if back := checkout.way_back_of(intent):
            return _redirect(back)
        return self._message(words, "done", _OK)

    def _message(self, words: dict[str, Any], name: str, status: int, link: str | None = None) -> web.StreamResponse:
        return self._page("message.html", words, {"heading": words[name], "link": _web_address(link)}, status)

    def _page(self, template: str, words: dict[str, Any], page: dict[str, Any], status: int) -> web.StreamResponse:
        html = self._templates.get_template(template).render(words=words, **page)
        headers = {**_HEADERS, "Content-Language": words["lang"]}
        return web.Response(status=status, text=html, content_type="text/html", headers=headers)


def _question(world: World, intent: Entry, words: dict[str, Any]) -> dict[str, Any]:
    kind = world.find("payment_method", intent.body["payment_method"]).body["type"]
    wallet = WALLETS.get(kind)
    paying = intent.object == "payment_intent"
    return {
        "heading": words["wallet_asks"].format(wallet=wallet) if wallet else words["bank_asks"],
        "explained": words["agree_to_pay"] if paying else words["agree_to_save"],
        "total": _shown(intent.body["amount"], intent.body["currency"]) if paying else None,
        "intent_id": intent.id,
    }


def _accepted(request: web.BaseRequest) -> str:
    return request.headers.get("Accept-Language", "")


async def _form(request: web.BaseRequest) -> dict[str, str]:
    """The first value of each field; empty for what is no small form."""
    if (request.content_length or 0) > _FORM_MAX:
        return {}
    text = (await request.read())[:_FORM_MAX].decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(text).items()}


def _redirect(address: str) -> web.StreamResponse:
    return web.Response(
        status=_SEE_OTHER, headers={**_HEADERS, "Location": address.replace("\r", "").replace("\n", "")}
    )


def _web_address(address: str | None) -> str | None:
    """The address, if a link may lead there: never to a script."""
    return address if address and address.startswith(("http://", "https://", "/")) else None


def _shown(amount: int, currency: str) -> str:
    places = decimals(currency)
    return f"{Decimal(amount).scaleb(-places):,.{places}f} {currency.upper()}"
