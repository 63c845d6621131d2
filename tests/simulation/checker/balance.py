"""The balance: never negative, spent as recorded, topped up automatically at most once a day."""

from datetime import timedelta

from tests.simulation.checker import codes
from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.days import instant
from tests.simulation.checker.findings import Findings, Handler
from tests.simulation.checker.refunds import give_back
from tests.simulation.checker.spent import ClawedBack

TOP_UP_GAP = timedelta(hours=24)
BACKOFF = {1: timedelta(days=1), 2: timedelta(days=3), 3: timedelta(days=7)}
"""Least time between two automatic top-ups, by how many were declined in a row; after one more the order ends."""
BY_HAND_MOST = 5


def top_up_started(findings: Findings, card: Card, fact: Fact) -> None:
    """A payment onto the balance begins."""
    is_automatic = fact.body["automatic"]
    if card.top_up is not None:
        findings.violation("top_up", fact, "a top-up begins while another one is under way")
    if is_automatic:
        if card.agreed_price is None:
            findings.violation("after_switch_off", fact, "an automatic top-up begins after the switch-off")
        last_at = card.automatic_top_up_at
        gap = BACKOFF.get(card.automatic_declined, TOP_UP_GAP)
        if not card.has_order or card.automatic_declined > len(BACKOFF):
            findings.violation("top_up", fact, "an automatic top-up begins without a standing order")
        if last_at is not None and fact.at < last_at + gap:
            findings.violation("top_up", fact, f"an automatic top-up begins {fact.at - last_at} after one")
        card.automatic_top_up_at = fact.at
    elif sum(at > fact.at - timedelta(hours=24) for at in card.declined_by_hand) >= BY_HAND_MOST:
        findings.violation("top_up", fact, f"{BY_HAND_MOST} top-ups by hand were declined in 24 h")
    amount, card.is_top_up_not_taken = fact.body["amount"], False
    if amount["minor"] < findings.minimum_charges.get(amount["currency"], 0):
        findings.violation("top_up", fact, f"a top-up of {amount} begins, which is less than the gateway charges")
    card.top_up, card.top_up_declines = (fact.body["number"], is_automatic), 0


def top_up_failed(_: Findings, card: Card, fact: Fact) -> None:
    """The top-up could not be paid, or is not wanted any more: then there is no notice."""
    is_automatic = card.top_up is not None and card.top_up[1]
    if card.top_up_declines and is_automatic:
        card.automatic_declined += 1
    elif card.top_up_declines:
        card.declined_by_hand.append(fact.at)
    card.is_top_up_withdrawn = is_automatic and card.agreed_price is None
    card.top_up = None


def order_set(_: Findings, card: Card, fact: Fact) -> None:
    """The holder gave, changed or ended the standing order."""
    card.has_order, card.automatic_declined = fact.body["amount"] is not None, 0


def order_stopped(findings: Findings, card: Card, fact: Fact) -> None:
    """The standing order was switched off."""
    not_taken = card.is_top_up_not_taken and fact.body.get("last_code") in codes.OF_THE_AMOUNT
    if not card.has_order or not (not_taken or card.automatic_declined == len(BACKOFF) + 1):
        findings.violation("top_up", fact, f"the order is switched off after {card.automatic_declined} declines")
    card.has_order, card.automatic_declined = False, 0


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
        if card.top_up is not None and card.top_up[1]:
            card.automatic_declined = 0
        card.top_up = None
    elif reason == "refund":
        give_back(findings, card, fact, about, minor)
        if attempt is not None and attempt.top_up is not None:
            findings.violation("balance", fact, f"attempt {about} is credited twice")
        if attempt is not None:
            attempt.credited += minor
    elif reason == "dispute_won":
        card.spent.is_moved = True
        if minor != card.to_credit or attempt is None:
            findings.violation("balance", fact, f"{minor} come back onto the balance, {card.to_credit} have to")
        else:
            attempt.debited -= minor
        card.to_credit = 0
    else:
        _check_released(findings, card, fact, minor)
    _change_balance(findings, card, fact, minor)


def _check_released(findings: Findings, card: Card, fact: Fact, minor: int) -> None:
    """What an attempt had reserved, or what the balance had paid of a term that was undone."""
    attempt = card.attempts.get(fact.body.get("about") or "")
    if attempt is None and not card.to_release:  # only a reclaim gives terms back without undoing them
        card.to_release = card.spent.return_terms(_terms_lost(card, fact))
    if attempt is not None and (attempt.from_balance != minor or attempt.outcome != "charged"):
        findings.violation("balance", fact, f"{minor} are released, {attempt.from_balance} were reserved")
    if attempt is None and card.to_release != minor:
        findings.violation("balance", fact, f"{minor} come back of terms, {card.to_release} were paid")
    card.to_release = 0 if attempt is None else card.to_release


def _terms_lost(card: Card, fact: Fact) -> set[int]:
    """The terms that are not over."""
    if card.status != "active" or fact.at >= card.ends_at:
        return set()
    ahead = fact.at < instant(card.term["starts_at"])
    return {card.term_number - 1, card.term_number} if ahead else {card.term_number}


def _clawed_back(findings: Findings, card: Card, fact: Fact) -> None:
    """The balance paid for a term with it, and it does not come back with the term."""
    spent, minor, number = card.spent, fact.body["amount"]["minor"], fact.body["of_term"]
    if (
        minor > spent.to_claw_back
        or minor > spent.left(number)
        or any(spent.left(one) for one in spent.paid if one > number)
    ):
        sentence = (
            f"{minor} are clawed back from term {number}, {spent.to_claw_back} have to be, of the latest term first"
        )
        findings.violation("balance", fact, sentence)
    spent.to_claw_back -= minor
    spent.clawed_back.append(ClawedBack(fact.body["about"], number, minor))


def debited(findings: Findings, card: Card, fact: Fact) -> None:
    """What a charge had brought onto the balance leaves it with the charge: what is free first, then a reserve."""
    card.spent.is_moved = True
    if fact.body.get("of_term") is not None:
        _clawed_back(findings, card, fact)
        return
    minor, from_reserve = fact.body["amount"]["minor"], fact.body.get("from_reserve", 0)
    taken = (fact.body["about"], minor)
    if taken in card.spent.to_take:
        card.spent.to_take.remove(taken)
    elif minor != card.to_debit:
        sentence = f"{minor} leave the balance for {fact.body['about']}, but {card.to_debit} have to"
        findings.violation("balance", fact, sentence)
        card.to_debit = 0
    else:
        card.to_debit = 0
    if from_reserve != max(0, minor - card.balance):
        findings.violation("balance", fact, f"{from_reserve} of {minor} leave a reserve, {card.balance} were free")
    if from_reserve and card.open_attempt is not None:
        card.open_attempt.from_balance -= from_reserve
        card.open_attempt.reserve_taken += from_reserve
    if fact.body["about"] in card.attempts:
        card.attempts[fact.body["about"]].debited += minor
    _change_balance(findings, card, fact, from_reserve - minor)


def paid_out(findings: Findings, card: Card, fact: Fact) -> None:
    """The rest of the balance went back to the holder."""
    card.spent.is_moved = True
    card.spent.paid_out += fact.body["amount"]["minor"]
    _change_balance(findings, card, fact, -fact.body["amount"]["minor"])


def _change_balance(findings: Findings, card: Card, fact: Fact, minor: int) -> None:
    card.balance += minor
    card.balance_changed_at = fact.at
    if card.balance < 0:
        findings.violation("balance", fact, f"the balance is {card.balance}")


def check_moved(findings: Findings, card: Card, fact: Fact) -> None:
    """What went back, or is on the balance, is no more than was taken; what the bank took twice nobody can help."""
    spent = card.spent
    for what, minor in (("clawed back", spent.to_claw_back), ("taken", sum(minor for _, minor in spent.to_take))):
        if minor:
            findings.violation(
                "balance", fact, f"{minor} went back and have to be {what}, but would come back with a term"
            )
    spent.to_claw_back, spent.to_take, spent.is_moved = 0, [], False
    charged = [one for one in card.attempts.values() if one.outcome == "charged"]
    gone = sum(one.given_back - one.credited + one.disputed - one.minor for one in charged)
    reserved = card.open_attempt.from_balance if card.open_attempt is not None else 0
    beyond = gone + spent.paid_out + card.balance + reserved
    twice = sum(max(0, one.given_back - one.credited + one.disputed - one.minor) for one in charged)
    if fact.topic.startswith("dispute") and spent.paid_out:
        spent.lost = max(spent.lost, beyond - twice)
    if beyond > twice + spent.lost:
        findings.violation(
            "balance", fact, f"{beyond} more than was charged went back, {twice + spent.lost} by the bank"
        )


HANDLERS: dict[str, Handler] = {
    "auto_top_up_set.v1": order_set,
    "auto_top_up_stopped.v1": order_stopped,
    "top_up_started.v1": top_up_started,
    "top_up_failed.v1": top_up_failed,
    "balance_credited.v1": credited,
    "balance_debited.v1": debited,
    "balance_paid_out.v1": paid_out,
}
