"""A static site: what is rendered, and one that is built and served for real.

How it gets to its hosts is in tests/hosts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import TEMPLATE, tree

from scaffold.template.answers import resolve
from scaffold.template.renderer import seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Render
    from store import Store

HOSTS = [o.id for o in TEMPLATE.catalog.axis("hosting") if "static" in o.needs["stack"]]
ENVIRONMENTS = ["local", "sandbox", "testbed", "live"]


# What is rendered


def test_static_sites_have_these_hosts() -> None:
    assert {"netlify", "vercel"} <= set(HOSTS)


@pytest.mark.parametrize("hosting", HOSTS)
def test_a_site_has_no_container(render: Render, hosting: str) -> None:
    files = tree(render(stack="static", hosting=hosting))
    assert not [name for name in files if re.search(r"docker|compose", name, re.IGNORECASE)]


def test_both_hosts_send_the_same_headers(render: Render) -> None:
    rules: dict[str, dict[str, str]] = {}
    text = (render(stack="static", hosting="netlify") / "public/_headers").read_text()
    for line in text.splitlines():
        if line.startswith("/"):
            rule = rules.setdefault(line, {})
        elif not line.startswith("#"):
            name, _, value = line.strip().partition(": ")
            rule[name] = value
    config = json.loads((render(stack="static", hosting="vercel") / "vercel.json").read_text())
    assert rules == {
        each["source"].replace("(.*)", "*"): {h["key"]: h["value"] for h in each["headers"]}
        for each in config["headers"]
    }
    everywhere = rules.pop("/*")
    assert everywhere["Content-Security-Policy"].startswith("default-src 'self'; ")
    assert not [name for rule in rules.values() for name in rule if name in everywhere]


def test_a_push_to_main_is_deployed_by_the_pipeline_alone(render: Render) -> None:
    config = json.loads((render(stack="static", hosting="vercel") / "vercel.json").read_text())
    assert config["git"] == {"deploymentEnabled": {"main": False}}
    text = (render(stack="static", hosting="netlify") / "netlify.toml").read_text()
    ignore = re.search(r"^ignore = '(.*)'$", text, re.MULTILINE)
    assert ignore
    for context in ("production", "branch-deploy", "deploy-preview"):
        done = subprocess.run(["sh", "-c", ignore[1]], check=False, env={"CONTEXT": context})
        cancelled = done.returncode == 0
        assert cancelled is (context != "deploy-preview")


def test_every_environment_says_that_its_settings_are_public(render: Render) -> None:
    project = render(stack="static", hosting="netlify")
    for environment in ENVIRONMENTS:
        text = (project / f".env.{environment}.example").read_text()
        assert f"\nVITE_APP_ENV={environment}\n" in text
        assert "Public, see .env.example" in text
    assert "EVERYTHING HERE IS PUBLIC" in (project / ".env.example").read_text()


def test_what_is_an_example_is_somebodys_own() -> None:
    layer = TEMPLATE.files_root / "{{ use.stack.static }}"
    written = seeds(TEMPLATE, resolve(TEMPLATE, {"stack": "static"}))
    own = {"/404.html", "/index.html", "/public/icon.svg", "/src/main.ts", "/src/style.css"}
    assert own <= set(written)
    assert all((layer / seed.strip("/")).exists() for seed in own)


# For real


@pytest.mark.slow
@pytest.mark.parametrize("hosting", HOSTS)
def test_a_site_passes_its_own_checks_and_is_served_with_its_headers(
    render: Render, store: Store, tmp_path: Path, hosting: str
) -> None:
    description = 'A "site" of <b>ours</b> & $1\nin two lines'
    rendered = render(stack="static", hosting=hosting, description=description)
    project = rendered.rename(tmp_path / "site")  # Node loads nothing below a folder of that name

    def run(*command: str, **variables: str) -> None:
        done = subprocess.run(
            command, cwd=project, env={**store.environment, **variables}, check=False,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"

    shutil.copy(store.project("static") / "package-lock.json", project)
    for task in ("setup", "lint", "test"):
        run(f"ops/{task}")
    # A setting that was read comes before one that is committed, and is taken as it stands.
    (project / ".env").write_text("VITE_NOTE=committed\n")
    with (project / "src/main.ts").open("a") as file:
        file.write('console.log(import.meta.env["VITE_NOTE"]);\n')
    run("ops/build", GIT_COMMIT="abc1234", VITE_APP_ENV="live", VITE_NOTE="$HOME #1")
    scripts = "".join(each.read_text() for each in (project / "dist/assets").glob("*.js"))
    assert "$HOME #1" in scripts
    assert "committed" not in scripts
    with previewing(project) as url:
        run("ops/smoke", url, "abc1234", SMOKE_TIMEOUT="0")
        with urllib.request.urlopen(url) as page:  # noqa: S310 (our own)
            assert page.headers["content-security-policy"].startswith("default-src 'self'; ")
            html = page.read().decode()
        assert "A &quot;site&quot; of &lt;b&gt;ours&lt;/b&gt; &amp; $1\nin two lines" in html
        assert "noindex" not in html
        with urllib.request.urlopen(f"{url}/version") as version:  # noqa: S310 (our own)
            assert version.headers["cache-control"] == "no-store"
            assert json.load(version)["environment"] == "live"


@contextmanager
def previewing(project: Path) -> Iterator[str]:
    """Serve a built site as `npm run preview` does, on a free port; give its address."""
    server = subprocess.Popen(
        ["npm", "run", "preview", "--", "--host", "127.0.0.1", "--port", "0"],
        cwd=project,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert server.stdout
    try:
        printed = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", printed)):
            line = server.stdout.readline()
            assert line, printed
            printed += line
        yield found[0]
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=10)
        server.stdout.close()
