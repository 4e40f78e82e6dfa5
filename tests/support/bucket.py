"""A bucket on loopback that fails as it is told to: S3's calls as far as backups make them.

Who calls is looked at by botocore, which signs the same call once more.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY = ("key-of-tests", "secret-of-tests")


@dataclass(frozen=True)
class Asked:
    """A call."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """The file that it is about."""
        return self.path.removeprefix("/backups").lstrip("/")


@dataclass
class Fault:
    """An answer in place of the right one; the call may have been carried out all the same."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    done: bool = False


@dataclass
class Bucket:
    """What is in it. `fails` is asked before each call, and gives a fault or nothing."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    fails: Callable[[Asked], Fault | None] = field(default=lambda _: None)
    #: Where it writes what it gets, in place of memory.
    folder: Path | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settings(self) -> dict[str, str]:
        """Give what a task is told of it."""
        return {
            "BACKUP_BUCKET": "backups",
            "BACKUP_ENDPOINT": self.url,
            "BACKUP_ACCESS_KEY_ID": KEY[0],
            "BACKUP_SECRET_ACCESS_KEY": KEY[1],
        }

    def answer(self, it: Asked) -> tuple[int, bytes]:  # noqa: PLR0911 (a line for each call)
        """Do what is asked for."""
        upload = it.query.get("uploadId", "")
        match it.method, it.name:
            case "GET", "":
                return self._list(it.query)
            case "GET", name if upload:
                return self._parts(upload) if upload in self.uploads else (404, b"")
            case "GET", name:
                return self._read(name, it.headers.get("range", ""))
            case "PUT", _ if upload:
                self.uploads[upload][int(it.query["partNumber"])] = it.body
                return 200, b""
            case "PUT", name:
                self.files[name] = it.body
                return 200, b""
            case "POST", name if "uploads" in it.query:
                made = f"{name}#{len(self.uploads)}"
                self.uploads[made] = {}
                told = f"<UploadId>{made}</UploadId>"
                return (
                    200,
                    f"<InitiateMultipartUploadResult>{told}</InitiateMultipartUploadResult>".encode(),
                )
            case "POST", name if upload in self.uploads:
                parts = self.uploads.pop(upload)
                self.files[name] = b"".join(parts[number] for number in sorted(parts))
                return 200, b"<CompleteMultipartUploadResult/>"
            case "DELETE", _ if upload:
                return (204, b"") if self.uploads.pop(upload, None) is not None else (404, b"")
            case "DELETE", name:
                self.files.pop(name, None)
                return 204, b""
        return 404, b"<Code>NoSuchUpload</Code>"

    def _list(self, query: dict[str, str]) -> tuple[int, bytes]:
        if "uploads" in query:
            old = "2020-01-01T00:00:00.000Z"
            lines = (
                f"<Upload><Key>{it.partition('#')[0]}</Key><UploadId>{it}</UploadId>"
                f"<Initiated>{old}</Initiated></Upload>"
                for it in self.uploads
            )
            return 200, "".join(lines).encode()
        names = sorted(name for name in self.files if name.startswith(query["prefix"]))
        # A page is of two, so that every list has several.
        start = int(query.get("continuation-token", "0"))
        lines = (
            f"<Contents><Key>{name}</Key><Size>{len(self.files[name])}</Size></Contents>"
            for name in names[start : start + 2]
        )
        more = start + 2 < len(names)
        token = f"<NextContinuationToken>{start + 2}</NextContinuationToken>" if more else ""
        return 200, ("".join(lines) + token).encode()

    def _parts(self, upload: str) -> tuple[int, bytes]:
        lines = (
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag(part)}</ETag>"
            f"<Size>{len(part)}</Size></Part>"
            for number, part in sorted(self.uploads[upload].items())
        )
        return 200, "".join(lines).encode()

    def _read(self, name: str, span: str) -> tuple[int, bytes]:
        if name not in self.files:
            return 404, b"<Code>NoSuchKey</Code>"
        content = self.files[name]
        if not span:
            return 200, content
        start, end = map(int, re.findall(r"\d+", span))
        return 206, content[start : end + 1]


def tag(part: bytes) -> str:
    """Give what a part is known by, which is no secret and need not be hard to find."""
    return f'"{zlib.crc32(part):08x}"'


def signed(it: Asked, address: str) -> bool:
    """Say whether botocore signs the call as it was signed."""
    request = AWSRequest(it.method, f"{address}{it.path}", params=it.query, data=it.body)
    stamp = it.headers["x-amz-date"]
    request.context["timestamp"] = stamp
    auth = S3SigV4Auth(Credentials(*KEY), "s3", "us-east-1")
    request.headers["X-Amz-Date"] = stamp
    request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(it.body).hexdigest()
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return it.headers["authorization"].endswith(f"Signature={auth.signature(text, request)}")


@contextmanager
def bucket() -> Iterator[Bucket]:
    """Have one answer until the end of the block."""
    made = Bucket()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query, True).items()}  # noqa: FBT003
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, query, headers, body)
            with made.lock:
                made.asked.append(asked)
                fault = made.fails(asked)
                status, content = 0, b""
                if fault is None or fault.done:
                    status, content = made.answer(asked)
            if fault is not None:
                status, content = fault.status, fault.body
            if status == 0:  # it says nothing, ever
                time.sleep(float(fault.headers["seconds"]) if fault else 0)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in (fault.headers if fault else {}).items():
                self.send_header(name, value)
            if self.command == "PUT" and status == 200:
                self.send_header("ETag", tag(body))
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if status != 204:
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = _any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
