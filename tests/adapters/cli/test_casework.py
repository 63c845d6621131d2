"""What only an operator can do: `case list`, `case resolve`, `case number-exists` and `replan`."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from adapters import planning_anew
from adapters.cli import replanning
from engine.actor import actor
from engine.card.attempt import CaseOpened
from engine.card.decline import ChargeFailed
from engine.commands import HoldCard, Issued
from engine.policy import Policy
from engine.ports import Unclear
from projections.follow import follow
from projections.live import LIVE
from tests.adapters.cards import BEGIN, card_id_of
from tests.adapters.cli.conftest import on_virtual_clock

EVIDENCE = "gateway's console, line 7"
NOW = BEGIN + timedelta(days=30)
A_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def installation(new_installation):
    """One on the virtual clock, which stands a month after the cards were registered."""
    return on_virtual_clock(new_installation(), NOW)


@pytest.fixture(scope="module")
def followed(cards):
    """Bring the read models up to date."""

    def now():
        while follow(cards.connection, LIVE, 1000).fact_count:
            pass

    return now


def unknown_attempt(cards, number):
    """A card whose charge became a case, because its outcome was unknown for days."""
    [card_id] = cards.register(number)
    rules, _ = cards.rules()
    at = BEGIN + timedelta(days=number + 1)
    for _ in range(4):
        settled = cards.engine.wake({card_id: "test"}, rules, at)
        for question in settled.questions:
            cards.engine.record([(question, Unclear(reason="timeout"))], rules, at)
        at += timedelta(days=3)
    [opened] = [one.fact for one in cards.log() if one.card_id == card_id and isinstance(one.fact, CaseOpened)]
    return card_id, opened.about


def resolve(installation, card_id, attempt_id, *options):
    return installation.run("case", "resolve", card_id, attempt_id, "--evidence", EVIDENCE, *options)


def test_a_case_is_listed_until_it_is_resolved(installation, cards, followed):
    card_id, attempt_id = unknown_attempt(cards, 1)
    assert installation.json("case", "list") == []
    followed()
    [case] = installation.json("case", "list")
    assert (case["card_id"], case["about"], case["reason"]) == (str(card_id), str(attempt_id), "outcome_unknown")
    people = installation.run("case", "list").stdout
    assert str(card_id) in people
    assert f"outcome_unknown: baohao case resolve {card_id} {attempt_id} --charged" in people
    assert case["resolve_with"].startswith(f"baohao case resolve {card_id} {attempt_id} --charged --gateway-ref REF")

    done = installation.json(
        *("case", "resolve", card_id, attempt_id, "--charged", "--gateway-ref", "ch_7", "--evidence", EVIDENCE)
    )
    assert done["facts"][:2] == ["ChargeSucceeded", "CardRenewed"]
    followed()
    assert installation.json("case", "list") == []


def test_an_attempt_that_took_no_money_is_tried_again(installation, cards):
    card_id, attempt_id = unknown_attempt(cards, 2)
    done = resolve(installation, card_id, attempt_id, "--not-charged", "--json")
    assert done.exit_code == 0, done.stderr
    [recorded] = [one for one in cards.log() if one.card_id == card_id and isinstance(one.fact, ChargeFailed)]
    failed = recorded.fact
    assert (failed.code, failed.learned, failed.evidence) == ("not_charged", "resolved", EVIDENCE)
    assert recorded.actor == "operator:cli"


def test_resolving_twice_in_the_same_way_has_the_same_result(installation, cards):
    card_id, attempt_id = unknown_attempt(cards, 3)
    options = ("--charged", "--gateway-ref", "ch_9", "--json")
    first = resolve(installation, card_id, attempt_id, *options)
    before = cards.names(card_id)
    assert resolve(installation, card_id, attempt_id, *options).stdout == first.stdout
    assert cards.names(card_id) == before


def test_a_wrong_resolution_can_be_corrected_and_the_money_is_refunded(installation, cards):
    card_id, attempt_id = unknown_attempt(cards, 4)
    resolve(installation, card_id, attempt_id, "--not-charged")
    done = resolve(installation, card_id, attempt_id, "--charged", "--gateway-ref", "ch_9")
    assert done.exit_code == 0, done.stderr
    assert cards.names(card_id)[-2:] == ["charge_succeeded", "refund_started"]


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["people", "programs"])
def test_an_impossible_resolution_is_a_sentence_and_status_1(installation, cards, options):
    card_id, attempt_id = unknown_attempt(cards, 5 + len(options))
    done = resolve(installation, card_id, attempt_id, "--charged", *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("say under which reference")
    assert "gateway_ref_missing" in done.stderr
    stranger = resolve(installation, card_id_of(99), attempt_id, "--not-charged", *options)
    assert (stranger.exit_code, stranger.stdout) == (1, "")
    assert "register it first" in stranger.stderr


def test_outcome_and_evidence_are_required(installation):
    ids = (card_id_of(1), card_id_of(2))
    undecided = installation.run("case", "resolve", *ids, "--evidence", EVIDENCE)
    assert undecided.exit_code == 2
    assert "--charged" in undecided.stderr
    for evidence in ("", "x" * 1001):
        done = installation.run("case", "resolve", *ids, "--not-charged", "--evidence", evidence)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "evidence" in done.stderr


def test_a_number_that_a_long_hold_has_put_in_doubt_is_confirmed(installation, cards, followed):
    [card_id] = cards.register(30)
    rules, _ = cards.rules()
    held = HoldCard(command_id="hold-30", card_id=card_id, reason="a dispute")
    cards.engine.execute([Issued(held, actor("operator", "test"))], rules, NOW)
    cards.engine.wake({card_id: "test"}, rules, NOW + timedelta(days=400))
    followed()
    found = {one["reason"] for one in installation.json("case", "list") if one["card_id"] == str(card_id)}
    assert found == {"held: a dispute", "number_may_be_lost"}
    people = installation.run("case", "list").stdout
    assert f"held: a dispute: baohao import a ReleaseCard of {card_id}" in people
    assert f"number_may_be_lost: baohao case number-exists {card_id} --evidence TEXT, or if" in people

    done = installation.json("case", "number-exists", card_id, "--evidence", EVIDENCE)
    assert done == {"facts": ["NumberConfirmed"]}
    followed()
    found = [one["reason"] for one in installation.json("case", "list") if one["card_id"] == str(card_id)]
    assert found == ["held: a dispute"]
    again = installation.run("case", "number-exists", card_id, "--evidence", EVIDENCE)
    assert (again.exit_code, again.stdout.startswith("nothing needed confirming")) == (0, True)
    stranger = installation.run("case", "number-exists", card_id_of(99), "--evidence", EVIDENCE)
    assert (stranger.exit_code, "register it first" in stranger.stderr) == (1, True)
    assert installation.run("case", "number-exists", card_id, "--evidence", "").exit_code == 2


# Replanning


def wakes(cards):
    query = "SELECT card_id, wake_at FROM due"
    return dict(cards.connection.execute(query).fetchall())


def test_a_changed_policy_takes_effect_with_a_replan(installation, cards, followed, monkeypatch):
    planned = set(cards.register(*range(50, 57)))
    followed()
    before = wakes(cards)
    monkeypatch.setattr(planning_anew, "CARDS_AT_ONCE", 3)
    assert installation.json("replan", "--why", "nothing changed")["failed"] == 0
    followed()
    assert {card_id: wakes(cards)[card_id] for card_id in planned} == {one: before[one] for one in planned}

    changed = Policy(version="2027", lead_days=Policy().lead_days + 1)
    rules = replace(cards.policy_and_catalogue, policy=changed)
    monkeypatch.setattr(replanning, "rules_of", lambda _: rules)
    first = installation.json("replan", "--why", "a day earlier")
    followed()
    assert first["planned_anew"] >= 7
    assert first["failed"] == 0
    assert {card_id: wakes(cards)[card_id] for card_id in planned} == {one: before[one] - A_DAY for one in planned}
    causes = {
        (one.cause, one.actor)
        for one in cards.log()
        if one.card_id in planned and type(one.fact).__name__ == "Replanned"
    }
    assert causes == {("replan: a day earlier", "operator:cli")}
    assert installation.json("replan", "--why", "again") == {"planned_anew": 0, "failed": 0}


def test_a_card_that_cannot_be_planned_is_reported_and_affects_no_other(installation, cards, followed):
    cards.register(60)
    followed()
    cards.connection.execute(
        "INSERT INTO cards SELECT * FROM jsonb_populate_record(null::cards, (SELECT to_jsonb(c) || "
        "jsonb_build_object('card_id', %s::text) FROM cards c LIMIT 1))",
        (card_id_of(77),),
    )
    done = installation.run("replan", "--json")
    assert done.exit_code == 1
    assert str(card_id_of(77)) in done.stderr
    assert done.stderr.count("\n") == 1
    assert '"failed": 1' in done.stdout
