"""Places of other systems in our streams, kept by the broker: durable consumers that only the named one may use.

Who may make consumers may have the broker write on any subject. So ours are made here, and their readers need no
right but to fetch and to acknowledge.
"""

from collections.abc import Iterable

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError


async def ensure_reader(jetstream: JetStreamContext, stream: str, name: str, subjects: str) -> None:
    """The consumer of `name`, created if it is missing: from the first message that the stream has, one at a time.

    Of several that are under way, one that is delivered again would come behind newer ones.
    """
    try:
        await jetstream.consumer_info(stream, name)
    except NotFoundError:
        config = ConsumerConfig(
            durable_name=name,
            ack_policy=AckPolicy.EXPLICIT,
            deliver_policy=DeliverPolicy.ALL,
            max_ack_pending=1,
            filter_subject=subjects,
        )
        await jetstream.add_consumer(stream, config)


async def ensure_readers(jetstream: JetStreamContext, stream: str, names: Iterable[str], subjects: str) -> None:
    """That of each name, for all of the stream."""
    for name in sorted(names):
        await ensure_reader(jetstream, stream, name, subjects)
