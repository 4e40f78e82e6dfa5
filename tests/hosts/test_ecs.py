"""What is particular to AWS ECS: its stack and its deployments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import xform_name
from conftest import Render
from process import Inside, engine_of
from vendors.base import SECRET, Fault, Machine
from vendors.ecs import Ecs, Template, model

pytestmark = pytest.mark.slow

HERE = "my-service-live"


@pytest.fixture
def aws() -> Iterator[Ecs]:
    vendor = Ecs()
    with vendor.serving():
        yield vendor


@pytest.fixture
def at(aws: Ecs, tmp_path: Path) -> Machine:
    """A new service on ECS."""
    return Inside.inside(aws, tmp_path)


@pytest.fixture
def traced(aws: Ecs, render: Render, tmp_path: Path) -> Machine:
    """The same in processes, which a shell can trace."""
    return Machine.new(aws, render, tmp_path)


@pytest.fixture
def new(at: Machine, aws: Ecs) -> Machine:
    """A new service, in an account that has nothing yet."""
    aws.forget()
    at.commit("v1.0.0")
    return at


def said(at: Machine, aws: Ecs, *command: str, code: int = 0) -> str:
    """Run a task, and give what it says: it tells no secret, and its commands get none."""
    done = at.run(*command)
    assert done.returncode == code, done.stderr
    argv = [call.json["argv"] for call in aws.calls if call.path == "/cli/aws"]
    assert SECRET not in done.stdout + done.stderr + json.dumps(argv)
    return done.stderr


# A release is a task definition.


def test_the_tested_image_is_copied_and_deployed_by_its_digest(
    at: Machine, aws: Ecs, tmp_path: Path
) -> None:
    commit = at.deploy("v1.0.0")
    digest = f"sha256:{commit}{'0' * 24}"
    repository = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{HERE}"
    skopeo = (tmp_path / "skopeo.log").read_text().splitlines()
    [copied] = [line for line in skopeo if " copy " in line]
    assert "--preserve-digests" in copied
    assert copied.endswith(
        f"docker://registry.example.com/team/service@{digest} docker://{repository}:{commit}"
    )
    assert [line for line in skopeo if "--username AWS --password-stdin" in line]
    assert aws.image(aws.deployments[0]["taskDefinition"]) == f"{repository}@{digest}"


def test_a_deploy_takes_all_but_the_image_from_the_task_definition_of_the_stack(
    at: Machine, aws: Ecs
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    said(at, aws, "ops/rollback", "live")
    # Somebody sets the environment up anew, and the release that runs has settings of before.
    aws.declared = aws.declare({"LogLevel": "warn"})
    at.deploy("v1.2.0")
    [container] = aws.definitions[-1]["containerDefinitions"]
    assert container["environment"] == [{"name": "LOG_LEVEL", "value": "warn"}]
    assert first not in json.dumps(container)


def test_what_only_a_description_has_is_not_registered() -> None:
    """Or AWS would refuse it: a field that is new there has to be left out here too."""
    ecs = model("ecs")
    described = set(ecs.shape_for("TaskDefinition").members)
    taken = set(ecs.operation_model("RegisterTaskDefinition").input_shape.members)
    engine = engine_of(("stack", "node"), ("ci", "github"), ("hosting", "ecs"))
    assert set(engine.service.DESCRIBED) == described - taken


def test_a_failed_revision_is_a_number_too_and_a_rollback_passes_over_it(
    at: Machine, aws: Ecs
) -> None:
    first = at.deploy("v1.0.0")
    aws.doomed = {at.commit("v1.1.0")}
    said(at, aws, "ops/deploy", "live", code=1)
    at.deploy("v1.2.0")
    said(at, aws, "ops/rollback", "live")
    assert aws.running() == first


def test_the_circuit_breaker_goes_back_to_what_ran_last_and_we_to_what_passed_last(
    at: Machine, aws: Ecs
) -> None:
    good = at.deploy("v1.0.0")
    aws.sick = {at.commit("v1.1.0")}
    at.run("ops/deploy", "live", SMOKE_TIMEOUT="0")
    # The platform has the sick one for good, as nobody was there to restore.
    sick = next(each for each in aws.definitions if commit(aws, each) in aws.sick)
    aws.start(sick["taskDefinitionArn"])["rolloutState"] = "COMPLETED"
    aws.doomed = {at.commit("v1.2.0")}
    told = said(at, aws, "ops/deploy", "live", code=1)
    assert "deployment ecs-svc/" in told
    assert aws.running() == good


def commit(aws: Ecs, definition: dict[str, Any]) -> str:
    """Give the commit of a task definition's image."""
    return aws.image(definition["taskDefinitionArn"]).partition("sha256:")[2][:40]


def test_a_rollback_of_the_circuit_breaker_that_is_under_way_is_waited_for(
    at: Machine, aws: Ecs
) -> None:
    good = at.deploy("v1.0.0")
    aws.doomed = {at.commit("v1.1.0")}
    said(at, aws, "ops/deploy", "live", code=1)
    updates = [each for each in aws.changes() if " update-service " in each]
    assert len(updates) == 2, "a deploy each: the way back was AWS' own"
    assert aws.running() == good


def test_a_deploy_that_takes_too_long_is_stopped(at: Machine, aws: Ecs) -> None:
    good = at.deploy("v1.0.0")
    aws.slow = {at.commit("v1.1.0")}
    at.environment |= {"DEPLOY_TIMEOUT": "2", "POLL_INTERVAL": "1"}
    told = said(at, aws, "ops/deploy", "live", code=1)
    assert "is not ready after 2 s; cancelling it" in told
    assert [each for each in aws.changes() if " stop-service-deployment " in each]
    assert aws.running() == good


def test_a_version_that_never_passed_is_found_by_its_commit(at: Machine, aws: Ecs) -> None:
    at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    aws.sick = {sick}
    said(at, aws, "ops/deploy", "live", code=1)
    aws.sick = set()
    said(at, aws, "ops/rollback", "live", "v1.1.0", "--force")
    assert aws.running() == sick


def test_a_task_definition_that_is_gone_is_not_restored(at: Machine, aws: Ecs) -> None:
    at.deploy("v1.0.0")
    gone = aws.definitions[-1]
    newest = at.deploy("v1.1.0")
    gone["status"] = "INACTIVE"
    told = said(at, aws, "ops/rollback", "live", code=1)
    assert "the platform did not restore" in told
    assert aws.running() == newest


def test_the_stack_of_another_environment_is_refused_before_anything_is_copied(
    at: Machine, aws: Ecs, tmp_path: Path
) -> None:
    assert aws.made
    aws.made["parameters"]["Environment"] = "testbed"
    at.commit("v1.0.0")
    told = said(at, aws, "ops/deploy", "live", code=1)
    assert f"the stack {HERE} is not the one of live" in told
    assert " copy " not in (tmp_path / "skopeo.log").read_text()
    assert aws.changes() == []


def test_what_is_in_the_registry_already_is_deployed_from_there(
    at: Machine, aws: Ecs, tmp_path: Path
) -> None:
    """Its tags are immutable: to push one again is refused."""
    first = at.deploy("v1.0.0")
    said(at, aws, "ops/deploy", "live")
    copied = [
        line for line in (tmp_path / "skopeo.log").read_text().splitlines() if " copy " in line
    ]
    assert len(copied) == 1
    assert aws.running() == first


def test_another_image_of_a_commit_gets_a_tag_of_its_own(
    at: Machine, aws: Ecs, tmp_path: Path
) -> None:
    """It was published again, as the registry had lost it: a build is never the same twice."""
    commit = at.commit("v1.0.0")
    (tmp_path / "ecr").mkdir()
    (tmp_path / "ecr" / commit).touch()
    said(at, aws, "ops/deploy", "live")
    [copied] = [
        line for line in (tmp_path / "skopeo.log").read_text().splitlines() if " copy " in line
    ]
    assert copied.endswith(f":{commit}-{commit[:12]}")
    assert aws.running() == commit


@pytest.mark.parametrize("label", [True, False])
def test_what_never_passed_is_found_by_its_label_or_its_published_digest(
    at: Machine, aws: Ecs, *, label: bool
) -> None:
    at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    aws.sick = {sick}
    said(at, aws, "ops/deploy", "live", code=1)
    aws.sick = set()
    if not label:
        for each in aws.definitions:
            each["containerDefinitions"][0]["dockerLabels"] = {}
    said(at, aws, "ops/rollback", "live", "v1.1.0", "--force")
    assert aws.running() == sick


@pytest.mark.parametrize("option", ["--force", "--no-record"])
@pytest.mark.parametrize("short", [False, True])
def test_a_task_definition_is_a_version_too(
    at: Machine, aws: Ecs, option: str, *, short: bool
) -> None:
    first = at.deploy("v1.0.0")
    arn = aws.deployments[0]["taskDefinition"]
    at.deploy("v1.1.0")
    said(at, aws, "ops/rollback", "live", arn.rpartition("/")[2] if short else arn, option)
    assert aws.running() == first


def test_a_task_definition_that_was_deleted_hides_no_others(at: Machine, aws: Ecs) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    newest = at.deploy("v1.2.0")
    aws.definitions = [it for it in aws.definitions if first not in json.dumps(it)]
    listed = at.run("ops/releases", "live")
    assert listed.returncode == 0, listed.stderr
    assert f"* v1.2.0           {newest[:7]}" in listed.stdout


@pytest.mark.parametrize("how", ["doomed", "sick", "slow", "dropped"])
def test_what_the_service_and_its_stack_are_to_become_goes_back_too(
    new: Machine, aws: Ecs, how: str
) -> None:
    """Or what is set up anew would bring the image that failed."""
    said(new, aws, "ops/bootstrap", "live")
    good = new.deploy("v1.1.0")
    bad = new.commit("v1.2.0")
    if how == "dropped":
        aws.faults = [Fault(aws.deploys, "drop")]
        aws.slow = {bad}
    else:
        setattr(aws, how, {bad})
    new.environment |= {"DEPLOY_TIMEOUT": "1", "POLL_INTERVAL": "1"}
    said(new, aws, "ops/deploy", "live", code=1)
    wanted = aws.deployments[0]
    assert good in aws.image(wanted["taskDefinition"])
    assert wanted["status"] == "PRIMARY"
    edit(new, LogLevel="warn")
    said(new, aws, "ops/bootstrap", "live")
    assert aws.running() == good


def test_a_rollback_that_is_not_healthy_goes_back_to_what_ran(at: Machine, aws: Ecs) -> None:
    first, newest = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    aws.sick = {first}
    told = said(at, aws, "ops/rollback", "live", code=1)
    assert f"{first} is not healthy in live either; {newest} runs again" in told
    assert aws.running() == newest


def test_whoever_may_not_look_any_more_stops_at_once(at: Machine, aws: Ecs) -> None:
    at.deploy("v1.0.0")
    commit = at.commit("v1.1.0")
    aws.hidden = True
    told = said(at, aws, "ops/deploy", "live", code=1)
    assert told.count("AccessDenied") == 1
    assert "deployment ecs-svc/3 was started, and goes on unseen" in told
    assert f"live is not known to run {commit}" in told or f"live runs {commit}" in told
    assert len([each for each in aws.changes() if " update-service " in each]) == 2, "none back"


@pytest.mark.parametrize(
    "why", ["AccessDeniedException", "ThrottlingException", "InvalidParameterException"]
)
def test_a_deploy_that_was_refused_changed_nothing(at: Machine, aws: Ecs, why: str) -> None:
    good = at.deploy("v1.0.0")
    commit = at.commit("v1.1.0")
    before = at.git("ls-remote", "origin", "refs/deployments/live")
    aws.refused = {"update-service": why}
    told = said(at, aws, "ops/deploy", "live", code=1)
    assert why in told
    assert f"nothing was changed in live; try again: ops/deploy live {commit}" in told
    assert aws.running() == good
    assert at.git("ls-remote", "origin", "refs/deployments/live") == before, "no rollback on record"


@pytest.mark.parametrize("odd", ["", "[]", "{}", "null", "<html>", '{"services": [{}]}'])
def test_an_answer_of_another_shape_is_a_failed_call(at: Machine, aws: Ecs, odd: str) -> None:
    at.commit("v1.0.0")
    aws.odd = {"describe-services": odd}
    told = said(at, aws, "ops/deploy", "live", code=1)
    assert "aws ecs describe-services failed: its answer is not as described" in told
    assert "nothing was changed" in told
    assert "Traceback" not in told


# Who deploys.

ROLE = "arn:aws:iam::123456789012:role/deploy"
#: A setting that a pipeline passes on and nobody made is empty.
KEYLESS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ROLE_ARN": ROLE}


@pytest.mark.parametrize("ci", ["github", "gitlab", "bitbucket"])
def test_a_pipeline_needs_no_key_when_aws_knows_its_token(
    traced: Machine, aws: Ecs, ci: str
) -> None:
    """The token is for minutes: it is exchanged once, for a key that lasts."""
    at = traced
    at.environment |= KEYLESS
    token = f"{SECRET} of the run"
    at.environment |= {
        "github": {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{aws.url}/token?run=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET,
        },
        "gitlab": {"OIDC_TOKEN": token},
        "bitbucket": {"BITBUCKET_STEP_OIDC_TOKEN": token},
    }[ci]
    commit = at.commit("v1.0.0")
    for file in (at.project / "ops").iterdir():
        if file.is_file():
            file.write_text(file.read_text().replace("set -eu", "set -eux", 1))
    at.commit("traced")
    told = said(at, aws, "ops/deploy", "live", commit)
    assert f"live runs {commit}" in told
    [exchanged] = [each for each in aws.changes() if " sts " in each]
    assert f"--role-arn {ROLE} --role-session-name my-service" in exchanged


def test_without_a_token_the_role_is_not_tried(at: Machine, aws: Ecs) -> None:
    at.environment |= KEYLESS
    at.commit("v1.0.0")
    told = said(at, aws, "ops/deploy", "live", code=1)
    assert "the pipeline has no token for the role AWS_ROLE_ARN" in told
    assert aws.calls == []


def test_without_anything_it_says_what_may_be_set(at: Machine, aws: Ecs) -> None:
    at.environment |= {**KEYLESS, "AWS_ROLE_ARN": ""}
    at.commit("v1.0.0")
    told = said(at, aws, "ops/deploy", "live", code=2)
    assert "AWS_ACCESS_KEY_ID: an access key of AWS; or name a role of the pipeline" in told


# Setting up.


def test_bootstrap_creates_a_stack_and_its_service(new: Machine, aws: Ecs) -> None:
    told = said(new, aws, "ops/bootstrap", "live")
    assert f"create the stack {HERE} of .aws/service.yaml" in told
    assert "create its service, which runs registry.example.com/team/service@sha256:" in told
    assert aws.running() == new.git("rev-parse", "HEAD")
    assert aws.made
    assert aws.made["parameters"]["VpcId"] == "vpc-1", "the default VPC"
    assert aws.made["parameters"]["SubnetIds"] == "subnet-a,subnet-b"


def test_bootstrap_a_second_time_changes_nothing_nor_does_it_after_deploys(
    new: Machine, aws: Ecs
) -> None:
    said(new, aws, "ops/bootstrap", "live")
    newest = new.deploy("v1.1.0")
    before = aws.changes()
    assert "live is as it should be" in said(new, aws, "ops/bootstrap", "live")
    assert aws.changes() == before
    assert aws.running() == newest


def test_a_dry_run_changes_nothing(new: Machine, aws: Ecs) -> None:
    told = said(new, aws, "ops/bootstrap", "live", "--dry-run")
    assert f"would create the stack {HERE}" in told
    assert "would create its service" in told
    assert aws.changes() == []
    said(new, aws, "ops/bootstrap", "live")
    before = aws.changes()
    edit(new, LogLevel="warn")
    told = said(new, aws, "ops/bootstrap", "live", "--dry-run")
    assert "would change the stack my-service-live: modify TaskDefinition (another in its" in told
    assert aws.changes() == before
    assert aws.change_sets == {}


def test_an_edit_is_brought_to_the_service_and_leaves_the_image_that_was_deployed(
    new: Machine, aws: Ecs
) -> None:
    said(new, aws, "ops/bootstrap", "live")
    newest = new.deploy("v1.1.0")
    edit(new, LogLevel="warn")
    said(new, aws, "ops/bootstrap", "live")
    assert aws.running() == newest
    [container] = aws.definitions[-1]["containerDefinitions"]
    assert container["environment"] == [{"name": "LOG_LEVEL", "value": "warn"}]
    # It is known as what passed, and what is deployed next has the settings too.
    assert new.run("ops/releases", "live").stdout.count(newest[:7]) == 1
    new.commit("edited")
    new.deploy("v1.2.0")
    [container] = aws.definitions[-1]["containerDefinitions"]
    assert container["environment"] == [{"name": "LOG_LEVEL", "value": "warn"}]


def test_a_change_that_fails_leaves_the_release_that_ran(new: Machine, aws: Ecs) -> None:
    """CloudFormation brings back what the stack had, which is older than what was deployed."""
    said(new, aws, "ops/bootstrap", "live")
    newest = new.deploy("v1.1.0")
    edit(new, LogLevel="warn")
    aws.failing = True
    told = said(new, aws, "ops/bootstrap", "live", code=1)
    assert "live is not set up yet" in told
    assert aws.running() == newest


def test_a_service_that_never_came_up_can_be_changed(new: Machine, aws: Ecs) -> None:
    said(new, aws, "ops/bootstrap", "live")
    aws.deployments[0]["rolloutState"] = "FAILED"
    edit(new, LogLevel="warn")
    said(new, aws, "ops/bootstrap", "live")
    assert aws.running() != "none"


def test_without_a_default_network_it_has_to_be_named(new: Machine, aws: Ecs) -> None:
    aws.subnets = []
    told = said(new, aws, "ops/bootstrap", "live", code=1)
    assert "no default VPC in us-east-1; name VpcId and SubnetIds in .aws/live.json" in told
    assert aws.made is None
    edit(new, VpcId="vpc-2", SubnetIds="subnet-c,subnet-d")
    said(new, aws, "ops/bootstrap", "live")
    assert aws.made
    assert aws.made["parameters"]["SubnetIds"] == "subnet-c,subnet-d"


@pytest.mark.parametrize("value", ["it's  a *value* = with spaces", '"quoted"', "a,b", "[1]", ""])
def test_a_parameter_arrives_whole(new: Machine, aws: Ecs, value: str) -> None:
    template = new.project / ".aws/service.yaml"
    text = template.read_text()
    template.write_text(text.replace("  Tasks:\n", "  Note:\n    Type: String\n  Tasks:\n", 1))
    edit(new, Note=value)
    said(new, aws, "ops/bootstrap", "live")
    assert aws.made
    assert aws.made["parameters"]["Note"] == value


def test_parameters_that_cannot_be_read_are_told_of(new: Machine, aws: Ecs) -> None:
    (new.project / ".aws/live.json").write_text('{"Parameters": 1}')
    told = said(new, aws, "ops/bootstrap", "live", code=1)
    assert ".aws/live.json does not say what the parameters are" in told
    assert aws.changes() == []


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("UPDATE_IN_PROGRESS", "is being changed"),
        ("ROLLBACK_COMPLETE", "is beyond changing"),
        ("UPDATE_ROLLBACK_FAILED", "is beyond changing"),
    ],
)
def test_a_stack_that_cannot_be_changed_is_told_of(
    at: Machine, aws: Ecs, status: str, hint: str
) -> None:
    aws.status = status
    assert hint in said(at, aws, "ops/bootstrap", "live", code=1)
    assert aws.changes() == []


def edit(at: Machine, **parameters: str) -> None:
    """Change what `.aws/live.json` says."""
    file = at.project / ".aws/live.json"
    written = json.loads(file.read_text())
    written["Parameters"] |= parameters
    file.write_text(json.dumps(written, indent=2) + "\n")


# What a stack is made of.


def files(render: Render) -> Path:
    """Give the folder with what ops/bootstrap makes a stack of."""
    return render(stack="python", ci="gitlab", hosting="ecs") / ".aws"


@pytest.mark.parametrize("env", ["sandbox", "testbed", "live"])
def test_the_template_has_every_parameter_and_takes_its_value(render: Render, env: str) -> None:
    folder = files(render)
    declared = yaml.load((folder / "service.yaml").read_text(), Template)["Parameters"]  # noqa: S506 (a safe one)
    given = json.loads((folder / f"{env}.json").read_text())["Parameters"]
    told = {"Release", "Secret", "Cluster"}
    assert given.keys() == declared.keys() - told
    assert given["Environment"] == env
    for name, value in given.items():
        assert value in declared[name].get("AllowedValues", [value])


def test_testbed_is_sized_like_live_which_has_two_tasks(render: Render) -> None:
    folder = files(render)
    testbed, live = (
        json.loads((folder / f"{env}.json").read_text())["Parameters"]
        for env in ("testbed", "live")
    )
    assert testbed | {"Environment": "live"} == live
    assert live["Tasks"] == "2"


def test_the_service_may_do_nothing_and_its_start_only_what_it_needs(render: Render) -> None:
    resources = template_of(files(render))
    assert "Policies" not in resources["TaskRole"]["Properties"]
    [policy] = resources["ExecutionRole"]["Properties"]["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        actions = statement["Action"]
        assert "*" not in str(actions)
        assert statement["Resource"] != "*" or actions == "ecr:GetAuthorizationToken"


@pytest.mark.parametrize("secrets", ["dotenv", "aws-sm"])
def test_who_deploys_may_do_what_the_tasks_do_and_no_more(
    aws: Ecs, tmp_path: Path, secrets: str
) -> None:
    at = Inside.inside(aws, tmp_path, secrets=secrets)
    (at.project / ".env.live").write_text("MAX_CONNECTIONS=7\n")
    aws.manager.write("my-service/live", {"MAX_CONNECTIONS": "7"})
    for tag in ("v1.0.0", "v1.1.0"):
        at.deploy(tag)
    said(at, aws, "ops/releases", "live")
    said(at, aws, "ops/rollback", "live")
    aws.slow = {at.commit("v1.2.0")}
    at.environment |= {"DEPLOY_TIMEOUT": "1", "POLL_INTERVAL": "1"}
    said(at, aws, "ops/deploy", "live", code=1)
    did = {" ".join(call.json["argv"][8:10]) for call in aws.calls if call.path == "/cli/aws"}
    did = {each.replace("get-login-password", "get-authorization-token") for each in did}
    policy = template_of(at.project / ".aws")["DeployPolicy"]["Properties"]["PolicyDocument"]
    may = set()
    for statement in policy["Statement"]:
        actions = statement["Action"]
        may |= {actions} if isinstance(actions, str) else set(actions)
    needed = {
        f"{service}:{operation}"
        for service, command in (each.split() for each in did)
        for operation in model(service).operation_names
        if xform_name(operation, "-") == command
    }
    # For skopeo, and for the roles that a task definition names.
    pushing = {it for it in may if it.startswith("ecr:") and it != "ecr:GetAuthorizationToken"}
    assert may - pushing - {"iam:PassRole"} == needed
    assert "*" not in str(may)


def test_only_the_load_balancer_is_open_to_everybody(render: Render) -> None:
    resources = template_of(files(render))
    [to_tasks] = resources["TaskGroup"]["Properties"]["SecurityGroupIngress"]
    assert to_tasks["SourceSecurityGroupId"] == "!Ref LoadBalancerGroup"
    assert (to_tasks["FromPort"], to_tasks["ToPort"]) == (3000, 3000)
    opened = [name for name, it in resources.items() if "0.0.0.0/0" in json.dumps(it)]
    assert opened == ["LoadBalancerGroup", "FromHttps"]


def test_tasks_can_write_nothing_but_their_temporary_files(render: Render) -> None:
    """As compose.yaml has it, and the tests of images."""
    [container] = template_of(files(render))["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    [written] = container["LinuxParameters"]["Tmpfs"]
    assert written["ContainerPath"] == "/tmp"  # noqa: S108 (of a container)
    assert "Volumes" not in template_of(files(render))["TaskDefinition"]["Properties"]


def test_a_tag_stays_what_it_is_and_tasks_are_public_only_without_subnets_of_their_own(
    render: Render,
) -> None:
    resources = template_of(files(render))
    assert resources["Repository"]["Properties"]["ImageTagMutability"] == "IMMUTABLE"
    network = resources["Service"]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert "HasTaskSubnets" in network["AssignPublicIp"]
    assert "HasTaskSubnets" in network["Subnets"]


def template_of(folder: Path) -> dict[str, Any]:
    """Give the resources of the template, functions as text."""
    resources: dict[str, Any] = yaml.load((folder / "service.yaml").read_text(), Template)[  # noqa: S506 (a safe one)
        "Resources"
    ]
    return resources
