"""A workaround for two libraries that disagree about the error of a fetch that times out."""

import nats.errors
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.msg import Msg


def raise_nats_timeouts(subscriber: BatchPullStreamSubscriber) -> None:
    """Let the subscriber's fetch raise NATS's own TimeoutError; call it after each start of the broker.

    When a fetch ends just before its deadline, nats-py (2.16) raises asyncio's TimeoutError. FastStream (0.7) expects
    only NATS's, and would lose the messages fetched so far until the broker redelivers them.
    """
    subscription = subscriber.subscription
    if subscription is None:
        return
    fetch = subscription.fetch

    async def fetch_or_nats_timeout(
        batch: int = 1,
        timeout: float | None = 5,  # noqa: ASYNC109 (the signature of fetch)
        heartbeat: float | None = None,
    ) -> list[Msg]:
        try:
            return await fetch(batch, timeout, heartbeat)
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error

    subscription.fetch = fetch_or_nats_timeout
