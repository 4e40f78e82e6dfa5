"""Who calls a bucket: AWS Signature Version 4, which every vendor of S3-compatible storage reads."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit


class Key(NamedTuple):
    """An access key; as text it has no secret."""

    id: str
    secret: str
    region: str

    def __str__(self) -> str:
        """Say which it is."""
        return self.id


def query_string(query: Mapping[str, str]) -> str:
    """Write a query as it is signed: sorted, each with an equals sign."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))


def signed(method: str, url: str, body: bytes, key: Key, now: float | None = None) -> dict[str, str]:
    """Give the headers by which a call is known; it is another one if a byte of it changes."""
    address = urlsplit(url)
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": address.netloc, "x-amz-content-sha256": digest, "x-amz-date": at}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"{method}\n{address.path}\n{address.query}\n{lines}\n{names}\n{digest}"
    scope = f"{at[:8]}/{key.region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    secret = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    who = f"AWS4-HMAC-SHA256 Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": who}
