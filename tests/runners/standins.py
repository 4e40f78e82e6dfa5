"""What a pipeline meets outside its runner: a registry, a platform, advisories, and the tools.

The registry is a real one. Commands that a pipeline calls are recorded, and most of them then run
for real: see `TOOLS`.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import saved_image
from conftest import Call, answering
from registry import registry, trust

#: The registries that pipelines name; all of them are the one on loopback.
REGISTRIES = ("ghcr.io", "registry.fly.io", "registry.example.com")
#: What a command does once it is recorded.
TOOLS = {
    "apk": "",
    "pip": "",
    # There is no engine. It "saves" a small image of the commit; real ones: tests/images.
    # It reads a password to its end, or who writes it may find nobody there.
    "docker": '[ "$1" != login ] || cat >/dev/null\n'
    '[ "$1" != save ] || exec {python} {module} "$3" "${{4##*:}}"\n'
    f'[ "$1" != push ] || echo "it has digest: sha256:{"0" * 64}"',
    # The last deploy is the only release.
    "fly": '[ "$1" != releases ] || sed -n "s/^fly deploy .*--image //p" {calls} | tail -n 1'
    """ | sed 's/.*/[{{"ImageRef": "&", "Status": "complete", "CreatedAt": "-"}}]/'""",
    "gh": "",
    # No registry of packages has it.
    "osv-scanner": "echo '{{\"results\": []}}'",
    # Each job installs anew; what that unpacks was unpacked by a real `npm ci` before.
    "npm": 'if [ "$1" = ci ]; then\n'
    '  if [ -n "{packages}" ]; then\n'
    '    HOME={home} npm_config_cache={packages} exec {tool} "$@"\n'
    "  fi\n"
    "  rm -rf node_modules && exec cp -al {modules} node_modules\n"
    "fi\n"
    '[ "$1" != audit ] || export npm_config_registry={url}/\n'
    'unset npm_config_cache; HOME={home} exec {tool} "$@"',
    "uv": 'unset UV_CACHE_DIR; HOME={home} exec {tool} "$@"',
    "gitleaks": 'exec {tool} "$@"',
    "hadolint": 'exec {tool} "$@"',
    "skopeo": 'for name; do set -- "$@" "$(echo "$name" | sed "{registries}")"; shift; done\n'
    'exec {tool} "$@"',
}
RECORDER = """\
#!/bin/sh
echo "${{0##*/}} $*" >>"{calls}"
{then}
"""
#: A task that does nothing but leave the files that a pipeline passes on; the one named fails.
TASK = """\
#!/bin/sh
echo "ops/${{0##*/}} $*" >>"{calls}"
mkdir -p .cache test-results dist
touch .cache/image.tar .cache/sbom.cdx.json test-results/coverage.xml dist/index.html
[ "${{0##*/}}" != "{failing}" ] || {{
  echo "planted: ${{0##*/}}"
  exit 1
}}
"""
#: Which stage a call belongs to.
STAGES = {
    "build": r"ops/build\b|docker build (?!--platform)|npm run build|uv run .*compileall",
    "lint": r"ops/lint\b|npm run lint|uv run .*ruff check",
    "test": r"ops/test\b|npm test|uv run .*pytest",
    "scan": r"ops/scan\b|gitleaks|npm audit|uv audit",
    "publish": r"ops/publish\b|skopeo copy .* docker-archive:|docker push",
    "deploy": r"ops/deploy\b|fly deploy",
}
#: Of the environment: how package managers reach their registries, and whom they trust.
NETWORK = re.compile(r"(npm_config|uv|pip)_|.*_(ca_certs|cert_file|cert_dir|proxy)$", re.IGNORECASE)


@dataclass
class Standins:
    """A machine with nothing behind it: commands are recorded, addresses are on loopback.

    Args:
        folder: Where it keeps its files; it has to exist.
        modules: What `npm ci` installs; without, the package managers do nothing.
    """

    folder: Path
    modules: Path | None = None
    #: Where npm keeps what it downloads, to have it install for real.
    packages: Path | None = None
    #: The dependency that advisories have something about.
    vulnerable: str = ""
    #: Where the registry and everything else answer, while it runs.
    registry: str = ""
    url: str = ""
    _versions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        """Where the recorders are: the first folder on PATH."""
        return self.folder / "bin"

    @property
    def calls(self) -> list[str]:
        """Every command that was recorded, with its arguments."""
        log = self.folder / "calls"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def stages(self) -> list[str]:
        """The stages that ran, in order, as the commands tell."""
        found = (
            stage
            for call in self.calls
            for stage, pattern in STAGES.items()
            if re.match(pattern, call)
        )
        return [stage for stage, _ in groupby(found)]

    @property
    def tasks(self) -> list[str]:
        """The replaced tasks that were called, with their arguments, but for `setup`."""
        found = (
            call.removeprefix("ops/").strip() for call in self.calls if call.startswith("ops/")
        )
        return [task for task in found if task != "setup"]

    def replace_tasks(self, project: Path, failing: str = "", kept: Collection[str] = ()) -> None:
        """Have all but the kept tasks only be recorded; `ops/ci`, which calls them, is real."""
        for task in (project / "ops").iterdir():
            program = task.is_file() and os.access(task, os.X_OK)
            if program and task.name not in ("ci", "help", *kept):
                task.write_text(TASK.format(calls=self.folder / "calls", failing=failing))

    @cached_property
    def environment(self) -> dict[str, str]:
        """What a runner is started with; nothing of ours gets into it but the network."""
        network = {name: value for name, value in os.environ.items() if NETWORK.match(name)}
        git = {name: value for name, value in os.environ.items() if name.startswith("GIT_")}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return {**network, **git, "PATH": path, "HOME": str(self.folder), "NO_COLOR": "1"}

    def digest(self, repository: str, commit: str) -> str:
        """Ask the registry which digest the image of a commit has."""
        request = urllib.request.Request(
            f"http://{self.registry}/v2/{repository}/manifests/{commit}",
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 (loopback)
            return str(answer.headers["Docker-Content-Digest"])

    def publish(self, repository: str, commit: str) -> None:
        """Put the image of a commit where `ops/publish` puts it."""
        archive = self.folder / "published.tar"
        saved_image.save_image(archive, commit)
        where = f"docker://{self.registry}/{repository}:{commit}"
        subprocess.run(
            ["skopeo", "copy", "--dest-tls-verify=false", f"docker-archive:{archive}", where],
            check=True, capture_output=True,
        )  # fmt: skip

    def deployed(self) -> str:
        """Give the commit that runs: the one of the last deploy."""
        images = re.findall(r"^fly deploy .*:(\w+)@", "\n".join(self.calls), re.MULTILINE)
        return images[-1] if images else "none"

    def answer(self, path: str, body: Any) -> Any:  # noqa: PLR0911 (one a question)
        """Answer as the deployed service, as npm's registry, or as OSV."""
        match path.strip("/").split("/"):
            case ["healthz"]:
                return {"status": "ok", "commit": self.deployed()}
            case ["readyz"]:
                return {}
            case ["-", "npm", "v1", "security", "advisories", "bulk"]:
                self._versions = body
                return {self.vulnerable: [ADVISORY]} if self.vulnerable in body else {}
            case ["v1", "querybatch"]:
                asked = [query["package"] for query in body["queries"]]
                hits = [self.vulnerable and self.vulnerable in str(package) for package in asked]
                return {"results": [{"vulns": [OSV]} if hit else {} for hit in hits]}
            case ["v1", "vulns", _]:
                return OSV
            case [package]:  # npm looks which of its versions are affected
                versions = {
                    version: {"name": package, "version": version}
                    for version in self._versions.get(package, [])
                }
                return {"name": package, "versions": versions}
        return None

    def _reply(self, call: Call) -> tuple[int, bytes]:
        packed = call.headers.get("Content-Encoding") == "gzip"
        sent = gzip.decompress(call.body) if packed else call.body
        answer = self.answer(call.path, json.loads(sent or "null"))
        return 404 if answer is None else 200, json.dumps(answer).encode()

    @contextmanager
    def running(self) -> Iterator[Standins]:
        """Start what answers, and put the commands in place."""
        with (
            registry(self.folder / "registry") as self.registry,
            answering(self._reply) as self.url,
        ):
            registries = ";".join(
                f"s,{name}/,{self.registry}/,;s,^{name}\\$,{self.registry}," for name in REGISTRIES
            )
            self.bin.mkdir()
            for name, does in TOOLS.items():
                then = "" if name in ("npm", "uv") and not self.modules else does
                script = self.bin / name
                filled = then.format(
                    url=self.url, home=Path.home(), registries=registries, modules=self.modules,
                    module=saved_image.__file__, python=sys.executable,
                    calls=self.folder / "calls", packages=self.packages or "",
                    tool=shutil.which(name) or name,
                )  # fmt: skip
                script.write_text(RECORDER.format(calls=self.folder / "calls", then=filled))
                script.chmod(0o755)
            trust(self.folder, self.registry)
            yield self


ADVISORY = {
    "id": 1,
    "title": "Planted",
    "severity": "critical",
    "vulnerable_versions": "*",
    "url": "https://example.com/advisory",
}
OSV = {"id": "PLANTED-1", "modified": "2026-01-01T00:00:00Z", "summary": "Planted", "affected": []}
