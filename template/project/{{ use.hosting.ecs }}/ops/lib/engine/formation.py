"""The stack of CloudFormation that an environment is: PROJECT-ENV, of .aws/service.yaml and .aws/ENV.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .aws import Aws
from .calls import CallFailed
from .errors import Failure
from .platform import Context

REPLACES = {"True": " (another in its place)", "Conditional": " (perhaps another in its place)"}


class Stack(NamedTuple):
    """What a stack has. Without a release yet, it has no service."""

    status: str
    environment: str
    release: str
    secret: str
    url: str
    load_balancer: str
    repository: str
    cluster: str
    service: str
    definition: str

    @classmethod
    def read(cls, answer: Any) -> Stack:  # noqa: ANN401 (JSON)
        """Read the one that was asked for."""
        it = answer["Stacks"][0]
        has = {each["ParameterKey"]: each.get("ParameterValue", "") for each in it.get("Parameters") or []}
        out = {each["OutputKey"]: str(each["OutputValue"]) for each in it.get("Outputs") or []}
        given = (str(has.get(name, "")) for name in ("Environment", "Release", "Secret"))
        names = ("Url", "LoadBalancer", "Repository", "Cluster", "Service", "TaskDefinition")
        return cls(str(it["StackStatus"]), *given, *(out.get(name, "") for name in names))


def differences(answer: Any) -> str:  # noqa: ANN401 (JSON)
    """Read what a change set would do."""
    changes = (each["ResourceChange"] for each in answer["Changes"])
    replaced = ((it, REPLACES.get(it.get("Replacement"), "")) for it in changes)
    return ", ".join(f"{it['Action'].lower()} {it['LogicalResourceId']}{how}" for it, how in replaced)


def network(answer: Any) -> dict[str, str]:  # noqa: ANN401 (JSON)
    """Read the default VPC, if it has subnets enough."""
    subnets = answer["Subnets"]
    if len(subnets) < 2:
        return {}
    return {"VpcId": subnets[0]["VpcId"], "SubnetIds": ",".join(sorted(each["SubnetId"] for each in subnets))}


class CloudFormation:
    """The stack of the environment at hand."""

    def __init__(self, at: Context, aws: Aws) -> None:
        self._at = at
        self._aws = aws
        self._known: Stack | None = None
        self.name = f"{at.project.name}-{at.env}"

    def read(self) -> Stack:
        """Give it."""
        command = ("cloudformation", "describe-stacks", "--stack-name", self.name)
        self._known = self._aws.ask(Stack.read, *command)
        return self._known

    def known(self) -> Stack:
        """Give it as it was at the last look."""
        return self._known or self.read()

    def opened(self) -> Stack:
        """Give it, once it is sure to belong to the environment and to have a service."""
        stack, env = self.read(), self._at.env
        if not stack.service:
            raise Failure(f"the stack {self.name} has no service yet; set it up: ops/bootstrap {env}")
        if stack.environment != env or not stack.service.endswith(f"-{env}"):
            raise Failure(f"the stack {self.name} is not the one of {env}: its service is {stack.service}")
        return stack

    def changeable(self) -> Stack | None:
        """Give it if there is one, or say why it cannot be changed."""
        try:
            stack = self.read()
        except CallFailed as error:
            if "does not exist" in str(error):
                return None
            raise
        if stack.status == "REVIEW_IN_PROGRESS":
            return None
        if stack.status.endswith("_IN_PROGRESS"):
            raise Failure(f"the stack {self.name} is being changed: {stack.status}; wait for that to end")
        if re.fullmatch("ROLLBACK_COMPLETE|.*(ROLLBACK|DELETE)_FAILED", stack.status):
            what = f"{stack.status}; look why, and delete it in CloudFormation"
            raise Failure(f"the stack {self.name} is beyond changing: {what}")
        return stack

    def network(self) -> dict[str, str]:
        """Give the default VPC as parameters, unless .aws/ENV.json names another."""
        given = self._given()
        if given.get("VpcId") or given.get("SubnetIds"):
            return {}
        filters = ("--filters", "Name=default-for-az,Values=true")
        found = self._aws.ask(network, "ec2", "describe-subnets", *filters)
        if not found:
            where = f"name VpcId and SubnetIds in .aws/{self._at.env}.json"
            raise Failure(f"the account has no default VPC in {self._at.settings.get('AWS_REGION')}; {where}")
        return found

    def apply(self, told: Mapping[str, str]) -> None:
        """Have the stack become what the files say, and what is told besides."""
        try:
            self._deploy(told, shown=True)
        except CallFailed as error:
            why = f"aws cloudformation describe-stack-events --stack-name {self.name}"
            raise Failure(f"CloudFormation says why: {why}") from error

    def differences(self, told: Mapping[str, str]) -> str:
        """Give what CloudFormation would do. The change set that says it goes again."""
        found = re.search(r"arn:\S*:changeSet/\S*", self._deploy(told, "--no-execute-changeset"))
        if not found:
            return ""
        named = ("--change-set-name", found[0])
        says = self._aws.ask(differences, "cloudformation", "describe-change-set", *named)
        self._aws.text("cloudformation", "delete-change-set", *named)
        return says

    def _given(self) -> dict[str, str]:
        """Give the parameters of .aws/ENV.json."""
        file = f".aws/{self._at.env}.json"
        try:
            given = json.loads(Path(file).read_text("utf-8"))["Parameters"].items()
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Failure(f"{file} does not say what the parameters are ({error!r})") from error
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in given}

    def _deploy(self, told: Mapping[str, str], *options: str, shown: bool = False) -> str:
        """Run `aws cloudformation deploy`. What nobody says stays as it was: only the network may be left open."""
        given = {name: it for name, it in self._given().items() if it or name not in ("VpcId", "SubnetIds")}
        wanted = [f"{name}={value}" for name, value in {**given, **told}.items()]
        command = ["cloudformation", "deploy", "--stack-name", self.name, "--template-file", ".aws/service.yaml"]
        command += ["--parameter-overrides", self._aws.file("parameters.json", wanted)]
        command += ["--tags", f"project={self._at.project.name}", f"environment={self._at.env}"]
        command += ["--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset", *options]
        return self._aws.text(*command, shown=shown)
