"""What is PostgreSQL's own: its addresses, and how one is made safe."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

SCHEMES = ("postgres", "postgresql")
EXAMPLE = "postgres://USER:PASSWORD@HOST/NAME"


def secured(url: str, certificate: str, *, local: bool) -> str:
    """Give an address with a certificate that is verified; on this machine there is none, unless it asks for it.

    Without a file of one's own, the authorities of the system count.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if local:
        query.setdefault("sslmode", "disable")
    else:
        query["sslmode"] = "verify-full"
        query.pop("sslrootcert", None)
    if certificate:
        query["sslrootcert"] = certificate
    return parts._replace(query=urlencode(query)).geturl()
