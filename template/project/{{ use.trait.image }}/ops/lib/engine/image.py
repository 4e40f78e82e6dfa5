"""The image in its registry: IMAGE_REPOSITORY, a tag for each commit; deployed by its digest."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from .errors import Missing
from .process import ProgramFailed, run
from .variables import Settings


class Images:
    """Images, by skopeo. Passwords are in a folder that the end of the task takes away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.repository = settings.get("IMAGE_REPOSITORY")
        self._entered = False

    @cached_property
    def folder(self) -> Path:
        """Make the folder."""
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def needs(self) -> None:
        """Note what is missing to find an image; what a rollback brings back is with the platform already."""
        self._settings.need_tool("skopeo", "https://github.com/containers/skopeo/blob/main/install.md")
        what = "where images are kept, such as registry.example.com/team/service"
        self._settings.need("IMAGE_REPOSITORY", what)
        self._settings.need("REGISTRY_USER", "a user of that registry")
        self._settings.need("REGISTRY_PASSWORD", "the password or token of REGISTRY_USER")

    def login(self, repository: str, user: str, password: str) -> None:
        """Log in to the registry of a repository."""
        where = repository.partition("/")[0]
        self._skopeo("login", "--username", user, "--password-stdin", where, stdin=password + "\n")

    def copy(self, source: str, target: str, *options: str) -> None:
        """Copy an image."""
        self._skopeo("copy", "--retry-times", "3", *options, source, target, shown=True)

    def mirror(self, image: str, copy: str) -> None:
        """Have a copy under the same digest; what ran there before has one already, and takes no login of ours."""
        if not self._entered:
            with suppress(ProgramFailed):
                if self._digest(copy) == image.rpartition("@")[2]:
                    return
            self._enter()
        self.copy(f"docker://{image}", f"docker://{copy}", "--preserve-digests")

    def digest(self, commit: str) -> str:
        """Give the digest of a commit's image."""
        return self._digest(f"{self.repository}:{commit}")

    def inspect(self, image: str, *options: str) -> str:
        """Give what its registry says of an image."""
        return self._skopeo("inspect", *options, "--retry-times", "3", f"docker://{image}")

    def published(self, commit: str) -> str:
        """Give IMAGE_REPOSITORY@sha256:…, once it is there; a rollback asks only when it has to."""
        self._enter()
        deadline = time.monotonic() + self._settings.seconds("IMAGE_TIMEOUT", 0)
        while True:
            try:
                return f"{self.repository}@{self.digest(commit)}"
            except ProgramFailed as error:
                if time.monotonic() >= deadline:
                    who = "the pipeline of the main branch publishes it"
                    what = f"no image of {commit} in {self.repository}; {who}: {error.said.strip()}"
                    raise Missing(what, 2) from None
            self._settings.pause()

    def _enter(self) -> None:
        """Log in to our own registry."""
        self.needs()
        self._settings.met("")
        self.login(self.repository, self._settings.get("REGISTRY_USER"), self._settings.get("REGISTRY_PASSWORD"))
        self._entered = True

    def _digest(self, image: str) -> str:
        return self.inspect(image, "--no-tags", "--format", "{{.Digest}}").strip()

    def _skopeo(self, command: str, *rest: str, stdin: str = "", shown: bool = False) -> str:
        logins = str(self.folder / "auth.json")
        return run("skopeo", command, "--authfile", logins, *rest, stdin=stdin, shown=shown)
