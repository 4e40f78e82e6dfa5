"""AWS: ECS with its task definitions and deployments, a stack of CloudFormation, and a registry."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import botocore.session
import yaml
from botocore import xform_name
from botocore.validate import ParamValidator

from vendors.base import SECRET, SKOPEO, Vendor, commit_of
from vendors.secretsmanager import RefusedError, SecretsManager

if TYPE_CHECKING:
    from conftest import Call

    from vendors.base import Machine

ARN = "arn:aws:{service}:us-east-1:123456789012:{name}"
#: What is no argument of a command, and in no file.
STDIN = "file:///dev/stdin"
#: Who may call: a user, and the role that a token buys.
KEYS = (("AKIAEXAMPLE", SECRET, None), ("A", SECRET, "S"))
#: ECR, before `SKOPEO`: it has what was copied there, and a tag there stays what it is.
SKOPEO_OF_ECR = """\
for name; do :; done
here=$(dirname "$0")/../ecr
mkdir -p "$here"
tag=${name##*:}
case $1:$name in
  copy:*.dkr.ecr.*)
    [ ! -e "$here/$tag" ] || { echo "'$tag' exists, and is immutable" >&2; exit 1; }
    for last; do image=${from-}; from=$last; done
    touch "$here/$tag" "$here/${image##*:}" ;;
  inspect:*.dkr.ecr.*) [ -e "$here/$tag" ] || { echo 'manifest unknown' >&2; exit 1; } ;;
esac
"""
#: What a description says beside what was registered.
DESCRIBED = {
    "status": "ACTIVE",
    "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
    "compatibilities": ["EC2", "FARGATE"],
    "registeredAt": "2026-11-01T00:00:00+00:00",
    "registeredBy": "arn:aws:iam::123456789012:user/robot",
}


class Template(yaml.SafeLoader):
    """A template of CloudFormation, whose functions are tags."""


Template.add_multi_constructor("!", lambda _, suffix, node: f"!{suffix} {node.value}")


@cache
def model(service: str) -> Any:
    """Give AWS' own description of a service."""
    return botocore.session.get_session().get_service_model(service)


def content(said: str, stdin: str) -> str:
    """Give what an argument says, or the file that it names."""
    if said == STDIN:
        return stdin
    file = said.removeprefix("file://")
    return said if file == said else Path(file).read_text()


def parameters(
    service: str, command: str, options: list[str], stdin: str
) -> tuple[str, dict[str, Any]]:
    """Give the operation that a command line calls, and its parameters, which have to be valid."""
    described = model(service)
    operation = next(name for name in described.operation_names if xform_name(name, "-") == command)
    shape = described.operation_model(operation).input_shape
    members = {xform_name(name, "-"): name for name in shape.members}
    given: dict[str, Any] = {}
    values: list[str] = []
    for option in options:
        if not option.startswith("--"):
            values.append(option)
            continue
        values = given[option.removeprefix("--")] = []
    found: dict[str, Any] = {}
    for name, said in given.items():
        if name == "cli-input-json":
            found |= json.loads(Path(said[0].removeprefix("file://")).read_text())
            continue
        match shape.members[members[name]].type_name:
            case "list" if shape.members[members[name]].member.type_name == "structure":
                pairs = [dict(it.split("=") for it in each.split(",")) for each in said]
                found[members[name]] = [{**it, "Values": [it["Values"]]} for it in pairs]
            case "list":
                found[members[name]] = said
            case "boolean":
                found[members[name]] = True
            case "integer":
                found[members[name]] = int(said[0])
            case _:
                found[members[name]] = content(said[0], stdin)
    report = ParamValidator().validate(found, shape)
    assert not report.has_errors(), report.generate_report()
    assert found.keys() <= shape.members.keys(), found
    return operation, found


@dataclass
class Ecs(Vendor):
    """An account. A deployment is under way, then completed or failed; a look takes it one step on.

    When one fails, the circuit breaker starts another, of what completed last.
    """

    hosting: ClassVar[str] = "ecs"
    title: ClassVar[str] = "AWS ECS"
    commands: ClassVar[tuple[str, ...]] = ("aws",)
    deploys: ClassVar[str] = "aws .* ecs update-service .*"
    tells: ClassVar[str] = "aws .* secretsmanager (put-secret-value|update-secret-version-stage) .*"
    denial: ClassVar[str] = "An error occurred (AccessDeniedException): you may not"
    asks: ClassVar[str] = "aws .* ecs describe-services .*"
    name: str = "my-service-live"
    #: The parameters and the template that the stack was made of last; None before there is one.
    made: dict[str, Any] | None = None
    #: Numbered from 1, whether they ever ran or not.
    definitions: list[dict[str, Any]] = field(default_factory=list)
    #: The one that the stack knows, whatever others have the service run.
    declared: str = ""
    #: The newest first; what was replaced is gone.
    deployments: list[dict[str, Any]] = field(default_factory=list)
    #: All of them, the oldest first.
    history: list[dict[str, Any]] = field(default_factory=list)
    #: What the tasks of a deployment have in their environment, by its id; why some had none.
    started: dict[str, dict[str, str]] = field(default_factory=dict)
    unstarted: list[str] = field(default_factory=list)
    manager: SecretsManager = field(default_factory=SecretsManager)
    change_sets: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path()
    #: The state of the stack; whether a change of it fails; commits whose tasks never get there.
    status: str = "UPDATE_COMPLETE"
    failing: bool = False
    slow: set[str] = field(default_factory=set)
    #: What it refuses to do, and how it calls that; and answers that are of another shape.
    refused: dict[str, str] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)
    #: Whether nobody may look at the service any more, once it was told what to run.
    hidden: bool = False
    subnets: list[dict[str, str]] = field(
        default_factory=lambda: [
            {"VpcId": "vpc-1", "SubnetId": "subnet-b"},
            {"VpcId": "vpc-1", "SubnetId": "subnet-a"},
        ]
    )

    def __post_init__(self) -> None:
        """Set up a service whose first tasks never became healthy."""
        secret = self.manager.call("CreateSecret", {"Name": "my-service/live"})["ARN"]
        network = {"VpcId": "vpc-1", "SubnetIds": "subnet-a,subnet-b"}
        told = {"Environment": self.name.rpartition("-")[2], "Secret": secret, **network}
        self.made = {"parameters": told, "template": ""}
        self.declared = self.declare({})
        self.start(self.declared)["stuck"] = True

    def forget(self) -> None:
        """Have an account with nothing in it."""
        self.made, self.declared = None, ""
        self.manager.secrets.clear()
        for each in (self.definitions, self.deployments, self.history):
            each.clear()

    def prepare(self, at: Machine) -> None:
        """Know where the files are that a command names, and bring ECR."""
        self.folder = at.project
        at.stub("skopeo", SKOPEO_OF_ECR + SKOPEO)

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def running(self) -> str:
        """Give the commit of what completed, which runs on while something else is under way."""
        complete = [each for each in self.deployments if each["rolloutState"] == "COMPLETED"]
        return commit_of(self.image(complete[0]["taskDefinition"])) if complete else "none"

    def environ(self) -> dict[str, str]:
        """Give the settings of the tasks of what completed."""
        complete = (each for each in self.deployments if each["rolloutState"] == "COMPLETED")
        return next((self.started[each["id"]] for each in complete), {})

    def lapse(self) -> None:
        """Take all that is under way to its end."""
        self._advance()
        self._advance()

    def wanted(self) -> str:
        """Give the commit of what the service is to become."""
        newest = commit_of(self.image(self.deployments[0]["taskDefinition"]))
        return newest if self.running() != "none" else "none"

    def image(self, arn: str) -> str:
        """Give the image of a task definition."""
        return str(self._definition(arn)["containerDefinitions"][0]["image"])

    def changes(self) -> list[str]:
        """Give the commands that were no mere questions."""
        argv = [" ".join(call.json["argv"]) for call in self.calls if call.path == "/cli/aws"]
        return [
            each
            for each in argv
            if not re.search(
                r" (describe|list|get|delete-change-set)\b| --no-execute-changeset", each
            )
        ]

    def answer(self, call: Call) -> tuple[int, Any]:
        """Answer as GitHub, which gives a run a token; for the rest the command is all there is."""
        assert call.query == {"run": ["1"], "audience": ["sts.amazonaws.com"]}
        return 200, {"value": f"{SECRET} of the run"}

    def _fault(self, said: str) -> str:
        """Tell a fault of a question once the command has asked as often as it was told to."""
        for _ in range(4 if re.fullmatch(self.asks, said) else 1):
            kind = super()._fault(said)
            if not kind:
                break
        return kind

    def command(self, name: str, told: dict[str, Any]) -> dict[str, Any]:
        """Answer for `aws`."""
        argv, environment = told["argv"], told["environment"]
        assert name == "aws"
        assert argv[:4] == ["--region", "us-east-1", "--output", "json"]
        assert argv[4:8:2] == ["--cli-connect-timeout", "--cli-read-timeout"]
        assert (environment["AWS_RETRY_MODE"], environment["AWS_MAX_ATTEMPTS"]) == ("standard", "4")
        assert told["stdin"] == "" or STDIN in argv, "it takes nothing from a loop that it is in"
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        service, command, *options = argv[8:]
        refused = self.refused.get(command, "")
        if service != "sts" and tuple(map(environment.get, names)) not in KEYS:
            refused = "InvalidSignatureException"
        if refused:
            return self._refusal(refused, command)
        if command in self.odd:
            return {"code": 0, "out": self.odd[command]}
        if (service, command) == ("ecr", "get-login-password"):
            return {"code": 0, "out": f"{SECRET}\n"}
        try:
            if (service, command) == ("cloudformation", "deploy"):
                return {"code": 0, "out": self._deploy(options)}
            operation, asked = parameters(service, command, options, told["stdin"])
            answering = self.manager if service == "secretsmanager" else self
            answer = answering.call(operation, asked)
            if self.hidden and operation == "UpdateService":
                self.refused["describe-services"] = "AccessDeniedException"
            return {"code": 0, "out": json.dumps(answer)}
        except RefusedError as error:
            return self._refusal(str(error), command)

    def _refusal(self, why: str, command: str) -> dict[str, Any]:
        name, _, words = why.partition(": ")
        said = f"An error occurred ({name}) when calling the {command} operation: {words}\n"
        return {"code": 254, "out": "", "err": said}

    def call(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: C901, PLR0911, PLR0912
        """Answer for an operation of an API."""
        match operation:
            case "DescribeServices":
                if not self.deployments or asked["services"] != [self.name]:
                    return {"services": [], "failures": [{"reason": "MISSING"}]}
                self._advance()
                return {"services": [self._service()], "failures": []}
            case "DescribeTaskDefinition":
                return {"taskDefinition": self._definition(asked["taskDefinition"])}
            case "RegisterTaskDefinition":
                arn = self._register(asked)
                return {"taskDefinition": self._definition(arn)}
            case "UpdateService":
                assert (asked["cluster"], asked["service"]) == (self.name, self.name)
                if self._definition(asked["taskDefinition"])["status"] != "ACTIVE":
                    raise RefusedError("ClientException: TaskDefinition is inactive")
                self.start(asked["taskDefinition"])
                return {"service": self._service()}
            case "ListServiceDeployments":
                found = [each for each in self.history if each["status"] in asked["status"]]
                return {"serviceDeployments": found}
            case "DescribeServiceRevisions":
                wanted = asked["serviceRevisionArns"]
                found = [
                    each for each in self.history if each["targetServiceRevisionArn"] in wanted
                ]
                return {
                    "serviceRevisions": [
                        {
                            "serviceRevisionArn": each["targetServiceRevisionArn"],
                            "taskDefinition": each["runs"],
                        }
                        for each in found
                    ]
                }
            case "StopServiceDeployment":
                assert asked["stopType"] == "ROLLBACK"
                [stopped] = [
                    each
                    for each in self.history
                    if each["serviceDeploymentArn"] == asked["serviceDeploymentArn"]
                ]
                self._break(self.deployments[0], "ROLLBACK_SUCCESSFUL")
                return {"serviceDeploymentArn": stopped["serviceDeploymentArn"]}
            case "AssumeRoleWithWebIdentity":
                if asked["WebIdentityToken"].strip() != f"{SECRET} of the run":
                    raise RefusedError("InvalidIdentityToken")
                names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
                return {"Credentials": dict(zip(names, ("A", SECRET, "S"), strict=True))}
            case "DescribeSubnets":
                return {"Subnets": self.subnets}
            case "DescribeStacks":
                if self.made is None:
                    raise RefusedError(f"ValidationError: Stack with id {self.name} does not exist")
                return {"Stacks": [self._stack()]}
            case "DescribeChangeSet":
                return {"Changes": self.change_sets[asked["ChangeSetName"]]}
            case "DeleteChangeSet":
                del self.change_sets[asked["ChangeSetName"]]
                return {}
        raise AssertionError((operation, asked))

    # ECS.

    def _definition(self, arn: str) -> dict[str, Any]:
        for each in self.definitions:
            if each["taskDefinitionArn"] == arn:
                return each
        raise RefusedError("ClientException: Unable to describe task definition")

    def _register(self, what: dict[str, Any]) -> str:
        revision = len(self.definitions) + 1
        arn = ARN.format(service="ecs", name=f"task-definition/{self.name}:{revision}")
        self.definitions.append(
            {**what, **DESCRIBED, "taskDefinitionArn": arn, "revision": revision}
        )
        return arn

    def start(self, definition: str) -> dict[str, Any]:
        number = len(self.history) + 1
        created = f"2026-11-01T00:{number:02}:00.123000+00:00"
        for each in self.deployments:
            each["status"] = "ACTIVE"
        for each in self.history:
            if each["status"] == "IN_PROGRESS":
                each["status"] = "STOPPED"
        made = {
            "id": f"ecs-svc/{number}", "status": "PRIMARY", "taskDefinition": definition,
            "rolloutState": "IN_PROGRESS", "createdAt": created,
        }  # fmt: skip
        self.deployments.insert(0, made)
        self.history.append(
            {
                "serviceDeploymentArn": ARN.format(
                    service="ecs", name=f"service-deployment/{self.name}/{self.name}/{number}"
                ),
                "targetServiceRevisionArn": ARN.format(
                    service="ecs", name=f"service-revision/{self.name}/{self.name}/{number}"
                ),
                "createdAt": created,
                "status": "IN_PROGRESS",
                "runs": definition,
            }
        )
        return made

    def _advance(self) -> None:
        newest = self.deployments[0]
        self.deployments = [
            each
            for each in self.deployments
            if each is newest or each["rolloutState"] == "COMPLETED"
        ]
        if newest["rolloutState"] != "IN_PROGRESS" or "stuck" in newest:
            return
        commit = commit_of(self.image(newest["taskDefinition"]))
        if commit in self.slow:
            return
        try:
            self.started[newest["id"]] = self._environ(newest["taskDefinition"])
        except RefusedError as error:
            newest["rolloutStateReason"] = str(error)
            self.unstarted.append(str(error))
        if commit in self.doomed or newest["id"] not in self.started:
            self._break(newest, "ROLLBACK_SUCCESSFUL")
        else:
            newest["rolloutState"] = "COMPLETED"
            self.history[-1]["status"] = "SUCCESSFUL"
            self.deployments = [newest]

    def _environ(self, definition: str) -> dict[str, str]:
        [container] = self._definition(definition)["containerDefinitions"]
        plain = {each["name"]: each["value"] for each in container["environment"]}
        secret = {each["name"]: each["valueFrom"] for each in container.get("secrets", [])}
        assert not plain.keys() & secret.keys()
        return plain | {name: self.manager.resolve(it) for name, it in secret.items()}

    def _break(self, failed: dict[str, Any], status: str) -> None:
        """Give up on a deployment, and start another of what completed last."""
        failed["rolloutState"] = "FAILED"
        self.history[-1]["status"] = status
        complete = [each for each in self.deployments if each["rolloutState"] == "COMPLETED"]
        if complete:
            self.start(complete[0]["taskDefinition"])

    def _service(self) -> dict[str, Any]:
        return {
            "serviceName": self.name, "status": "ACTIVE", "deployments": self.deployments,
            "taskDefinition": self.deployments[0]["taskDefinition"],
        }  # fmt: skip

    # CloudFormation.

    def _stack(self) -> dict[str, Any]:
        assert self.made
        outputs = {
            "Url": f"https://{self.name}.example.com",
            "LoadBalancer": "lb-1.us-east-1.elb.amazonaws.com",
            "Repository": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{self.name}",
            "Cluster": self.name,
        }
        if self.declared:
            outputs["TaskDefinition"] = self.declared
        if self.deployments:
            outputs["Service"] = self.name
        return {
            "StackName": self.name,
            "StackStatus": self.status,
            "Parameters": [
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in self.made["parameters"].items()
            ],
            "Outputs": [
                {"OutputKey": name, "OutputValue": value} for name, value in outputs.items()
            ],
        }

    def declare(self, asked: dict[str, str]) -> str:
        """Register the task definition that the template has, as far as anybody asks."""
        container = {
            "name": "service",
            "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-service-live",
            "environment": [{"name": "LOG_LEVEL", "value": asked.get("LogLevel", "info")}],
        }
        return self._register({"family": self.name, "containerDefinitions": [container]})

    def _deploy(self, options: list[str]) -> str:
        said = dict(pairwise(options))
        assert said["--stack-name"] == self.name
        assert said["--capabilities"] == "CAPABILITY_IAM"
        template = (self.folder / said["--template-file"]).read_text()
        file = Path(said["--parameter-overrides"].removeprefix("file://"))
        given = dict(each.split("=", 1) for each in json.loads(file.read_text()))
        declared = yaml.load(template, Template)["Parameters"]  # noqa: S506 (a safe one)
        before: dict[str, Any] = self.made or {"parameters": {}, "template": ""}
        wanted: dict[str, Any] = {
            "parameters": {
                name: given.get(name, before["parameters"].get(name, row.get("Default")))
                for name, row in declared.items()
            },
            "template": template,
        }
        missing = [name for name, value in wanted["parameters"].items() if value is None]
        if missing:
            raise RefusedError(f"ValidationError: Parameters: {missing} must have values")
        if wanted == before:
            return f"\nNo changes to deploy. Stack {self.name} is up to date\n"
        if "--no-execute-changeset" in options:
            name = ARN.format(service="cloudformation", name=f"changeSet/c{len(self.calls)}/1")
            self.change_sets[name] = [
                {
                    "ResourceChange": {
                        "Action": "Modify",
                        "LogicalResourceId": it,
                        "Replacement": new,
                    }
                }
                for it, new in (("TaskDefinition", "True"), ("Service", "False"))
            ]
            return f"Changeset created successfully.\naws … --change-set-name {name}\n"
        self._bring(wanted)
        return f"Successfully created/updated stack - {self.name}\n"

    def _bring(self, wanted: dict[str, Any]) -> None:
        """Have the stack, and the service if it is to have one, become what is wanted."""
        before: dict[str, Any] = self.made or {"parameters": {}, "template": ""}
        if self.failing:
            # What the stack knows, not what ran.
            if before["parameters"].get("Release"):
                self.start(before["parameters"]["Release"])
            raise RefusedError("Failed to create/update the stack")
        release = wanted["parameters"]["Release"]
        if release and (not self.deployments or self.deployments[0]["taskDefinition"] != release):
            self.start(release)
            self._advance()
            newest = self.deployments[0]
            if newest["taskDefinition"] != release or newest["rolloutState"] == "FAILED":
                if not before["parameters"].get("Release"):
                    self.deployments.clear()
                raise RefusedError("Failed to create/update the stack")
        if not self.declared or self._defining(before) != self._defining(wanted):
            self.declared = self.declare(wanted["parameters"])
        self.made = wanted

    def _defining(self, made: dict[str, Any]) -> dict[str, Any]:
        """Give what makes a task definition another one."""
        told = {
            name: it for name, it in made["parameters"].items() if name not in ("Release", "Secret")
        }
        return {**made, "parameters": told}
