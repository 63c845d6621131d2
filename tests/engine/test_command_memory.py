"""Commands are remembered with their answers: repeating one is harmless for ever. Each of them: test_twice.py."""

from uuid import uuid4

from engine.actor import actor
from engine.card.consent import AutoRenewEnabled, AutoRenewSwitchedOff
from engine.commands import Issued
from engine.errors import Refused
from tests.engine.asked import LATER, bind, enable, execute, kinds, paying, register, switch_off
from tests.engine.samples import REGISTERED_AT, RULES


def test_what_was_so_already_is_remembered_too(engine, store):
    [card_id] = paying(engine)
    already = enable(card_id, turn=2)
    assert execute(engine, [already], RULES, LATER) == [()]
    execute(engine, [switch_off(card_id)], RULES, LATER)
    assert execute(engine, [already], RULES, LATER) == [()]  # an old wish does not come true again
    assert kinds(store, card_id)[-1] is AutoRenewSwitchedOff


def test_a_command_given_again_by_somebody_else_is_the_same_command(engine, store):
    [card_id] = paying(engine)
    off = switch_off(card_id)
    [first] = execute(engine, [off], RULES, LATER)
    [again] = engine.execute([Issued(off, actor("operator", "anna"))], RULES, LATER)
    assert again == first
    assert store.history(card_id)[-1].actor == "holder:holder-1"


def test_another_body_under_the_same_id_is_refused_within_a_batch_too(engine, store):
    [card_id] = paying(engine)
    off = switch_off(card_id)
    first, second = execute(engine, [off, off.model_copy(update={"reason": "operator"})], RULES, LATER)
    assert [type(one) for one in first] == [AutoRenewSwitchedOff]
    assert second.code == "command_id_reused"
    assert len(store.history(card_id)) == 4


def test_a_refusal_does_not_hold_its_batch_in_memory(engine):
    no_such_plan = register(uuid4()).model_copy(update={"plan": "no such plan"})  # looked for in vain: a KeyError first
    for refused in execute(engine, [enable(uuid4()), no_such_plan], RULES, REGISTERED_AT):
        assert isinstance(refused, Refused)
        assert refused.__traceback__ is None  # which would hold every frame of the call, and what is in them
        assert refused.__context__ is None


def test_a_refusal_leaves_no_trace_and_is_judged_again(engine):
    card_id = uuid4()
    enabling = enable(card_id)
    [refused] = execute(engine, [enabling], RULES, REGISTERED_AT)
    assert refused.code == "unknown_card"
    execute(engine, [register(card_id), bind(card_id)], RULES, REGISTERED_AT)
    [accepted] = execute(engine, [enabling], RULES, REGISTERED_AT)
    assert [type(one) for one in accepted] == [AutoRenewEnabled]


def test_one_id_for_two_cards_at_once_is_given_to_one_of_them(engine):
    one, other = paying(engine, 2)
    wishes = [switch_off(one), switch_off(other).model_copy(update={"command_id": f"off-{one}"})]
    answers = execute(engine, wishes, RULES, LATER)
    assert sorted(type(answer).__name__ for answer in answers) == ["Refused", "tuple"]
