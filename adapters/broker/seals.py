"""Signed heads of the log on the broker, where outsiders take them, and keep them away from the log's owner.

Each message is a head as `projections.audit.heads` writes it, on a stream of its own.
"""

from collections.abc import Sequence
from datetime import timedelta

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from adapters.broker.sending import Message, send
from adapters.broker.streams import DUPLICATE_WINDOW, ensure_stream
from adapters.settings import Settings
from projections.audit.heads import Head, HeadError, PublicKey, check_head, read_head

SEALS_STREAM, SEAL_SUBJECT = "BAOHAO_SEALS", "baohao.v1.audit.seal"
SEALS_MAX_BYTES = 16 * 1024**2
"""Room for about 40,000 heads; the oldest leave for newer ones, which vouch for them."""
SEAL_MAX_BYTES = 4096
"""The largest message with its headers; ours have 400 bytes."""
LOOK_BACK = 1000
"""So many messages of strangers may stand after our newest head."""
_FOR_EVER = timedelta(0)


async def ensure_seals_stream(jetstream: JetStreamContext, settings: Settings) -> StreamInfo:
    """The stream of heads: created if missing, its settings corrected; raises StandstillError."""
    return await ensure_stream(
        jetstream,
        StreamConfig(
            name=SEALS_STREAM,
            subjects=[SEAL_SUBJECT],
            num_replicas=settings.stream_replicas,
            retention=RetentionPolicy.LIMITS,
            max_age=_FOR_EVER.total_seconds(),
            max_bytes=SEALS_MAX_BYTES,
            max_msg_size=SEAL_MAX_BYTES,
            duplicate_window=DUPLICATE_WINDOW.total_seconds(),
        ),
    )


async def newest_head(jetstream: JetStreamContext, info: StreamInfo, key: PublicKey) -> Head | None:
    """The newest head on the stream that the key has signed; what else stands there is passed over."""
    last, first = info.state.last_seq, max(info.state.first_seq, 1)
    for sequence in range(last, max(first, last - LOOK_BACK) - 1, -1):
        try:
            message = await jetstream.get_msg(SEALS_STREAM, seq=sequence)
            head = read_head((message.data or b"").decode())
            check_head(head, [key])
        except (NotFoundError, UnicodeDecodeError, HeadError):
            continue
        return head
    return None


async def publish_heads(client: Client, heads: Sequence[Head]) -> None:
    """Publish heads in their order; raises NotStoredError."""
    await send(client, [Message(SEAL_SUBJECT, f"{head.origin} {head.size}", head.text.encode()) for head in heads])
