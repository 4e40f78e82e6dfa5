"""Write the changelog, set the version, commit and tag; push nothing."""

from __future__ import annotations

import re
import sys
import time

from .changelog import FILE, MARKER, Changelog, joined
from .errors import Failure, Missing, Misuse, otherwise
from .git import Git
from .pipeline import push_command
from .process import run, stack, status
from .tasks import Call, Usage

WRONG = "name one of major, minor, patch and X.Y.Z, or none; the options are --rc, --check TAG and --notes TAG"
USAGE = Usage(0, 1, WRONG, ("--rc", "--check", "--notes"))
NUMBER = r"(?:0|[1-9]\d*)"
VERSION = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}")
TAG = re.compile(rf"v({VERSION.pattern})(?:-rc\.([1-9]\d*))?")
PARTS = ("major", "minor", "patch")
CHECK = ". ops/lib/common.sh; . ops/lib/stack.sh; need_tool git; stack_check; needs_met"


def order(version: str) -> list[int]:
    """Give what versions are sorted by."""
    return [int(part) for part in version.split(".")]


def task(call: Call) -> None:
    """Release, or look at what was."""
    named = "".join(call.names)
    if call.options & {"--check", "--notes"}:
        _look(named, shown="--notes" in call.options)
        return
    if named not in ("", *PARTS) and not VERSION.fullmatch(named):
        raise Misuse(f"'{named}' is none of major, minor, patch, X.Y.Z and --rc")
    lacks = status("sh", "-euc", CHECK, call.console.task)
    if lacks:
        raise Missing("", lacks)  # it has said what
    git = Git(call.settings)
    git.check()
    Release(git, call).make(named, candidate="--rc" in call.options)


def _look(tag: str, *, shown: bool) -> None:
    found = TAG.fullmatch(tag)
    if not found:
        raise Misuse(f"'{tag}' is not the tag of a release, vX.Y.Z or vX.Y.Z-rc.N")
    log = Changelog()
    if not shown:
        why = _unprepared(log, found[1])
        if why:
            raise Failure(f"{tag} is not a release that ops/release made") from Failure(why)
    elif log.has(found[1]):
        sys.stdout.write(f"{log.shown(found[1])}\n")
    else:
        raise Failure(f'CHANGELOG.md has no section "## [{found[1]}]"')


def _unprepared(log: Changelog, version: str) -> str:
    """Give why changelog and manifest do not have a version, or the empty string."""
    if not log.has(version):
        return f'CHANGELOG.md has no section "## [{version}]"'
    has = stack("stack_version").strip()
    return "" if has == version else f"the version in the manifest is {has}, not {version}"


class Release:
    """A release that is being made."""

    def __init__(self, git: Git, call: Call) -> None:
        self._git = git
        self._call = call
        self._log = Changelog()
        self._tags = self._tagged()
        versions = [it[1] for it in self._tags if not it[2]]
        self._newest = max(versions, key=order, default="")
        #: The newest candidate in the history of HEAD that became no release, and its tag if HEAD is that.
        pending = max((it[1] for it in self._tagged("--merged=HEAD") if it[2]), key=order, default="")
        self._pending = "" if pending in versions else pending
        here = [int(it[2]) for it in self._tagged("--points-at=HEAD") if it[2] and it[1] == self._pending]
        self._here = f"v{self._pending}-rc.{max(here)}" if here else ""
        self._branch = git.default_branch()

    def make(self, named: str, *, candidate: bool) -> None:
        """Make it, or leave all as it was."""
        version = self._version(named)
        self._allowed(version)
        if self._here and version == self._pending and not _unprepared(self._log, version):
            if candidate:
                raise Failure(f"this is {self._here} already")
            self._tag(f"v{version}", f"could not tag v{version}")
            return
        text = self._text(version)
        before = self._git("rev-parse", "HEAD")
        count = max((int(it[2] or 0) for it in self._tags if it[1] == version), default=0) + 1
        tag = f"v{version}-rc.{count}" if candidate else f"v{version}"
        try:
            # The tree was clean: if anything fails from here on, it is again, and without a release commit.
            self._write(version, text)
            self._tag(tag, f"could not tag {tag}; the release commit is undone")
        except BaseException:
            self._git("reset", "--quiet", "--hard", before)
            raise

    def _tagged(self, *options: str) -> list[re.Match[str]]:
        return [found for found in map(TAG.fullmatch, self._git.tags(*options)) if found]

    def _version(self, named: str) -> str:
        step = named or (self._pending if self._here else "")
        if not step and self._newest:
            step = self._cliff("git-cliff could not tell the next version; ops/setup installs it", "--bumped-version")
            step = step.strip()[1:]
            # No commit that counts: something by hand is still worth a patch.
            step = "patch" if step == self._newest else step
        if step in ("", *PARTS) and not self._newest:
            step = stack("stack_version").strip()
        elif step in PARTS:
            numbers, place = order(self._newest), PARTS.index(step)
            step = ".".join(map(str, [*numbers[:place], numbers[place] + 1, 0, 0][:3]))
        if not VERSION.fullmatch(step):
            raise Misuse(f"'{step}' is not a version X.Y.Z")
        return step

    def _allowed(self, version: str) -> None:
        git, branch = self._git, self._branch
        if git("rev-parse", "--is-shallow-repository") == "true":
            what = "this clone does not have all of the history that a version follows from"
            raise Failure(f"{what}: git fetch --unshallow --tags")
        if git.branch() != branch:
            raise Failure(f"releases come from {branch}: git switch {branch}")
        if git("status", "--porcelain"):
            raise Failure("the work tree has changes: commit or stash them")
        if self._newest and order(version) <= order(self._newest):
            raise Failure(f"v{version} is not newer than v{self._newest}, the newest release")

    def _text(self, version: str) -> str:
        """Give what the changelog is to say."""
        if not self._log.has("Unreleased"):
            raise Failure('CHANGELOG.md has no "## [Unreleased]" for what comes next')
        commits = self._cliff("git-cliff could not read the commits", "--unreleased", "--tag", f"v{version}")
        # An earlier candidate's section becomes this one's; nobody had it as a release.
        earlier = self._log.by_hand(self._pending) if self._pending else ""
        text = joined(self._log.by_hand("Unreleased"), earlier)
        if all(not line or line.startswith("#") for line in [*text.splitlines(), *commits.splitlines()]):
            why = 'no commit since the last one is a feat or a fix, and "Unreleased" is empty'
            raise Failure(f"nothing to release: {why}")
        return joined(text, MARKER, commits) if commits.strip() else text

    def _write(self, version: str, text: str) -> None:
        today = time.strftime("%Y-%m-%d", time.gmtime())
        FILE.write_text(self._log.released(version, today, text, self._pending), "utf-8")
        with otherwise(f"could not set the version to {version}"):
            stack("stack_set_version", version)
        with otherwise("could not commit the release"):
            run("git", "commit", "--quiet", "--all", "--message", f"release: v{version}", shown=True)

    def _tag(self, tag: str, failed: str) -> None:
        with otherwise(failed):
            run("git", "tag", "--annotate", "--message", tag, tag, shown=True)
        stage = "testbed" if "-" in tag else "live"
        self._call.console.say(f"tagged {tag}; to deploy it to {stage}: {push_command(self._branch, tag)}")

    def _cliff(self, failed: str, *options: str) -> str:
        with otherwise(failed):
            return stack("stack_run", "git-cliff", "--config", "cliff.toml", "--offline", *options)
