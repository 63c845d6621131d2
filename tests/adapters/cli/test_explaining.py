"""Asking a card why: `baohao card why`, and its history in sentences."""

import pytest

from engine.actor import actor
from engine.card.hold import hold_card
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Append, Store, Stream
from tests.engine.recorded_history import History
from tests.engine.samples import CARD_ID, local

UNKNOWN = "00000000-0000-0000-0000-000000000063"
HELD = History().wakes().paid().decides(hold_card, reason="see [/ticket] 7", at=local("2026-04-09 12:00"))
ATTEMPT = HELD.attempts()[0]
ASKED_FOR = (
    "On 2026-03-29 10:00 (Asia/Shanghai) method visa was asked for 15.00 CNY for term 1, "
    "which follows the one that ends on 2026-04-01: attempt number 1 for it."
)
WHY_HELD = (
    "On 2026-04-09 12:00 (Asia/Shanghai) the card was held by the operator: “see [/ticket] 7” (actor: operator:anna)."
)


@pytest.fixture(scope="module", autouse=True)
def _held_card(installation):
    """Renewed once, then held, in three appends."""
    pool = datastore(installation.database_url, pool_size=1)
    try:
        facts = tuple(one.fact for one in HELD.records)
        append = Append(
            Stream(CARD_ID, None, 0, None), facts, HELD.card, HELD.wake_at, "why", actor("operator", "anna")
        )
        refusals = Store(CardRecorder(pool)).append_many([append])
        assert not refusals.conflicts
    finally:
        pool.close()


def test_a_charge_is_explained_line_by_line_with_the_facts_it_rests_on(installation):
    done = installation.run("card", "why", CARD_ID, "--charge", ATTEMPT)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{ASKED_FOR} [fact 5]"
    assert lines[1].endswith("had opened, on 2026-03-29 10:00. [facts 4, 5]")
    assert len(lines) == 9


def test_with_json_the_same_is_one_object(installation):
    answer = installation.json("card", "why", CARD_ID, "--charge", ATTEMPT)
    assert (answer["card_id"], answer["zone"]) == (str(CARD_ID), "Asia/Shanghai")
    assert answer["sentences"][0] == {"text": ASKED_FOR, "versions": [5]}


def test_the_history_shows_only_the_end_of_a_token(installation):
    facts = [one["fact"] for one in installation.json("card", "history", CARD_ID)]
    tokens = [part["token"] for fact in facts for part in (fact, fact.get("method")) if "token" in (part or ())]
    assert len(tokens) >= 2
    assert all(token.startswith("…") for token in tokens)


def test_a_day_without_a_charge_is_explained(installation):
    done = installation.run("card", "why", CARD_ID, "--date", "2026-04-09")
    assert done.stdout.splitlines() == [
        "On 2026-04-09 no charge for the next term was made. [fact 8]",
        f"{WHY_HELD} [fact 8]",
        (
            "Next, on 2026-05-31 00:00 (Asia/Shanghai): it becomes a case for a person whether the number still "
            "exists, unless the hold is lifted before. [fact 8]"
        ),
    ]


def test_without_a_question_the_state_of_the_card_is_explained(installation):
    lines = installation.run("card", "why", CARD_ID).stdout.splitlines()
    assert lines[0].startswith(f"Card {CARD_ID} of holder-1 (plan keep-short) is active; ")
    assert lines[1] == f"{WHY_HELD} [fact 8]"


def test_a_history_is_shown_in_sentences_whatever_text_is_in_it(installation):
    done = installation.run("card", "history", CARD_ID, COLUMNS="400")
    assert done.exit_code == 0
    words = " ".join(done.stdout.split())
    assert "[/ticket]" in words
    assert "operator:anna" in words
    assert "the hold was lifted" not in words


def test_an_unknown_card_is_a_sentence_and_status_1(installation):
    done = installation.run("card", "why", UNKNOWN)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"there is no card {UNKNOWN}\n")


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["people", "programs"])
def test_an_unknown_attempt_is_a_sentence_and_status_1(installation, options):
    done = installation.run("card", "why", CARD_ID, "--charge", UNKNOWN, *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"card {CARD_ID} has no attempt {UNKNOWN}\n"


@pytest.mark.parametrize(
    "options",
    [["--charge", ATTEMPT, "--date", "2026-04-09"], ["--date", "09.04.2026"], ["--charge", "7"]],
    ids=["two questions", "no date", "no id"],
)
def test_invalid_questions_are_wrong_usage(installation, options):
    done = installation.run("card", "why", CARD_ID, *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Invalid value" in done.stderr
