"""The command `aws`: who calls by it, what it answers, and what is known of a call that failed."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from .calls import CallFailed
from .errors import Failure, otherwise
from .http import Answer, send
from .platform import Context
from .process import ProgramFailed, run

T = TypeVar("T")

SITE = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
#: Errors by their names: who called matters, too many calls, and something is wrong over there. Others are final.
NAMES = {
    403: re.compile("AccessDenied|Unauthorized|NotAuthorized|AuthFailure|Expired|Token|Signature|UnrecognizedClient"),
    429: re.compile("Throttl|TooManyRequests|RequestLimitExceeded"),
    500: re.compile(r"^\d|Internal|ServerException|Unavailable|Timeout"),
}
#: The key of a role: where the command looks for it, and what it is called in an answer.
KEY = {
    "AWS_ACCESS_KEY_ID": "AccessKeyId",
    "AWS_SECRET_ACCESS_KEY": "SecretAccessKey",
    "AWS_SESSION_TOKEN": "SessionToken",
}
#: How the command says by itself that it knows nobody to call as.
NOBODY = re.compile("locate credentials|token from sso|SSO (session|token)", re.IGNORECASE)


def outcome(said: str) -> Answer:
    """Give what came of a call that failed, by what the command says."""
    named = re.search(r"An error occurred \((\w+)", said)
    if not named:
        return Answer(401 if NOBODY.search(said) else None)
    return Answer(next((status for status, names in NAMES.items() if names.search(named[1])), 400))


class Aws:
    """The command, in one region. What goes wrong in passing it tries again by itself.

    What is asked of it here does no more when it is done twice.
    """

    def __init__(self, at: Context) -> None:
        self._at = at
        self._asked = False
        self._entered = False

    def need(self) -> None:
        """Note what is missing, once."""
        settings, asked, self._asked = self._at.settings, self._asked, True
        if asked:
            return
        # GitHub's runners have it, and Alpine as a package.
        if settings.get("CI") and not shutil.which("aws") and shutil.which("apk"):
            run("apk", "add", "--quiet", "--no-cache", "aws-cli", shown=True)
        settings.need_tool("aws", SITE)
        settings.need("AWS_REGION", "the region, such as us-east-1")
        # Who calls, it finds out by itself; where there is nothing to find, it takes long to say so.
        named = ("AWS_ROLE_ARN", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        home = Path(settings.get("HOME"), ".aws")
        if any(map(settings.get, named)) or (home / "config").is_file() or (home / "credentials").is_file():
            return
        key = "an access key of AWS; or name a role of the pipeline, AWS_ROLE_ARN, or AWS_PROFILE"
        settings.need("AWS_ACCESS_KEY_ID", key)
        settings.need("AWS_SECRET_ACCESS_KEY", "the secret of that key")

    def ask(self, read: Callable[[Any], T], *command: str, stdin: str = "") -> T:
        """Make a call; `read` takes what is wanted from the answer."""
        # An answer with nothing in it is not printed.
        return _read(read, self.text(*command, stdin=stdin).strip() or "{}", f"aws {command[0]} {command[1]}")

    def text(self, *command: str, stdin: str = "", shown: bool = False) -> str:
        """Make a call and give what the command prints; `shown` lets people see it instead."""
        self._enter()
        settings = self._at.settings
        waits = ("--cli-connect-timeout", "10", "--cli-read-timeout", settings.get("HTTP_TIMEOUT", "60"))
        tries = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": settings.get("AWS_MAX_ATTEMPTS", "4")}
        told = ("aws", "--region", settings.get("AWS_REGION"), "--output", "json", *waits, *command)
        try:
            return run(*told, stdin=stdin, environment={**tries, "AWS_PAGER": ""}, shown=shown)
        except ProgramFailed as error:
            said = " ".join(error.said.split())
            raise CallFailed(f"aws {command[0]} {command[1]}", outcome(said), said or str(error)) from None

    def file(self, name: str, content: object) -> str:
        """Have an argument read from a file, so that it arrives whole. The end of the task takes the file away."""
        file = self._folder / name
        file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return f"file://{file}"

    @cached_property
    def _folder(self) -> Path:
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def _enter(self) -> None:
        """Be the role of the pipeline, if it has one: its token, good for minutes, buys a key of an hour."""
        settings = self._at.settings
        role = settings.get("AWS_ROLE_ARN")
        if self._entered or not role or settings.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
            return
        self._entered = True
        token = self.file("token", self._token())
        for name in KEY:
            os.environ.pop(name, None)
        command = ("sts", "assume-role-with-web-identity", "--role-arn", role, "--role-session-name")
        with otherwise("AWS does not let the pipeline be AWS_ROLE_ARN"):
            key = self.ask(_key, *command, self._at.project.name, "--web-identity-token", token)
        # For what the team runs in between, too, such as ops/migrate.
        os.environ.update(key)

    def _token(self) -> str:
        """Give the token by which AWS may know the run of a pipeline: GitHub, GitLab, Bitbucket."""
        settings = self._at.settings
        token = settings.get("OIDC_TOKEN") or settings.get("BITBUCKET_STEP_OIDC_TOKEN")
        why = "the pipeline has no token for the role AWS_ROLE_ARN: it may have none, or this is no pipeline"
        if settings.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
            with otherwise(why):
                token = settings.persist(3, self._given)
        if not token:
            raise Failure(why)
        return token

    def _given(self) -> str:
        """Ask GitHub for it."""
        url, settings = "ACTIONS_ID_TOKEN_REQUEST_URL", self._at.settings
        headers = {"Authorization": f"Bearer {settings.get('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}"}
        answer = send("GET", f"{settings.get(url)}&audience=sts.amazonaws.com", headers)
        if not answer.good:
            raise CallFailed(url, answer, answer.error or str(answer.status))
        return _read(lambda it: str(it["value"]), answer.body, url)


@lru_cache(maxsize=1)
def aws_of(at: Context) -> Aws:
    """Give the one of a task: whoever calls by it, a pipeline's token is spent once."""
    return Aws(at)


def _key(answer: Any) -> dict[str, str]:  # noqa: ANN401 (JSON)
    """Read the key of a role."""
    return {name: str(answer["Credentials"][key]) for name, key in KEY.items()}


def _read(read: Callable[[Any], T], told: str | bytes, call: str) -> T:
    try:
        return read(json.loads(told))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CallFailed(call, Answer(200), f"its answer is not as described ({error!r})") from error
