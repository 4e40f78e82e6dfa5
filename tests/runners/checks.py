"""What a platform refuses, or should, and no tool for its files notices.

Each check takes files by their paths and gives what is wrong, nothing when all is well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import yaml
from dialects import Yaml

from scaffold.pipeline import Trigger, read

Files = Mapping[str, str]
Check = Callable[[Files], Iterator[str]]

ENVIRONMENTS = {"sandbox", "testbed", "live"}


def load(text: str) -> dict[Any, Any]:
    """Read the last document; those before it are a GitLab component's inputs."""
    return dict(list(yaml.load_all(text, Loader=Yaml))[-1])  # a safe one


def listed(value: Any) -> list[Any]:
    """Give a list of what may be one thing, several or none."""
    return value if isinstance(value, list) else [] if value is None else [value]


# Bitbucket

STEP = {
    "after-script", "artifacts", "caches", "clone", "concurrency-group", "condition", "deployment",
    "environment", "fail-fast", "image", "max-time", "name", "oidc", "on-fail", "output-variables",
    "runs-on", "runtime", "script", "services", "size", "trigger",
}  # fmt: skip
CACHES = {
    "composer", "docker", "dotnetcore", "gradle", "ivy2", "maven", "node", "pip", "sbt",
}  # fmt: skip


def steps(node: Any) -> Iterator[dict[str, Any]]:
    """Find the steps of Bitbucket's pipelines, however deep in stages and parallel groups."""
    if isinstance(node, list):
        for item in node:
            yield from steps(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "step":
                yield value
            else:
                yield from steps(value)


def bitbucket(files: Files) -> Iterator[str]:
    """Names and keys of steps: Bitbucket's "Step options", "Caching", "Databases and services"."""
    if "bitbucket-pipelines.yml" not in files:
        return
    pipeline = load(files["bitbucket-pipelines.yml"])
    definitions = pipeline.get("definitions", {})
    services = {"docker", *definitions.get("services", {})}
    caches = CACHES | set(definitions.get("caches", {}))
    for step in steps([pipeline["pipelines"], definitions.get("steps")]):
        name = step.get("name", "a step")
        yield from (f"{name}: unknown key {key}" for key in step.keys() - STEP)
        if not step.get("script"):
            yield f"{name}: no script"
        for kind, known in (("services", services), ("caches", caches)):
            yield from (
                f"{name}: undefined {kind}: {it}"
                for it in listed(step.get(kind))
                if it not in known
            )
        if step.get("deployment", "live") not in ENVIRONMENTS:
            yield f"{name}: unknown environment {step['deployment']}"


# GitLab

#: Top-level keys that are no jobs: "CI/CD YAML syntax reference", global keywords.
GLOBAL = {
    "after_script", "before_script", "cache", "default", "image", "include", "services", "spec",
    "stages", "variables", "workflow",
}  # fmt: skip


def gitlab(files: Files) -> Iterator[str]:
    """What jobs and includes refer to: "CI/CD YAML syntax reference"."""
    if ".gitlab-ci.yml" not in files:
        return
    pipeline = load(files[".gitlab-ci.yml"])
    jobs: dict[str, Any] = dict(pipeline)
    for include in listed(pipeline.get("include")):
        local = include.get("local", "") if isinstance(include, dict) else include
        path = local.removeprefix("/")
        if path not in files:
            yield f"include of a missing file: {local}"
        else:
            jobs |= load(files[path])
    jobs = {name: job for name, job in jobs.items() if name not in GLOBAL}
    stages = {".pre", ".post", *pipeline.get("stages", ["build", "test", "deploy"])}
    for name, job in jobs.items():
        if job.get("stage", ".pre") not in stages:
            yield f"{name}: unknown stage {job['stage']}"
        yield from (
            f"{name}: extends the absent {other}"
            for other in listed(job.get("extends"))
            if other not in jobs
        )
        for key in ("needs", "dependencies"):
            for need in listed(job.get(key)):
                other = need.get("job") if isinstance(need, dict) else need
                if other not in jobs:
                    yield f"{name}: {key} the absent {other}"
        environment = job.get("environment", "live")
        where = environment.get("name") if isinstance(environment, dict) else environment
        if where not in ENVIRONMENTS:
            yield f"{name}: unknown environment {where}"


# GitHub


def workflows(files: Files) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Give GitHub's workflows. YAML 1.1 reads their `on` as true."""
    for path, text in files.items():
        if re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path):
            yield path, load(text)


def jobs_of_github(files: Files) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give all jobs of all workflows."""
    for path, workflow in workflows(files):
        for name, job in workflow["jobs"].items():
            yield f"{path}: {name}", job


def github(files: Files) -> Iterator[str]:
    """The order of jobs and their environments: "Workflow syntax for GitHub Actions"."""
    for path, workflow in workflows(files):
        before = {name: set(listed(job.get("needs"))) for name, job in workflow["jobs"].items()}
        while ready := {name for name, needs in before.items() if not needs & before.keys()}:
            before = {name: needs for name, needs in before.items() if name not in ready}
        if before:
            yield f"{path}: jobs wait for each other: {', '.join(sorted(before))}"
        for name, job in workflow["jobs"].items():
            known = workflow["jobs"]
            yield from (
                f"{path}: {name}: needs the absent {need}"
                for need in listed(job.get("needs"))
                if need not in known
            )
    for name, job in jobs_of_github(files):
        environment = job.get("environment", "live")
        where = environment.get("name") if isinstance(environment, dict) else environment
        if where not in ENVIRONMENTS:
            yield f"{name}: unknown environment {where}"


def unpinned_actions(files: Files, pins: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Actions of others by a commit that pins.yml has, in workflows and composite actions alike.

    A tag can be moved: "Secure use reference", using third-party actions.
    """
    for path, text in files.items():
        if not path.startswith(".github/"):
            continue
        for used in re.findall(r"^\s*(?:- )?uses: *[\"']?([^\s\"']+)", text, re.MULTILINE):
            action, _, commit = used.partition("@")
            if used.startswith(("./", "$/")):
                continue
            if commit != pins.get(action, {}).get("commit"):
                yield f"{path}: not pinned as in pins.yml: {used}"


# Render and Vercel

#: "Blueprint YAML Reference": what the root and services have.
BLUEPRINT = {
    "databases",
    "envVarGroups",
    "previews",
    "projects",
    "services",
    "ungrouped",
    "version",
}
SERVICE = {
    "autoDeploy", "autoDeployTrigger", "branch", "buildCommand", "buildFilter", "disk",
    "dockerCommand", "dockerContext", "dockerfilePath", "domain", "domains", "envVars", "headers",
    "healthCheckPath", "image", "initialDeployHook", "ipAllowList", "maintenanceMode",
    "maxShutdownDelaySeconds", "maxmemoryPolicy", "name", "numInstances", "plan",
    "preDeployCommand", "previews", "region", "registryCredential", "renderSubdomainPolicy", "repo",
    "rootDir", "routes", "runtime", "scaling", "schedule", "startCommand", "staticPublishPath",
    "type",
}  # fmt: skip


def render(files: Files) -> Iterator[str]:
    """Keys and references of a blueprint: "Blueprint YAML Reference"."""
    if "render.yaml" not in files:
        return
    blueprint = load(files["render.yaml"])
    yield from (f"unknown key {key}" for key in blueprint.keys() - BLUEPRINT)
    services = blueprint.get("services", [])
    names = {
        "fromService": {service["name"] for service in services},
        "fromDatabase": {database["name"] for database in blueprint.get("databases", [])},
        "fromGroup": {group["name"] for group in blueprint.get("envVarGroups", [])},
    }
    for service in services:
        name = service["name"]
        yield from (f"{name}: unknown key {key}" for key in service.keys() - SERVICE)
        # YAML 1.1 reads off as false.
        trigger = service.get("autoDeployTrigger", "commit")
        if trigger not in ("commit", "checksPass", "off", False):
            yield f"{name}: unknown autoDeployTrigger {trigger}"
        for variable in service.get("envVars", []):
            for key, known in names.items():
                source = variable.get(key)
                wanted = source.get("name") if isinstance(source, dict) else source
                if wanted is not None and wanted not in known:
                    yield f"{name}: {key} of the absent {wanted}"


#: "Static Configuration with vercel.json".
VERCEL = {
    "$schema", "buildCommand", "bunVersion", "cleanUrls", "crons", "devCommand", "fluid",
    "framework", "functionFailoverRegions", "functions", "git", "headers", "ignoreCommand",
    "images", "installCommand", "outputDirectory", "public", "redirects", "regions", "rewrites",
    "services", "trailingSlash",
}  # fmt: skip


def vercel(files: Files) -> Iterator[str]:
    """Top-level keys, and the services that rewrites lead to."""
    if "vercel.json" in files:
        found = json.loads(files["vercel.json"])
        yield from (f"unknown key {key}" for key in found.keys() - VERCEL)
        for rewrite in found.get("rewrites", []):
            to = rewrite["destination"]
            if isinstance(to, dict) and to["service"] not in found.get("services", {}):
                yield f"a rewrite to the absent {to['service']}"


# Security, whoever runs the pipeline


def model(files: Files) -> Any:
    """Read the pipeline of any provider."""
    return read({path: text.encode() for path, text in files.items()})


def tasks(files: Files, executable: AbstractSet[str]) -> Iterator[str]:
    """Every `ops/…` command of a pipeline is there, and can be run."""
    for job in model(files).jobs:
        for task in job.tasks:
            command = task.split()[0]
            command = command if command.startswith("ops/") else f"ops/{command}"
            if command not in executable:
                yield f"{job.id}: cannot run {command}"


def endless(files: Files) -> Iterator[str]:
    """Every job ends; Render and Vercel, which have no jobs, end a build by themselves."""
    for job in model(files).jobs:
        called = job.provider == "github" and not job.steps
        if job.timeout is None and job.provider not in ("render", "vercel") and not called:
            yield f"{job.id}: no timeout"


def secrets_of_changes(files: Files, allowed: AbstractSet[str]) -> Iterator[str]:
    """What a change runs may be a stranger's: it gets no secret but those of the stages."""
    for job in model(files).jobs:
        if Trigger.CHANGE in job.triggers:
            yield from (f"{job.id}: reads {it}" for it in job.secrets if it not in allowed)


def images(files: Files, pins: AbstractSet[str]) -> Iterator[str]:
    """Jobs run in images of pins.yml."""
    for job in model(files).jobs:
        yield from (f"{job.id}: unpinned {image}" for image in job.images if image not in pins)


def piped_downloads(files: Files) -> Iterator[str]:
    """What is downloaded is not run unseen."""
    for path, text in files.items():
        if re.search(r"\b(curl|wget)\b[^\n|]*\|\s*(sudo\s+)?(ba|da|a)?sh\b", text):
            yield f"{path}: a download goes into a shell"


def rights(files: Files) -> Iterator[str]:
    """A token reads, and writes where something is published: "Secure use reference"."""
    for path, workflow in workflows(files):
        if any(level != "read" for level in dict(workflow.get("permissions", {"": ""})).values()):
            yield f"{path}: permissions for all jobs"
        if "pull_request_target" in (workflow.get(True) or workflow.get("on") or {}):
            yield f"{path}: pull_request_target"
    for name, job in jobs_of_github(files):
        writes = "write" in dict(job.get("permissions", {})).values()
        if writes and name.rpartition(" ")[2] not in ("publish", "deploy", "notes", "drill"):
            yield f"{name}: may write"


def injections(files: Files) -> Iterator[str]:
    """GitHub pastes expressions into scripts: "Script injections"."""
    for path, text in files.items():
        if path.startswith(".github/") and path.endswith((".yml", ".yaml")):
            content = load(text)
            parts = [*content.get("jobs", {}).values(), content.get("runs", {})]
            for step in (step for part in parts for step in part.get("steps", [])):
                if "${{" in step.get("run", ""):
                    yield f"{path}: an expression inside a script: {step['run']}"


def kept_credentials(files: Files) -> Iterator[str]:
    """A checkout leaves no token behind: README of actions/checkout, persist-credentials."""
    for name, job in jobs_of_github(files):
        for step in job.get("steps", []):
            checkout = step.get("uses", "").startswith("actions/checkout@")
            if checkout and step.get("with", {}).get("persist-credentials") is not False:
                yield f"{name}: the checkout keeps its credentials"
