"""A resumable download: broken connections are retried with back-off and resume where they stopped."""

import json
import logging
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.ground.files import explained, publish, write_json

if TYPE_CHECKING:
    from requests import Response

Opener = Callable[[dict[str, str]], "Response"]
"""Opens a streamed GET with the given headers."""

ATTEMPTS = 5
CHUNK = 1 << 16  # the most that a broken connection loses
RETRIED = (408, 425, 429, 500, 502, 503, 504)
log = logging.getLogger(__name__)


class Interrupted(Exception):
    """A transient failure: worth another attempt, after `wait` seconds if the server named them."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Refused(Exception):
    """A permanent failure."""


def open_url(url: str, token: str | None = None) -> Opener:
    """Opens an address, with a bearer token where one is given."""
    import requests

    def opener(headers: dict[str, str]) -> "Response":
        auth = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(url, headers=headers | auth, stream=True, timeout=(10, 60))

    return opener


def download(opener: Opener, part: Path, pause: float = 1.0) -> None:
    """Fill `part`, resuming what an earlier call left there.

    Args:
        opener: opens the response.
        part: the file to fill; beside it, `<part>.json` identifies the download.
        pause: seconds before the first retry; doubled each time, up to half a minute.

    Raises:
        Refused: the server has no such file, or answers with an HTML page.
        Interrupted: it failed ATTEMPTS times in a row without progress.
        UserError: the disk is full.
    """
    import requests

    part.parent.mkdir(parents=True, exist_ok=True)
    failures, furthest = 0, 0
    while True:
        try:
            return _transfer(opener, part)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            problem = Interrupted(_reason(error))
        except requests.RequestException as error:
            raise Refused(str(error)) from None
        except Interrupted as error:
            problem = error
        size = part.stat().st_size if part.exists() else 0
        failures, furthest = (0, size) if size > furthest else (failures + 1, furthest)
        if failures >= ATTEMPTS:
            raise problem
        wait = max(problem.wait, min(pause * 2**failures, 30) * random.uniform(0.8, 1.2))
        log.warning("%s: %s; retrying in %.0f s", part.name.removesuffix(".part"), problem, wait)
        time.sleep(wait)


def _transfer(opener: Opener, part: Path) -> None:
    known = _known(part)
    have = part.stat().st_size if known is not None and part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    if have and known and known.get("validator"):
        headers["If-Range"] = known["validator"]
    with opener(headers) as response:
        _check_status(response, part)
        start, total = _extent(response)
        if start and (start != have or total != (known or {}).get("size")):
            forget(part)
            raise Interrupted("the file changed on the server")
        _check_content(response)
        _remember(part, response, total)
        with explained(part):
            _write(response, part, start)
    size = part.stat().st_size
    if total is not None and size < total:
        raise Interrupted(f"interrupted at {size} of {total} bytes")


def _check_status(response: "Response", part: Path) -> None:
    status = response.status_code
    if status == 416:  # the server's file is shorter than what we have
        forget(part)
        raise Interrupted("the file changed on the server")
    if status in RETRIED:
        after = response.headers.get("Retry-After", "")
        raise Interrupted(f"HTTP status {status} {response.reason}", min(float(after), 120) if after.isdigit() else 0)
    if status not in (200, 206):
        raise Refused(f"HTTP status {status} {response.reason}")


def _extent(response: "Response") -> tuple[int, int | None]:
    """First byte and total size of the response."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if response.status_code == 206 and match:
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _check_content(response: "Response") -> None:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise Refused(f"the server answered with an HTML page ({page_title(response.text)!r}) instead of the file")


def page_title(page: str) -> str:
    """The title of an HTML page, or the beginning of its text."""
    match = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return " ".join((match[1] if match else re.sub(r"<[^>]+>", " ", page)).split())[:80]


def _write(response: "Response", part: Path, start: int) -> None:
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _known(part: Path) -> dict | None:
    try:
        return json.loads(_notes(part).read_text())
    except (OSError, ValueError):
        return None


def _remember(part: Path, response: "Response", total: int | None) -> None:
    etag = response.headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    write_json(_notes(part), {"size": total, "validator": validator})


def forget(part: Path) -> None:
    """Remove an unfinished download."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


def finish(part: Path, target: Path) -> None:
    """The download becomes the file."""
    publish(part, target)
    forget(part)


def _reason(error: BaseException) -> str:
    """The innermost message of urllib3's errors, which requests wraps."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    error = getattr(error, "reason", None) or error
    text = str(error.args[0]) if error.args else type(error).__name__
    return re.sub(r"^.*\bobject at 0x\w+>: |^\w+Connection\(.*?\): ", "", text)
