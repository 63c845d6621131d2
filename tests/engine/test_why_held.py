"""Why a held card was not charged, and what has to be known before it is."""

from datetime import date
from functools import partial

from engine.card.doubt import confirm_number
from engine.card.hold import hold_card, release_card
from engine.why.questions import overview
from tests.engine.recorded_history import History
from tests.engine.samples import RULES, local
from tests.engine.test_why_day import HERE, texts

march, may = (partial(date, 2026, month) for month in (3, 5))


def test_a_held_card_is_not_charged():
    history = History().decides(hold_card, reason="a doubt", at=local("2026-03-05 12:00"))
    assert texts(history, march(29))[2:] == [
        f"On 2026-03-05 12:00 {HERE} the card was held by the operator: “a doubt”.",
        (
            f"Next, on 2026-05-01 00:00 {HERE}: it becomes a case for a person whether the number still exists, unless "
            "the hold is lifted before."
        ),
    ]
    history.decides(release_card, RULES, at=local("2026-03-30 12:00"))
    assert texts(history, march(30))[-1] == "Next, at once: what falls due after this is decided."


def test_a_card_held_past_the_carriers_date_is_not_charged_before_the_number_is_confirmed():
    history = History().decides(hold_card, reason="a doubt", at=local("2026-03-05 12:00")).wakes()
    opened = (
        f"On 2026-05-01 00:00 {HERE} a case for a person was opened, since we delayed the payment past the day on "
        "which the carrier may take the number: nothing is charged before its existence is confirmed."
    )
    nothing = "Next, nothing happens by itself"
    assert texts(history, may(1))[-1] == f"{nothing}, since the card is held."
    said = [one.text for one in overview(history.records).sentences]
    assert f"On 2026-03-05 12:00 {HERE} the card was held by the operator: “a doubt”." in said
    assert opened in said
    history.decides(release_card, RULES, at=local("2026-05-02 12:00"))
    assert opened in texts(history, may(3))
    assert texts(history, may(3))[-1] == f"{nothing} before a person said that the number still exists."
    history.decides(confirm_number, RULES, evidence="the carrier's list", at=local("2026-05-04 12:00"))
    assert texts(history, may(4))[-1] == "Next, at once: what falls due after this is decided."
