"""What tasks are told: values are in one secret of Secrets Manager, and task definitions refer to one version of it.

So a task of an old release starts, and with what that began with, whatever the secret has by now. The version that
releases to come refer to has the label TOLD: what else is written there reaches no task before it was pushed.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from . import store
from .aws import Aws
from .calls import CallFailed
from .errors import NothingChanged, asking
from .platform import Change, Context
from .reading import for_service
from .secretsmanager import Version, name_of, not_found, version

LABEL = "TOLD"
#: What a version may have, in bytes.
MOST = 65536
#: Whether people write the values there themselves.
IN_PLACE = bool(getattr(store, "IN_PLACE", False))


class References:
    """The secret of the environment at hand."""

    def __init__(self, at: Context, aws: Aws) -> None:
        self._at = at
        self._aws = aws
        self._told: Version | None = None
        self.name = name_of(at, at.env)

    def find(self) -> str:
        """Give its ARN, or nothing."""
        try:
            told = ("secretsmanager", "describe-secret", "--secret-id", self.name)
            return self._aws.ask(lambda it: str(it["ARN"]), *told)
        except CallFailed as error:
            if not_found(error):
                return ""
            raise

    def create(self) -> None:
        """Make it, with nothing in it."""
        about = f"What {self._at.project.name} is told in {self._at.env}"
        self._aws.text("secretsmanager", "create-secret", "--name", self.name, "--description", about)

    def told(self, arn: str) -> dict[str, str]:
        """Give names and values of what releases to come refer to."""
        self._told = version(self._aws, arn, LABEL) if arn else None
        return for_service(self._told.values) if self._told else {}

    def made(self, arn: str) -> list[dict[str, str]]:
        """Give them as a task definition has them."""
        if not self._told:
            self.told(arn)
        told = self._told
        if not told:
            return []
        return [{"name": it, "valueFrom": f"{told.arn}:{it}::{told.id}"} for it in for_service(told.values)]

    def tell(self, arn: str, change: Change) -> None:
        """Have another version be told: a new one, or where people write the secret, what they wrote."""
        if not arn:
            what = f"the stack of {self._at.env} does not know where its settings are"
            raise NothingChanged(f"{what}; first: ops/bootstrap {self._at.env}")
        with asking():
            before = self._told or version(self._aws, arn, LABEL)
            do = self._move(arn, before) if IN_PLACE else self._put(arn, before, change)
        try:
            self._told = do()
        except CallFailed as error:
            # It was tried several times: was it refused each time?
            if error.certainly_not_run and version(self._aws, arn, LABEL) == before:
                raise NothingChanged from error
            raise

    def _put(self, arn: str, before: Version | None, change: Change) -> Callable[[], Version]:
        told = before.values if before else {}
        values = {**{name: it for name, it in told.items() if name not in change.unsets}, **change.sets}
        text = json.dumps(values)
        if len(text) > MOST:
            longest = max(values, key=lambda name: len(json.dumps(values[name])))
            what = f"settings are {len(text)} bytes together, and Secrets Manager takes {MOST}"
            raise NothingChanged(f"{what}; the longest is {longest}")
        command = ["secretsmanager", "put-secret-value", "--secret-id", arn, "--version-stages", "AWSCURRENT", LABEL]
        command += ["--secret-string", "file:///dev/stdin"]
        return lambda: Version(arn, self._aws.ask(lambda it: str(it["VersionId"]), *command, stdin=text), values)

    def _move(self, arn: str, before: Version | None) -> Callable[[], Version]:
        new = version(self._aws, arn, "AWSCURRENT")
        if not new or for_service(new.values) != self._at.values:
            why = "it was changed meanwhile, or SETTINGS_FILE names a file, which no task reads"
            raise NothingChanged(f"the secret {self.name} has something else than was read: {why}")
        if new == before:
            return lambda: new
        command = ["secretsmanager", "update-secret-version-stage", "--secret-id", arn, "--version-stage", LABEL]
        command += ["--move-to-version-id", new.id]
        command += ["--remove-from-version-id", before.id] if before else []
        return lambda: self._aws.ask(lambda _: new, *command)
