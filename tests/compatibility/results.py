"""The results of a log: rows of the read models, explanations, notices, public messages, and a further month."""

import json
import lzma
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from adapters.broker.events import Cell, card_event
from engine.catalogue import Catalogue
from engine.notices import notice_of
from engine.policy import Policy
from engine.rules import Rules
from engine.store.streams import Recorded, read_fact
from engine.why.questions import (
    overview,
    what_next,
    why_charged,
    why_not_charged,
    why_reclaimed,
    why_refunded,
    why_suspended,
)
from projections.live import MODELS
from projections.read_model import ReadModel, fold_batch
from tests.simulation.memory import Row

HERE = Path(__file__).parent
SAMPLES = 5
"""About so many attempts, days and earlier moments of each card are explained."""

History = Sequence[Recorded]


# Files


def read(name: str) -> Any:
    """The JSON in a compressed file."""
    return json.loads(lzma.decompress(HERE.joinpath(f"{name}.json.xz").read_bytes()))


def write(name: str, value: object) -> None:
    """A compressed file of JSON."""
    HERE.joinpath(f"{name}.json.xz").write_bytes(_compressed(compact(value)))


def compact(value: object) -> str:
    """JSON without spaces, as facts are stored."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def read_log() -> list[Row]:
    """The rows of the log in order, with the stored bytes."""
    lines = lzma.decompress(HERE.joinpath("log.jsonl.xz").read_bytes()).splitlines()
    return [_row(json.loads(line)) for line in lines]


def _compressed(text: str) -> bytes:
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def _row(line: Mapping[str, Any]) -> Row:
    return Row(line["position"], UUID(line["card_id"]), line["version"], line["topic"], compact(line["state"]).encode())


def frozen_rules() -> Rules:
    """Catalogue and policy of the further months, as they were when the log was made."""
    frozen = read("rules")
    for version in frozen["catalogue"]["versions"]:  # a catalogue takes dates as tomllib returns them
        version["effective_on"] = date.fromisoformat(version["effective_on"])
    policy = {name: value for name, value in frozen["policy"].items() if name in Policy.model_fields}
    return Rules(Policy.model_validate(policy), Catalogue.model_validate(frozen["catalogue"]))


# Results


def facts_of(log: Iterable[Row]) -> list[Recorded]:
    """The facts of a log, read as the engine reads them."""
    return [read_fact(*row) for row in log]


def histories(facts: Iterable[Recorded]) -> dict[str, list[Recorded]]:
    """The facts by card."""
    found: dict[str, list[Recorded]] = {}
    for recorded in facts:
        found.setdefault(str(recorded.card_id), []).append(recorded)
    return found


def rows(model: ReadModel[Any], facts: Iterable[Recorded]) -> list[dict[str, Any]]:
    """All rows of a read model as JSON, in the order of their keys."""
    folded = [row for row in fold_batch(model, facts, lambda _: {}).values() if row is not None]
    as_json = [_builtins(row._asdict()) for row in folded]
    return sorted(as_json, key=lambda row: compact(next(iter(row.values()))))


def all_rows(facts: Sequence[Recorded]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each read model by its name."""
    return {model.name: rows(model, facts) for model in MODELS}


def why(history: History) -> dict[str, Any]:
    """All explanations of a card: now, at earlier moments, and of some of its attempts and days."""
    attempts = [recorded.fact.attempt_id for recorded in history if type(recorded.fact).__name__ == "ChargeAttempted"]
    days = [recorded.fact.at.date() for recorded in _some(history)]
    moments = [place for place, recorded in enumerate(history, start=1) if recorded.last]
    return {
        "overview": _answer(overview(history)),
        "what_next": _answer(what_next(history)),
        "suspended": _answer(why_suspended(history)),
        "reclaimed": _answer(why_reclaimed(history)),
        "refunded": _answer(why_refunded(history)),
        "charged": {str(one): _answer(why_charged(history, one)) for one in _some(attempts)},
        "not_charged": {
            str(day): _answer(why_not_charged(history, day)) for one in days for day in (one, one + timedelta(days=2))
        },
        "once": _once(history, _some(moments)),
    }


def _once(history: History, places: Iterable[int]) -> dict[str, Any]:
    return {str(place): [_answer(ask(history[:place])) for ask in (overview, what_next)] for place in places}


def notices(history: History) -> list[Any]:
    """The notices to the holder of a card."""
    return [_builtins(notice) for recorded in history if (notice := notice_of(recorded)) is not None]


def public(history: History) -> list[Any]:
    """The public messages about a card: subject, headers and body."""
    events = (event for recorded in history if (event := card_event(recorded, Cell("main"))))
    return [{"subject": one.subject, "headers": one.headers, "data": json.loads(one.body)} for one in events]


def shown(appended: Iterable[Row]) -> dict[str, list[dict[str, Any]]]:
    """By card what was appended: version, stored name, wake time and fact, but no random id."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in appended:
        stored = json.loads(row.state)
        kept = {"version": row.version, "topic": row.topic, "wake_at": stored["wake_at"], "last": stored["last"]}
        found.setdefault(str(row.card_id), []).append(kept | {"fact": stored["fact"]})
    return found


def as_before(topic: str, fact: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Today's stored fact in the shape of then: without what was added since."""
    if topic == "charge_failed.v2":
        added = {"counts", "ends_method", "happened"}
        return "charge_failed.v1", {name: value for name, value in fact.items() if name not in added}
    return topic, fact


def digest(value: object) -> str:
    """A hash of JSON that would be too long to keep."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


PER_CARD: Mapping[str, Callable[[History], Any]] = {"why": why, "notices": notices, "public": public}
"""By file, the results that are kept per card: of some cards in full, of the others as a digest."""


def _some(many: Sequence[Any]) -> Sequence[Any]:
    return many[:: max(1, len(many) // SAMPLES)]


def _answer(answer: Any) -> Any:
    return None if answer is None else _builtins(asdict(answer))


def _builtins(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))
