"""Values: what a card is made of and what is decided about it; compared by content, never changed."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(kind: type[T]) -> type[T]:
    """A dataclass to which the type checker lets nobody assign: `frozen=True` would triple the price of making one."""
    return dataclass(unsafe_hash=True)(kind)
