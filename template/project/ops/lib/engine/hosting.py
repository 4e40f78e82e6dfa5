"""An environment while a task works on it: its platform, its record, its lock, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import parts, reading
from .errors import Failure, otherwise
from .host import Host
from .lock import NONE, Lock, handed_on
from .news import tell
from .pipeline import SETTINGS
from .platform import Context, Platform, Release, Target
from .process import status
from .record import Record, Row
from .tasks import Call

#: Numbers that are read once something is under way, when it is too late to learn that they are none.
NUMBERS = ("POLL_INTERVAL", "DEPLOY_TIMEOUT", "SMOKE_TIMEOUT", "SMOKE_COUNT", "IMAGE_TIMEOUT", "LOCK_TIMEOUT")
#: Tasks that read what is kept of settings.
READING = ("deploy", "settings")


class Hosting(Context):
    """One environment. Nothing is called before `check` found all that is needed."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.platform: Platform = Host(self)
        self.record = Record(self.env, self.git)

    def check(self) -> None:
        """Stop if anything is missing."""
        for number in NUMBERS:
            self.settings.seconds(number, 0)
        self.settings.need_tool("git")
        self.platform.check()
        if self.task in READING:
            reading.check(self)
        if self.kept and not self.git.found("remote", "get-url", self.git.remote) and self.git.known("HEAD"):
            what = "what passed is recorded there: git remote add origin ADDRESS"
            self.settings.lack(f"the remote {self.git.remote}", what)
        self.settings.met(SETTINGS)
        self.git.check()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Lock it, and read what passed there."""
        if not self.kept:
            self.console.say("without lock and record: make sure that nobody else deploys")
            with handed_on(NONE):
                yield
            return
        with Lock(self).held():
            self.record.read()
            yield

    def find_url(self, again: str) -> None:
        """Find out where it answers, or say that nothing was changed and how to try again."""
        with otherwise(f"nothing was changed; try again: {again}"):
            self.url = self.settings.get("SERVICE_URL") or self.platform.url()
        if not self.url:
            raise Failure(f"the platform does not say where {self.env} answers; SERVICE_URL may")

    def current(self, again: str) -> Release | None:
        """Give what runs, or say that nothing was changed and how to try again."""
        with otherwise(f"nothing was changed; try again: {again}"):
            return self.platform.current()

    def target(self, release: Release, commit: str = "") -> Target:
        """Give what the platform has as what is to run again: as a commit of ours, if it is known as one."""
        what = commit or release.what
        return Target(release.id, what, release.image, ours=self.git.known(what) == what)

    def prove(self, commit: str) -> None:
        """Have the service looked at as people would do it."""
        if status("ops/smoke", self.url, *filter(None, [commit])):
            raise Failure

    def bring_back(self, target: Target) -> None:
        """Bring a release back, with the settings of today: a key that was changed since is not to be the old one.

        Some hosts bring those of then back with it, and what runs goes on with those that it began with.
        """
        if self.record.outdated(target):
            self.console.say("settings were changed since: deploying that release again, with those of now")
            self.platform.deploy(target.commit, target.image)
        else:
            self.platform.restore(target)

    def restore(self, target: Target) -> None:
        """Bring a release back and prove it healthy."""
        self.bring_back(target)
        self.prove(target.commit if target.ours else "")

    def passed(self, action: str, commit: str, image: str) -> None:
        """Record that what the platform runs now has passed, and tell who draws it."""
        now = self.platform.current() if self.kept else None
        if now:
            self.record.add(Row(action, commit, now.id, image))
        elif self.kept:
            raise Failure("the platform does not say what runs")
        parts.deployed(self, commit)

    def notify(self, level: str, text: str) -> None:
        """Tell people; ops/notify, if there is one, takes it further."""
        self.console.say(text)
        tell(self, level, text)
