"""What a pipeline is, whoever runs it: jobs of steps, what gates them, and what starts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scaffold.pipeline import purpose, shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: What jobs are for, in the order in which a change passes them.
STAGES = ("build", "lint", "test", "scan", "publish", "deploy", "release")


class Trigger(StrEnum):
    """What happened in the repository.

    Where environments follow branches, a push to `testbed`, `staging` or the like counts as a
    candidate, and one to `live` or `production` as a release.
    """

    #: A pull or merge request, or a push to a branch of its own.
    CHANGE = "change"
    #: A push to the default branch.
    MAIN = "main"
    #: A tag like v1.2.3-rc.1.
    CANDIDATE = "candidate"
    #: A tag like v1.2.3, or a release made from one.
    RELEASE = "release"
    SCHEDULE = "schedule"
    #: Somebody started it by hand, or through an API.
    MANUAL = "manual"


#: Jobs of one file, everything it calls included; what is beyond ends up in `Pipeline.unread`.
MAX_JOBS = 1000

#: Branches that environments are named after, and what a push to one of them is.
BRANCHES = {
    **dict.fromkeys(("testbed", "staging", "stage", "candidate", "uat", "qa"), Trigger.CANDIDATE),
    **dict.fromkeys(("live", "production", "prod", "release"), Trigger.RELEASE),
}


#: Tags that projects have, the usual ones first.
TAGS = {
    Trigger.CANDIDATE: ("v1.2.3-rc.1", "1.2.3-rc.1", "v1.2.3-beta.1"),
    Trigger.RELEASE: ("v1.2.3", "1.2.3", "release-1.2.3"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command text, or one ready-made action, image or feature of the provider.

    Attributes:
        name: What a person calls it, or nothing.
        run: The shell text, or nothing.
        pipes: Whether its shell is known to hide failures in pipes.
        loose: Whether its shell is known to go on after a command that failed.
        uses: The action, pipe or feature, with its version, or nothing.
        inputs: What the action is given, sorted.
        condition: When it runs, as the file says it.
        secrets: The names of secrets that it mentions, sorted.
        variables: The names of settings that it mentions, sorted.
        tolerated: What in the file lets its failure pass, or nothing.
        always: What in the file makes it run after a failure, or nothing.
    """

    name: str = ""
    run: str = ""
    pipes: bool = False
    loose: bool = False
    uses: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    condition: str = ""
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    tolerated: str = ""
    always: str = ""

    @property
    def stages(self) -> frozenset[str]:
        """What it does, of `STAGES`, as far as its commands are known."""
        return shell.stages(self.run) | purpose.stages_of_action(self.uses, dict(self.inputs))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The `ops/…` commands that it runs, with their arguments."""
        return shell.tasks(self.run)

    def swallowed(self, around: str) -> Iterator[str]:
        """Give what lets a failure of it pass; `around` is the text of all the job's steps."""
        if self.tolerated:
            yield self.tolerated
        yield from shell.swallowed(self.run, pipes=self.pipes, loose=self.loose, around=around)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How runs of one job stand to each other.

    Attributes:
        group: What they share, as the file says it; nothing when it is the branch or tag.
        exclusive: Whether one runs at a time.
        queued: Whether all that wait get their turn; otherwise the newest alone does.
        cancels: Whether a newer run cancels one that runs already.
    """

    group: str = ""
    exclusive: bool = False
    queued: bool = False
    cancels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Steps that run in one place, and fail as one.

    Attributes:
        id: What it is called. Among the jobs of one trigger nothing else is; a job that is another
            one by trigger is there once for each of them.
        provider: The module that read it: `github`, `gitlab`, …
        file: Where it is written.
        name: What a person calls it.
        triggers: What starts it.
        uncertain: Those of its triggers for which the files do not tell whether it runs.
        needs: The ids of jobs that come before it.
        ignores: Those of `needs` whose failure does not stop it.
        steps: What it does, in order.
        condition: When it runs, as the file says it.
        environment: What it deploys to, or nothing.
        deploys: Whether it changes its environment, or merely reads or stops it.
        approval: `manual` when somebody has to start it; `environment` when the settings of its
            environment, which no file shows, may ask for an approval; or nothing.
        secrets: The names of secrets that it mentions, steps included, sorted. Where the file
            does not tell secrets from settings (GitLab, Bitbucket), the name does.
        variables: The names of settings that it mentions, steps included, sorted.
        ambient: Whether it also gets whatever its project and environment hold, unmentioned.
        timeout: After how many minutes it is stopped; None when it does not say.
        permissions: What its token may do, sorted; None when it does not say.
        concurrency: How its runs stand to each other, or None.
        images: The container images it runs in or beside.
        copies: How many of it run side by side, as a matrix says; 0 when that is not known.
        tolerated: What in the file lets its failure pass, or nothing.
    """

    id: str
    provider: str
    file: str
    name: str = ""
    triggers: frozenset[Trigger] = frozenset()
    uncertain: frozenset[Trigger] = frozenset()
    needs: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    condition: str = ""
    environment: str = ""
    deploys: bool = True
    approval: str = ""
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    ambient: bool = False
    timeout: float | None = None
    permissions: tuple[tuple[str, str], ...] | None = None
    concurrency: Concurrency | None = None
    images: tuple[str, ...] = ()
    copies: int = 1
    tolerated: str = ""

    @property
    def stages(self) -> tuple[str, ...]:
        """What it does, of `STAGES` and in their order, as far as its commands are known.

        A job of an environment whose commands are not known deploys.
        """
        found = frozenset[str]().union(*(step.stages for step in self.steps))
        if not found and self.environment and self.deploys:
            found = frozenset({"deploy"})
        return tuple(stage for stage in STAGES if stage in found)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The `ops/…` commands that it runs, with their arguments, in order."""
        return tuple(task for step in self.steps for task in step.tasks)

    @property
    def uses(self) -> tuple[str, ...]:
        """The actions, pipes and features of the provider that it uses, sorted."""
        return tuple(sorted({step.uses for step in self.steps if step.uses}))

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON; `Pipeline.to_json` describes it."""
        named = ("id", "provider", "file", "name", "condition", "environment", "approval")
        listed = ("stages", "needs", "ignores", "tasks", "secrets", "variables", "uses", "images")
        return {
            **{key: getattr(self, key) for key in named},
            **{key: list(getattr(self, key)) for key in listed},
            "triggers": [t.value for t in Trigger if t in self.triggers],
            "uncertain": [t.value for t in Trigger if t in self.uncertain],
            "timeout": self.timeout,
            "permissions": None if self.permissions is None else dict(self.permissions),
            "concurrency": self.concurrency
            and {key: getattr(self.concurrency, key) for key in Concurrency.__slots__},
            "steps": [
                {key: getattr(step, key) for key in ("name", "run", "uses", "condition")}
                for step in self.steps
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Swallowed:
    """A failure that passes.

    Attributes:
        file: Where it is written.
        job: The id of the job.
        what: What lets it pass, such as `npm test || true`.
    """

    file: str
    job: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """All jobs that a repository's files describe.

    Attributes:
        jobs: In the order of the files.
        unread: What was not understood, one line each: file, place, reason. Whoever judges the
            pipeline has not seen it, and should not fail anybody for it.
    """

    jobs: tuple[Job, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def providers(self) -> tuple[str, ...]:
        """Who runs the jobs, sorted."""
        return tuple(sorted({job.provider for job in self.jobs}))

    def run(self, trigger: Trigger) -> tuple[Job, ...]:
        """Give the jobs that run after a trigger, each after all that it needs."""
        return self._runs[trigger]

    def gates(self, job: Job, trigger: Trigger) -> tuple[Job, ...]:
        """Give the jobs that must have passed before one starts, in the order of `run`.

        One whose own failure is let pass is no gate, nor is what comes before a job that runs
        whether or not it failed.
        """
        ran = {each.id: each for each in self.run(trigger)}
        found: set[str] = set()
        waiting = [job]
        while waiting:
            here = waiting.pop()
            for name in here.needs:
                if name in ran and name not in here.ignores and name not in found:
                    found.add(name)
                    waiting.append(ran[name])
        found.discard(job.id)
        return tuple(each for each in ran.values() if each.id in found and not each.tolerated)

    def swallowed(self) -> tuple[Swallowed, ...]:
        """Give every place where a failure passes, sorted."""
        return tuple(
            sorted(
                {
                    Swallowed(file=job.file, job=job.id, what=" ".join(what.split())[:200])
                    for job in self.jobs
                    for what in _swallowed(job)
                }
            )
        )

    def secrets(self) -> tuple[str, ...]:
        """Give the names of all secrets that any job mentions, sorted."""
        return tuple(sorted({name for job in self.jobs for name in job.secrets}))

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON.

        Returns:
            `providers`, sorted names. `runs`, for each trigger the ids of its jobs in an order in
            which they may run. `jobs`, each with `id`, `provider`, `file`, `name`, `condition`,
            `environment` and `approval` (texts, empty when there is none), `stages`, `needs`,
            `ignores`, `tasks`, `secrets`, `variables`, `uses`, `images`, `triggers`, `uncertain`
            (lists of texts), `timeout` (minutes or null), `permissions` (scope to access, or
            null), `concurrency` (`group`, `exclusive`, `queued`, `cancels`; or null) and `steps`
            (`name`, `run`, `uses`, `condition`). `swallowed`, each with `file`, `job`, `what`.
            `unread`, a list of lines. Keys may be added, and none is renamed or removed.
        """
        return {
            "providers": list(self.providers),
            "runs": {trigger.value: [job.id for job in self.run(trigger)] for trigger in Trigger},
            "jobs": [job.to_json() for job in self.jobs],
            "swallowed": [{"file": s.file, "job": s.job, "what": s.what} for s in self.swallowed()],
            "unread": list(self.unread),
        }

    @cached_property
    def _runs(self) -> dict[Trigger, tuple[Job, ...]]:
        return {
            trigger: tuple(jobs[place] for place in order([(job.id, job.needs) for job in jobs]))
            for trigger in Trigger
            for jobs in [[job for job in self.jobs if trigger in job.triggers]]
        }


def merged(jobs: Iterable[Job]) -> Iterator[Job]:
    """Make one job of those that are equal but for what triggers them."""
    found: dict[Job, tuple[frozenset[Trigger], frozenset[Trigger]]] = {}
    for job in jobs:
        key = replace(job, triggers=frozenset(), uncertain=frozenset())
        triggers, uncertain = found.get(key, (frozenset(), frozenset()))
        found[key] = (triggers | job.triggers, uncertain | job.uncertain)
    for key, (triggers, uncertain) in found.items():
        yield replace(key, triggers=triggers, uncertain=uncertain)


def order(needs: Sequence[tuple[str, Iterable[str]]]) -> list[int]:
    """Put what has a name and needs others after those; what is in a circle stays where it is.

    Returns:
        The places in the new order.
    """
    names = {name for name, _ in needs}
    before = [names.intersection(wanted) for _, wanted in needs]
    waits = [len(wanted) for wanted in before]
    followers: dict[str, list[int]] = {}
    for place, wanted in enumerate(before):
        for name in wanted:
            followers.setdefault(name, []).append(place)
    found: dict[int, None] = {}
    while len(found) < len(needs):
        left = [place for place in range(len(needs)) if place not in found]
        level = [place for place in left if not waits[place]] or left
        while level:
            found |= dict.fromkeys(level)
            freed = [follower for place in level for follower in followers.get(needs[place][0], ())]
            for follower in freed:
                waits[follower] -= 1
            level = sorted({f for f in freed if not waits[f]} - found.keys())
    return list(found)


#: The stages that change something outside the pipeline.
_OUTWARD = {"publish", "deploy", "release"}
#: Those that find out whether it may.
_CHECKS = {"build", "lint", "test", "scan"}


def _swallowed(job: Job) -> Iterator[str]:
    if job.tolerated:
        yield job.tolerated
    elif job.approval == "manual" and _CHECKS.issuperset(job.stages or ("deploy",)):
        yield job.condition  # nothing fails as long as nobody starts it
    if job.ignores and _OUTWARD.intersection(job.stages):
        yield f"{job.condition or 'it'} runs after a failure of {', '.join(job.ignores)}"
    around = "\n".join(step.run for step in job.steps)
    for step in job.steps:
        yield from step.swallowed(around)
        if step.always and step.stages & _OUTWARD:
            yield step.always
