"""The repository of the project, and its remote, where tasks keep what they know: in refs of their own.

Those are refs/deployments/…, no branch and no tag of people's; RECORD_BRANCH names another place, where a forge
takes nothing but branches: refs/heads/RECORD_BRANCH/….
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from .errors import Failure, Misuse
from .process import ProgramFailed, run
from .variables import Settings

#: Reads the token from the environment of git.
HELPER = '!echo username=x-access-token; echo "password=$RECORD_TOKEN"; :'


def reason(error: ProgramFailed) -> str:
    """Give why a push was refused: in the server's words, where it has any."""
    told = [line.strip() for line in error.said.splitlines() if line.strip() and not line.startswith("hint:")]
    words = [line[len("remote:") :].strip() for line in told if line.startswith("remote:")]
    refused = [line for line in told if "rejected]" in line]
    return "; ".join([*filter(None, words), *refused] or told[-1:])


class Git:
    """The repository and one of its remotes, by plumbing alone: no setting of a person's changes what it says."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.remote = settings.get("RECORD_REMOTE", "origin")

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """Run git and give what it prints."""
        return run("git", *arguments, stdin=stdin, environment={"LC_ALL": "C", **environment}).rstrip("\n")

    def found(self, *arguments: str) -> str:
        """Run git and give what it prints, or the empty string if it fails."""
        try:
            return self(*arguments)
        except ProgramFailed:
            return ""

    def away(self, *arguments: str) -> str:
        """Run git with the remote at its other end. No hook runs: checks of people's work have no say in it."""
        options = ["-c", "core.hooksPath=/dev/null"]
        if self._settings.get("RECORD_TOKEN"):
            options += ["-c", "credential.helper=", "-c", f"credential.helper={HELPER}"]
        slow = {"GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "30"}
        return self(*options, *arguments, GIT_TERMINAL_PROMPT=str(int(sys.stdin.isatty())), **slow)

    def check(self) -> None:
        """Stop where git cannot read the repository."""
        try:
            self("rev-parse", "--git-dir")
        except ProgramFailed as error:
            raise Failure(f"git says: {error.said.strip()}") from None

    def commit(self, name: str) -> str:
        """Give the commit that people call so."""
        found = self.known(name)
        if not found:
            self.check()
            raise Misuse(f"no commit '{name}' in this repository")
        return found

    def known(self, name: str) -> str:
        """Give the commit that people call so, or the empty string."""
        return self.found("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")

    def have(self, commit: str) -> bool:
        """See to it that a commit is here: a shallow clone gets it from the remote."""
        if self.known(commit) != commit:
            try:
                self.away("fetch", "--quiet", "--no-tags", "--depth=1", self.remote, commit)
            except ProgramFailed:
                return False
        return True

    def tags(self, *options: str) -> list[str]:
        """Give the names of tags."""
        return self.found("for-each-ref", "--format=%(refname:lstrip=2)", *options, "refs/tags").splitlines()

    @cached_property
    def _names(self) -> dict[str, str]:
        commit = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
        # Of several the newest, as `git describe` has it: a release, not the candidate that became it.
        order = ("--sort=-version:refname", "--sort=creatordate")
        listed = self.found("for-each-ref", *order, f"--format={commit} %(refname:lstrip=2)", "refs/tags")
        return dict(line.split(" ", 1) for line in listed.splitlines())

    def name(self, commit: str) -> str:
        """Give the name people know a commit by: its tag, or its first digits."""
        return self._names.get(commit, commit[:7])

    def branch(self) -> str:
        """Give the branch that is checked out, or the empty string."""
        return self.found("symbolic-ref", "--quiet", "HEAD").partition("refs/heads/")[2]

    def default_branch(self) -> str:
        """Give the branch that people's work ends in: a clone knows it; whoever added the remote later has to ask."""
        known = self.found("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
        told = ""
        if not known:
            with suppress(ProgramFailed):
                told = self.away("ls-remote", "--symref", "origin", "HEAD")
        asked = re.search(r"^ref: refs/heads/(.*)\tHEAD$", told, re.MULTILINE)
        return known.partition("refs/remotes/origin/")[2] or (asked[1] if asked else "main")

    def unpack(self, commit: str, folder: Path) -> None:
        """Write the files of a commit to a folder."""
        index = (folder / ".index").absolute()
        self("read-tree", commit, GIT_INDEX_FILE=str(index))
        self("checkout-index", "--all", f"--prefix={folder.absolute()}/", GIT_INDEX_FILE=str(index))
        index.unlink()

    def ref(self, name: str) -> str:
        """Give the whole name of a ref of ours."""
        branch = self._settings.get("RECORD_BRANCH")
        return f"refs/heads/{branch}/{name}" if branch else f"refs/deployments/{name}"

    def read(self, name: str) -> str:
        """Give the commit that a ref is at, fetched; or the empty string."""
        ref = self.ref(name)

        def look() -> str:
            listed = self.away("ls-remote", self.remote, ref)
            found = next((at for at, name in map(str.split, listed.splitlines()) if name == ref), "")
            if found:
                # Meanwhile somebody may have moved the ref or taken it away: look again.
                self.away("fetch", "--quiet", "--no-tags", self.remote, ref)
                self("cat-file", "-e", found)
            return found

        try:
            return self._settings.persist(3, look)
        except ProgramFailed as error:
            raise Failure(f"cannot read {ref} of {self.remote}: {reason(error)}") from None

    def write(self, message: str, parent: str = "", tree: str = "") -> str:
        """Write a commit, by default of nothing, and give it."""
        write = ("commit-tree", tree or self("mktree"), *(("-p", parent) if parent else ()))
        try:
            return self(*write, stdin=message)
        except ProgramFailed:
            # A pipeline may have no name in git; what it writes is not anybody's work.
            nobody = ("-c", "user.name=pipeline", "-c", "user.email=pipeline@invalid")
            return self(*nobody, *write, stdin=message)

    def move(self, name: str, old: str, new: str) -> None:
        """Have a ref go from one commit to another, if nobody else moved it; empty is none."""
        ref = self.ref(name)
        options = ("--quiet", "--no-verify", "--no-signed", f"--force-with-lease={ref}:{old}")
        self.away("push", *options, self.remote, f"{new}:{ref}")

    def insist(self, name: str, old: str, new: str) -> None:
        """Move a ref; again, if the remote does not take it."""
        try:
            self._settings.persist(2, lambda: self.move(name, old, new))
        except ProgramFailed as error:
            raise Failure(f"cannot push to {self.remote}: {reason(error)}") from None
