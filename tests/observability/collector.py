"""A collector that takes spans by OTLP over HTTP, as a real one does."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from typing import Self


class Collector:
    """Use: ``with Collector() as collector``, then :attr:`url` and :meth:`spans`."""

    def __init__(self) -> None:
        taken: list[tuple[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            """Decodes what it is sent; another path or type is refused."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                known = self.path == "/v1/traces"
                if known and self.headers["content-type"] == "application/x-protobuf":
                    taken.extend(_spans(ExportTraceServiceRequest.FromString(body)))
                    self.send_response(200)
                else:
                    self.send_response(404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
                """Say nothing."""

        self._taken = taken
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def spans(self) -> list[tuple[str, Any]]:
        """Service's name and span, of all that came so far."""
        return list(self._taken)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _spans(request: Any) -> list[tuple[str, Any]]:
    return [
        (_service(resource.resource), span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _service(resource: Any) -> str:
    (name,) = [
        each.value.string_value for each in resource.attributes if each.key == "service.name"
    ]
    return str(name)
