"""What is MongoDB's own: its addresses, and that a migration is no transaction."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

SCHEMES = ("mongodb", "mongodb+srv")
EXAMPLE = "mongodb+srv://USER:PASSWORD@HOST/NAME"
#: Of a migration that fails, a part may be done.
TRANSACTIONAL = False


def secured(url: str, certificate: str, *, local: bool) -> str:
    """Give an address with a certificate that is verified; on this machine it need not be.

    Without a file of one's own, the authorities count that the driver knows.
    """
    if local:
        return url
    parts = urlsplit(url)
    query = [it for it in parse_qsl(parts.query) if not it[0].lower().startswith(("tls", "ssl"))]
    query.append(("tls", "true"))
    if certificate:
        query.append(("tlsCAFile", certificate))
    return parts._replace(query=urlencode(query)).geturl()
