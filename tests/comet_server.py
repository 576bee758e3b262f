"""A local server that answers comet_ml as Comet does, as far as its numbers go, and keeps what it is sent."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

_ANSWER = {
    "msg": "ok", "runId": "0" * 32, "project_id": "ivvit",
    "is_alive_beat_duration_millis": 60_000, "gpu_monitor_interval_millis": 60_000,
}  # fmt: skip


class CometServer(ThreadingHTTPServer):
    """Requests as (path, JSON body), in the order they came; `address` is for COMET_URL_OVERRIDE."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, Any]] = []
        self.status = 200

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/clientlib/"

    def starts(self) -> list[tuple[str, str]]:
        """(what was asked for: add or get, the experiment's key) of each beginning."""
        begun = [(path.split("/")[-2], body) for path, body in self.requests if "/logger/" in path and "/run" in path]
        return [(what, body.get("experimentKey") or body["previousExperiment"]) for what, body in begun]

    def metrics(self) -> dict[str, set[tuple[str, int, float]]]:
        """(name, step, value) by experiment key, without comet_ml's own numbers."""
        found: dict[str, set[tuple[str, int, float]]] = {}
        for path, body in self.requests:
            if path.endswith("/logger/experiment/metric"):
                values = {(v["metricName"], v["step"], float(v["metricValue"])) for v in body["values"]}
                found.setdefault(body["experimentKey"], set()).update(v for v in values if "/" in v[0])
        return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Nothing: tests print enough."""

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        if "json" in self.headers.get("Content-Type", ""):
            self.server.requests.append((self.path, json.loads(raw)))
        answer = json.dumps(_ANSWER).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def comet_server() -> Iterator[CometServer]:
    """A server on a free port of this machine, within the context."""
    with CometServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
