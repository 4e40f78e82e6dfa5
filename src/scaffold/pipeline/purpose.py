"""What commands and ready-made actions are for, of the stages that a change passes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# What comes before the command that counts.
_BIN = r"(?:(?:\S*/)?(?:node_modules/\.bin|\.?venv/bin|vendor/bin)/)?"
_BEFORE = re.compile(
    rf"(?:{_BIN}(?:[A-Za-z_]\w*=(?:\"[^\"]*\"|'[^']*'|\S*)|!|\{{|time|exec|eval|builtin|env|"
    r"sudo(?: -u \S+)?|nice(?: -n \S+)?|nohup|command|sh|bash|npx|bunx|"
    r"(?:uv|poetry|pdm|hatch|pipenv|rye) run|"
    r"(?:bundle|pnpm|yarn|npm) exec|python3? -m|timeout \S+)(?: -[-\w]+(?:=\S+)?)* )*"
    rf"{_BIN}"
)
_TASK = re.compile(r"(?:\./)?(ops/[a-z][a-z-]*)(?![\w/.])(.*)", re.DOTALL)


def task(command: str) -> str:
    """Give the `ops/…` task that a command is, with its arguments; an empty text for another."""
    match = _TASK.match(core(command))
    return f"{match[1]}{match[2]}".strip() if match else ""


def core(command: str) -> str:
    """Give a command without `sudo`, `env X=1`, `npx` and the like before it."""
    return _BEFORE.sub("", command, count=1)


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
    r"rake|(?:\./)?gradlew?|(?:\./)?mvnw?)"
    r"(?: (?:-[CFfw]|--(?:cwd|dir|directory|filter|prefix|workspace)) [^-\s]\S*| -\S+)* (?=[a-z])"
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
        pest, mix test, dotnet test, sbt test, bats""")),
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


def stages_of_command(command: str) -> tuple[str, ...]:
    """Tell what a simple command is for, as far as it is known."""
    bare = core(command)
    own = _TASK.match(bare)
    if own:
        return _OPS.get(own[1].removeprefix("ops/"), ())
    runner = _RUNNER.match(bare)
    known, rest = (_SCRIPTS, bare[runner.end() :]) if runner else (_TOOLS, bare)
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
