"""What AWS' own programs make of a service on ECS: cfn-lint, and the real `aws`."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from conftest import ENGINE, Bench, Call, Render, answering
from vendors.base import REGISTRY, SECRET, SKOPEO

pytestmark = pytest.mark.slow

HERE = "my-service-live"


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
#: updated. Of a task definition in a template it keeps but half: the test registers a whole one.
MENDED = """\
#!/bin/sh
case "$*" in
  *' describe-stacks '*)
    stack=$('{aws}' "$@") || exit
    resources=$('{aws}' --region us-east-1 --output json cloudformation \\
      describe-stack-resources --stack-name {name}) || exit
    printf '%s' "$resources" | jq --argjson stack "$stack" '
      .StackResources | map({{(.LogicalResourceId // ""): .PhysicalResourceId}}) | add
      | {{Cluster: .OwnCluster, TaskDefinition: "{name}", Url: "https://{name}.example.com",
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
  *' describe-task-definition '*)
    definition=$('{aws}' "$@") || exit
    printf '%s' "$definition" | jq '.taskDefinition.containerDefinitions[0].image //= "none"'
    ;;
  *) exec '{aws}' "$@" ;;
esac
"""


@pytest.fixture
def real(render: Render, tmp_path: Path) -> Iterator[Bench]:
    """A machine with the real `aws`, and moto in place of AWS, whose tasks all run at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "bin").mkdir()
    environment = {
        **os.environ,
        **REGISTRY,
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "POLL_INTERVAL": "0",
        "MOTO_ECS_SERVICE_RUNNING": "2",
    }
    log = (tmp_path / "moto.log").open("w")
    with subprocess.Popen(
        [Path(sys.executable).with_name("moto_server"), "--port", str(port)],
        env=environment, stdout=log, stderr=subprocess.STDOUT,
    ) as moto:  # fmt: skip
        made = Bench(
            render(stack="node", ci="github", hosting="ecs"), environment, tmp_path / "bin"
        )
        made.stub("skopeo", SKOPEO)
        made.stub("smoke")
        (made.project / "ops/smoke").write_text("#!/bin/sh\nexit\n")
        wrapper = made.bin / "aws"
        wrapper.write_text(MENDED.format(aws=shutil.which("aws"), name=HERE))
        wrapper.chmod(0o755)
        made.init()
        deadline = time.monotonic() + 30
        while made.run("curl", "--silent", environment["AWS_ENDPOINT_URL"]).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield made
        moto.terminate()
    log.close()


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


def test_the_real_command_sets_up_deploys_and_rolls_back(real: Bench) -> None:
    """Template, parameters and calls pass the command's own checks and those of moto."""
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

    file = real.bin.parent / "task.json"
    file.write_text(json.dumps(WHOLE))
    asked(real, "ecs", "register-task-definition", "--cli-input-json", f"file://{file}")
    commits = []
    for tag in ("v1.1.0", "v1.2.0"):
        commits.append(real.commit(tag))
        done = real.run("ops/deploy", "live")
        assert done.returncode == 0, done.stderr
        assert commits[-1] in running(real)["image"]
    done = real.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    container = running(real)
    assert commits[0] in container["image"]
    assert container["dockerLabels"] == {"org.opencontainers.image.revision": commits[0]}
    assert container["environment"] == WHOLE["containerDefinitions"][0]["environment"]


def described(at: Bench) -> Any:
    return asked(at, "ecs", "describe-services", "--cluster", HERE, "--services", HERE)["services"]


def running(at: Bench) -> Any:
    """Give the container that the service runs."""
    [service] = described(at)
    definition = service["taskDefinition"]
    said = asked(at, "ecs", "describe-task-definition", "--task-definition", definition)
    return said["taskDefinition"]["containerDefinitions"][0]


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
        tasks, console = module(project, "tasks"), module(project, "errors").Console("deploy")
        call = tasks.Call(tasks.Usage(1, 1, ""), ["live"], console)
        at = module(project, "platform").Context(call)
        aws = module(project, "aws").Aws(at, lambda: tmp_path)
        return aws.ask(read, *command)

    calling.failed = module(project, "calls").CallFailed  # type: ignore[attr-defined]
    return calling


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
