"""Spans to a collector, by OpenTelemetry's own SDK, which is an optional package: batched, off the caller's thread.

A collector that is away costs spans and nothing else: what does not fit into the queue is dropped.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Timer

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from adapters.settings import Settings
from adapters.traces import Span, traces

SCOPE = InstrumentationScope("baohao")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SEND_EVERY_MS = 1000
SEND_WITHIN_S = 3
"""The longest that one batch may take, which is also how long the end of a role may wait for it."""
KINDS = {"command": SpanKind.SERVER, "wake": SpanKind.CONSUMER, "publish": SpanKind.PRODUCER}


@contextmanager
def collected(url: str, role: str, settings: Settings) -> Iterator[None]:
    """Meanwhile, the traces of this process go to the collector; at the end what is left is sent."""
    resource = Resource.create(
        {
            "service.name": "baohao",
            "service.namespace": settings.cell,
            "service.instance.id": f"{role}:{socket.gethostname()}:{os.getpid()}",
            "baohao.role": role,
        }
    )
    exporter = OTLPSpanExporter(url, timeout=SEND_WITHIN_S)
    processor = BatchSpanProcessor(exporter, schedule_delay_millis=SEND_EVERY_MS)
    # it warns of each span that it drops, besides each batch that is not taken
    logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.ERROR)
    traces.share = settings.traces_share
    traces.export = lambda span: processor.on_end(_readable(span, resource))
    try:
        yield
    finally:
        traces.export = None
        no_longer = Timer(SEND_WITHIN_S, exporter.shutdown)
        no_longer.start()
        processor.shutdown()
        no_longer.cancel()


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    return ReadableSpan(
        span.name,
        context=_context(span.trace_id, span.span_id),
        parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id),
        resource=resource,
        attributes=span.attributes,
        kind=SpanKind.CLIENT if span.name.startswith("gateway.") else KINDS.get(span.name, SpanKind.INTERNAL),
        instrumentation_scope=SCOPE,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=_ns(span.began),
        end_time=_ns(span.ended),
    )


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _ns(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * 1000
