"""What features are on: OpenFeature, with flagd's evaluator."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import override
from uuid import uuid4

from fastapi import FastAPI, HTTPException, Request
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider
from openfeature.provider.metadata import Metadata

from app.config import Config, ConfigError
from app.flag_file import FlagFile, Switches, merged, parse_flags
from app.flag_sources import Follower, Served, Source
from app.logs import log

_FILE = Path(__file__).parents[1] / "flags.json"

# What does not fit a rule is a client's doing as often as not: it must not fill the log.
logging.getLogger("openfeature").setLevel(logging.CRITICAL)

_METADATA = Metadata("flagd-core")


class _Context(EvaluationContext):
    """Is not copied when there is nothing to add, as it is four times for each question."""

    @override
    def merge(self, ctx2: EvaluationContext) -> EvaluationContext:
        if not (ctx2.attributes or ctx2.targeting_key):
            return self
        if not (self.attributes or self.targeting_key):
            return ctx2
        key = ctx2.targeting_key or self.targeting_key
        return _Context(key, {**self.attributes, **ctx2.attributes})


# The client begins with the one of the process, and what it merges is of the same kind then.
api.set_evaluation_context(_Context())


class Flags:
    """The flags of flags.json, and what is switched elsewhere."""

    def __init__(self, config: Config) -> None:
        #: Where switches are kept that count more than files, if anywhere.
        self.switches: Source[Switches] | None = None
        self._url = config.FLAGS_URL
        self._evaluator = FlagdCore()
        self._file = _read_file()
        self._remote = FlagFile(flags={})
        self._switched: Switches = {}
        self._evaluated = ""
        self._evaluate()
        # Of its own, as tests have several in a process.
        domain = str(uuid4())
        api.set_provider_and_wait(_Provider(self._evaluator), domain)
        #: Says whether a feature is on: `client.get_boolean_value("name", False, …)`.
        self.client: OpenFeatureClient = api.get_client(domain)
        self.client.context = _Context(attributes={"environment": config.APP_ENV})

    @asynccontextmanager
    async def followed(self, _app: FastAPI) -> AsyncGenerator[None]:
        """Follow what is switched elsewhere.

        First before the first request: what is switched off stays off after a restart.
        """
        followers: list[Follower[FlagFile] | Follower[Switches]] = []
        if self._url:
            followers.append(Follower("FLAGS_URL", Served(self._url), self._take_file))
        if self.switches:
            followers.append(Follower("database", self.switches, self._take_switches))
        await asyncio.gather(*(each.look() for each in followers))
        tasks = [asyncio.create_task(each.keep_looking()) for each in followers]
        yield
        for task in tasks:
            task.cancel()

    def _take_file(self, found: FlagFile) -> None:
        self._remote = found
        self._evaluate()

    def _take_switches(self, found: Switches) -> None:
        self._switched = found
        self._evaluate()

    def _evaluate(self) -> None:
        flags = merged([self._file, self._remote], self._switched)
        if flags == self._evaluated:
            return
        changed = self._evaluator.set_flags_and_get_changed_keys(flags)
        if self._evaluated:
            log.info("flags changed", changed=changed)
        self._evaluated = flags


def behind(flag: str) -> Callable[[Request], Awaitable[None]]:
    """Let a route be there only while a flag is on: `dependencies=[Depends(behind("name"))]`."""

    async def there(request: Request) -> None:
        flags: Flags = request.app.state.flags
        scope = request.scope
        path = scope["raw_path"].decode()
        context = EvaluationContext(scope["client_address"], {"path": path})
        if not flags.client.get_boolean_value(flag, False, context):
            raise HTTPException(404, "No such route")

    return there


def _read_file() -> FlagFile:
    try:
        return parse_flags(_FILE.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError([f"flags.json: {error}"]) from None


class _Provider(AbstractProvider):
    def __init__(self, evaluator: FlagdCore) -> None:
        super().__init__()
        self._evaluator = evaluator

    @override
    def get_metadata(self) -> Metadata:
        return _METADATA

    @override
    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        return self._evaluator.resolve_boolean_value(flag_key, default_value, evaluation_context)

    @override
    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        return self._evaluator.resolve_string_value(flag_key, default_value, evaluation_context)

    @override
    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        return self._evaluator.resolve_integer_value(flag_key, default_value, evaluation_context)

    @override
    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        return self._evaluator.resolve_float_value(flag_key, default_value, evaluation_context)

    @override
    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        return self._evaluator.resolve_object_value(flag_key, default_value, evaluation_context)
