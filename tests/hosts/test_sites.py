"""What is particular to static sites: they are built from the commit, and sent file by file."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import from_npm
from process import Inside
from vendors.base import SECRET, AllBut, Fault, Machine
from vendors.netlify import Netlify
from vendors.site import SiteVendor
from vendors.vercel import VercelSite

pytestmark = pytest.mark.slow


@pytest.fixture(params=[Netlify, VercelSite], ids=lambda vendor: vendor.title)
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A new site on each host that takes one."""
    vendor: SiteVendor = request.param()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path)


@pytest.fixture
def netlify(tmp_path: Path) -> Iterator[Machine]:
    """A new site on Netlify."""
    vendor = Netlify()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path)


@pytest.fixture
def vercel(tmp_path: Path) -> Iterator[Machine]:
    """A new site on Vercel."""
    vendor = VercelSite()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path)


def site_of(at: Machine) -> SiteVendor:
    """Give the host of a site."""
    assert isinstance(at.vendor, SiteVendor)
    return at.vendor


def netlify_of(at: Machine) -> Netlify:
    """Give the host, as the one that it is."""
    assert isinstance(at.vendor, Netlify)
    return at.vendor


def test_a_deploy_publishes_what_the_commit_builds_for_the_environment(at: Machine) -> None:
    commit = at.commit("v1.0.0")
    at.commit("v1.1.0")
    (at.project / ".env").write_text("VITE_APP_ENV=local\n")
    done = at.run("ops/deploy", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    host = site_of(at)
    assert host.running() == commit
    assert host.published("index.html") == b"v1.0.0\n"
    assert host.published("assets/a style.css") == b"body {}\n"
    assert b"\nVITE_APP_ENV=live\n" in (host.published("settings") or b"")


def test_the_token_is_in_no_build(at: Machine, tmp_path: Path) -> None:
    at.deploy("v1.0.0")
    assert "GIT_COMMIT=" in (tmp_path / "npm.run").read_text()
    assert [file for file in tmp_path.glob("npm.*") if SECRET in file.read_text()] == []


def document(at: Machine, name: str, *says: str) -> None:
    """Have the site document a setting."""
    lines = "".join(f"# {each}\n" for each in ("Type: string", *says))
    with (at.project / ".env.example").open("a") as file:
        file.write(f"\n# One of its own.\n{lines}{name}=\n")


def test_what_builds_has_its_token_and_what_is_installed_has_none(
    at: Machine, tmp_path: Path
) -> None:
    document(at, "MAPS_TOKEN", "Secret: yes")
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", MAPS_TOKEN="of the build", DOTENV="VITE_APP_ENV=local")  # noqa: S106
    assert done.returncode == 0, done.stderr
    had = {file.suffix: file.read_text() for file in tmp_path.glob("npm.*")}
    assert "MAPS_TOKEN=of the build\n" in had.pop(".run")
    assert had
    assert not [each for each in had.values() if "MAPS_TOKEN" in each or "DOTENV" in each]
    assert "of the build" not in done.stderr


def test_a_secret_that_everybody_could_read_is_refused(at: Machine) -> None:
    document(at, "VITE_TOKEN", "Secret: yes")
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", VITE_TOKEN="hush hush")  # noqa: S106
    assert done.returncode == 1
    assert "VITE_TOKEN: a secret in .env.example, and the build of a site gives " in done.stderr
    assert at.vendor.changes() == []


def test_a_secret_that_the_build_puts_into_a_file_is_not_published(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    before = at.vendor.changes()
    document(at, "MAPS_TOKEN", "Secret: yes")
    with (at.project / "ops/build").open("a") as file:
        file.write('echo "token = $MAPS_TOKEN" >dist/assets/map.js\n')
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live", MAPS_TOKEN="hush hush")  # noqa: S106
    assert done.returncode == 1
    assert "the build put the value of MAPS_TOKEN, a secret, into assets/map.js" in done.stderr
    assert "nothing was changed in live" in done.stderr
    assert at.vendor.running() == good
    assert at.vendor.changes() == before


def test_what_is_committed_counts_where_nothing_else_was_read(at: Machine) -> None:
    document(at, "VITE_MAPS", "Default: none, required")
    document(at, "VITE_COUNTS", "Default: none")
    at.commit("v1.0.0")
    refused = at.run("ops/deploy", "live")
    assert refused.returncode == 1
    assert "VITE_MAPS: missing" in refused.stderr
    with (at.project / ".env.live.example").open("a") as file:
        file.write("VITE_MAPS=https://maps.example.com\n")
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert "building without VITE_COUNTS\n" in done.stderr
    del at.environment["CI"]  # a laptop, without .env.live
    assert at.run("ops/deploy", "live").returncode == 0
    (at.project / ".env.live.example").write_text("VITE_APP_ENV=live\n")
    newest = at.commit("v1.2.0")
    lacks = at.run("ops/deploy", "live", "--no-record")
    assert lacks.returncode == 1
    assert f"{newest} cannot be built for live without VITE_MAPS, which belong in .env.live" in (
        lacks.stderr
    )


def test_a_build_that_fails_uploads_and_restores_nothing(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    before = at.vendor.changes()
    (at.project / "ops/build").write_text("#!/bin/sh\nexit 1\n")
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "nothing was changed in live" in done.stderr
    assert at.vendor.running() == good
    assert at.vendor.changes() == before


def test_a_deploy_that_the_host_gives_up_on_replaces_nothing(at: Machine) -> None:
    at.deploy("v1.0.0")
    at.vendor.doomed = {at.commit("v1.1.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "failed: no luck" in done.stderr
    assert not [call for call in at.vendor.changes() if re.search("rollback|restore|promote", call)]


def test_a_deploy_that_is_not_ready_in_time_is_cancelled(at: Machine) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="0")
    assert done.returncode == 1
    assert "is not ready after 0 s; cancelling it" in done.stderr
    assert at.vendor.changes()[-1].endswith("1/cancel")


def test_the_site_of_another_environment_is_left_alone(at: Machine) -> None:
    site_of(at).name = "my-service-sandbox"
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "its name does not end in -live" in done.stderr
    assert not at.vendor.changes()


def test_what_is_missing_is_named_at_once_and_where_it_is_kept(at: Machine) -> None:
    at.commit("v1.0.0")
    wanted = [name for name in at.vendor.environment() if name.endswith(("TOKEN", "_ID"))]
    for name in wanted:
        del at.environment[name]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 2
    assert wanted
    assert all(f"  {name}: " in done.stderr for name in wanted)
    assert "settings are kept in Settings → Environments of the repository" in done.stderr
    assert at.vendor.calls == []


def test_a_laptop_deploys_what_a_pipeline_deployed_before_and_nothing_else(at: Machine) -> None:
    old, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    new = at.commit("v1.2.0")
    before = at.vendor.changes()
    del at.environment["CI"]
    refused = at.run("ops/deploy", "live")
    assert refused.returncode == 2
    assert f"no pipeline has deployed {new}: push it" in refused.stderr
    assert at.vendor.changes() == before
    again = at.run("ops/deploy", "live", "v1.0.0")
    assert again.returncode == 0, again.stderr
    assert at.vendor.running() == old
    at.vendor.sick = AllBut(old)
    drilled = at.run("ops/drill", "live", "--yes-live")
    assert drilled.returncode == 0, drilled.stderr


def test_where_it_answers_is_what_the_host_says(at: Machine) -> None:
    (at.project / "ops/smoke").write_text('#!/bin/sh\necho "looked at $1"\n')
    at.commit("v1.0.0")
    del at.environment["SERVICE_URL"]
    done = at.run("ops/deploy", "live")
    expected = at.vendor.url if at.vendor.hosting == "netlify" else "https://api.example.com"
    assert done.stdout.strip() == f"looked at {expected}", done.stderr


def test_a_rollback_builds_nothing(at: Machine, tmp_path: Path) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    (tmp_path / "npm.log").write_text("")
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert f"live runs {first}; not rolled back: the settings" in done.stderr
    assert (tmp_path / "npm.log").read_text() == ""


def test_a_site_is_set_up_once(at: Machine) -> None:
    at.commit("v1.0.0")
    variable = {"netlify": "NETLIFY_SITE_ID", "vercel": "VERCEL_PROJECT_ID"}[at.vendor.hosting]
    del at.environment[variable]
    would = at.run("ops/bootstrap", "live", "--dry-run")
    assert would.returncode == 0, would.stderr
    assert "would create the " in would.stderr
    assert not at.vendor.changes()
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 0, done.stderr
    assert f"as a variable of live: {variable}=" in done.stderr
    changes = at.vendor.changes()
    assert len(changes) == 1
    again = at.run("ops/bootstrap", "live")
    assert "live is as it should be" in again.stderr
    assert at.vendor.changes() == changes


def test_netlify_is_sent_what_it_does_not_have(netlify: Machine) -> None:
    netlify.deploy("v1.0.0")
    netlify.vendor.calls.clear()
    netlify.deploy("v1.1.0")
    changes = netlify.vendor.changes()
    sent = [call.partition("/files/")[2] for call in changes if call.startswith("PUT")]
    assert sorted(sent) == ["healthz", "index.html"]


def test_netlify_leaves_a_locked_site_as_it_is(netlify: Machine) -> None:
    good = netlify.deploy("v1.0.0")
    netlify_of(netlify).locked = True
    before = netlify.vendor.changes()
    netlify.commit("v1.1.0")
    done = netlify.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "is locked to its published deploy" in done.stderr
    assert netlify.vendor.running() == good
    assert netlify.vendor.changes() == before


def test_netlify_stays_locked_when_an_earlier_deploy_is_published(netlify: Machine) -> None:
    first, _ = netlify.deploy("v1.0.0"), netlify.deploy("v1.1.0")
    host = netlify_of(netlify)
    host.locked = True
    done = netlify.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert host.running() == first
    assert host.locked, "to publish a deploy unlocks the site"


def test_netlify_that_cannot_be_locked_again_says_so(netlify: Machine) -> None:
    first, _ = netlify.deploy("v1.0.0"), netlify.deploy("v1.1.0")
    host = netlify_of(netlify)
    host.locked = True
    host.faults = [Fault("POST .*/lock", "500", times=99)]
    done = netlify.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert "the site of live was locked, and is not any more" in done.stderr
    assert host.running() == first


@pytest.mark.parametrize("kind", ["drop", "500"])
def test_a_deploy_of_which_netlify_says_nothing_is_never_published(
    netlify: Machine, kind: Any
) -> None:
    """The first of all, so that nothing is restored either."""
    netlify.commit("v1.0.0")
    host = netlify_of(netlify)
    host.faults = [Fault(host.deploys, kind)]
    done = netlify.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "live has no earlier release to restore" in done.stderr
    assert [upload["state"] for upload in host.uploads] == (["error"] if kind == "drop" else [])
    assert netlify.vendor.running() == "none"
    again = netlify.run("ops/deploy", "live")
    assert again.returncode == 0, again.stderr


def test_a_deploy_that_netlify_does_not_take_changed_nothing(netlify: Machine) -> None:
    good = netlify.deploy("v1.0.0")
    rows = netlify.git("ls-remote", "origin", "refs/deployments/live")
    netlify.commit("v1.1.0")
    host = netlify_of(netlify)
    host.faults = [Fault(host.deploys, "429", times=99)]
    done = netlify.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "nothing was changed in live; try again: ops/deploy live" in done.stderr
    assert host.running() == good
    assert netlify.git("ls-remote", "origin", "refs/deployments/live") == rows


def test_a_file_that_netlify_does_not_take_changed_nothing(netlify: Machine) -> None:
    good = netlify.deploy("v1.0.0")
    netlify.commit("v1.1.0")
    host = netlify_of(netlify)
    host.faults = [Fault("PUT .*/files/healthz", "401")]
    done = netlify.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "nothing was changed in live" in done.stderr
    assert "may be down" not in done.stderr
    assert host.running() == good


def test_a_file_that_is_lost_is_sent_again(netlify: Machine) -> None:
    netlify.commit("v1.0.0")
    host = netlify_of(netlify)
    host.faults = [Fault("PUT .*", "drop"), Fault("PUT .*/files/healthz", "500", times=2)]
    done = netlify.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert len(host.uploads) == 1


def test_who_may_not_look_at_netlify_any_more_is_told_what_is_known(netlify: Machine) -> None:
    netlify.commit("v1.0.0")
    host = netlify_of(netlify)
    host.faults = [Fault("GET /api/v1/deploys/d1", "401", times=99)]
    done = netlify.run(
        "ops/deploy", "live", DEPLOY_TIMEOUT="20", POLL_INTERVAL="1", SMOKE_COUNT="1"
    )
    assert done.returncode == 1
    assert "may be down" not in done.stderr
    assert "once the platform lets us in" in done.stderr
    assert len([call for call in host.calls if call.path.endswith("/deploys/d1")]) == 1


def test_a_deploy_that_is_ready_just_before_it_is_cancelled_makes_way(netlify: Machine) -> None:
    good = netlify.deploy("v1.0.0")
    bad = netlify.commit("v1.1.0")
    host = netlify_of(netlify)
    host.too_late = True
    done = netlify.run("ops/deploy", "live", DEPLOY_TIMEOUT="0")
    assert done.returncode == 1
    assert f"live runs {good} again" in done.stderr
    assert host.running() == good
    assert bad in [upload["title"] for upload in host.uploads if upload["state"] == "ready"]


def test_what_a_build_lacks_is_named_with_what_else_is_missing(at: Machine) -> None:
    at.commit("v1.0.0")
    at.stub("node", 'case $1 in --eval) echo ">=99" ;; --version) echo v24.0.0 ;; esac')
    name = next(name for name in at.vendor.environment() if name.endswith("TOKEN"))
    del at.environment[name]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 2
    assert "  node >=99: https://nodejs.org" in done.stderr
    assert f"  {name}: " in done.stderr
    assert at.vendor.calls == []


def test_a_rollback_needs_nothing_that_builds(at: Machine) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.stub("node", 'case $1 in --eval) echo ">=99" ;; --version) echo v24.0.0 ;; esac')
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first


def test_a_laptop_without_its_remote_deploys_without_a_record(at: Machine) -> None:
    at.deploy("v1.0.0")
    new = at.commit("v1.1.0")
    del at.environment["CI"]
    at.git("remote", "set-url", "origin", "/nowhere.git")
    done = at.run("ops/deploy", "live", "--no-record")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == new


def test_a_commit_that_cannot_be_built_is_named(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    (at.project / ".env.live.example").unlink()
    bad = at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"{bad} cannot be built: " in done.stderr
    assert "Traceback" not in done.stderr
    assert at.vendor.running() == good


def test_vercel_gets_the_files_and_not_how_to_build_them(vercel: Machine) -> None:
    vercel.deploy("v1.0.0")
    ours = json.loads((vercel.project / "vercel.json").read_text())
    sent = json.loads(site_of(vercel).published("vercel.json") or b"")
    assert sent["headers"] == ours["headers"]
    assert [sent[key] for key in ("framework", "installCommand", "buildCommand")] == [None, "", ""]
    assert sent["outputDirectory"] == "."
    assert "git" not in sent


def test_a_file_that_vercel_does_not_take_changed_nothing(vercel: Machine) -> None:
    good = vercel.deploy("v1.0.0")
    vercel.commit("v1.1.0")
    vercel.vendor.faults = [Fault("POST /v2/files", "401")]
    done = vercel.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "nothing was changed in live" in done.stderr
    assert vercel.vendor.running() == good


def test_a_file_that_vercel_loses_is_sent_again(vercel: Machine) -> None:
    vercel.vendor.faults = [
        Fault("POST /v2/files", "drop"),
        Fault("POST /v2/files", "500", times=2),
    ]
    vercel.deploy("v1.0.0")
    vercel.vendor.calls.clear()
    (vercel.project / "ops/build").write_text(
        "#!/bin/sh\nnpm run build && cp dist/healthz dist/twice\n"
    )
    vercel.deploy("v1.1.0")
    sent = [call for call in vercel.vendor.calls if call.path == "/v2/files"]
    files = site_of(vercel).sent["files"]
    assert len(files) == len(sent) + 1, "the same file twice is sent once"
    assert "twice" in {each["file"] for each in files}


def test_vercel_takes_a_personal_account_for_no_team(vercel: Machine) -> None:
    assert isinstance(vercel.vendor, VercelSite)
    vercel.vendor.team = "personal"
    vercel.environment["VERCEL_ORG_ID"] = "personal"
    vercel.deploy("v1.0.0")


def test_netlify_reads_its_file_without_a_warning(netlify: Machine) -> None:
    """Netlify's own reader; to it a misspelt key is nothing, so they are held to a list here."""
    reader = from_npm("netlify", "@netlify/config/bin.js")
    file = netlify.project / "netlify.toml"

    def read() -> tuple[int, str, str]:
        command = ["node", str(reader), "--offline", "--context", "deploy-preview"]
        done = subprocess.run(
            command, cwd=netlify.project, check=False, capture_output=True, text=True
        )
        return done.returncode, done.stdout, done.stderr

    code, told, said = read()
    assert (code, said) == (0, "")
    build = json.loads(told)["config"]["build"]
    assert build["command"] == "npm run build"
    assert build["publish"] == str(netlify.project / "dist")
    assert json.loads(told)["env"]["VITE_APP_ENV"]["value"] == "sandbox"
    settings = tomllib.loads(file.read_text())
    assert settings.keys() == {"build"}
    assert settings["build"].keys() == {"command", "publish", "ignore", "environment"}
    file.write_text(file.read_text().replace('publish = "dist"', "publish = 3"))
    assert read()[0] != 0


def test_vercel_builds_by_its_file_and_refuses_a_wrong_one(vercel: Machine) -> None:
    """`vercel build`, offline; npm is the small one of these tests."""
    cli = from_npm("vercel", "vercel/dist/vc.js")
    project = vercel.project
    (project / ".vercel").mkdir()
    link = {"projectId": "prj_1", "orgId": "team_1", "settings": {"framework": None}}
    (project / ".vercel/project.json").write_text(json.dumps(link))
    (project / "marker").write_text("v1.0.0\n")
    (project / ".env").write_text("")
    (vercel.bin / "node").unlink()  # the real one

    def build() -> subprocess.CompletedProcess[str]:
        return vercel.run(
            "node", str(cli), "build", "--yes", "--token", "none", VERCEL_TELEMETRY_DISABLED="1"
        )

    done = build()
    assert done.returncode == 0, done.stdout + done.stderr
    config = json.loads((project / ".vercel/output/config.json").read_text())
    sent = [route["headers"] for route in config["routes"] if "headers" in route]
    assert any("Content-Security-Policy" in headers for headers in sent)
    assert (project / ".vercel/output/static/healthz").is_file()
    file = project / "vercel.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "cleanUrls": "yes"}))
    refused = build()
    assert refused.returncode != 0
    assert "cleanUrls" in refused.stdout + refused.stderr
