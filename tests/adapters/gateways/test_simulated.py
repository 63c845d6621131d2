"""The simulated gateway: how tokens determine its behaviour, and what an idempotency key guarantees."""

import asyncio
import tempfile
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.gateways.simulated import KEY_LIFETIME, SimulatedGateway, double_charges, totals
from engine.errors import GatewayMisuseError
from engine.ports import Charged, Declined, NotFound, Unclear
from tests.adapters.gateways.asking import (
    BUDGET,
    NOON,
    TIMEOUT,
    UNAVAILABLE,
    charge,
    charged,
    look_up,
    movements,
    request,
)

# Tokens


@pytest.mark.parametrize("behaviour", ["good", "slow", "insufficient_until:2027-02-28", "flaky:0"])
def test_a_method_that_works_moves_the_money(gateway, record, behaviour):
    assert charge(gateway, request(behaviour=behaviour)) == charged(request())
    assert totals(record) == {"EUR": 990}


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("expired", "expired_card"),
        ("lost", "lost_card"),
        ("insufficient_until:2027-03-01", "insufficient_funds"),
        ("flaky:100", "do_not_honor"),
    ],
)
def test_a_decline_has_its_code_and_moves_nothing(gateway, record, behaviour, code):
    assert charge(gateway, request(behaviour=behaviour)) == Declined(code=code)
    assert look_up(gateway, request(behaviour=behaviour)) == Declined(code=code)
    assert movements(record) == []


@pytest.mark.parametrize(
    ("behaviour", "codes"),
    [
        ("declined:do_not_honor", ("do_not_honor", None, None)),
        ("declined:do_not_honor+24", ("do_not_honor", "24", None)),
        ("declined:generic_decline+03+57", ("generic_decline", "03", "57")),
        ("declined:generic_decline++R1", ("generic_decline", None, "R1")),
        ("flaky:100+processing_error", ("processing_error", None, None)),
        ("flaky:100+do_not_honor+24", ("do_not_honor", "24", None)),
    ],
)
def test_a_decline_has_the_codes_of_its_method_whenever_it_is_asked_about(gateway, behaviour, codes):
    code, advice_code, network_code = codes
    declined = Declined(code=code, advice_code=advice_code, network_code=network_code)
    assert charge(gateway, request(behaviour=behaviour)) == declined
    assert charge(gateway, request(behaviour=behaviour)) == declined
    assert look_up(gateway, request(behaviour=behaviour)) == declined


def test_funds_arrive_at_midnight_utc_wherever_the_caller_is(gateway):
    poor = "insufficient_until:2027-03-01"
    shanghai = timezone(timedelta(hours=8))
    assert isinstance(charge(gateway, request("a", poor), at=datetime(2027, 3, 1, 7, 59, tzinfo=shanghai)), Declined)
    assert isinstance(charge(gateway, request("b", poor), at=datetime(2027, 3, 1, 8, 0, tzinfo=shanghai)), Charged)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "sim",
        "sim:good",
        "sim:perfect:x",
        "tok_visa",
        "sim:good:x:y",
        "sim:flaky:often:x",
        "sim:insufficient_until:soon:x",
        "sim:declined:x",
        "sim:declined::x",
        "sim:declined:+24:x",
    ],
)
def test_an_unknown_method_is_a_misuse_and_no_decline(gateway, record, token):
    with pytest.raises(GatewayMisuseError, match="no such payment method"):
        charge(gateway, replace(request(), token=token))
    assert movements(record) == []


def test_a_charge_may_move_money_without_an_answer(gateway, record):
    lost_answer = request(behaviour="timeout_charged")
    assert charge(gateway, lost_answer) == TIMEOUT
    assert look_up(gateway, lost_answer) == charged(lost_answer)
    assert charge(gateway, lost_answer) == charged(lost_answer)
    assert len(movements(record)) == 1


def test_a_request_that_never_arrives_moves_money_only_when_asked_again(gateway, record):
    lost_request = request(behaviour="timeout_uncharged")
    assert charge(gateway, lost_request) == TIMEOUT
    assert look_up(gateway, lost_request) == NotFound()
    assert movements(record) == []
    assert charge(gateway, lost_request, at=NOON + timedelta(minutes=5)) == charged(lost_request)
    assert charge(gateway, lost_request, at=NOON + timedelta(minutes=6)) == charged(lost_request)
    assert len(movements(record)) == 1


def test_the_lifetime_of_a_key_begins_when_the_request_arrives(gateway, record):
    lost_request = request(behaviour="timeout_uncharged")
    for at in (NOON, NOON + timedelta(hours=20), NOON + timedelta(hours=40)):
        charge(gateway, lost_request, at=at)
    assert len(movements(record)) == 1


def test_a_charge_with_a_server_error_moves_money_in_half_of_the_cases_and_asking_again_shows_it(gateway, record):
    requests = [request(f"{i}", "server_error") for i in range(400)]
    assert set(charge(gateway, *requests)) == {Unclear(reason="server_error")}
    moved = {key for key, _ in movements(record)}
    assert 150 < len(moved) < 250
    for r in requests[:20]:
        assert look_up(gateway, r) == (charged(r) if str(r.attempt_id) in moved else NotFound())
    assert all(isinstance(answer, Charged) for answer in charge(gateway, *requests))
    assert len(movements(record)) == 400
    assert double_charges(record) == 0


def test_a_flaky_method_declines_with_its_probability(gateway):
    answers = charge(gateway, *(request(f"{i}", "flaky:30") for i in range(1000)))
    assert 250 < answers.count(Declined(code="do_not_honor")) < 350


def test_random_outcomes_depend_on_seed_and_attempt_alone(tmp_path):
    requests = [request(f"{i}", "flaky:50") for i in range(64)]

    def codes(name, seed, asked):
        with closing(SimulatedGateway(tmp_path / name, seed, BUDGET)) as gateway:
            return {r.attempt_id: type(charge(gateway, r, at=NOON)) for r in asked}

    there, back, other = codes("there", 1, requests), codes("back", 1, requests[::-1]), codes("other", 2, requests)
    assert there == back
    assert there != other


def test_a_slow_answer_takes_three_times_the_delay_and_is_the_same(record):
    delay = timedelta(milliseconds=10)

    async def timed(gateway, behaviour):
        begin = asyncio.get_running_loop().time()
        answer = await gateway.charge(request(behaviour, behaviour), NOON)
        return answer, asyncio.get_running_loop().time() - begin

    with closing(SimulatedGateway(record, 1, BUDGET, delay)) as gateway:
        good, good_s = asyncio.run(timed(gateway, "good"))
        slow, slow_s = asyncio.run(timed(gateway, "slow"))
    assert (good, slow) == (charged(request("good")), charged(request("slow")))
    assert good_s >= 0.0099
    assert slow_s >= 0.0299


def test_without_a_delay_no_call_sleeps(gateway, monkeypatch):
    monkeypatch.setattr(asyncio, "sleep", None)
    assert charge(gateway, request(behaviour="slow")) == charged(request())
    assert look_up(gateway, request()) == charged(request())


def test_a_delay_that_does_not_fit_the_budget_is_refused(record):
    with pytest.raises(ValueError, match="quarter"):
        SimulatedGateway(record, 1, budget=timedelta(seconds=1), delay=timedelta(milliseconds=251))


# Idempotency keys


def test_the_same_request_again_has_the_same_answer_and_moves_nothing(gateway, record):
    first = charge(gateway, request())
    assert charge(gateway, request(), at=NOON + timedelta(hours=23, minutes=59)) == first
    assert charge(gateway, request(), at=NOON - timedelta(minutes=1)) == first
    assert len(movements(record)) == 1


def test_the_same_request_many_times_at_once_moves_money_once(gateway, record):
    assert charge(gateway, *[request()] * 50) == [charged(request())] * 50
    assert len(movements(record)) == 1


def test_a_decline_is_kept_for_its_key_after_the_funds_arrived(gateway):
    poor = request(behaviour="insufficient_until:2027-03-01")
    midnight = datetime(2027, 3, 1, tzinfo=UTC)
    assert charge(gateway, poor, at=midnight - timedelta(seconds=1)) == Declined(code="insufficient_funds")
    assert charge(gateway, poor, at=midnight) == Declined(code="insufficient_funds")


@pytest.mark.parametrize(
    "change", [{"minor": 991}, {"currency": "USD"}, {"purpose": "renewal:2"}, {"behaviour": "slow"}]
)
def test_a_known_key_with_other_parameters_is_an_error_for_that_caller_alone(gateway, record, change):
    charge(gateway, request("a"))
    before, wrong, after = charge(gateway, request("b"), request("a", **change), request("c"))
    assert (before, after) == (charged(request("b")), charged(request("c")))
    assert isinstance(wrong, GatewayMisuseError)
    assert len(movements(record)) == 3


def test_other_parameters_are_noticed_within_a_batch_too(gateway, record):
    right, wrong = charge(gateway, request(minor=1), request(minor=2))
    assert right == charged(request(minor=1))
    assert isinstance(wrong, GatewayMisuseError)
    assert totals(record) == {"EUR": 1}


def test_many_charges_without_an_event_loop_are_answered_as_with_one(gateway, record):
    gateway.charge_all([request("a")], NOON)
    wrong, unknown, known = request("a", minor=1), request("b", behaviour="magic"), request("a")
    misused, no_method, *others = gateway.charge_all([wrong, unknown, known, request("c")], NOON)
    assert isinstance(misused, GatewayMisuseError)
    assert isinstance(no_method, GatewayMisuseError)
    assert others == [charged(known), charged(request("c"))] == charge(gateway, known, request("c"))
    assert len(movements(record)) == 2
    gateway.close()
    assert gateway.charge_all([known], NOON) == [UNAVAILABLE]


def test_a_key_expires_after_a_day_and_sending_it_again_is_a_double_charge(gateway, record):
    charge(gateway, request())
    assert double_charges(record) == 0
    assert charge(gateway, request(), at=NOON + KEY_LIFETIME) == charged(request())
    assert (double_charges(record), totals(record)) == (1, {"EUR": 1980})
    charge(gateway, request(), at=NOON + 2 * KEY_LIFETIME - timedelta(microseconds=1))
    assert double_charges(record) == 1


def test_a_look_up_never_charges_and_has_no_time_limit(gateway, record):
    assert look_up(gateway, request()) == NotFound()
    assert movements(record) == []
    charge(gateway, request())
    assert look_up(gateway, request(), at=NOON + timedelta(days=4000)) == charged(request())
    assert len(movements(record)) == 1


def test_a_look_up_finds_money_that_moved_before_a_decline_of_the_expired_key(gateway):
    charge(gateway, request(minor=5))
    assert charge(gateway, request(behaviour="lost"), at=NOON + KEY_LIFETIME) == Declined(code="lost_card")
    assert look_up(gateway, request(behaviour="lost")) == charged(request(minor=5))


KEYS = {name: request(name, name) for name in ("good", "timeout_charged", "timeout_uncharged", "server_error", "lost")}
CALLS = st.tuples(st.sampled_from(["charge", "look_up"]), st.sampled_from(sorted(KEYS)))
TURNS = st.tuples(st.integers(0, 30), st.lists(CALLS, min_size=1, max_size=4))


@settings(max_examples=100, deadline=None)
@given(turns=st.lists(TURNS, max_size=8), seed=st.integers(0, 3))
def test_in_any_order_of_calls_a_key_moves_money_at_most_once_a_day_and_every_answer_is_true(turns, seed):
    replies = []

    async def call(gateway, verb, name, at):
        replies.append((KEYS[name], await getattr(gateway, verb)(KEYS[name], at)))

    async def play(gateway):
        at = NOON
        for hours, calls in turns:
            at += timedelta(hours=hours)
            await asyncio.gather(*(call(gateway, verb, name, at) for verb, name in calls))

    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "money.db"
        with closing(SimulatedGateway(record, seed, BUDGET)) as gateway:
            asyncio.run(play(gateway))
        moved = defaultdict(list)
        for key, at in movements(record):
            moved[key].append(datetime.fromisoformat(at))
    assert all(later - earlier >= KEY_LIFETIME for times in moved.values() for earlier, later in pairwise(times))
    assert all(str(r.attempt_id) in moved for r, answer in replies if isinstance(answer, Charged))
    assert all(str(r.attempt_id) not in moved for r, answer in replies if isinstance(answer, Declined))
