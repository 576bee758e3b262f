"""A local HTTP server with the faults of real ones, for the tests of downloads."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the server's routes; `seen` collects (path, Range header)."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Look the path up, without its query."""
        self.server.seen.append((self.path, self.headers.get("Range")))
        route = self.server.routes.get(self.path.partition("?")[0])
        (route or page("no such file", status=404))(self)

    def send(self, status: int, body: bytes, send_at_most: int | None = None, **headers: str) -> None:
        """Answer; fewer bytes than announced and a closed connection where `send_at_most` says so."""
        self.send_response(status)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(body))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:send_at_most])
        if send_at_most is not None and send_at_most < len(body):
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Be quiet."""


def file(
    content: bytes, *, breaks: list[int] = (), etag: str | None = '"v1"', ranges: bool = True, piece: int | None = None
) -> Answer:
    """A file; each entry of `breaks` ends one answer after so many bytes, a range is answered up to `piece` bytes."""
    remaining = list(breaks)

    def answer(handler: Handler) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", "")) if ranges else None
        same = handler.headers.get("If-Range", etag) == etag
        start = int(asked[1]) if asked and same else 0
        headers = {"ETag": etag} if etag else {}
        if asked and start >= len(content):
            return handler.send(416, b"", **headers)
        body = content[start:][: piece if start else None]
        if start:
            headers["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{len(content)}"
        cut = remaining.pop(0) if remaining else None
        return handler.send(206 if start else 200, body, cut, **headers)

    return answer


def page(title: str, status: int = 200, body: str = "", **headers: str) -> Answer:
    """An HTML page."""
    html = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>".encode()
    return lambda handler: handler.send(status, html, Content_Type="text/html; charset=utf-8", **headers)


def redirect(location: str) -> Answer:
    """302 Found."""
    return lambda handler: handler.send(302, b"", Location=location)


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last one for ever."""
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that was killed is no error here."""


@contextmanager
def serve() -> Iterator[ThreadingHTTPServer]:
    """A server on a free port: fill `.routes`, read `.seen`, ask at `.address`."""
    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.routes, server.seen = {}, []
    server.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
