import re
import ssl
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from app.config import Config, ConfigError


class Address(NamedTuple):
    host: str
    port: int | None
    user: str
    password: str
    name: str


def address(config: Config) -> Address:
    """Read the URL of one server, but for what it says after a question mark: of TLS, say."""
    escaped = unreadable("%-escapes in its user and password")
    if re.search("%(?![0-9A-Fa-f]{2})", config.DATABASE_URL):
        raise escaped
    try:
        url = urlsplit(config.DATABASE_URL)
        host, port = url.hostname, url.port
    except ValueError:  # it would show a part of the password
        raise escaped from None
    if not host:
        raise unreadable("a host")
    user, password = unquote(url.username or ""), unquote(url.password or "")
    return Address(host, port, user, password, unquote(url.path.removeprefix("/")))


def unreadable(expected: str) -> ConfigError:
    """End the start: a driver would say it at the first request, and show a part of the address."""
    return ConfigError([f"DATABASE_URL: expected {expected}, got a value that is not shown"])


def authority(config: Config) -> str:
    """Give who signed the database's certificate, where that is none that everybody knows."""
    found = config.DATABASE_CA.replace("\\n", "\n")
    try:
        if found:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except ssl.SSLError:
        raise ConfigError(["DATABASE_CA: expected a certificate as PEM"]) from None
    return found


def verifying(config: Config) -> ssl.SSLContext:
    """Have the database prove by a certificate who it is."""
    found = authority(config)
    context = ssl.create_default_context(cadata=found or None)
    if found:
        # Vendors' own are older than what Python is strict about.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
