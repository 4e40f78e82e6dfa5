"""One call by HTTP.

By urllib: it knows proxies, and tells a call that was not sent (URLError) from one without an answer. It
follows no redirect here, so a token goes nowhere else; and headers are no arguments of a process.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPException, InvalidURL
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

#: Of macOS, for a Python that has no certificates of its own.
CERTIFICATES = "/etc/ssl/cert.pem"


class Answer(NamedTuple):
    """What came back, or why nothing did.

    Args:
        status: None when there is none.
        error: Why there is none, or what is wrong with it.
        after: When the same call may do better, as the other side says.
        arrived: Whether the call may have reached it.
        doubted: Whether an earlier try of the same call may have been carried out.
    """

    status: int | None
    body: bytes = b""
    after: str = ""
    error: str = ""
    arrived: bool = True
    doubted: bool = False

    @property
    def good(self) -> bool:
        """Whether the call did what it should."""
        return 200 <= (self.status or 0) < 300


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Make an answer of it, as of any other."""


@lru_cache
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and os.path.exists(CERTIFICATES):
        context.load_verify_locations(CERTIFICATES)
    return context


def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = 60) -> Answer:
    """Make one call, once; seconds it may take.

    A timeout of urllib is one of each read, which would let an answer drip for ever.
    """
    request = Request(url, body, dict(headers), method=method)  # noqa: S310 (the host's)
    came = [Answer(None, error=f"{request.host}: no whole answer in {timeout:g} s")]
    call = threading.Thread(target=lambda: came.insert(0, _sent(request, timeout)), daemon=True)
    call.start()
    call.join(timeout * 1.1)
    return came[0]


def _sent(request: Request, timeout: float) -> Answer:
    where = request.host
    try:
        # Reading certificates takes longer than a call: once, and not for http, where urllib would do it each time.
        trust = _trust() if request.type == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            answer = build_opener(_NoRedirect, HTTPSHandler(context=trust)).open(request, timeout=timeout)
        except HTTPError as refused:
            answer = refused
        with answer:
            after = answer.headers.get("Retry-After")
            if answer.status == 429:
                after = after or answer.headers.get("X-RateLimit-Reset")
            return Answer(answer.status, answer.read(), after or "")
    except URLError as error:
        return Answer(None, error=f"{where}: {error.reason}", arrived=False)
    except InvalidURL:
        return Answer(None, error=f"{where}: its address, or that of its proxy, is none", arrived=False)
    except (OSError, HTTPException) as error:
        return Answer(None, error=f"{where}: {error or type(error).__name__}")
    except ValueError:
        # Its words would have the token.
        what = "a header, such as the one with the token, has a character that none may have"
        return Answer(None, error=f"{where}: {what}", arrived=False)
