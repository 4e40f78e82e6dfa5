"""What AWS' own programs make of a service on ECS: cfn-lint, and the real `aws`."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from amazon import moto
from conftest import ENGINE, Bench, Call, Render, answering
from vendors.base import REGISTRY, SECRET, SKOPEO

pytestmark = pytest.mark.slow

HERE = "my-service-live"
FIRST = f"arn:aws:ecs:us-east-1:123456789012:task-definition/{HERE}:1"


def lint(template: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["cfn-lint", "--include-checks", "I", "--", str(template)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("HealthCheckPath: /healthz", "HealthCheckPaths: /healthz", "E3002"),
        ("MinimumHealthyPercent: 100", "MinimumHealthyPercent: most", "E3012"),
        ("LaunchType: FARGATE", "LaunchType: FARGATES", "E3030"),
        ("!GetAtt TaskRole.Arn", "!GetAtt TaskRole.Name", "E1010"),
        ("HttpListener]", "HttpListeners]", "E1020"),
    ],
)
def test_cfn_lint_refuses_what_is_wrong(render: Render, right: str, wrong: str, rule: str) -> None:
    template = render(stack="python", ci="gitlab", hosting="ecs") / ".aws/service.yaml"
    text = template.read_text()
    assert right in text
    template.write_text(text.replace(right, wrong))
    assert rule in lint(template).stdout


#: What moto leaves out: the outputs of a stack that a change set made, and of a deployment what was
#: updated. Of a task definition in a template it keeps but half: the test has a whole one.
MENDED = """\
#!/bin/sh
case "$*" in
  *' describe-stacks '*)
    stack=$('{aws}' "$@") || exit
    resources=$('{aws}' --region us-east-1 --output json cloudformation \\
      describe-stack-resources --stack-name {name}) || exit
    printf '%s' "$resources" | jq --argjson stack "$stack" '
      .StackResources | map({{(.LogicalResourceId // ""): .PhysicalResourceId}}) | add
      | {{Cluster: .OwnCluster, TaskDefinition: "{whole}", Url: "https://{name}.example.com",
         Service: (if .Service then "{name}" else null end),
         Repository: "123456789012.dkr.ecr.us-east-1.amazonaws.com/{name}"}}
      | with_entries(select(.value)) | to_entries
      | map({{OutputKey: .key, OutputValue: .value}}) as $outputs
      | $stack | .Stacks[0].Outputs = $outputs'
    ;;
  *' describe-services '* | *' update-service '*)
    service=$('{aws}' "$@") || exit
    printf '%s' "$service" | jq '
      def fixed: .taskDefinition as $runs | .deployments[].taskDefinition = $runs;
      if .service then .service |= fixed else .services[] |= fixed end'
    ;;
  *) exec '{aws}' "$@" ;;
esac
"""


@pytest.fixture
def real(render: Render, tmp_path: Path) -> Iterator[Bench]:
    """A machine with the real `aws`, and moto in place of AWS, whose tasks all run at once."""
    (tmp_path / "bin").mkdir()
    with moto(tmp_path) as url:
        environment = {
            **os.environ,
            **REGISTRY,
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "CI": "",
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "POLL_INTERVAL": "0",
        }
        made = Bench(
            render(stack="node", ci="github", hosting="ecs"), environment, tmp_path / "bin"
        )
        made.stub("skopeo", SKOPEO)
        made.stub("smoke")
        (made.project / "ops/smoke").write_text("#!/bin/sh\nexit\n")
        wrapper = made.bin / "aws"
        wrapper.write_text(MENDED.format(aws=shutil.which("aws"), name=HERE, whole=FIRST))
        wrapper.chmod(0o755)
        made.init()
        yield made


def asked(at: Bench, *command: str) -> Any:
    """Ask moto by the real command."""
    done = at.run("aws", "--region", "us-east-1", "--output", "json", *command)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


WHOLE: dict[str, Any] = {
    "family": HERE,
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
    "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
    "containerDefinitions": [
        {
            "name": "service",
            "image": "registry.example.com/first",
            "essential": True,
            "portMappings": [{"containerPort": 3000, "protocol": "tcp"}],
            "environment": [{"name": "APP_ENV", "value": "live"}],
            "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
            "stopTimeout": 15,
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs"}},
        }
    ],
}


OWN = "\n# A key.\n# Type: string\n# Secret: yes\n# Default: none\n# Set in: none\nAPI_KEY=\n"


def test_the_real_command_sets_up_deploys_and_rolls_back(real: Bench) -> None:
    """Template, parameters and calls pass the command's own checks and those of moto."""
    file = real.bin.parent / "task.json"
    file.write_text(json.dumps(WHOLE))
    asked(real, "ecs", "register-task-definition", "--cli-input-json", f"file://{file}")
    with (real.project / ".env.example").open("a") as example:
        example.write(OWN)
    subnets = asked(real, "ec2", "describe-subnets")["Subnets"]
    file = real.project / ".aws/live.json"
    written = json.loads(file.read_text())
    written["Parameters"] |= {
        "VpcId": subnets[0]["VpcId"],
        "SubnetIds": ",".join(each["SubnetId"] for each in subnets),
        "Domain": "api.example.com",
        "CertificateArn": asked(
            real, "acm", "request-certificate", "--domain-name", "api.example.com"
        )["CertificateArn"],
    }
    file.write_text(json.dumps(written, indent=2) + "\n")
    real.commit("v1.0.0")
    done = real.run("ops/bootstrap", "live")
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stderr

    [service] = described(real)
    assert service["desiredCount"] == 2
    listeners = asked(
        real, "elbv2", "describe-listeners", "--load-balancer-arn",
        asked(real, "elbv2", "describe-load-balancers")["LoadBalancers"][0]["LoadBalancerArn"],
    )["Listeners"]  # fmt: skip
    actions = {each["Port"]: each["DefaultActions"][0]["Type"] for each in listeners}
    assert actions == {80: "redirect", 443: "forward"}
    assert (
        asked(real, "elbv2", "describe-target-groups")["TargetGroups"][0]["HealthCheckPath"]
        == "/healthz"
    )

    commits = []
    for tag in ("v1.1.0", "v1.2.0"):
        (real.project / ".env.live").write_text(f'API_KEY="{tag}\'s\n{SECRET}"\n')
        commits.append(real.commit(tag))
        done = real.run("ops/deploy", "live")
        assert done.returncode == 0, done.stderr
        assert commits[-1] in running(real)["image"]
        assert environ(real) == {"API_KEY": f"{tag}'s\n{SECRET}"}
    done = real.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    container = running(real)
    assert commits[0] in container["image"]
    labels = {"org.opencontainers.image.revision": commits[0], "task-definition": FIRST}
    assert container["dockerLabels"] == labels
    assert container["environment"] == WHOLE["containerDefinitions"][0]["environment"]
    assert environ(real) == {"API_KEY": f"v1.2.0's\n{SECRET}"}, "a rollback has those of today"


def described(at: Bench) -> Any:
    return asked(at, "ecs", "describe-services", "--cluster", HERE, "--services", HERE)["services"]


def running(at: Bench) -> Any:
    """Give the container that the service runs."""
    [service] = described(at)
    definition = service["taskDefinition"]
    said = asked(at, "ecs", "describe-task-definition", "--task-definition", definition)
    return said["taskDefinition"]["containerDefinitions"][0]


def environ(at: Bench) -> dict[str, str]:
    """Give what a task has that starts now, read as ECS does."""
    found = {}
    for each in running(at)["secrets"]:
        *arn, key, label, version = each["valueFrom"].split(":")
        assert label == ""
        told = ("--secret-id", ":".join(arn), "--version-id", version)
        secret = asked(at, "secretsmanager", "get-secret-value", *told)
        found[each["name"]] = json.loads(secret["SecretString"])[key]
    return found


def module(project: Path, name: str) -> Any:
    """Import a module of a project's engine as it is: it starts the real command, and waits."""
    package = f"engine_of_{abs(hash(project))}"
    if package not in sys.modules:
        folder = project / ENGINE
        spec = spec_from_file_location(
            package, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec
        assert spec.loader
        sys.modules[package] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    return importlib.import_module(f"{package}.{name}")


def context(project: Path) -> Any:
    """Give the environment live of a project, as its tasks have it."""
    tasks, console = module(project, "tasks"), module(project, "errors").Console("deploy")
    return module(project, "platform").Context(tasks.Call(tasks.Usage(1, 1, ""), ["live"], console))


@pytest.fixture
def ask(render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Give what calls the real `aws` as the tasks do, in this process."""
    project = render(stack="node", ci="github", hosting="ecs")
    monkeypatch.chdir(project)

    def calling(url: str, *command: str, read: Any = dict, **more: str) -> Any:
        environment = {
            "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A",
            "AWS_SECRET_ACCESS_KEY": SECRET, "HOME": str(tmp_path), "HTTP_TIMEOUT": "5", **more,
        }  # fmt: skip
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return module(project, "aws").Aws(context(project)).ask(read, *command)

    calling.failed = module(project, "calls").CallFailed  # type: ignore[attr-defined]
    return calling


def test_the_real_command_moves_the_label_of_a_secret_that_people_write(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = render(stack="node", ci="github", hosting="ecs", secrets="aws-sm")
    monkeypatch.chdir(project)
    with moto(tmp_path) as url:
        environment = {
            "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A",
            "AWS_SECRET_ACCESS_KEY": SECRET, "HOME": str(tmp_path),
        }  # fmt: skip
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        at = context(project)
        aws, change = module(project, "aws").aws_of(at), module(project, "platform").Change
        references = module(project, "references").References(at, aws)
        references.create()
        arn = references.find()
        assert (references.told(arn), references.made(arn)) == ({}, [])
        version = ""
        for value in ("first", "second"):
            before = version
            written = json.dumps({"API_KEY": value, "APP_ENV": "live"})
            write = ("secretsmanager", "put-secret-value", "--secret-id", arn, "--secret-string")
            version = aws.ask(lambda it: it["VersionId"], *write, written)
            if before:  # moto takes all labels from what was current, AWS only that one
                label = ("--version-stage", "TOLD", "--move-to-version-id", before)
                aws.text(*write[:1], "update-secret-version-stage", *write[2:4], *label)
            at.values = {"API_KEY": value}
            references.tell(arn, change(at.values, ()))
            assert references.told(arn) == {"API_KEY": value}
            [made] = references.made(arn)
            assert made == {"name": "API_KEY", "valueFrom": f"{arn}:API_KEY::{version}"}


@pytest.mark.parametrize("status", [429, 500, 0])
def test_the_real_command_asks_again_what_goes_wrong(ask: Any, status: int) -> None:
    calls: list[Call] = []

    def answer(call: Call) -> tuple[int, bytes]:
        calls.append(call)
        told = b'{"__type": "ThrottlingException"}' if status == 429 else b""
        return (status, told) if len(calls) < 3 else (200, b'{"services": [], "failures": []}')

    with answering(answer) as url:
        done = ask(url, "ecs", "describe-services", "--cluster", "c", "--services", "s")
    assert done == {"services": [], "failures": []}
    assert [it.headers["X-Amz-Target"].partition(".")[2] for it in calls] == [
        "DescribeServices"
    ] * 3


@pytest.mark.parametrize(
    ("status", "told", "tries", "denied", "certain"),
    [
        (400, "AccessDeniedException", 1, True, True),
        (400, "UnrecognizedClientException", 1, True, True),
        (400, "ExpiredTokenException", 1, True, True),
        (400, "ClusterNotFoundException", 1, False, True),
        (400, "ThrottlingException", 2, False, True),
        (500, "ServerException", 2, False, False),
        (0, "", 2, False, False),
    ],
)
def test_what_is_known_of_a_call_that_failed(  # noqa: PLR0913 (a row each)
    ask: Any, status: int, told: str, tries: int, *, denied: bool, certain: bool
) -> None:
    """What is refused is final at once; what goes wrong over there may have been done."""
    calls: list[Call] = []

    def answer(call: Call) -> tuple[int, bytes]:
        calls.append(call)
        return status, json.dumps({"__type": told, "message": "so it is"}).encode() if told else b""

    with answering(answer) as url, pytest.raises(ask.failed) as failed:
        ask(url, "ecs", "describe-services", "--services", "s", AWS_MAX_ATTEMPTS="2")
    assert len(calls) == tries
    assert str(failed.value).startswith("aws ecs describe-services failed: ")
    assert (told and "so it is") in str(failed.value)
    assert (failed.value.denied, failed.value.certainly_not_run) == (denied, certain)


def test_without_anybody_to_call_as_it_is_final(ask: Any) -> None:
    with pytest.raises(ask.failed) as failed:
        ask("http://127.0.0.1:9", "ecs", "describe-services", "--services", "s",
            AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="",
            AWS_EC2_METADATA_DISABLED="true")  # fmt: skip
    assert failed.value.denied


@pytest.mark.parametrize("odd", [b"", b"[]", b"<html>", b'{"services": 1}'])
def test_an_answer_of_another_shape_is_a_failed_call(ask: Any, odd: bytes) -> None:
    """Of some, the real command makes nothing, and says so by printing nothing."""
    with answering(lambda _: (200, odd)) as url, pytest.raises(ask.failed) as failed:
        ask(url, "ecs", "describe-services", "--services", "s", read=lambda it: it["services"][0])
    assert not failed.value.certainly_not_run


@pytest.mark.parametrize(
    "command",
    [
        "ecs list-service-deployments --cluster c --service s --status SUCCESSFUL --max-results 20",
        "ecs list-service-deployments --cluster c --service s --status PENDING IN_PROGRESS",
        "ecs describe-service-revisions --service-revision-arns arn:1 arn:2",
        "ecs stop-service-deployment --service-deployment-arn arn:1 --stop-type ROLLBACK",
    ],
)
def test_the_real_command_takes_what_moto_does_not_know(
    ask: Any, render: Render, command: str
) -> None:
    project = render(stack="node", ci="github", hosting="ecs")
    written = (project / ENGINE / "host.py").read_text()
    assert all(f'"{word}"' in written for word in command.split() if word.startswith("--"))
    with answering(lambda _: (200, b"{}")) as url:
        assert ask(url, *command.split()) == {}
        with pytest.raises(ask.failed, match=r"Unknown options|are required"):
            ask(url, *command.replace("--s", "--z", 1).split())
