"""Put an earlier release back, without building it again."""

from __future__ import annotations

from . import back
from .errors import Down, Failure, Misuse, otherwise
from .hosting import Hosting
from .news import telling
from .platform import Target, digest
from .tasks import Call, Usage

WAY = back.way()
WRONG = "name an environment and at most one version"
USAGE = Usage(1, 2, WRONG, ("--force", "--no-record", *WAY.OPTIONS), valued=WAY.VALUED)


def task(call: Call) -> None:
    """Roll back to a version, or to the last known good before what runs."""
    at, version = Hosting(call), "".join(call.names[1:])
    if not (at.kept or version):
        raise Misuse("without a record nobody knows what passed: name a version, or a release of the platform")
    force = not at.kept or "--force" in call.options
    way = WAY(at, call)
    way.check()
    at.check()
    with telling(at):
        _roll_back(at, way, version, force=force)


def _roll_back(at: Hosting, way: back.Way, version: str, *, force: bool) -> None:
    commit = at.git.known(version) if force or not version else at.git.commit(version)
    again = f"ops/rollback {at.env} {version}".strip()
    with at.opened():
        current = at.current(again)
        if not current:
            raise Failure(f"nothing runs in {at.env}; deploy something: ops/deploy {at.env}")
        # What was deployed and never passed is known by what the platform calls it.
        row = at.record.match(current)
        runs = row.target(current.id) if row else at.target(current)
        passed = at.record.of(commit)
        if not version:
            target = _below(at, runs.commit)
        elif passed:
            target = passed.target()
        elif force:
            target = _forced(at, version, commit, again)
        else:
            at.console.say(f"{version} never passed in {at.env}; these did:")
            for each in at.record.stack:
                at.console.say(f"  {at.git.name(each.commit)}  {each.time}")
            raise Misuse("name one of them, or add --force")
        at.find_url(again)
        at.console.say(f"rolling {at.env} back from {runs.commit} to {target.commit}")
        if way.told(target, runs):
            return
        with way.around(target):
            _restore(at, target, runs)
            what = f"{at.env} runs {target.commit} and is healthy, which could not be recorded"
            with otherwise(f"{what}; do it again: ops/rollback {at.env} {target.commit}"):
                at.passed("rollback", target.commit, target.image)
        at.notify("resolved", f"{at.env} runs {target.commit}; {way.left}")


def _below(at: Hosting, running: str) -> Target:
    """Go down from the one that runs; if that never passed, to the newest that did."""
    passed = at.record.stack
    runs = [row.commit == running for row in passed]
    below = passed[runs.index(True) + 1 :] if any(runs) else passed
    row = next((row for row in below if row.commit != running), None)
    if not row:
        shows = f"ops/releases {at.env} shows what there is"
        raise Failure(f"{at.env} has no release before {running} that passed; {shows}")
    return row.target()


def _forced(at: Hosting, version: str, commit: str, again: str) -> Target:
    """Find it among what the platform has: by its own id, the commit, or the commit's image."""
    with otherwise(f"nothing was changed; try again: {again} --force"):
        releases = at.platform.releases()
    for each in releases:
        if version == each.id or (commit in each.what if commit else version == each.name):
            return at.target(each, commit)
    published = digest(at.platform.image(commit)) if commit else ""
    for each in releases:
        if published and digest(each.image) == published:
            return at.target(each, commit)
    has = f"{version} is not among the releases that {at.env} still has: ops/releases {at.env}"
    raise Misuse(f"{has}; or deploy it: ops/deploy {at.env} {version}")


def _restore(at: Hosting, target: Target, before: Target) -> None:
    """Have it run again; what is not healthy makes way for what ran, as after a deploy."""
    try:
        at.platform.freeze()
    except Failure as error:
        at.console.confess(error)
        at.console.say("deploys on push, if there are any, are still on: the next push may undo this")
    or_else = f"ops/releases {at.env}; or build it again: ops/deploy {at.env} {target.commit}"
    what = f"the platform did not restore {target.commit}; {at.env} may still run {before.commit}"
    with otherwise(f"{what}: {or_else}"):
        at.bring_back(target)
    try:
        at.prove(target.commit if target.ours else "")
    except Failure as error:
        at.console.confess(error)
        sick = f"{target.commit} is not healthy in {at.env} either"
        with otherwise(f"{sick}, and {before.commit} did not come back: ops/releases {at.env}", Down):
            at.bring_back(before)
        then = f"name an older version: ops/rollback {at.env} VERSION"
        raise Failure(f"{sick}; {before.commit} runs again; {then}") from None
