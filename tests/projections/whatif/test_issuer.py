"""What issuers would have said: how often tries of a kind are paid, and from how many that is known."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from engine.declines import Consequence
from engine.money import Money
from engine.ports import Charged, ChargeRequest, Declined
from projections.whatif.issuer import SAMPLE_LEAST, Issuer, Shares
from projections.whatif.tried import FIRST, PAID, Answer, Declines, Kind, Tried, Tries, span_of

AT = datetime(2027, 3, 1, 10, tzinfo=UTC)
CARD = UUID(int=1)
FUNDS = Answer("insufficient_funds", consequence=Consequence.RETRY)
LATE = Kind("retry", 4, "credit_card")


def tried(answer=FUNDS, kind=LATE, at=AT):
    return Tried(uuid4(), at, answer, timedelta(0), 0, pending=False, kind=kind, top_up=False)


def shares(*tries):
    learned = Shares()
    learned.add(tries)
    return learned


def test_a_kind_with_enough_tries_answers_for_itself():
    learned = shares(*[tried()] * SAMPLE_LEAST, *[tried(PAID, Kind("retry", 9, "paypal"))] * 100)
    assert {learned.draw(LATE, chance / 10) for chance in range(10)} == {FUNDS}


@pytest.mark.parametrize(
    "wider",
    [Kind("retry", 4, "paypal"), Kind("retry", 16, "credit_card"), Kind("retry_soon", 0, "credit_card")],
    ids=["other methods", "other days", "other declines"],
)
def test_a_kind_with_few_tries_is_widened(wider):
    learned = shares(*[tried()] * 5, *[tried(PAID, wider)] * 15)
    drawn = Counter(learned.draw(LATE, chance / 100) for chance in range(100))
    assert drawn == {PAID: 75, FUNDS: 25}


def test_first_tries_say_nothing_about_later_ones_unless_there_is_nothing_else():
    first = Kind(FIRST, 0, "credit_card")
    learned = shares(*[tried(PAID, first)] * 100, tried())
    assert learned.draw(LATE, 0.5) == FUNDS or learned.draw(LATE, 0.999) == FUNDS
    assert shares(*[tried(FUNDS, first)] * 100).draw(LATE, 0) == FUNDS
    assert Shares().draw(LATE, 0.5) == PAID


def test_what_no_issuer_saw_teaches_nothing():
    learned = shares(*[tried(Answer("never_happened", consequence=Consequence.RETRY))] * 100, tried(None))
    assert learned.draw(LATE, 0.5) == PAID


def test_spans_of_days_grow():
    assert [span_of(timedelta(days=days)) for days in (-1, 0, 1, 3, 8, 30, 400)] == [0, 0, 1, 2, 6, 16, 31]


def test_declines_of_a_purpose_are_forgotten_when_it_is_paid():
    declines = Declines()
    declines.answered(1, "tok", FUNDS, AT)
    later = AT + timedelta(days=5)
    assert declines.kind(1, "tok", "paypal", later) == Kind("retry", 4, "paypal")
    assert declines.kind(2, "tok", "paypal", later).after == FIRST
    declines.answered(1, "tok", PAID, later)
    assert declines.kind(1, "tok", "paypal", later).after == FIRST


def request(at, token="tok", purpose="renewal:3"):
    amount = Money(minor=1, currency="CNY")
    return ChargeRequest(attempt_id=uuid4(), card_id=CARD, purpose=purpose, token=token, amount=amount, attempted_at=at)


def answers(tries, *requests, seed=1, renewed_at=(), declined_at=None):
    """What is said, and where it came from; with `declined_at` the requests follow a decline of then."""
    past = {CARD: Tries({"tok": list(tries)}, {"tok": list(renewed_at)})}
    issuer = Issuer(past, shares(*[tried()] * 10, *[tried(PAID)] * 10), seed)
    if declined_at is not None:
        issuer._of(CARD).answered("renewal:3", "tok", FUNDS, declined_at)
    said = [issuer.answer(one, "credit_card", one.attempted_at) for one in requests]
    codes = ["paid" if isinstance(one, Charged) else one.code for one in said if isinstance(one, Charged | Declined)]
    return codes, issuer.sources


def test_the_nearest_recorded_answer_counts_half_a_day_away():
    near = [tried(FUNDS, at=AT), tried(PAID, at=AT + timedelta(hours=10))]
    asked = [request(AT + timedelta(hours=hours)) for hours in (-11, 4, 8)]
    assert answers(near, *asked) == (["insufficient_funds", "insufficient_funds", "paid"], {"recorded": 3})


DAY = timedelta(days=1)


def test_a_later_try_between_two_like_answers_is_like_them_if_one_is_near():
    both = [tried(FUNDS, at=AT), tried(FUNDS, at=AT + 40 * DAY)]
    assert answers(both, request(AT + 3 * DAY), declined_at=AT) == (["insufficient_funds"], {"inferred": 1})
    assert answers(both, request(AT + 20 * DAY), declined_at=AT)[1] == {"sampled": 1}


def test_between_two_answers_the_nearer_one_is_the_likelier():
    both = [tried(FUNDS, at=AT), tried(PAID, at=AT + 4 * DAY)]

    def paid(days):
        return sum(answers(both, request(AT + days * DAY), seed=s, declined_at=AT)[0] == ["paid"] for s in range(200))

    assert [paid(days) / 200 for days in (1, 2, 3)] == pytest.approx([0.25, 0.5, 0.75], abs=0.1)


def test_a_first_try_is_answered_as_the_nearest_first_try_was():
    first = Kind(FIRST, 0, "credit_card")
    past = [tried(FUNDS, first, AT), tried(PAID, at=AT + DAY), tried(PAID, first, AT + 30 * DAY)]
    assert answers(past, request(AT + 5 * DAY)) == (["insufficient_funds"], {"inferred": 1})
    assert answers(past, request(AT + 16 * DAY)) == (["paid"], {"inferred": 1})
    assert answers(past, request(AT + 60 * DAY))[1] == {"sampled": 1}


def test_a_sampled_answer_depends_on_seed_token_purpose_and_day_alone():
    at = AT + timedelta(days=60)
    first, second = request(at), request(at + timedelta(hours=1))
    seeds = [answers([], first, seed=seed)[0] for seed in range(50)]
    assert seeds == [answers([], second, seed=seed)[0] for seed in range(50)]
    assert 10 < sum(one == ["paid"] for one in seeds) < 40


def test_a_token_that_a_code_ended_is_paid_again_only_after_it_was_renewed():
    ended = [tried(Answer("expired_card", consequence=Consequence.NEW_METHOD), at=AT)]
    asked = request(AT + timedelta(days=3))
    assert answers(ended, asked) == (["expired_card"], {"recorded": 1})
    assert answers(ended, asked, renewed_at=[AT + timedelta(days=2)])[1] == {"sampled": 1}
