"""Deploy a commit, prove it healthy, restore the last good release if not."""

from __future__ import annotations

import os

from .errors import Down, Failure, Misuse, NothingChanged, Unseen, otherwise
from .hosting import Hosting
from .news import telling
from .platform import Release
from .process import status
from .push import push
from .reading import read_well
from .tasks import Call, Usage

USAGE = Usage(1, 2, "name an environment and at most one commit", ("--no-record",))


def task(call: Call) -> None:
    """Deploy a commit by any of its names."""
    at = Hosting(call)
    at.check()
    with telling(at):
        _deploy(at, call)


def _deploy(at: Hosting, call: Call) -> None:
    commit = at.git.commit("".join(call.names[1:]) or "HEAD")
    if at.git("status", "--porcelain", "--untracked-files=no"):
        raise Misuse("the work tree has changes, which would not be deployed: commit or stash them")
    image = at.platform.image(commit)
    again = f"ops/deploy {at.env} {commit}"
    with at.opened():
        at.find_url(again)
        before = at.current(again)
        with otherwise(f"nothing was changed in {at.env}; then try again: {again}"):
            wanted = read_well(at)
        try:
            if os.access("ops/migrate", os.X_OK) and status("ops/migrate", at.env):
                raise Failure("nothing was deployed: ops/migrate failed; fix the cause and deploy again")
            push(at, wanted, again)
            release(at, commit, image, before, again)
        except SystemExit:
            says = f"ops/releases {at.env} says what runs. Then: {again}, or ops/rollback {at.env}"
            at.console.say(f"interrupted; {says}")
            raise


def release(at: Hosting, commit: str, image: str, before: Release | None, again: str) -> None:
    """Have it run, or what was good before."""
    at.console.say(f"deploying {commit} to {at.env}" + (f": {image}" if image else ""))
    try:
        at.platform.deploy(commit, image)
        at.prove(commit)
    except NothingChanged as error:
        what = "nothing was released" if at.changed else "nothing was changed"
        raise Failure(f"{what} in {at.env}; try again: {again}") from error
    except Unseen as error:
        raise _unseen(at, commit, f", which is not recorded; once the platform lets us in: {again}") from error
    except Failure as error:
        at.console.confess(error)
        _go_back(at, commit, before)
    with otherwise(f"{at.env} runs {commit} and is healthy, which could not be recorded; do it again: {again}"):
        at.passed("deploy", commit, image)
    at.notify("resolved", f"{at.env} runs {commit}")


def _unseen(at: Hosting, commit: str, well: str, sick: type[Failure] = Failure) -> Failure:
    """Without the platform's word, the service's own is all there is."""
    try:
        at.prove(commit)
    except Failure:
        return sick(f"{at.env} is not known to run {commit}; once the platform lets us in: ops/releases {at.env}")
    return Failure(f"{at.env} runs {commit} and is healthy{well}")


def _go_back(at: Hosting, commit: str, before: Release | None) -> None:
    """Have what was good before run again, and fail all the same."""
    at.console.say(f"{commit} failed in {at.env}")
    good = next((row for row in at.record.stack if row.commit != commit), None)
    if good:
        target = good.target()
    elif before and before.what != commit:
        # Nothing was recorded: what ran before is all there is to go back to.
        target = at.target(before)
    else:
        again = f"fix the cause and deploy again: ops/deploy {at.env}"
        raise Failure(f"{at.env} has no earlier release to restore; {again}")
    at.console.say(f"restoring {target.commit}")
    try:
        at.restore(target)
    except Failure as error:
        at.console.confess(error)
        if error.denied and target.ours:
            raise _unseen(at, target.commit, f"; once the platform lets us in: ops/releases {at.env}", Down) from None
        down = f"{at.env} may be down: {target.commit} did not come back"
        raise Down(f"{down}; look at the platform, then try: ops/rollback {at.env} VERSION") from None
    if good:
        try:
            at.passed("rollback", good.commit, good.image)
        except Failure as error:
            at.console.confess(error)
    then = f"look at the platform's logs for {commit}, fix the cause and deploy again"
    back = Failure(f"{at.env} runs {target.commit} again; {then}")
    if at.settings.get("DRILL_BROKEN") == commit:
        back.severity = "info"  # it is what was to happen
    raise back
