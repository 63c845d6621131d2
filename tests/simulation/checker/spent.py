"""What the balance paid for terms, and what of it went back another way: the checker's own model."""

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(slots=True)
class ClawedBack:
    """So much of what the balance paid for a term went back with an attempt, and does not come back with the term."""

    attempt_id: str
    of_term: int
    minor: int


@dataclass(slots=True)
class Spent:
    """Of one card."""

    paid: dict[int, int] = field(default_factory=dict[int, int])
    """What the balance paid for terms that may come back, by their number."""
    clawed_back: list[ClawedBack] = field(default_factory=list[ClawedBack])
    to_claw_back: int = 0
    """What has to be clawed back within the same append."""
    to_take: list[tuple[str, int]] = field(default_factory=list["tuple[str, int]"])
    """What has to leave the balance within the same append, as terms came back: of which attempts."""
    paid_out: int = 0
    lost: int = 0
    """What the bank took though it had gone back already."""
    is_moved: bool = False
    """Money moved in this append."""

    def renewed(self, number: int, from_balance: int) -> None:
        """A term is paid; what paid for one that is over does not come back."""
        self.paid = {one: minor for one, minor in {**self.paid, number: from_balance}.items() if one >= number - 1}
        self.clawed_back = [one for one in self.clawed_back if one.of_term >= number - 1]

    def left(self, number: int) -> int:
        """What would come back with a term."""
        return self.paid.get(number, 0) - sum(one.minor for one in self.clawed_back if one.of_term == number)

    def of(self, attempt_id: str) -> int:
        """What is clawed back with an attempt."""
        return sum(one.minor for one in self.clawed_back if one.attempt_id == attempt_id)

    def return_terms(self, numbers: Collection[int]) -> int:
        """These terms come back: what the balance paid for them; what of it has to leave again is in `to_take`."""
        minor = sum(self.paid.pop(number, 0) for number in numbers)
        self.to_take = [(one.attempt_id, one.minor) for one in self.clawed_back if one.of_term in numbers]
        self.clawed_back = [one for one in self.clawed_back if one.of_term not in numbers]
        return minor

    def free(self, attempt_id: str, minor: int) -> None:
        """So much of what is clawed back with an attempt comes back with its terms again."""
        for one in self.clawed_back:
            if one.attempt_id == attempt_id:
                freed = min(minor, one.minor)
                one.minor, minor = one.minor - freed, minor - freed

    def end(self) -> None:
        """The card is over: nothing comes back of its terms any more."""
        self.paid, self.clawed_back = {}, []
