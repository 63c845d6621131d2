"""Accepted commands are kept with their replies: repeating one changes nothing. Each kind: test_repetition.py."""

from hashlib import sha256
from uuid import UUID, uuid4

from pydantic import BaseModel

from engine.actor import actor
from engine.application import Engine
from engine.card.consent import AutoRenewEnabled, AutoRenewSwitchedOff, ShownQuote
from engine.card.top_ups import TopUpStarted
from engine.commands import CloseCard, HoldCard, Issued, TopUp
from engine.errors import Refused
from tests.engine.engine_calls import LATER, bind, enable, execute, kinds, paying, register, switch_off
from tests.engine.recorded_history import CONSUMER
from tests.engine.samples import MONTH_PRICE, REGISTERED_AT, RULES


def test_a_command_that_changes_nothing_is_recorded_as_accepted(engine, store):
    [card_id] = paying(engine)
    already = enable(card_id, turn=2)
    assert execute(engine, [already], RULES, LATER) == [()]
    execute(engine, [switch_off(card_id)], RULES, LATER)
    assert execute(engine, [already], RULES, LATER) == [()]  # a repeated command is not executed again
    assert kinds(store, card_id)[-1] is AutoRenewSwitchedOff


def test_commands_that_were_accepted_are_known_by_their_ids(engine):
    [card_id] = paying(engine)
    off, refused = switch_off(card_id), enable(uuid4())
    execute(engine, [off, refused], RULES, LATER)
    assert engine.accepted_before([off.command_id, refused.command_id]) == {off.command_id}
    assert engine.accepted_before([]) == set()


def test_a_command_repeated_by_another_actor_is_the_same_command(engine, store):
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


def test_a_refusal_keeps_no_reference_to_its_batch(engine):
    no_such_plan = register(uuid4()).model_copy(update={"plan": "no such plan"})  # the refusal follows a KeyError
    for refused in execute(engine, [enable(uuid4()), no_such_plan], RULES, REGISTERED_AT):
        assert isinstance(refused, Refused)
        assert refused.__traceback__ is None  # which would hold every frame of the call, and what is in them
        assert refused.__context__ is None


def test_a_refused_command_leaves_no_trace_and_is_decided_again(engine):
    card_id = uuid4()
    enabling = enable(card_id)
    [refused] = execute(engine, [enabling], RULES, REGISTERED_AT)
    assert refused.code == "unknown_card"
    execute(engine, [register(card_id), bind(card_id)], RULES, REGISTERED_AT)
    [accepted] = execute(engine, [enabling], RULES, REGISTERED_AT)
    assert [type(one) for one in accepted] == [AutoRenewEnabled]


def test_of_two_concurrent_commands_with_one_id_for_two_cards_one_is_accepted(engine):
    one, other = paying(engine, 2)
    wishes = [switch_off(one), switch_off(other).model_copy(update={"command_id": f"off-{one}"})]
    answers = execute(engine, wishes, RULES, LATER)
    assert sorted(type(answer).__name__ for answer in answers) == ["Refused", "tuple"]


def test_a_command_is_compared_without_defaults_so_that_its_kind_may_get_more_fields():
    class Before(BaseModel):
        """The command before it knew of what is shown."""

        command_id: str
        card_id: UUID
        command: str = "EnableAutoRenew"
        months: int
        terms_version: str
        channel: str

    now = enable(uuid4())
    hash_then = sha256(Before(**now.model_dump(exclude={"shown"})).model_dump_json().encode()).digest()
    shown = now.model_copy(update={"shown": ShownQuote(MONTH_PRICE, "2026-11-01")})
    assert now.is_same(hash_then)
    assert now.is_same(now.body_hash())
    assert not shown.is_same(hash_then)
    assert not shown.is_same(now.body_hash())
    assert shown.is_same(shown.body_hash())


def test_commands_of_two_kinds_with_the_same_fields_are_not_the_same():
    ids = {"command_id": "c-1", "card_id": uuid4()}
    hold, close = HoldCard(**ids, reason="moved"), CloseCard(**ids, reason="moved")
    assert not hold.is_same(close.body_hash())


def test_who_is_overtaken_by_the_same_command_gets_its_reply_and_no_refusal(engine, store):
    """The other one is stored after this one looked for it, and before this one loads the card."""
    [card_id] = paying(engine)
    once = TopUp(command_id="once", card_id=card_id, amount=MONTH_PRICE)
    replies = []

    class Overtaken(Engine):
        def _load(self, card_ids, failed):
            if not replies:
                replies.extend(execute(engine, [once], RULES, LATER))
            return super()._load(card_ids, failed)

    [late] = execute(Overtaken(store, CONSUMER), [once], RULES, LATER)
    assert [type(one).__name__ for one in late] == ["TopUpStarted"]
    assert late == replies[0]
    assert kinds(store, card_id).count(TopUpStarted) == 1
