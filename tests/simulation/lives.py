"""The life of one simulated card, and the payment methods that its holder has."""

from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Any
from uuid import UUID

from engine.card.methods import MethodKind, PaymentMethod
from tests.simulation.chance import weighted

_HARD = (
    ("lost_card", None, None),
    ("expired_card", None, None),
    ("authentication_required", None, None),
    ("revocation_of_authorization", None, None),
    ("stop_payment_order", None, "R0"),
    ("revocation_of_all_authorizations", None, "R1"),
    ("do_not_honor", "21", None),
    ("do_not_honor", "03", None),
    ("do_not_honor", "01", None),
    ("generic_decline", None, "54"),
    ("generic_decline", None, "14"),
    ("generic_decline", "do_not_try_again", None),
    ("restricted_card", None, None),
    ("duplicate_transaction", None, None),
    ("invalid_amount", None, None),
)
_SOFT = (
    ("insufficient_funds", None, None),
    ("do_not_honor", None, None),
    ("nobody_knows_this_code", None, None),
    ("insufficient_funds", "try_again_later", None),
)
_SLOW = (
    ("processing_error", None, None),
    ("card_velocity_exceeded", None, None),
    ("do_not_honor", "02", None),
    ("do_not_honor", "24", None),
    ("do_not_honor", "27", None),
    ("do_not_honor", "30", None),
)
_UNCLEAR = ("timeout_charged", "timeout_uncharged", "server_error", "slow", "silent")
_BEHAVIOURS = (("good", 50.0), ("unclear", 12.0), ("soft", 20.0), ("slow", 8.0), ("hard", 10.0))
_HARSH_BEHAVIOURS = (("good", 0.2), ("unclear", 2.0), ("soft", 90.0), ("slow", 5.0), ("hard", 2.8))


@dataclass
class Life:
    """One card in one place of the world; when it ends, a card of the next generation takes the place."""

    slot: int
    generation: int
    card_id: UUID
    plan: str
    currency: str
    born_at: datetime
    shared_cards: int
    """How many payment cards are used by several holders."""
    harsh: bool = False
    """Nearly every payment fails."""
    methods: int = 0
    """How many methods were made up so far; their ids are m1, m2, …"""
    commands: int = 0
    """How many commands were made up so far."""

    @property
    def holder_id(self) -> str:
        """Two cards belong to one holder."""
        return f"h{self.slot // 2}"

    def ids(self) -> dict[str, Any]:
        """The id of a new command, and its card."""
        self.commands += 1
        return {"command_id": f"{self.slot}.{self.generation}.{self.commands}", "card_id": self.card_id}

    def method_ids(self) -> tuple[str, ...]:
        """The ids of all methods made up so far."""
        return tuple(f"m{number}" for number in range(1, self.methods + 1))

    def new_method(self, dice: Random, *, good: bool = False) -> PaymentMethod:
        """Another payment method."""
        self.methods += 1
        unique = f"{self.slot}.{self.generation}.{self.methods}"
        kind: MethodKind = dice.choice(("credit_card", "debit_card", "paypal", "e_wallet"))
        if self.harsh and dice.random() < 0.75:
            kind = "e_wallet"
        is_card = kind.endswith("card")
        shared = dice.random() < 0.4
        fingerprint = f"fp-shared-{dice.randrange(self.shared_cards)}" if shared else f"fp-{unique}"
        return PaymentMethod(
            method_id=f"m{self.methods}",
            kind=kind,
            token=f"sim:good:{unique}" if good else _token(dice, unique, harsh=self.harsh),
            brand=dice.choice(("visa", "mastercard", "MasterCard", "amex", None)) if is_card else None,
            last4="4242" if is_card else None,
            expires_on=date(2027 + dice.randrange(4), 1 + dice.randrange(12), 1) if is_card else None,
            fingerprint=fingerprint if is_card else None,
        )


def _token(dice: Random, unique: str, *, harsh: bool) -> str:
    behaviour = weighted(dice, _HARSH_BEHAVIOURS if harsh else _BEHAVIOURS)
    if behaviour == "good":
        return f"sim:good:{unique}"
    if behaviour == "unclear":
        return f"sim:{dice.choice(_UNCLEAR)}:{unique}"
    percent, codes = {
        "soft": (dice.choice((95, 99, 100, 100)) if harsh else dice.choice((20, 60, 90, 100)), _SOFT),
        "slow": (dice.choice((30, 80)), _SLOW),
        "hard": (100, _HARD),
    }[behaviour]
    joined = "+".join(code or "" for code in dice.choice(codes)).rstrip("+")
    return f"sim:flaky:{percent}+{joined}:{unique}"
