"""Who acts is a holder, an operator or a part of the system, and whoever explains a fact names the person."""

import pytest

from engine.actor import actor, is_person
from engine.card.hold import hold_card
from engine.why.questions import overview
from tests.engine.recorded_history import History
from tests.engine.samples import REGISTERED_AT


def test_an_actor_has_a_kind_and_a_name():
    assert actor("holder", "h-1") == "holder:h-1"
    assert actor("operator", "anna:night shift") == "operator:anna:night shift"
    assert actor("system", "consumer") == "system:consumer"


@pytest.mark.parametrize("name", ["", "n" * 201, "a\x00b"], ids=["empty", "too long", "with NUL"])
def test_a_name_that_cannot_be_stored_is_rejected(name):
    with pytest.raises(ValueError, match="names no operator"):
        actor("operator", name)


def test_holders_and_operators_are_people_and_processes_named_in_older_logs_are_not():
    assert is_person("holder:h-1")
    assert is_person("operator:anna")
    assert not is_person("system:consumer")
    assert not is_person("consumer")


@pytest.mark.parametrize(("by", "ending"), [("operator:anna", " (actor: operator:anna)."), ("consumer", "”.")])
def test_an_explanation_names_the_person_who_acted(by, ending):
    history = History().decides(hold_card, reason="stolen", at=REGISTERED_AT)
    records = [one._replace(actor=by) for one in history.records]
    [held] = [sentence.text for sentence in overview(records).sentences if "held by the operator" in sentence.text]
    assert held.endswith(f"“stolen{ending}" if ending == "”." else f"“stolen”{ending}")
