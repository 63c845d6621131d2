"""A collector of traces, as OpenTelemetry's exporters know it."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from adapters.traces import ids_of


class Collector:
    """An OTLP collector: what it was sent."""

    def __init__(self):
        self.spans = []
        """Pairs of the role and the span."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.spans += _spans(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def of(self, correlation_id):
        """The names of the spans of one trace, each with its role and its parent's name."""
        trace_id = ids_of(correlation_id)[0].to_bytes(16)
        found = [(role, one) for role, one in self.spans if one.trace_id == trace_id]
        names = {one.span_id: one.name for _, one in found}
        return {(role, one.name, names.get(one.parent_span_id)) for role, one in found}


def _spans(request):
    for resource in request.resource_spans:
        about = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            yield from ((about["baohao.role"], span) for span in scope.spans)
