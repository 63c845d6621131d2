"""Signed heads of the log on the broker, where outsiders take them, and keep them away from the log's owner.

Each message is a head as `projections.audit.heads` writes it, on a stream of its own.
"""

from collections.abc import Sequence

from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from projections.audit.heads import Head, HeadError, PublicKey, check_head, read_head

SEALS_STREAM, SEAL_SUBJECT = "BAOHAO_SEALS", "baohao.v1.audit.seal"
LOOK_BACK = 1000
"""So many messages of strangers may stand after our newest head."""
ACK_TIMEOUT_S = 10.0


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


async def publish_heads(jetstream: JetStreamContext, heads: Sequence[Head]) -> None:
    """Publish heads in their order, each when the one before is stored."""
    for head in heads:
        headers = {"Nats-Msg-Id": f"{head.origin} {head.size}"}
        await jetstream.publish(SEAL_SUBJECT, head.text.encode(), headers=headers, timeout=ACK_TIMEOUT_S)
