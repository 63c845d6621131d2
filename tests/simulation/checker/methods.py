"""Payment methods: what is bound, in which order, and that new details make a method usable again."""

from typing import Any

from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.findings import Findings, Handler


def bound_or_updated(_: Findings, card: Card, fact: Fact) -> None:
    """A method has new details, so it may be tried again."""
    method = fact.body["method"]
    _make_usable(card, method["method_id"])
    card.methods[method["method_id"]] = _details(method)
    card.end_disputed()


def _details(method: dict[str, Any]) -> dict[str, Any]:
    return {"token": method["token"], "fingerprint": method.get("fingerprint")}


def _make_usable(card: Card, method_id: str) -> None:
    card.unusable.pop(method_id, None)
    card.not_before.pop(method_id, None)
    card.delayed_by.pop(method_id, None)
    card.delayed_before_last_rungs.discard(method_id)
    card.needs_holder.discard(method_id)
    if card.renewal is not None:
        card.renewal.tried.discard(method_id)


def removed(findings: Findings, card: Card, fact: Fact) -> None:
    """A method is not to be charged any more."""
    method_id = fact.body["method_id"]
    if card.methods.pop(method_id, None) is None:
        findings.violation("method", fact, f"method {method_id} was not bound")
    card.mark_unwanted(fact.position, method_id)
    _make_usable(card, method_id)


def ordered(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder chose the order of the methods, and whether the balance comes first."""
    names = fact.body["method_ids"]
    if sorted(names) != sorted(card.methods):
        findings.violation("method", fact, f"{names} are not the methods that are bound")
    card.methods = {name: card.methods[name] for name in names if name in card.methods}
    card.balance_first = fact.body["balance_first"]


def allowed(findings: Findings, card: Card, fact: Fact) -> None:
    """An operator allowed a payment card again that a code had blocked for every card."""
    method_id = fact.body["method_id"]
    if card.methods.get(method_id, {}).get("fingerprint") != fact.body["fingerprint"] or not fact.is_by_command:
        findings.violation("method", fact, f"method {method_id} is allowed, which is no such payment card")
    if card.unusable.get(method_id) != "never":
        findings.violation("method", fact, f"method {method_id} is allowed after {card.unusable.get(method_id)}")
    card.unusable.pop(method_id, None)
    if card.renewal is not None:
        card.renewal.tried.discard(method_id)
    card.end_disputed()


HANDLERS: dict[str, Handler] = {
    "payment_method_bound.v1": bound_or_updated,
    "payment_method_updated.v1": bound_or_updated,
    "payment_method_removed.v1": removed,
    "payment_methods_ordered.v1": ordered,
    "payment_method_allowed.v1": allowed,
}
