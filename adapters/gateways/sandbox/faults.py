"""Faults on demand: what goes wrong, how often, and with which requests; the same seed gives the same faults.

A fault of the API is drawn for each arrival of a request, from the seed, its idempotency key (or its path and form) and
how often it came before, so that a repeated request may have better luck.
"""

from collections import Counter
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Literal, get_args

from msgspec import Struct

ApiFault = Literal[
    "delay",  # done, and answered after `seconds`
    "commit_then_stall",  # done, and never answered: the connection ends after `seconds`
    "stall_then_commit",  # done only after `seconds`, and answered
    "dropped",  # done, and the connection ends without an answer
    "rate_limit",  # 429, nothing done
    "lock_timeout",  # 429, nothing done
    "error_before",  # 500, nothing done, kept under the key
    "error_after",  # 500 although it was done, kept under the key
    "gateway_before",  # 502 in HTML, nothing done
    "gateway_after",  # 502 in HTML, although it was done
    "cut",  # half of the answer, then the connection ends
    "stalled",  # half of the answer, and the connection ends after `seconds`
    "trickling",  # a byte every tenth of a second, for `seconds`
    "oversized",  # the answer among megabytes of blanks
    "not_json",  # 200 with HTML, although it was done
    "wrong_amount",  # an amount in the answer that is one too high
]
WebhookFault = Literal["webhook_doubled", "webhook_delayed", "webhook_reordered", "webhook_lost"]
BEFORE = ("rate_limit", "lock_timeout", "gateway_before")
"""Faults of which the desk never hears."""


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of fault.

    `share` of the requests (or webhooks) that fit `method` and `path` have it, at most `times` of them. `path` is a
    pattern below `/v1/`, such as `payment_intents*`; for webhooks it is one of event types.
    """

    kind: ApiFault | WebhookFault
    share: float = 1.0
    method: str | None = None
    path: str = "*"
    times: int | None = None
    seconds: float = 60.0


class Faults:
    """The faults that are on; `use` replaces them."""

    def __init__(self, seed: int, faults: tuple[Fault, ...] = ()) -> None:
        self._seed = seed.to_bytes(8, "big", signed=True)
        self._seen: Counter[str] = Counter()
        self.use(faults)

    def use(self, faults: tuple[Fault, ...]) -> None:
        """Have these from now on, with all their `times` to come."""
        self.on = faults
        self._left = [fault.times for fault in faults]
        self._seen.clear()

    def of_request(self, method: str, path: str, identity: str) -> Fault | None:
        """The fault that this arrival of a request has."""
        return self._drawn(get_args(ApiFault), method, path, identity) if self.on else None

    def of_webhook(self, event_type: str, event_id: str) -> Fault | None:
        """The fault that the delivery of an event has."""
        return self._drawn(get_args(WebhookFault), None, event_type, event_id) if self.on else None

    def _drawn(self, kinds: tuple[str, ...], method: str | None, path: str, identity: str) -> Fault | None:
        self._seen[identity] += 1
        for index, fault in enumerate(self.on):
            if fault.kind not in kinds or (fault.method and fault.method != method) or self._left[index] == 0:
                continue
            if fnmatchcase(path, fault.path) and self._roll(identity, index) < fault.share:
                left = self._left[index]
                self._left[index] = None if left is None else left - 1
                return fault
        return None

    def _roll(self, identity: str, index: int) -> float:
        asked = f"{identity}:{self._seen[identity]}:{index}".encode()
        return int.from_bytes(blake2b(asked, key=self._seed, digest_size=6).digest()) / 2**48
