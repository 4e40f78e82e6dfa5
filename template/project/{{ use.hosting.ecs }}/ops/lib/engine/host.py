"""AWS ECS: a stack of CloudFormation for each environment, named PROJECT-ENV like all that is in it.

A release is a task definition, known by its ARN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .aws import aws_of
from .calls import CallFailed, follow
from .ecr import Ecr
from .errors import DeployFailed, Failure, NothingChanged, asking
from .formation import CloudFormation, Stack
from .image import Images
from .platform import Change, Context, Plan, Release, Target, digest
from .references import References
from .service import Definition, Deployment, complete, described, finished, primary, revisions, started


class Host:
    """The service of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._images = Images(at.settings)
        self._aws = aws_of(at)
        self._formation = CloudFormation(at, self._aws)
        self._references = References(at, self._aws)
        self._ecr = Ecr(self._images, self._aws)

    def check(self) -> None:
        """Note what is missing."""
        self._aws.need()
        if self._at.task not in ("bootstrap", "releases", "rollback"):
            self._images.needs()

    def image(self, commit: str) -> str:
        """Give what is deployed, built and published before."""
        return self._images.published(commit)

    def url(self) -> str:
        """Give where it answers."""
        return self._formation.read().url

    def current(self) -> Release | None:
        """Give what has completed, which runs also while something else is under way."""
        runs = complete(self._deployments(self._formation.opened()))
        return self._definition(runs.definition).release(runs.created) if runs else None

    def releases(self) -> list[Release]:
        """Give the newest deployments that succeeded; ECS remembers those of 90 days."""
        stack = self._formation.opened()
        options = ("--status", "SUCCESSFUL", "--max-results", "20")
        done = self._aws.ask(finished, *self._of(stack, "list-service-deployments", "--service"), *options)
        if not done:
            return []
        arns = ("--service-revision-arns", *(arn for _, arn in done))
        runs = self._aws.ask(revisions, "ecs", "describe-service-revisions", *arns)
        newest: dict[str, str] = {}
        for created, arn in done:
            if arn in runs:
                newest.setdefault(runs[arn], created)
        return list(self._kept(newest))

    def deploy(self, commit: str, image: str) -> None:
        """Copy the image to where ECS pulls from, under the same digest, and have the service run it."""
        with asking():
            stack = self._formation.opened()
            self._ecr.copy(stack.repository, image, commit)
            release = self._register(stack, f"{stack.repository}@{digest(image)}", commit)
        self._run(stack, release)

    def restore(self, target: Target) -> None:
        """Have a task definition run again; ECS may be on its way back to it already.

        What else is under way ends as the service is told what to run.
        """
        stack = self._formation.opened()
        now = primary(self._deployments(stack))
        if not now or now.definition != target.release or now.state == "FAILED":
            self._run(stack, target.release, "--force-new-deployment")
        elif now.state != "COMPLETED":
            self._follow(stack, now.id)

    def freeze(self) -> None:
        """Nothing deploys but we."""

    def told(self) -> dict[str, str | None]:
        """Give what task definitions to come refer to."""
        return dict(self._references.told(self._formation.known().secret))

    def tell(self, change: Change) -> None:
        """Have them refer to something else: the next one that is registered does."""
        self._references.tell(self._formation.known().secret, change)

    def bootstrap(self, plan: Plan) -> None:
        """Bring the stack to what the files say, and the service to its task definition; the image that runs stays."""
        stack, name = self._formation.changeable(), self._formation.name
        if stack and stack.service:
            self._adjust(plan)
            return
        # It begins with the image of this commit, as ECS takes no service without one.
        commit = self._at.git.commit("HEAD")
        image = self.image(commit)
        found = {} if stack else self._formation.network()
        secret = self._secret(plan)
        if not stack:
            told = {**found, "Secret": secret}
            plan.change(f"create the stack {name} of .aws/service.yaml", lambda: self._formation.apply(told))
        plan.change(f"create its service, which runs {image}", lambda: self._begin(image, commit, secret))

    def _secret(self, plan: Plan) -> str:
        """Give the ARN of the secret; before there is one, its name."""
        name, found = self._references.name, self._references.find()
        if not found:
            plan.change(f"create the secret {name}", self._references.create)
        return found or self._references.find() or name

    def _begin(self, image: str, commit: str, secret: str) -> None:
        """Make the service, in a stack that has none."""
        stack = self._formation.read()
        self._ecr.copy(stack.repository, image, commit)
        if self._at.values:
            self._references.tell(secret, Change(self._at.values, ()))
        release = self._register(stack, f"{stack.repository}@{digest(image)}", commit)
        self._formation.apply({"Secret": secret, "Release": release})
        stack = self._formation.read()
        self._at.console.say(f"it answers at {stack.url}, a name that is an alias of {stack.load_balancer}")

    def _adjust(self, plan: Plan) -> None:
        """Change a stack that has a service."""
        stack, name = self._formation.opened(), self._formation.name
        found = self._deployments(stack)
        runs = complete(found) or primary(found)
        if not runs:
            raise Failure(f"the service {stack.service} has no deployment")
        now, back = self._definition(runs.definition), complete(found) is not None
        secret = self._secret(plan)
        differs = self._formation.differences({"Secret": secret, "Release": stack.release or now.arn})
        if differs:
            wanted = {"Secret": secret, "Release": now.arn}
            plan.change(f"change the stack {name}: {differs}", lambda: self._bring(now, wanted, back=back))
        elif now.base != stack.definition:
            what = f"start {now.commit or now.image} anew, as the stack {name} has it"
            plan.change(what, lambda: self._bring(now, {}, back=back))

    def _bring(self, now: Definition, wanted: Mapping[str, str], *, back: bool) -> None:
        """Change the stack, which leaves what runs; then have that start anew, if its task definition is another."""
        try:
            if wanted:
                self._formation.apply(wanted)
            stack = self._formation.opened()
            if now.base != stack.definition:
                self._run(stack, self._register(stack, now.image, now.commit))
        except Failure:
            if back:
                self._come_back(now)
            raise

    def _come_back(self, now: Definition) -> None:
        try:
            self.restore(Target(now.arn, now.commit, now.image))
        except Failure as error:
            self._at.console.confess(error)
            self._at.console.say(f"look what runs: ops/releases {self._at.env}")

    def _of(self, stack: Stack, command: str, option: str) -> tuple[str, ...]:
        """Give a command that is about the service."""
        return ("ecs", command, "--cluster", stack.cluster, option, stack.service)

    def _deployments(self, stack: Stack) -> list[Deployment]:
        return self._aws.ask(described, *self._of(stack, "describe-services", "--services"))

    def _definition(self, arn: str) -> Definition:
        return self._aws.ask(Definition.read, "ecs", "describe-task-definition", "--task-definition", arn)

    def _kept(self, newest: Mapping[str, str]) -> Iterator[Release]:
        """Give the releases that are still there: somebody may have deleted a task definition."""
        for arn, created in newest.items():
            try:
                yield self._definition(arn).release(created)
            except CallFailed as error:
                if error.denied or not error.certainly_not_run:
                    raise

    def _register(self, stack: Stack, image: str, commit: str) -> str:
        """Register the task definition of the stack with another image.

        Not the one that runs: after a rollback that has settings of then.
        """
        wanted = self._definition(stack.definition).of(image, commit, self._references.made(stack.secret))
        file = self._aws.file("task.json", wanted)
        return self._aws.ask(Definition.read, "ecs", "register-task-definition", "--cli-input-json", file).arn

    def _run(self, stack: Stack, release: str, *options: str) -> None:
        """Have the service run a task definition."""
        command = self._of(stack, "update-service", "--service")
        try:
            known = self._aws.ask(started, *command, "--task-definition", release, *options)
        except CallFailed as error:
            # It was tried several times: was it refused each time?
            if error.certainly_not_run and not self._wants(stack, release):
                raise NothingChanged from error
            raise
        self._follow(stack, known)

    def _wants(self, stack: Stack, release: str) -> bool:
        try:
            now = primary(self._deployments(stack))
        except CallFailed:
            return True
        return now is None or now.definition == release

    def _follow(self, stack: Stack, known: str) -> None:
        """Look at a deployment until it has come to an end.

        One that failed disappears once the service is back at what ran before; a new one may not be there at once.
        """
        what, seen = f"deployment {known}", False

        def look() -> bool:
            nonlocal seen
            found = next((each for each in self._deployments(stack) if each.id == known), None)
            if (found and found.state == "FAILED") or (seen and not found):
                why = found.why if found else "something else took its place"
                raise DeployFailed(f"{what} failed: {why}; its log is in CloudWatch")
            seen = bool(found)
            return bool(found and found.state == "COMPLETED")

        follow(what, look, lambda: self._cancel(stack), self._at)

    def _cancel(self, stack: Stack) -> None:
        """End what is under way. Older versions of the command cannot; what is deployed next ends it too."""
        options = ("--status", "PENDING", "IN_PROGRESS")
        command = self._of(stack, "list-service-deployments", "--service")
        try:
            listed = self._aws.ask(
                lambda it: [str(each["serviceDeploymentArn"]) for each in it["serviceDeployments"]], *command, *options
            )
            for arn in listed:
                how = ("--service-deployment-arn", arn, "--stop-type", "ROLLBACK")
                self._aws.text("ecs", "stop-service-deployment", *how)
        except CallFailed as error:
            self._at.console.confess(error)
