import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from app.flag_file import FlagFile, parse_flags
from app.logs import log

# A switch is to be everywhere within 10 s, also when one answer is missed.
PERIOD_SECONDS = 4.0
TIMEOUT_SECONDS = 1.5

_MAX_BYTES = 1024 * 1024

#: Gives what a source has now, or raises.
type Source[T] = Callable[[], Awaitable[T]]


class Follower[T]:
    """Looks at a source now and again. While it fails, what it said last stays."""

    def __init__(self, name: str, source: Source[T], take: Callable[[T], None]) -> None:
        self._name = name
        self._source = source
        self._take = take
        self._failing = False

    async def look(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                found = await self._source()
            self._take(found)
        except Exception as error:  # noqa: BLE001
            if not self._failing:
                event = "flags cannot be read, the last known ones count"
                log.warning(event, source=self._name, exc_info=error)
            self._failing = True
            return
        if self._failing:
            log.info("flags can be read again", source=self._name)
        self._failing = False

    async def keep_looking(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            await self.look()


class Served:
    """A flag file that somebody serves; it is sent again only when it changed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._etag: str | None = None
        self._last = FlagFile(flags={})

    async def __call__(self) -> FlagFile:
        return await asyncio.to_thread(self._ask)

    def _ask(self) -> FlagFile:
        known = {"if-none-match": self._etag} if self._etag else {}
        try:
            with urlopen(Request(self._url, headers=known), timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                body = response.read(_MAX_BYTES + 1)
                etag = response.headers["etag"]
        except HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_MODIFIED:
                    return self._last
                raise RuntimeError(f"it answered {error.code}") from None
        if len(body) > _MAX_BYTES:
            raise RuntimeError(f"more than {_MAX_BYTES} bytes")
        self._last = parse_flags(body)
        self._etag = etag
        return self._last
