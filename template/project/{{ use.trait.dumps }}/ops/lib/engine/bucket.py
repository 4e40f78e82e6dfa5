"""Where backups are: a bucket of any vendor that is S3-compatible.

Each call here does no more when it is made twice, so one that may do better is made again. A file is read in parts,
so that a connection that breaks costs one of them.
"""

from __future__ import annotations

import email.utils
import re
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from html import unescape
from typing import NamedTuple
from urllib.parse import urlsplit

from .errors import Failure
from .http import Answer, send
from .sigv4 import Key, query_string, signed
from .variables import Settings

#: Of a file that is written in parts, of which there may be 10,000; and of one that is read.
PART, SPAN = 16 << 20, 4 << 20
#: What an upload that nobody ends is left alone for.
DAY = 86400


class BucketFailed(Failure):
    """A call that did not do what it should."""

    def __init__(self, what: str, answer: Answer) -> None:
        said = (str(answer.status), first(answer.body, "Code"), first(answer.body, "Message"))
        words = answer.error or " ".join(filter(None, said))
        if answer.status in (401, 403):
            words += ": the key is wrong, or may not do this"
        super().__init__(f"the bucket did not {what}: {words}")
        self.status = answer.status


class File(NamedTuple):
    """A file in the bucket."""

    name: str
    size: int


class Bucket:
    """The bucket, and who calls it."""

    def __init__(self, settings: Settings) -> None:
        region = settings.get("BACKUP_REGION", "us-east-1")
        endpoint = settings.get("BACKUP_ENDPOINT", f"https://s3.{region}.amazonaws.com")
        self._base = f"{endpoint.rstrip('/')}/{settings.get('BACKUP_BUCKET')}"
        self._key = Key(settings.get("BACKUP_ACCESS_KEY_ID"), settings.get("BACKUP_SECRET_ACCESS_KEY"), region)
        self._timeout = settings.seconds("HTTP_TIMEOUT", 60)
        self._delay = settings.seconds("RETRY_DELAY", 1)
        self._patience = settings.seconds("RETRY_TIMEOUT", 300)

    def __str__(self) -> str:
        """Say where it is."""
        return f"{urlsplit(self._base).netloc}{urlsplit(self._base).path}"

    def put(self, name: str, content: bytes) -> None:
        """Write a small file."""
        self.call("PUT", name, body=content)

    def get(self, name: str) -> bytes:
        """Read a small file."""
        return self.call("GET", name).body

    def delete(self, name: str) -> None:
        """Take a file away; one that is not there is well."""
        self.call("DELETE", name)

    def files(self, prefix: str) -> list[File]:
        """List what there is, sorted by name."""
        found: list[File] = []
        query = {"list-type": "2", "prefix": prefix}
        while True:
            body = self.call("GET", query=query).body
            found += [File(first(each, "Key"), int(first(each, "Size"))) for each in every(body, "Contents")]
            token = first(body, "NextContinuationToken")
            if not token:
                return sorted(found)
            query["continuation-token"] = token

    def read(self, file: File) -> Iterator[bytes]:
        """Read a file in parts, of which the next is on its way while one is used."""
        coming = self._part(file, 0)
        for end in range(SPAN, file.size + SPAN, SPAN):
            part = coming.result()
            if end < file.size:
                coming = self._part(file, end)
            yield part

    def _part(self, file: File, start: int) -> Future[bytes]:
        """Have a part come; nobody waits for it once the task ends."""
        end = min(start + SPAN, file.size) - 1
        coming: Future[bytes] = Future()

        def come() -> None:
            try:
                coming.set_result(self._span(file, start, end))
            except Exception as error:  # noqa: BLE001 (whoever uses it raises it)
                coming.set_exception(error)

        threading.Thread(target=come, daemon=True).start()
        return coming

    def _span(self, file: File, start: int, end: int) -> bytes:
        body = self.call("GET", file.name, span=f"bytes={start}-{end}").body
        if len(body) != end - start + 1:
            raise Failure(f"the bucket gave {len(body)} bytes of {file.name}, not {end - start + 1}")
        return body

    def sweep(self, prefix: str) -> None:
        """End uploads that were begun more than a day ago: nobody sees them, but they are paid for."""
        body = self.call("GET", query={"uploads": "", "prefix": prefix}).body
        for each in every(body, "Upload"):
            began = re.match(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)", first(each, "Initiated"))
            stamp = time.mktime((*map(int, began.groups()), 0, 0, 0)) - time.timezone if began else time.time()  # type: ignore[arg-type]
            if time.time() - stamp > DAY:
                self.call("DELETE", first(each, "Key"), {"uploadId": first(each, "UploadId")})

    def call(
        self, method: str, name: str = "", query: Mapping[str, str] | None = None, body: bytes = b"", span: str = ""
    ) -> Answer:
        """Make a call, again if that may do better."""
        url = f"{self._base}{f'/{name}' if name else ''}"
        asked = query_string(query or {})
        url += f"?{asked}" if asked else ""
        timeout, waited = self._timeout * (5 if span or len(body) > PART // 16 else 1), 0.0
        for attempt in range(4):
            headers = {**signed(method, url, body, self._key), **({"Range": span} if span else {})}
            sent = body if method in ("PUT", "POST") else None
            if sent is not None:
                # Or urllib says that it is a form.
                headers["Content-Type"] = "application/octet-stream"
            answer = send(method, url, headers, sent, timeout)
            pause = _seconds(answer.after) or self._delay * 2**attempt
            again = answer.status in (None, 408, 425, 429) or (answer.status or 0) >= 500
            if answer.good or not again or attempt == 3 or waited + pause > self._patience:
                break
            time.sleep(pause)
            waited += pause
        if not answer.good and (method, answer.status) != ("DELETE", 404):
            verb = {"GET": "give", "PUT": "take", "POST": "take", "DELETE": "delete"}[method]
            raise BucketFailed(f"{verb} {name or 'its list'}", answer)
        return answer


def every(body: bytes | str, tag: str) -> list[str]:
    """Give what is in each element of that name."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)


def first(body: bytes | str, tag: str) -> str:
    """Give the text of the first one, or the empty string."""
    return unescape("".join(every(body, tag)[:1]))


def _seconds(after: str) -> float:
    """Read so many seconds, or a date; 0 if it is neither."""
    if after.isdigit():
        return float(after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(after).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0
