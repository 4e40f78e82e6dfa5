"""Put an earlier release back, without building it again."""

from __future__ import annotations

import os

from .errors import Failure, Misuse, otherwise
from .hosting import Hosting
from .platform import Target, digest
from .process import status
from .tasks import Call, Usage

USAGE = Usage(1, 2, "name an environment and at most one version", ("--force", "--migrate-down", "--no-record"))


def task(call: Call) -> None:
    """Roll back to a version, or to the last known good before what runs."""
    at, version = Hosting(call), "".join(call.names[1:])
    if not (at.kept or version):
        raise Misuse("without a record nobody knows what passed: name a version, or a release of the platform")
    force = not at.kept or "--force" in call.options
    at.check()
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
        down = _schema(at, target, runs, wanted="--migrate-down" in call.options)
        _restore(at, target, runs)
        what = f"{at.env} runs {target.commit} and is healthy, which could not be recorded"
        with otherwise(f"{what}; do it again: ops/rollback {at.env} {target.commit}"):
            at.passed("rollback", target.commit, target.image)
        if down and status("ops/migrate", at.env, "down", target.commit):
            again = f"ops/migrate {at.env} down {target.commit}"
            raise Failure(f"{at.env} runs {target.commit} and is healthy; its schema was not taken back: {again}")
        at.notify(f"{at.env} runs {target.commit}; not rolled back: {at.project.keeps}")


def _schema(at: Hosting, target: Target, runs: Target, *, wanted: bool) -> bool:
    """Say what becomes of migrations that the target does not know, and give whether they are taken back."""
    if not os.access("ops/migrate", os.X_OK):
        if wanted:
            raise Misuse("there is no ops/migrate that could take anything back")
        return False
    theirs, ours = (at.git.found("ls-tree", "--name-only", f"{it.commit}:./db/migrations") for it in (runs, target))
    newer = ", ".join(sorted({*theirs.split()}.difference(ours.split())))
    if wanted and not target.ours:
        raise Misuse(f"{target.commit} is no commit of this repository: nobody knows which migrations it has")
    if wanted:
        at.console.say(f"then taking back what it does not know, with all that was written there: {newer or 'nothing'}")
    elif newer:
        at.console.say(f"the schema stays as it is, and nothing is lost: {newer}")
        at.console.say("--migrate-down takes that back as well, with all that was written there")
    return wanted


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
        with otherwise(f"{sick}, and {before.commit} did not come back: ops/releases {at.env}"):
            at.bring_back(before)
        then = f"name an older version: ops/rollback {at.env} VERSION"
        raise Failure(f"{sick}; {before.commit} runs again; {then}") from None
