"""Small bugs around the cards: in the pipeline, in what is recorded of a batch, in limits and notices."""

from msgspec.structs import replace

from engine import decisions, networks, notices, pipeline, questions
from engine.actor import actor
from engine.card import asking, dunning
from engine.card import next as following
from engine.card.lapse import Suspended
from engine.card.top_ups import TopUpFailed
from engine.card.wait import Wait
from engine.declines import CONSEQUENCES
from engine.store.port import Refusals
from tests.simulation import memory, workers, world
from tests.simulation.bugs import DAY, Change


def limit_called_advice() -> list[Change]:
    """What a network limit forbids is said to be delayed by an issuer's advice, a last try too."""
    real, forbidden = dunning._next_rung, following.withheld_by_limit

    def next_rung(*args):
        found = real(*args)
        return replace(found, limit=None) if isinstance(found, dunning.Withhold) else found

    def by_limit(attempt, limited):
        return replace(forbidden(attempt, limited), reason="advice_delay", limits_edition=None)

    return [(dunning, "_next_rung", next_rung), (following, "withheld_by_limit", by_limit)]


def charged_though_nobody_confirmed() -> list[Change]:
    return [(following, "is_in_doubt", lambda _: False), *charged_past_the_carriers_date()]


def charged_past_the_carriers_date() -> list[Change]:
    return [(following, "may_be_lost", lambda *_: False)]


def limits_not_enforced() -> list[Change]:
    return [(networks.LimitBook, "_limited", lambda *_: None)]


def limit_counts_one_day() -> list[Change]:
    return [(networks, "NETWORK_LIMITS", tuple(limit._replace(window=DAY / 2) for limit in networks.NETWORK_LIMITS))]


def open_tries_are_the_holders_affair() -> list[Change]:
    real = networks._broken

    def broken(*about):
        limited = real(*about)
        return limited and limited._replace(open_only=False)

    return [(networks, "_broken", broken)]


def early_rungs_use_up_the_limit() -> list[Change]:
    return [(networks.NetworkLimit, "most_early", property(lambda limit: limit.most))]


def advice_binds_one_method() -> list[Change]:
    return [(networks.LimitBook, "_delays", lambda *_: [])]


def advice_ends_with_a_clock_that_was_ahead() -> list[Change]:
    real = networks.LimitBook.write

    def write(self, effects):
        real(self, effects)
        for one in effects.tries:
            if self.delayed.get(one.fingerprint, one.at) < one.at:
                del self.delayed[one.fingerprint]

    return [(networks.LimitBook, "write", write)]


def never_does_not_block() -> list[Change]:
    class Forgetful(set):
        def update(self, *_):
            pass

    real = networks.LimitBook.__init__

    def init(self):
        real(self)
        self.blocked = Forgetful()

    return [(networks.LimitBook, "__init__", init)]


def notices_doubled() -> list[Change]:
    real = following.payment_failed
    return [(following, "payment_failed", lambda *args: real(*args) * 2)]


def failure_told_after_each_method() -> list[Change]:
    real = following.charge_renewal

    def charge_renewal(card, rules, at):
        step = real(card, rules, at)
        told = card.renewal is not None and card.renewal.declines and isinstance(step, tuple)
        first = following.payment_failed(card, Wait(at, "told"), rules.policy, at) if told else ()
        return step if not first else (*step, *first)

    return [(following, "charge_renewal", charge_renewal)]


def command_memory_off() -> list[Change]:
    recorder = memory.MemoryRecorder
    return [(recorder, "accepted_commands", lambda *_: {}), (recorder, "_repeated", lambda *_: set())]


def versions_not_compared() -> list[Change]:
    return [(memory.MemoryRecorder, "_goes_on", lambda *_: True)]


def append_lost_but_acknowledged() -> list[Change]:
    real = memory.MemoryRecorder.append_many

    def append_many(self, writes):
        lost = self.position % 50 == 49
        return Refusals(frozenset(), {}) if lost else real(self, writes)

    return [(memory.MemoryRecorder, "append_many", append_many)]


def secrets_told() -> list[Change]:
    return [(notices, "SHOWN_CODES", CONSEQUENCES.keys())]


def notice_key_used_again() -> list[Change]:
    real = world.notice_of
    return [(world, "notice_of", lambda one: replace(real(one), key=f"{one.card_id}:{real(one).kind}"))]


def withdrawn_top_up_told() -> list[Change]:
    real = notices._content

    def content(fact):
        return real(replace(fact, withdrawn=False) if isinstance(fact, TopUpFailed) else fact)

    return [(notices, "_content", content)]


def suspension_told_to_nobody() -> list[Change]:
    real = world.notice_of
    return [(world, "notice_of", lambda one: None if isinstance(one.fact, Suspended) else real(one))]


def sent_however_long_it_lay() -> list[Change]:
    return [(pipeline, "look_up_unless_in_time", lambda question, _: question)]


def sent_though_the_clock_went_back() -> list[Change]:
    real = asking.sent_within
    begin = world.BEGIN

    def sent_within(*about):
        return real(*about)._replace(begins=begin)

    return [(asking, "sent_within", sent_within), (questions, "sent_within", sent_within)]


def clock_ahead_forgotten() -> list[Change]:
    return [(workers, "replace", lambda rules, **_: rules)]


def failed_cards_not_parked() -> list[Change]:
    real = pipeline._retry_alone

    def retried(failed, causes):
        yield from real(failed, causes)
        return {}

    return [(pipeline, "_retry_alone", retried)]


def failed_cards_not_retried() -> list[Change]:
    def retried(failed, _):
        yield from ()
        return {card_id: str(error) for card_id, error in failed.items()}

    return [(pipeline, "_retry_alone", retried)]


def time_out_not_recorded() -> list[Change]:
    real = pipeline._to_record

    def answers(replies, failed):
        return real([(question, reply) for question, reply in replies if reply is not None], failed)

    return [(pipeline, "_to_record", answers)]


def answers_of_a_batch_dropped() -> list[Change]:
    real = pipeline._to_record
    return [(pipeline, "_to_record", lambda replies, failed: real(replies, failed)[:3])]


def commands_done_by_the_system() -> list[Change]:
    real = decisions.Append

    def append(*parts):
        return real(*parts[:5], actor("system", "consumer"), *parts[6:])

    return [(decisions, "Append", append)]
