"""What shell text says: the commands in it, what they are for, and the failures that it hides."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Command(NamedTuple):
    """A simple command, and the operator after it: a pipe, a semicolon, a line break, …."""

    text: str
    then: str


_TOKEN = re.compile(
    r"""(?P<joined>\\\n)|(?P<text>\\.|'[^']*'|"(?:\\.|[^"\\])*"|\d?>&\d?-?|&>|\$\{[^}\n]*\})"""
    r"""|(?P<comment>(?:(?<=[\s;&|(])|\A)\#[^\n]*)|(?P<operator>&&|\|\||;;|[;&|\n()])"""
    r"""|(?P<plain>[^\\'"#&|;\n()$>\d]+|.)""",
    re.DOTALL,
)


@lru_cache(maxsize=4096)
def commands(text: str) -> tuple[Command, ...]:
    """Split shell text into its simple commands."""
    found: list[Command] = []
    parts: list[str] = []
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "operator":
            found.append(Command(" ".join("".join(parts).split()), token[0]))
            parts = []
        elif token.lastgroup == "joined":
            parts.append(" ")
        elif token.lastgroup != "comment":
            parts.append(token[0])
    found.append(Command(" ".join("".join(parts).split()), ""))
    return tuple(command for command in found if command.text or command.then in {"||", "&&", "|"})


# What comes before the command that counts.
_BEFORE = re.compile(
    r"(?:(?:[A-Za-z_]\w*=(?:\"[^\"]*\"|'[^']*'|\S*)|if|then|elif|else|do|while|until|time|exec|"
    r"sudo|env|nice|command|!|\{|sh|bash|npx|bunx|(?:uv|poetry|pdm|hatch|pipenv|rye) run|"
    r"(?:bundle|pnpm|yarn|npm) exec|python3? -m|timeout \S+)(?: -[-\w]+(?:=\S+)?)* )+"
)
_TASK = re.compile(r"(?:\./)?(ops/[a-z][a-z-]*)(?![\w/.])(.*)", re.DOTALL)


def _core(command: str) -> str:
    match = _BEFORE.match(command)
    return command[match.end() :] if match else command


@lru_cache(maxsize=4096)
def tasks(text: str) -> tuple[str, ...]:
    """Give the `ops/…` commands in shell text, with their arguments."""
    matches = (_TASK.match(_core(command.text)) for command in _all(text))
    return tuple(f"{match[1]}{match[2]}".strip() for match in matches if match)


_OPS = {
    **{name: (name,) for name in ("build", "lint", "test", "scan", "publish", "deploy", "release")},
    "ci": ("build", "lint", "test", "scan"),
    "drill": ("deploy",),
}


def _any(listed: str) -> re.Pattern[str]:
    """Make one pattern of several, written with commas between them."""
    patterns = "|".join(re.split(r",\s+", listed.strip()))
    return re.compile(rf"(?:{patterns})(?![\w-])")


# Commands of repositories that were not generated: what runs a script of a given name, …
_RUNNER = re.compile(
    r"(?:npm(?: run| run-script)?|(?:yarn|pnpm|bun|deno|composer)(?: run| task)?|make|just|task|"
    r"rake|(?:\./)?gradlew?|(?:\./)?mvnw?)(?: -\S+)* (?=[a-z])"
)
_SCRIPTS = (
    ("scan", _any(r"audit, scan(?::\S+)?, security(?::\S+)?")),
    ("lint", _any(r"lint\S*, fmt\S*, format\S*, prettier\S*, style\S*, type-?check\S*")),
    ("lint", _any(r"check[:-](?:types?|format)\S*")),
    ("test", _any(r"t, tests?(?:[:-]\S+)?, unit\S*, integration\S*, e2e\S*, coverage, verify")),
    ("test", _any(r"check")),
    ("publish", _any(r"publish(?::\S+)?")),
    ("deploy", _any(r"deploy(?:[:-]\S+)?")),
    ("release", _any(r"release(?::\S+)?")),
    ("build", _any(r"build(?:[:-]\S+)?, compile, package, assemble, dist")),
)
# … and tools by their own name. The first that matches counts.
_TOOLS = (
    ("scan", _any("""
        pip-audit, uv audit, cargo audit, cargo deny, bundle-audit, govulncheck, snyk, trivy, grype,
        osv-scanner, gitleaks, trufflehog, semgrep, bandit, safety, dependency-check, checkov""")),
    ("lint", _any(r"""
        eslint, prettier, biome, stylelint, tsc .*--noEmit, ruff, flake8, pylint, black, isort,
        mypy, pyright, golangci-lint, go vet, gofmt, cargo clippy, cargo fmt, rubocop, phpcs,
        phpstan, ktlint, shellcheck, hadolint, yamllint, actionlint, pre-commit, prek,
        dotnet format""")),
    ("test", _any(r"""
        vitest, jest, mocha, ava, playwright test, cypress run, node --test, pytest, tox, nox,
        unittest, (?:python3? )?manage\.py test, go test, cargo test, cargo nextest, rspec, phpunit,
        (?:vendor/bin/)?pest, mix test, dotnet test, sbt test, bats""")),
    ("publish", _any(r"""
        docker push, docker image push, docker (?:buildx )?build .*--push, podman push, skopeo copy,
        crane push, twine upload, uv publish, poetry publish, cargo publish, gem push,
        helm push""")),
    ("deploy", _any(r"""
        fly deploy, flyctl deploy, vercel deploy, vercel --prod, vercel$, netlify deploy,
        railway up, render deploys, heroku container:release, git push heroku, git push dokku,
        kubectl apply, kubectl set image, kubectl rollout, helm upgrade, helm install,
        terraform apply, tofu apply, pulumi up, cdk deploy, sam deploy, serverless deploy,
        sls deploy, aws ecs update-service, aws s3 sync, aws lambda update-function-code,
        aws deploy, gcloud run deploy, gcloud app deploy, az webapp, doctl apps, firebase deploy,
        wrangler deploy, eb deploy, ansible-playbook, kamal deploy""")),
    ("release", _any("""
        semantic-release, release-it, changeset publish, git-cliff, gh release, glab release,
        release-cli, goreleaser""")),
    ("build", _any("""
        docker build, docker buildx build, docker compose build, podman build, buildah, vite build,
        next build, tsc, webpack, rollup, go build, cargo build, dotnet build, dotnet publish,
        build, mix compile, pack build, sbt compile, sbt package""")),
)  # fmt: skip


@lru_cache(maxsize=4096)
def stages(text: str) -> frozenset[str]:
    """Tell what the commands in shell text are for."""
    return frozenset(stage for command in _all(text) for stage in _stages(command.text))


def _stages(command: str) -> tuple[str, ...]:
    core = _core(command)
    task = _TASK.match(core)
    if task:
        return _OPS.get(task[1].removeprefix("ops/"), ())
    runner = _RUNNER.match(core)
    known, rest = (_SCRIPTS, core[runner.end() :]) if runner else (_TOOLS, core)
    return next(((stage,) for stage, pattern in known if pattern.match(rest)), ())


_ACTIONS = (
    ("deploy", _any("render$, vercel$, pages$")),
    ("deploy", _any(r"""
        actions/deploy-pages, amondnet/vercel-action, azure/webapps-deploy,
        cloudflare/wrangler-action, cloudflare/pages-action, akhileshns/heroku-deploy,
        peaceiris/actions-gh-pages, aws-actions/amazon-ecs-deploy\S*,
        google-github-actions/deploy-\S*, digitalocean/app_action, nwtgck/actions-netlify,
        atlassian/\S*-deploy""")),
    ("release", _any(r"""
        gitlab-release, softprops/action-gh-release, ncipollo/release-action, goreleaser/\S*,
        googleapis/release-please\S*, cycjimmy/semantic-release\S*""")),
    ("publish", _any("""
        pypa/gh-action-pypi-publish, js-devtools/npm-publish, atlassian/npm-publish""")),
    ("scan", _any(r"""
        github/codeql-action/analyze, aquasecurity/trivy\S*, snyk/\S*, google/osv-scanner\S*,
        gitleaks/\S*, trufflesecurity/\S*, anchore/scan\S*, actions/dependency-review-action,
        zizmorcore/\S*, ossf/scorecard\S*, atlassian/git-secrets-scan""")),
    ("lint", _any(r"""
        golangci/golangci-lint\S*, pre-commit/action, super-linter/\S*, psf/black, hadolint/\S*,
        astral-sh/ruff-action, reviewdog/\S*, wagoid/commitlint\S*""")),
    ("test", _any("cypress-io/github-action")),
    ("build", _any("docker/build-push-action, docker/bake-action")),
)  # fmt: skip


def stages_of_action(uses: str, inputs: Mapping[str, str]) -> frozenset[str]:
    """Tell what a ready-made action is for."""
    found = {stage for stage, pattern in _ACTIONS if pattern.match(uses.lower())}
    if "build" in found and inputs.get("push", "false") not in {"false", ""}:
        found.add("publish")
    return frozenset(found)


_NOTHING = re.compile(r"(?:/bin/)?true|:|(?:exit|return) 0|echo\b.*|printf\b.*", re.DOTALL)
_UNCHECKED = re.compile(r"set (?:\S+ )*(?:\+[a-z]*e[a-z]*|\+o errexit)\b")
_LENIENT = re.compile(r"--exit-zero\b|--exit-code[= ]0\b")


@lru_cache(maxsize=4096)
def _swallowed(text: str, *, pipes: bool) -> tuple[str, ...]:
    return tuple(_hidden(text, pipes=pipes and "pipefail" not in text))


def swallowed(text: str, *, pipes: bool = False) -> tuple[str, ...]:
    """Give what in shell text lets a failure pass.

    Args:
        text: The shell text.
        pipes: Whether the shell takes a pipe's last exit code for the pipe's.
    """
    return _swallowed(text, pipes=pipes)


def _hidden(text: str, *, pipes: bool) -> Iterator[str]:
    found = commands(text)
    for place, command in enumerate(found):
        after = found[place + 1] if place + 1 < len(found) else Command("", "")
        if command.then == "||" and _NOTHING.fullmatch(after.text):
            yield f"{command.text} || {after.text}"
        elif command.then == "|" and pipes and _stages(command.text):
            yield f"{command.text} | {after.text}"
        elif command.then == ";" and after is found[-1] and _ends(after.text):
            yield f"{command.text}; {after.text}"
        if _UNCHECKED.match(command.text):
            yield command.text
        if _stages(command.text) and _LENIENT.search(command.text):
            yield command.text
        for script in _inner(command.text):
            yield from _hidden(script, pipes=pipes)


def _ends(command: str) -> bool:
    return command in {"true", ":", "/bin/true", "exit 0"}


_INNER = re.compile(r"-l?e?c (?:'([^']*)'|\"((?:\\.|[^\"\\])*)\")")


def _inner(command: str) -> Iterator[str]:
    """Give the shell texts that a command hands to another shell."""
    for match in _INNER.finditer(command):
        yield match[1] or match[2] or ""


def _all(text: str) -> Iterator[Command]:
    for command in commands(text):
        yield command
        for script in _inner(command.text):
            yield from _all(script)


_NAME = re.compile(r"\$(?:\{([A-Za-z_]\w*)|([A-Za-z_]\w*))")
_SET = re.compile(
    # What is set to itself, for a command or with a default, comes from outside all the same.
    r"(?:^|[\s;&|(])(?:export |local |readonly )?([A-Za-z_]\w*)=(?![\"']?\$\{?\1\b)"
    r"|\bfor (\w+) in\b|\bread (?:-\w+ )*(\w+)"
)
_SECRET = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|_KEY$|DSN$"
)


#: What every shell has.
_SHELL = {"HOME", "HOSTNAME", "IFS", "LANG", "OLDPWD", "PATH", "PPID", "PWD", "RANDOM", "SECONDS",
          "SHELL", "TMPDIR", "UID", "USER"}  # fmt: skip


def names(text: str) -> set[str]:
    """Give the variables in capitals that shell text reads and does not set itself."""
    used = {a or b for a, b in _NAME.findall(text.replace("$$", ""))}
    own = {name for match in _SET.findall(text) for name in match}
    return {name for name in used - own - _SHELL if name.isupper() and len(name) > 1}


def is_secret(name: str) -> bool:
    """Tell whether a variable's name is one that secrets have."""
    return bool(_SECRET.search(name))
