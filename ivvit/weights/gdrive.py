"""Google Drive: large files come behind a page that asks for confirmation.

By hand rather than with gdown (as of 6.5): its partial files have random names and no record of what they are part of,
so that another process may resume with another version of the file; its addresses of Google are fixed, so that no local
server can stand in for it in tests; and it would replace this file only, not the resumable download, which all other
addresses need anyway.
"""

import re
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from ivvit.weights.download import Opener, Refused, page_title

if TYPE_CHECKING:
    from requests import Response

ADDRESS = "https://drive.google.com/uc?export=download&id={id}"


def drive_address(location: str) -> str:
    """The download address of a file id or of a link to share; any other address stays as it is."""
    link = re.match(r"https://(?:drive|docs)\.google\.com/.*?(?:/d/|[?&]id=)([\w-]{20,})", location)
    if link:
        return ADDRESS.format(id=link[1])
    return location if location.startswith(("http://", "https://")) else ADDRESS.format(id=location)


def open_drive(location: str) -> Opener:
    """Opens a file on Google Drive, confirming the page that says it is too large to be scanned for viruses."""
    import requests

    session = requests.Session()  # the confirmation is valid with the page's cookies only

    def opener(headers: dict[str, str]) -> "Response":
        response = session.get(drive_address(location), headers=headers, stream=True, timeout=(10, 60))
        for _ in range(2):
            if response.status_code != 200 or not response.headers.get("Content-Type", "").startswith("text/html"):
                break
            action, fields = read_confirmation(response.text, response.url)
            response = session.get(action, params=fields, headers=headers, stream=True, timeout=(10, 60))
        return response

    return opener


def read_confirmation(page: str, url: str) -> tuple[str, dict[str, str]]:
    """The address and fields that the page's download form submits.

    Raises:
        Refused: the page has no such form: no such file, not shared, or its download quota is exceeded.
    """
    form = _Form()
    form.feed(page)
    if form.action is not None:
        return urljoin(url, form.action), form.fields
    link = re.search(r'href="([^"]*[?&]confirm=[^"]*)"', unescape(page))  # the older page: a link instead of a form
    if link:
        return urljoin(url, link[1]), {}
    raise Refused(f"Google Drive answered with a page ({page_title(page)!r}) instead of the file")


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form" and "download" in (values.get("id") or values.get("action") or ""):
            self.action = values.get("action")
        elif tag == "input" and self.action is not None and (name := values.get("name")):
            self.fields[name] = values.get("value") or ""
