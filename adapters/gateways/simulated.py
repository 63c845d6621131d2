"""A gateway that moves pretend money, keeps its own record of it, and fails in the ways real ones fail.

A method's token says how it behaves: `sim:<behaviour>[:<argument>]:<unique>`, where `<unique>` is anything.

    good                        the money moves
    slow                        the same, after three times the delay
    expired, lost               declined as `expired_card`, `lost_card`
    insufficient_until:<date>   declined as `insufficient_funds` before that UTC day (2027-03-01), then good
    flaky:<percent>             declined as `do_not_honor` with that probability
    declined:<code>[+<advice>[+<network>]]  always declined, with these codes
    timeout_charged             the money moves, but the first answer never comes
    timeout_uncharged           the first request never arrives; asked again, the money moves
    server_error                the first answer is a 5xx; whether the request had arrived is left to chance

Chance is a function of the seed and the attempt id, so the same calls have the same results in any process and
any order. Keys live as long as Stripe's: for 24 hours of business time the same request gets the same answer,
after that it is a new request, which moves money again. An engine that sends too late is found out. Refunds are known
for ever; the first answer about one has the same troubles as the first about its charge.
"""

import asyncio
import json
import sqlite3
import time
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from engine.errors import GatewayMisuseError
from engine.money import Money
from engine.ports import (
    Answer,
    Charged,
    ChargeRequest,
    Declined,
    NotFound,
    RefundAnswer,
    RefundDeclined,
    Refunded,
    RefundRequest,
    Unclear,
)

KEY_LIFETIME = timedelta(hours=24)
"""How long an arrived idempotency key is known, in business time (Stripe prunes keys after 24 hours)."""

_SCHEMA = """
    PRAGMA synchronous = OFF;  -- a killed process loses nothing; only a power cut may
    CREATE TABLE IF NOT EXISTS requests (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,         -- the attempt id; may come again when it is forgotten, so not unique
        first_at TEXT NOT NULL,    -- business time
        parameters TEXT NOT NULL,  -- the whole request as JSON
        outcome TEXT               -- charged, or why not; null: the request never arrived
    );
    CREATE INDEX IF NOT EXISTS requests_by_key ON requests (key);
    CREATE TABLE IF NOT EXISTS movements (
        id INTEGER PRIMARY KEY REFERENCES requests,  -- one request moves money once
        key TEXT NOT NULL, card_id TEXT NOT NULL, purpose TEXT NOT NULL, token TEXT NOT NULL,
        currency TEXT NOT NULL, minor INTEGER NOT NULL, at TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS refunds (
        refund_id TEXT PRIMARY KEY,  -- one request gives money back once, for ever
        key TEXT NOT NULL,           -- of the charge
        currency TEXT NOT NULL, minor INTEGER NOT NULL, at TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS refunds_by_key ON refunds (key);
"""

_CHARGED = "charged"
_DECLINES = {"expired": "expired_card", "lost": "lost_card"}
_TROUBLES = {  # what is heard of a new request instead of its outcome, and how probably it arrived
    "timeout_charged": ("timeout", 1.0),
    "timeout_uncharged": ("timeout", 0.0),
    "server_error": ("server_error", 0.5),
}
_WITHOUT_ARGUMENT = {"good", "slow", *_DECLINES, *_TROUBLES}
_UNAVAILABLE = Unclear(reason="gateway_unavailable")
_SLOW_TIMES = 3
_BUDGET_PARTS = _SLOW_TIMES + 1
_Heard = Answer | GatewayMisuseError
_text = lru_cache(maxsize=1024)(datetime.isoformat)  # the charges of a batch have few different times


class _Method(NamedTuple):
    behaviour: str
    good_from: date = date.min
    percent: int = 0
    codes: str = ""


class _Ask(NamedTuple):
    request: ChargeRequest
    at: datetime
    key: str
    parameters: str
    reply: asyncio.Future[_Heard]


class _Saved(NamedTuple):
    key: str
    first_at: datetime
    parameters: str
    outcome: str | None


class SimulatedGateway:
    """The simulated provider; all processes that share the file `record` talk to the same one.

    Charges of one turn of the event loop are one transaction, committed before any of them is answered; if the
    record cannot be written, their answer is Unclear. Each call really takes `delay`, at most a quarter of
    `budget` (else ValueError): a slow answer takes three quarters, waiting for other processes' writing one.
    It works on the thread of its one event loop: on another, sqlite3 would lose the interpreter at each step.
    """

    def __init__(self, record: Path, seed: int, budget: timedelta, delay: timedelta = timedelta(0)) -> None:
        if delay > budget / _BUDGET_PARTS:
            raise ValueError(f"a delay of {delay} is more than a quarter of the budget of {budget}")
        self.budget = budget
        self._delay_s = delay.total_seconds()
        self._seed = str(seed).encode()
        self._asks: list[_Ask] = []
        self._db = _open(record, wait_s=(budget / _BUDGET_PARTS).total_seconds())

    async def charge(self, request: ChargeRequest, at: datetime) -> Answer:
        """Take the money once; the same request again gives the same answer while its key is known.

        Raises GatewayMisuseError for a token that is no payment method, or a known key with other parameters.
        """
        slow = _method(request.token).behaviour == "slow"
        loop = asyncio.get_running_loop()
        if not self._asks:
            loop.call_soon(self._flush)
        reply: asyncio.Future[_Heard] = loop.create_future()
        self._asks.append(_Ask(request, at, str(request.attempt_id), request.model_dump_json(), reply))
        answer = await reply
        await self._travel(_SLOW_TIMES if slow else 1)
        if isinstance(answer, GatewayMisuseError):
            raise answer
        return answer

    async def look_up(self, request: ChargeRequest, at: datetime) -> Answer:  # noqa: ARG002 (nothing is too old)
        """What became of the attempt, however long ago, without ever causing a charge."""
        answer: Answer = _UNAVAILABLE
        with suppress(sqlite3.Error):
            answer = _recorded(self._db, request.attempt_id)
        await self._travel()
        return answer

    async def refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:
        """Give the money of a charge back once, however often the same request comes."""
        answer: RefundAnswer = _UNAVAILABLE
        with suppress(sqlite3.Error):
            answer = _refund(self._db, request, at)
        await self._travel()
        return answer

    def close(self) -> None:
        """Let go of the record; whoever asks afterwards hears that the gateway is unavailable."""
        self._db.close()

    async def _travel(self, times: int = 1) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s * times)

    def _flush(self) -> None:
        asks, self._asks = self._asks, []
        answers: list[_Heard] = [_UNAVAILABLE] * len(asks)
        try:
            with suppress(sqlite3.Error):
                answers = self._answer(asks)
        finally:  # nobody is left waiting, whatever happened
            for ask, answer in zip(asks, answers, strict=True):
                if not ask.reply.cancelled():
                    ask.reply.set_result(answer)

    def _answer(self, asks: list[_Ask]) -> list[_Heard]:
        answers: list[_Heard] = []
        new: list[_Saved] = []
        with self._db:  # commits, or rolls back what it raises for
            self._db.execute("BEGIN IMMEDIATE")
            known = _known(self._db, [ask.key for ask in asks])
            for ask in asks:
                answer, saved = _judge(self._seed, ask, known.get(ask.key))
                answers.append(answer)
                if saved:
                    known[ask.key] = saved
                    new.append(saved)
            _write(self._db, new)
        return answers


def totals(record: Path) -> dict[str, int]:
    """Net money moved per currency, in minor units; FileNotFoundError without a record."""
    with closing(_read_only(record)) as db:
        return dict(
            db.execute(
                """
                SELECT currency, SUM(minor) FROM (
                    SELECT currency, minor FROM movements UNION ALL SELECT currency, -minor FROM refunds
                ) GROUP BY currency ORDER BY 1
                """
            )
        )


def double_charges(record: Path) -> int:
    """How many charges that were not given back are one too many for their card and purpose.

    FileNotFoundError without a record.
    """
    with closing(_read_only(record)) as db:
        (extra,) = db.execute(
            """
            SELECT COALESCE(SUM(MAX(0, kept - 1)), 0) FROM (
                SELECT SUM(moved - COALESCE(back, 0)) AS kept FROM (
                    SELECT card_id, purpose, key, COUNT(*) AS moved FROM movements GROUP BY card_id, purpose, key
                ) LEFT JOIN (SELECT key, COUNT(*) AS back FROM refunds GROUP BY key) USING (key)
                GROUP BY card_id, purpose
            )
            """
        ).fetchone()
        return extra


@lru_cache(maxsize=65_536)
def _method(token: str) -> _Method:
    with suppress(ValueError):
        match token.split(":"):
            case ["sim", behaviour, _] if behaviour in _WITHOUT_ARGUMENT:
                return _Method(behaviour)
            case ["sim", "insufficient_until" as behaviour, day, _]:
                return _Method(behaviour, good_from=date.fromisoformat(day))
            case ["sim", "declined" as behaviour, codes, _] if codes:
                return _Method(behaviour, codes=codes)
            case ["sim", "flaky" as behaviour, percent, _]:
                return _Method(behaviour, percent=int(percent))
            case _:
                pass
    raise GatewayMisuseError(f"no such payment method: {token}")


def _judge(seed: bytes, ask: _Ask, saved: _Saved | None) -> tuple[_Heard, _Saved | None]:
    """What the caller hears, and what there is to save."""
    if saved and ask.at - saved.first_at >= KEY_LIFETIME:
        saved = None  # forgotten
    if saved and saved.parameters != ask.parameters:
        return GatewayMisuseError(f"the key {ask.key} is known with other parameters"), None
    if saved and saved.outcome:
        return _said(saved.outcome, ask.request), None
    outcome = _outcome(seed, ask)
    trouble = None if saved else _TROUBLES.get(_method(ask.request.token).behaviour)
    if trouble is None:
        return _said(outcome, ask.request), _Saved(ask.key, ask.at, ask.parameters, outcome)
    reason, arrives = trouble
    arrived = _chance(seed, ask.request.attempt_id) < arrives
    return Unclear(reason=reason), _Saved(ask.key, ask.at, ask.parameters, outcome if arrived else None)


def _outcome(seed: bytes, ask: _Ask) -> str:
    method = _method(ask.request.token)
    match method.behaviour:
        case "insufficient_until" if ask.at.astimezone(UTC).date() < method.good_from:
            return "insufficient_funds"
        case "flaky" if _chance(seed, ask.request.attempt_id) * 100 < method.percent:
            return "do_not_honor"
        case "declined":
            return method.codes
        case behaviour:
            return _DECLINES.get(behaviour, _CHARGED)


def _chance(seed: bytes, attempt_id: UUID) -> float:
    """A number in [0, 1) that depends on nothing else."""
    return int.from_bytes(blake2b(attempt_id.bytes, key=seed, digest_size=6).digest()) / 2**48


def _said(outcome: str, request: ChargeRequest) -> Charged | Declined:
    return _charged(request.attempt_id, request.amount) if outcome == _CHARGED else _declined(outcome)


def _declined(codes: str) -> Declined:
    code, advice, network = [*codes.split("+"), "", ""][:3]
    return Declined(code=code, advice_code=advice or None, network_code=network or None)


def _charged(attempt_id: UUID, amount: Money) -> Charged:
    digest = blake2b(attempt_id.bytes, digest_size=6).hexdigest()
    return Charged(attempt_id=attempt_id, amount=amount, gateway_ref=f"sim_{digest}")


def _open(record: Path, wait_s: float) -> sqlite3.Connection:
    db = sqlite3.connect(record, timeout=wait_s, isolation_level=None, check_same_thread=False)
    _write_ahead(db, until=time.monotonic() + wait_s)
    db.executescript(_SCHEMA)
    return db


def _write_ahead(db: sqlite3.Connection, until: float) -> None:
    """Switch to WAL, which fails at once, without the connection's patience, while others do the same."""
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _read_only(record: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{record.resolve(strict=True).as_uri()}?mode=ro", uri=True)


def _known(db: sqlite3.Connection, keys: list[str]) -> dict[str, _Saved]:
    """The latest request of each key that has one."""
    rows = db.execute(
        """
        SELECT key, first_at, parameters, outcome FROM requests
        WHERE key IN (SELECT value FROM json_each(?)) ORDER BY id
        """,
        (json.dumps(keys),),
    )
    return {key: _Saved(key, datetime.fromisoformat(first_at), *rest) for key, first_at, *rest in rows}


def _write(db: sqlite3.Connection, new: list[_Saved]) -> None:
    (last,) = db.execute("SELECT COALESCE(MAX(id), 0) FROM requests").fetchone()
    db.executemany(
        "INSERT INTO requests (key, first_at, parameters, outcome) VALUES (?, ?, ?, ?)",
        [(key, _text(first_at), parameters, outcome) for key, first_at, parameters, outcome in new],
    )
    db.execute(
        """
        INSERT INTO movements (id, key, card_id, purpose, token, currency, minor, at)
        SELECT id, key, json_extract(parameters, '$.card_id'), json_extract(parameters, '$.purpose'),
            json_extract(parameters, '$.token'), json_extract(parameters, '$.amount.currency'),
            json_extract(parameters, '$.amount.minor'), first_at
        FROM requests WHERE id > ? AND outcome = ?
        """,
        (last, _CHARGED),
    )


def _recorded(db: sqlite3.Connection, attempt_id: UUID) -> Answer:
    row = db.execute(
        """
        SELECT outcome, minor, currency FROM requests LEFT JOIN movements USING (id)
        WHERE requests.key = ? AND outcome IS NOT NULL ORDER BY minor IS NULL, id LIMIT 1
        """,
        (str(attempt_id),),
    ).fetchone()
    if row is None:
        return NotFound()
    code, minor, currency = row
    return _declined(code) if minor is None else _charged(attempt_id, Money(minor=minor, currency=currency))


def _refund(db: sqlite3.Connection, request: RefundRequest, at: datetime) -> RefundAnswer:
    refund_id, key = str(request.refund_id), str(request.attempt_id)
    with db:
        db.execute("BEGIN IMMEDIATE")
        known = db.execute("SELECT minor FROM refunds WHERE refund_id = ?", (refund_id,)).fetchone()
        if known is None:
            charge = db.execute(
                "SELECT token, SUM(minor) FROM movements WHERE key = ? AND currency = ? GROUP BY token",
                (key, request.amount.currency),
            ).fetchone()
            (back,) = db.execute("SELECT COALESCE(SUM(minor), 0) FROM refunds WHERE key = ?", (key,)).fetchone()
            if charge is None:
                return RefundDeclined(code="no_such_charge")
            token, moved = charge
            if request.amount.minor > moved - back:
                return RefundDeclined(code="already_refunded")
            db.execute(
                "INSERT INTO refunds (refund_id, key, currency, minor, at) VALUES (?, ?, ?, ?, ?)",
                (refund_id, key, request.amount.currency, request.amount.minor, _text(at)),
            )
            if _method(token).behaviour in _TROUBLES:
                return Unclear(reason=_TROUBLES[_method(token).behaviour][0])
    return Refunded(refund_id=request.refund_id, amount=request.amount, gateway_ref=f"re_{refund_id[:12]}")
