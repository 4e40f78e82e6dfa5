"""A file on its way to the bucket, in parts: it is not there before the last call, and then it is whole.

All parts but the last are of one size, and there are 10,000 of them at most: 160 GB.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from .bucket import PART, Bucket, BucketFailed, every, first
from .errors import Failure
from .http import Answer


class Upload:
    """A file on its way: one part is sent while the next is filled."""

    def __init__(self, bucket: Bucket, name: str) -> None:
        self._bucket, self._name = bucket, name
        self._part = bytearray()
        self._sizes: list[int] = []
        self._id = ""
        self._pool = ThreadPoolExecutor(1)
        self._sent: Future[Answer] | None = None

    def add(self, content: bytes) -> None:
        """Add what comes next."""
        self._part += content
        while len(self._part) >= PART:
            self._send(bytes(self._part[:PART]))
            del self._part[:PART]

    def end(self) -> None:
        """Have it be there, whole."""
        size = sum(self._sizes) + len(self._part)
        if not self._id:
            self._bucket.put(self._name, bytes(self._part))
        else:
            if self._part:
                self._send(bytes(self._part))
            self._landed()
            self._complete()
        self._pool.shutdown()
        if [each.size for each in self._bucket.files(self._name) if each.name == self._name] != [size]:
            raise Failure(f"the bucket has not all {size} bytes of {self._name}")

    def abandon(self) -> None:
        """Leave nothing of it."""
        self._pool.shutdown()
        if self._id:
            self._bucket.call("DELETE", self._name, {"uploadId": self._id})

    def _send(self, part: bytes) -> None:
        if not self._id:
            self._id = first(self._bucket.call("POST", self._name, {"uploads": ""}).body, "UploadId")
        self._landed()
        self._sizes.append(len(part))
        query = {"partNumber": str(len(self._sizes)), "uploadId": self._id}
        self._sent = self._pool.submit(self._bucket.call, "PUT", self._name, query, part)

    def _landed(self) -> None:
        if self._sent:
            self._sent.result()
            self._sent = None

    def _complete(self) -> None:
        """Name the parts as the bucket has them, once they are those that were sent."""
        tags: list[str] = []
        sizes: list[int] = []
        query = {"uploadId": self._id}
        while True:
            body = self._bucket.call("GET", self._name, query).body
            parts = every(body, "Part")
            tags += [first(each, "ETag") for each in parts]
            sizes += [int(first(each, "Size")) for each in parts]
            if not parts or first(body, "IsTruncated") != "true":
                break
            query["part-number-marker"] = str(len(tags))
        if sizes != self._sizes:
            raise Failure(f"the bucket has other parts of {self._name} than were sent")
        lines = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in enumerate(tags, 1)
        )
        content = f"<CompleteMultipartUpload>{lines}</CompleteMultipartUpload>".encode()
        try:
            answer = self._bucket.call("POST", self._name, {"uploadId": self._id}, content)
        except BucketFailed as error:
            # An earlier try of the same call may have been carried out: whether the file is there is looked at next.
            if error.status != 404:
                raise
        else:
            # It may begin with 200, and fail afterwards.
            if first(answer.body, "Code"):
                raise BucketFailed(f"take {self._name}", answer)
