"""Rendered pipelines against our own checks, and each check against a file that it must refuse."""

from __future__ import annotations

from functools import partial
from typing import Any

import checks
import pytest
from conftest import IMAGES, PINS, TEMPLATE, pairwise

from scaffold.template.answers import resolve
from scaffold.template.renderer import render

AXES = ("stack", "ci", "hosting", "scan")


ROWS = [pytest.param(row, id="-".join(row.values())) for row in pairwise(*AXES)]


def checked(executable: set[str], stage_secrets: set[str]) -> dict[str, checks.Check]:
    """Give all checks, each by its name."""
    plain = (
        checks.bitbucket, checks.gitlab, checks.github, checks.render, checks.vercel,
        checks.endless, checks.piped_downloads, checks.rights, checks.injections,
        checks.kept_credentials,
    )  # fmt: skip
    return {
        **{check.__name__: check for check in plain},
        "unpinned_actions": partial(checks.unpinned_actions, pins=PINS["actions"]),
        "images": partial(checks.images, pins=set(IMAGES.values())),
        "tasks": partial(checks.tasks, executable=executable),
        "secrets_of_changes": partial(checks.secrets_of_changes, allowed=stage_secrets),
    }


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.slow
def test_a_rendered_pipeline_passes(row: dict[str, str]) -> None:
    answers = resolve(TEMPLATE, row)
    rendered = list(render(TEMPLATE, answers))
    files = {str(file.path): file.content.decode() for file in rendered}
    executable = {str(file.path) for file in rendered if file.executable}
    allowed = {
        secret
        for option in TEMPLATE.catalog.chosen(row)
        for secret in option.row.get("stage_secrets", [])
    }
    found = {name: list(check(files)) for name, check in checked(executable, allowed).items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


COMMIT = PINS["actions"]["actions/checkout"]["commit"]
BITBUCKET = """\
image: node:24-alpine
definitions:
  services: {postgres: {image: "node:24-alpine"}}
  caches: {packages: .cache/packages}
pipelines:
  pull-requests:
    "**":
      - step: {name: Test, max-time: 5, caches: [packages], services: [postgres],
          script: [ops/test]}
  branches:
    main:
      - step: {name: Deploy, max-time: 5, deployment: sandbox, script: [ops/deploy sandbox]}
"""
GITLAB = """\
stages: [test, deploy]
include: [{local: .gitlab/setup.yml}]
test: {extends: .setup, stage: test, timeout: 5 minutes, script: [ops/test]}
deploy:
  extends: .setup
  stage: deploy
  timeout: 5 minutes
  needs: [test]
  environment: sandbox
  rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]
  script: [ops/deploy sandbox]
"""
GITHUB = f"""\
on:
  pull_request:
permissions: {{}}
jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions: {{contents: read}}
    steps:
      - uses: actions/checkout@{COMMIT}
        with: {{persist-credentials: false}}
      - run: ops/test
  deploy:
    needs: test
    runs-on: ubuntu-latest
    timeout-minutes: 5
    environment: sandbox
    steps:
      - run: ops/deploy sandbox
"""
ACTION = f"""\
runs:
  using: composite
  steps:
    - uses: actions/checkout@{COMMIT}
"""
RENDER = """\
services:
  - type: web
    name: api
    runtime: node
    autoDeployTrigger: commit
    buildCommand: ops/ci
    envVars: [{key: A, fromDatabase: {name: db, property: host}}, {fromGroup: all}]
  - type: web
    name: web
    runtime: node
    envVars: [{key: API, fromService: {name: api, type: web, property: host}}]
databases: [{name: db}]
envVarGroups: [{name: all, envVars: []}]
"""
VERCEL = """
{"git": {"deploymentEnabled": {"main": false}},
 "services": {"api": {"root": ".", "buildCommand": "ops/ci"}},
 "rewrites": [{"source": "/(.*)", "destination": {"service": "api"}}]}
"""
GOOD = {
    "bitbucket": {"bitbucket-pipelines.yml": BITBUCKET},
    "gitlab": {
        ".gitlab-ci.yml": GITLAB,
        ".gitlab/setup.yml": ".setup: {image: 'node:24-alpine'}\n",
    },
    "github": {".github/workflows/ci.yml": GITHUB, ".github/actions/setup/action.yml": ACTION},
    "render": {"render.yaml": RENDER},
    "vercel": {"vercel.json": VERCEL},
}
TASKS = {"ops/ci", "ops/deploy", "ops/test"}


@pytest.mark.parametrize("provider", GOOD)
def test_a_good_file_passes(provider: str) -> None:
    found = {name: list(check(GOOD[provider])) for name, check in checked(TASKS, set()).items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


#: The check, whose good file, what is replaced, and by what.
BROKEN: list[tuple[str, str, str, str]] = [
    ("bitbucket", "bitbucket", "services: [postgres]", "services: [postgers]"),
    ("bitbucket", "bitbucket", "caches: [packages]", "caches: [package]"),
    ("bitbucket", "bitbucket", "deployment: sandbox", "deploiment: sandbox"),
    ("bitbucket", "bitbucket", "deployment: sandbox", "deployment: sandbocks"),
    ("bitbucket", "bitbucket", "script: [ops/test]", "scirpt: [ops/test]"),
    ("gitlab", "gitlab", "local: .gitlab/setup.yml", "local: .gitlab/set-up.yml"),
    ("gitlab", "gitlab", "stage: deploy", "stage: deplyo"),
    ("gitlab", "gitlab", "needs: [test]", "needs: [tests]"),
    ("gitlab", "gitlab", "extends: .setup", "extends: .set-up"),
    ("gitlab", "gitlab", "environment: sandbox", "environment: sand"),
    ("github", "github", "test:\n    runs-on", "test:\n    needs: deploy\n    runs-on"),
    ("github", "github", "needs: test", "needs: tests"),
    ("github", "github", "environment: sandbox", "environment: staging"),
    ("unpinned_actions", "github", f"- uses: actions/checkout@{COMMIT}", "- uses: a/b@v1"),
    ("unpinned_actions", "github", COMMIT, "0" * 40),
    ("render", "render", "fromDatabase: {name: db,", "fromDatabase: {name: bd,"),
    ("render", "render", "fromGroup: all", "fromGroup: al"),
    ("render", "render", "fromService: {name: api,", "fromService: {name: ap,"),
    ("render", "render", "buildCommand", "buildComand"),
    ("render", "render", "databases:", "database:"),
    ("render", "render", "autoDeployTrigger: commit", "autoDeployTrigger: checkPass"),
    ("vercel", "vercel", "rewrites", "rewrite"),
    ("vercel", "vercel", '"service": "api"', '"service": "web"'),
    *(
        ("tasks", provider, "ops/test", "ops/tests")
        for provider in ("bitbucket", "github", "gitlab")
    ),
    ("endless", "bitbucket", "max-time: 5, ", ""),
    ("endless", "github", "    timeout-minutes: 5\n", ""),
    ("endless", "gitlab", "timeout: 5 minutes, ", ""),
    ("images", "bitbucket", "node:24-alpine", "node:latest"),
    ("images", "gitlab", "node:24-alpine", "node"),
    (
        "secrets_of_changes",
        "github",
        "run: ops/test",
        'run: ops/test\n        env: {T: "${{ secrets.FLY_API_TOKEN }}"}',
    ),
    ("secrets_of_changes", "bitbucket", "[ops/test]", '["ops/test $FLY_API_TOKEN"]'),
    (
        "secrets_of_changes",
        "bitbucket",
        "[ops/test]",
        '["FLY_API_TOKEN=$FLY_API_TOKEN ops/test"]',
    ),
    ("piped_downloads", "github", "run: ops/test", "run: curl -f https://example.com/a | sh"),
    ("rights", "github", "permissions: {}", "permissions: {contents: write}"),
    ("rights", "github", "permissions: {}\n", ""),
    ("rights", "github", "{contents: read}", "{contents: write}"),
    ("rights", "github", "pull_request:", "pull_request_target:"),
    ("injections", "github", "run: ops/test", "run: ops/test ${{ github.head_ref }}"),
    ("kept_credentials", "github", "persist-credentials: false", "persist-credentials: true"),
]


@pytest.mark.parametrize(("check", "provider", "good", "bad"), BROKEN)
def test_a_broken_file_is_caught(check: str, provider: str, good: str, bad: str) -> None:
    files: dict[str, Any] = {path: text.replace(good, bad) for path, text in GOOD[provider].items()}
    assert files != GOOD[provider]
    assert list(checked(TASKS, set())[check](files))
