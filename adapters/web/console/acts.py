"""What may be done with a card: each act with its form, its command, and when it is offered."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from adapters.web.console.roles import Action
from adapters.web.console.sessions import Operator
from adapters.web.pages.paying import amount_of
from engine.card.card import Card
from engine.card.doubt import is_in_doubt
from engine.commands import (
    AnyCommand,
    ConfirmNumber,
    ConfirmReclaim,
    HoldCard,
    RecordRefund,
    RefundCharge,
    ReleaseCard,
    ResolveAttempt,
    SwitchOffAutoRenew,
)

Kind = Literal["text", "long", "money", "choice", "check"]


class Field(NamedTuple):
    """A field of a form; of a choice the first option is chosen unless another one is."""

    name: str
    label: str
    kind: Kind = "text"
    hint: str = ""
    options: Sequence[tuple[str, str]] = ()
    optional: bool = False


class Filled(NamedTuple):
    """A form that was filled in, of which each field is there."""

    card: Card
    command_id: str
    attempt_id: UUID | None
    values: Mapping[str, str]

    @property
    def about(self) -> dict[str, object]:
        """What each command has."""
        return {"command_id": self.command_id, "card_id": self.card.card_id}

    @property
    def of_attempt(self) -> dict[str, object]:
        """What a command about a charge has."""
        return {**self.about, "attempt_id": self.attempt_id}

    def money(self, name: str) -> object:
        """The amount of a field; None where it is empty."""
        amount = amount_of(self.values[name], self.card.custody.currency) if self.values[name].strip() else None
        return amount and {"minor": amount.minor, "currency": amount.currency}


class Act(NamedTuple):
    """One of them; `name` stands in the address, `effect` says what it leads to."""

    action: Action
    name: str
    title: str
    effect: str
    fields: Sequence[Field]
    command: Callable[[Filled], AnyCommand]
    on_attempt: bool = False
    """Whether it is about one charge."""
    fits: Callable[[Card], bool] = lambda _: True
    """Whether it is offered for a card as it stands, and taken; the engine judges it in any case."""
    unfit: str = ""
    """What is said where it does not fit."""

    def fits_here(self, card: Card, attempt_id: UUID | None) -> bool:
        """Whether it fits the card as it stands; what is about a charge is the engine's to judge."""
        return attempt_id is not None or self.fits(card)


REASON = Field("reason", "Reason", hint="For those who come after you. No personal data.")
EVIDENCE = Field("evidence", "Evidence", "long", "Where you found it out: a reference, never personal data.")
ENDS_TERM = Field("ends_term", "The term that it paid for ends too", "check", optional=True)


def _is_kept(card: Card) -> bool:
    return card.status not in {"reclaimed", "closed"}


ACTS = (
    Act(
        "switch_off",
        "switch-off",
        "Switch auto-renewal off",
        "Nothing more is charged for further terms. A charge that is under way runs to its end.",
        (
            Field(
                "who",
                "Who wants it",
                "choice",
                options=(("holder", "The holder asked for it"), ("operator", "We decided it")),
            ),
            REASON,
        ),
        lambda form: SwitchOffAutoRenew.model_validate({**form.about, "reason": form.values["who"]}),
        fits=lambda card: card.consent is not None,
        unfit="Auto-renewal is off already.",
    ),
    Act(
        "hold",
        "hold",
        "Hold",
        "Nothing is charged, suspended or given up until the card is released.",
        (REASON,),
        lambda form: HoldCard.model_validate({**form.about, "reason": form.values["reason"]}),
        fits=lambda card: _is_kept(card) and card.held_since is None,
        unfit="The card is held already, or is over.",
    ),
    Act(
        "release",
        "release",
        "Release",
        "Automatic work on the card goes on. Deadlines move by the time of the hold.",
        (REASON,),
        lambda form: ReleaseCard.model_validate(form.about),
        fits=lambda card: card.held_since is not None,
        unfit="The card is not held.",
    ),
    Act(
        "confirm_number",
        "number-exists",
        "Confirm that the number exists",
        "A card whose number was in doubt may be charged again.",
        (EVIDENCE,),
        lambda form: ConfirmNumber.model_validate({**form.about, "evidence": form.values["evidence"]}),
        fits=lambda card: _is_kept(card) and is_in_doubt(card),
        unfit="The number is not in doubt.",
    ),
    Act(
        "confirm_reclaim",
        "number-lost",
        "Confirm that the number is lost",
        "The carrier took the number back. This is final.",
        (REASON,),
        lambda form: ConfirmReclaim.model_validate(form.about),
        fits=lambda card: _is_kept(card) and (card.status == "suspended" or is_in_doubt(card)),
        unfit="Only the number of a card that is suspended, or that is in doubt, can be lost.",
    ),
    Act(
        "record_refund",
        "record-refund",
        "Record a refund made elsewhere",
        "The money went back by another way, such as a bank transfer. Nothing is sent to the gateway.",
        (
            Field("amount", "Amount", "money"),
            Field(
                "to",
                "Where it went",
                "choice",
                options=(("method", "To the payer"), ("balance", "Onto the balance")),
            ),
            ENDS_TERM,
            EVIDENCE,
        ),
        lambda form: RecordRefund.model_validate(
            {
                **form.of_attempt,
                "amount": form.money("amount"),
                "to": form.values["to"],
                "evidence": form.values["evidence"],
                "ends_term": form.values["ends_term"] == "yes",
            }
        ),
        fits=lambda card: card.balance.minor > 0,
        unfit="Nothing is on the balance. The refund of a charge is recorded beside the charge.",
    ),
    Act(
        "refund",
        "refund",
        "Refund a charge",
        "The gateway is asked to give the money back.",
        (
            Field("amount", "Amount", "money", "Empty: all that is left of it.", optional=True),
            ENDS_TERM,
            REASON,
        ),
        lambda form: RefundCharge.model_validate(
            {**form.of_attempt, "amount": form.money("amount"), "ends_term": form.values["ends_term"] == "yes"}
        ),
        on_attempt=True,
    ),
    Act(
        "resolve",
        "resolve",
        "Resolve an attempt",
        "Says for good whether money moved. Look it up at the gateway first.",
        (
            Field(
                "charged",
                "What you found",
                "choice",
                options=(("no", "It never took money"), ("yes", "It took money")),
            ),
            Field("gateway_ref", "Reference of the gateway", hint="Where it took money.", optional=True),
            EVIDENCE,
        ),
        lambda form: ResolveAttempt.model_validate(
            {
                **form.of_attempt,
                "charged": form.values["charged"] == "yes",
                "gateway_ref": form.values["gateway_ref"] or None,
                "evidence": form.values["evidence"],
            }
        ),
        on_attempt=True,
    ),
)


def acts_on(card: Card, operator: Operator) -> list[Act]:
    """What the operator is offered for a card; acts on one charge stand beside the charge."""
    return [one for one in ACTS if not one.on_attempt and one.fits(card) and operator.may(one.action)]
