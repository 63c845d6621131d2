"""The checker of the runs with faults finds what it is there to find, and nothing in what is as it should be."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from tests.adapters.cards import FAR
from tests.adapters.stored import publish_all
from tests.faults.checker import Evidence, facts_of
from tests.faults.stranger import MARK, event_again, publish
from tests.faults.stream import messages_of


@pytest.fixture
def evidence(run, cards, client, queue, record, nats_url):
    """Of two cards that were renewed."""
    queue.handle(*cards.register(1, 2))
    run(publish_all(cards.connection, client))
    return Evidence(1, record, facts_of(cards.connection), messages_of(nats_url), {}, {}, FAR)


def found(evidence):
    """Without the model of the cards, which tests of its own show to find bugs."""
    return [*evidence._money(), *evidence._published(), *evidence._asleep()]


def tampered(record, statement):
    with closing(sqlite3.connect(record)) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(statement)


def test_what_is_as_it_should_be_is_no_violation(evidence):
    assert found(evidence) == []
    assert len(evidence.messages) > 6


@pytest.mark.parametrize(
    ("statement", "sentences"),
    [
        (
            "INSERT INTO movements SELECT 99, key, card_id, purpose, token, currency, minor, at FROM movements LIMIT 1",
            ["was charged 2 times for", "the gateway has"],
        ),
        ("DELETE FROM movements WHERE id = 1", ["but the gateway has no such charge", "the gateway has"]),
        ("UPDATE movements SET minor = minor + 1 WHERE id = 1", ["says {", "the gateway has"]),
        ("UPDATE movements SET key = 'x' WHERE id = 1", ["which was never decided", "no such charge", "the gateway"]),
        (
            "INSERT INTO refunds VALUES ('r-1', 1, '{}', 'EUR', 270, '2027-01-01', 1)",
            ["of which no fact says that it is done", "the gateway has"],
        ),
    ],
    ids=["twice", "not at all", "another amount", "without intent", "unknown refund"],
)
def test_money_that_does_not_fit_the_facts_is_found(evidence, record, statement, sentences):
    tampered(record, statement)
    wrong = found(evidence)
    assert len(wrong) == len(sentences)
    for sentence, start in zip(wrong, sentences, strict=True):
        assert start in sentence


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        (lambda all_of_them: all_of_them[:-1], "was published 0 times"),
        (lambda all_of_them: [*all_of_them, all_of_them[-1]], "was published 2 times"),
        (lambda all_of_them: [*all_of_them[1:], all_of_them[0]], "public messages are not in the order of the log"),
        (
            lambda all_of_them: [all_of_them[0]._replace(subject="baohao.v1.card.x"), *all_of_them[1:]],
            "but is about card",
        ),
    ],
    ids=["lost", "twice", "out of order", "on another subject"],
)
def test_a_stream_that_does_not_fit_the_facts_is_found(evidence, messages, sentence):
    [wrong] = found(replace(evidence, messages=messages(evidence.messages)))
    assert sentence in wrong


def test_a_message_about_no_fact_is_found(evidence):
    wrong = found(replace(evidence, facts=[one for one in evidence.facts if one.topic != "card_renewed.v1"]))
    assert len([one for one in wrong if "is about no public fact" in one]) == 2


def test_a_card_that_was_not_woken_is_found(evidence):
    wrong = found(replace(evidence, now=FAR + timedelta(days=90)))
    assert len([one for one in wrong if "wakes at" in one]) == 2


def test_what_a_stranger_publishes_is_told_from_what_is_ours(evidence, nats_url):
    subject, body, _, others = event_again(Random(1), evidence.messages)
    publish(nats_url, subject, body, others=others)
    last = messages_of(nats_url, last=1)
    assert [MARK in one.headers for one in last] == [True]
    assert found(replace(evidence, messages=messages_of(nats_url))) == []
