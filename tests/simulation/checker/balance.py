"""The balance: never negative, spent as recorded, topped up automatically at most once a day."""

from datetime import timedelta

from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.findings import Findings, Handler, no_check
from tests.simulation.checker.refunds import give_back

TOP_UP_GAP = timedelta(hours=24)


def top_up_started(findings: Findings, card: Card, fact: Fact) -> None:
    """A payment onto the balance begins."""
    is_automatic = fact.body["automatic"]
    if card.top_up is not None:
        findings.violation("top_up", fact, "a top-up begins while another one is under way")
    if is_automatic:
        if card.agreed_price is None:
            findings.violation("after_switch_off", fact, "an automatic top-up begins after the switch-off")
        last_at = card.automatic_top_up_at
        if last_at is not None and fact.at < last_at + TOP_UP_GAP:
            findings.violation("top_up", fact, f"an automatic top-up begins {fact.at - last_at} after one")
        card.automatic_top_up_at = fact.at
    card.top_up, card.top_up_declines = (fact.body["number"], is_automatic), 0


def top_up_failed(_: Findings, card: Card, fact: Fact) -> None:
    """The top-up could not be paid, or is not wanted any more: of that nobody is told."""
    del fact
    card.is_top_up_withdrawn = card.top_up is not None and card.top_up[1] and card.agreed_price is None
    card.top_up = None


def credited(findings: Findings, card: Card, fact: Fact) -> None:
    """Money comes onto the balance: a top-up, the refund of a charge, or what was reserved."""
    minor, reason, about = fact.body["amount"]["minor"], fact.body["reason"], fact.body.get("about")
    attempt = card.attempts.get(about) if about else None
    if reason == "top_up":
        is_charged = attempt is not None and attempt.outcome == "charged" and not attempt.is_used
        if attempt is None or not is_charged or attempt.minor != minor or attempt.top_up is None:
            findings.violation("balance", fact, f"{minor} are credited, but attempt {about} did not pay for it")
        else:
            attempt.is_used = True
        card.top_up = None
    elif reason == "refund":
        give_back(findings, card, fact, about, minor)
        if attempt is not None and attempt.top_up is not None:
            findings.violation("balance", fact, f"attempt {about} is credited twice")
    elif attempt is not None and (attempt.from_balance != minor or attempt.outcome != "charged"):
        findings.violation("balance", fact, f"{minor} are released, {attempt.from_balance} were reserved")
    _change_balance(findings, card, fact, minor)


def debited(findings: Findings, card: Card, fact: Fact) -> None:
    """A top-up that went back leaves the balance."""
    minor = fact.body["amount"]["minor"]
    if minor != card.to_debit:
        sentence = f"{minor} leave the balance for {fact.body['about']}, but {card.to_debit} have to"
        findings.violation("balance", fact, sentence)
    card.to_debit = 0
    _change_balance(findings, card, fact, -minor)


def paid_out(findings: Findings, card: Card, fact: Fact) -> None:
    """The rest of the balance went back to the holder."""
    _change_balance(findings, card, fact, -fact.body["amount"]["minor"])


def _change_balance(findings: Findings, card: Card, fact: Fact, minor: int) -> None:
    card.balance += minor
    if card.balance < 0:
        findings.violation("balance", fact, f"the balance is {card.balance}")


HANDLERS: dict[str, Handler] = {
    "auto_top_up_set.v1": no_check,
    "top_up_started.v1": top_up_started,
    "top_up_failed.v1": top_up_failed,
    "balance_credited.v1": credited,
    "balance_debited.v1": debited,
    "balance_paid_out.v1": paid_out,
}
