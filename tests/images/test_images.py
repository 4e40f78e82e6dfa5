"""Images are built from projects as they are generated, and run as hardened as can be."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest
from conftest import by_night
from engine import Container, Docker, Image, eventually
from packaging.utils import canonicalize_name
from sizes import STACKS, held

pytestmark = pytest.mark.image

#: What no image carries, as the name of a file or folder.
UNWANTED = re.compile(
    r"\.env.*|\.git|tests?|__tests__|.*\.test\.[jt]sx?|test_.*\.py|_cacache|\.npm|\.cache"
)
#: Packages bring files of their own, which are left as they are.
PACKAGES = re.compile(r"/(?:node_modules|site-packages)/((?:@[^/]+/)?[^/]+?)(\.dist-info)?/")


@dataclass(frozen=True)
class Project:
    """A project as `scaffold new` leaves it, and its image."""

    stack: str
    folder: Path
    commit: str
    image: Image
    #: Seconds that the build took without a layer of an earlier one.
    built_in: float


# The full stack's has every step of Node's.
@pytest.fixture(scope="module", params=by_night(STACKS, ["node"]))
def project(
    request: pytest.FixtureRequest, docker: Docker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp(request.param) / f"{request.param}-service"
    done = subprocess.run(
        [
            sys.executable, "-m", "scaffold", "new", folder.name, f"--into={folder.parent}",
            "--defaults", f"--data=stack={request.param}",
        ],
        check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # What lies about in a developer's clone must not get into the image.
    (folder / ".env.local").write_text("API_KEY=a-developers-own\n")
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True).strip()

    begin = time.monotonic()
    image = docker.build(
        folder, f"scaffold-test-{folder.name}", "--no-cache", f"--build-arg=GIT_COMMIT={head}"
    )
    yield Project(request.param, folder, head, image, time.monotonic() - begin)
    docker.run("image", "rm", "--force", image.name)


@pytest.fixture
def service(project: Project) -> Iterator[Container]:
    """Run the image, with its health looked at more often than in production."""
    with project.image.started("--health-interval=1s", "--health-retries=1") as container:
        container.ready()
        yield container


def test_the_process_is_nobody_and_may_do_nothing(service: Container) -> None:
    status = dict(
        line.split(":\t", 1) for line in service.exec("cat", "/proc/1/status").splitlines()
    )
    assert "0" not in [*status["Uid"].split(), *status["Gid"].split()], "it runs as root"
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, f"{kind} is {status[kind]}"
    assert status["NoNewPrivs"] == "1"


def test_the_user_is_a_number_so_that_a_platform_can_tell_it_is_not_root(project: Project) -> None:
    assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", project.image.config["User"])


def test_the_process_cannot_change_its_code(project: Project) -> None:
    code = project.image.config["WorkingDir"]
    files = {path: entry for path, entry in project.image.files().items() if path.startswith(code)}
    assert len(files) > 10
    for path, entry in files.items():
        assert entry.uid == 0, f"{path} is not root's"
        assert entry.issym() or not entry.mode & 0o022, f"others may write {path}"
    written = project.image.run("sh", "-c", f"echo >> {code} || touch {code}/new")
    assert written.returncode != 0
    assert "Permission denied" in written.stderr


def test_the_health_check_passes_until_the_service_hangs(service: Container) -> None:
    eventually(lambda: service.health == "healthy", service.logs)
    service.kill("STOP")
    eventually(lambda: service.health == "unhealthy")
    service.kill("CONT")
    eventually(lambda: service.health == "healthy", service.logs)


def test_the_health_check_follows_the_port(project: Project) -> None:
    with project.image.started("--health-interval=1s", PORT="8080") as container:
        eventually(lambda: container.health == "healthy", container.logs)


def test_sigterm_lets_a_request_finish_and_ends_with_0(service: Container) -> None:
    note = json.dumps({"title": "Written slowly"}).encode()
    with socket.create_connection(service.address, timeout=30) as client:
        client.sendall(
            b"POST /notes HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\nexpect: 100-continue\r\n\r\n" % len(note)
        )
        answer = client.makefile("rb")
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n", "the service waits for the body"
        assert answer.readline() == b"\r\n"
        client.sendall(note[:10])
        service.kill("TERM")
        begin = time.monotonic()
        eventually(lambda: '"shutting down"' in service.logs(), service.logs)
        time.sleep(1)  # longer than it goes on listening
        assert service.state["Running"], service.logs()
        client.sendall(note[10:])
        assert answer.readline() == b"HTTP/1.1 201 Created\r\n", service.logs()
        assert json.loads(answer.read().partition(b"\r\n\r\n")[2])["title"] == "Written slowly"
    assert service.exit_code() == 0, service.logs()
    assert time.monotonic() - begin < 8, "the grace period"


def test_a_wrong_configuration_ends_with_78(project: Project) -> None:
    done = project.image.run(PORT="http")
    assert done.returncode == 78, done.stderr
    assert "PORT: " in done.stderr


def test_the_commit_arrives_at_the_health_endpoint(project: Project, service: Container) -> None:
    status, health = service.get("/healthz")
    assert (status, health["commit"]) == (200, project.commit)


def test_labels_and_ports_say_what_it_is(project: Project) -> None:
    config = project.image.config
    assert config["ExposedPorts"] == {"3000/tcp": {}}
    assert config["Labels"]["org.opencontainers.image.title"] == project.folder.name
    assert config["Labels"]["org.opencontainers.image.vendor"]
    assert "APP_ENV=live" in config["Env"], "who forgets to say where it runs gets no mock data"


def test_a_build_takes_nothing_but_the_commit(project: Project) -> None:
    steps = "\n".join(instruction for _, instruction in project.image.added)
    assert set(re.findall(r"^ARG (\w+)", steps, re.MULTILINE)) == {"GIT_COMMIT"}
    assert not re.search(r"(?i)password|secret|token|api_?key", steps)


def test_nothing_is_inside_but_what_runs(project: Project) -> None:
    base = Image(project.image.docker, project.image.base).files()
    added = [path for path in project.image.files() if path not in base]
    found = {name for path in added for name in package_names(path)}
    asked, development = dependencies(project.folder)
    assert len(development) > 5
    assert found >= asked, "what it needs to run"
    assert found & development == set(), "what only its developers need"
    assert [path for path in added if path.endswith(".map")] == [], "source maps"
    own = [path for path in added if not PACKAGES.search(path)]
    assert [path for path in own if UNWANTED.fullmatch(PurePosixPath(path).name)] == []


def package_names(path: str) -> list[str]:
    """Give the package that a file shows to be installed: its manifest does."""
    return [
        canonicalize_name(name.rpartition("-")[0]) if information else name
        for name, information in PACKAGES.findall(path)
        if path.endswith((f"/{name}/package.json", ".dist-info/METADATA"))
    ]


def dependencies(folder: Path) -> tuple[set[str], set[str]]:
    """Read from its lock file what a project asks for to run, and what only development needs."""
    if (folder / "package-lock.json").exists():
        locked = json.loads((folder / "package-lock.json").read_text())["packages"]
        asked = set(locked.pop("")["dependencies"])
        names = {path: path.rpartition("node_modules/")[2] for path in locked}
        known = set(names.values())
        needed = {name for path, name in names.items() if not locked[path].get("dev")}
    else:
        packages = tomllib.loads((folder / "uv.lock").read_text())["package"]
        requires = {p["name"]: {d["name"] for d in p.get("dependencies", ())} for p in packages}
        [root] = [p["name"] for p in packages if "virtual" in p["source"]]
        asked, known = requires[root], set(requires)
        needed, more = {root}, asked
        while more:
            needed |= more
            more = {name for one in more for name in requires[one]} - needed
    return asked, known - needed


def test_a_change_of_the_source_rebuilds_only_what_follows_from_it(
    project: Project, docker: Docker, tmp_path: Path
) -> None:
    changed = shutil.copytree(project.folder, tmp_path / "changed", symlinks=True)
    source, *_ = subprocess.check_output(
        ["git", "grep", "--files-with-matches", "No such route", "--", ":!test*"],
        cwd=changed, text=True,
    ).split()  # fmt: skip
    text = (changed / source).read_text()
    (changed / source).write_text(text.replace("No such route", "Nothing here"))

    begin = time.monotonic()
    image = docker.build(changed, f"{project.image.name}-changed")
    rebuilt_in = time.monotonic() - begin
    try:
        with image.started() as container:
            container.ready()
            assert container.get("/nowhere")[1]["detail"] == "Nothing here"
        # What fills a package manager's cache installs dependencies.
        installs = "--mount=type=cache"
        assert installs in "".join(project.image.commands())
        assert installs not in "".join(image.commands())
        assert rebuilt_in < project.built_in / 1.5
        fresh = [layer for layer in image.layers if layer not in project.image.layers]
        assert fresh == image.layers[-len(fresh) :]
        # Its last steps are the code; all else, dependencies above all, is stored already.
        sizes = [size for size, _ in image.added if size]
        assert sum(sizes[: len(fresh)]) < 1_000_000 < sum(sizes)
    finally:
        docker.run("image", "rm", "--force", image.name)


def test_a_clone_that_only_its_owner_may_read_makes_the_same_image(
    project: Project, docker: Docker, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", project.folder, clone], check=True, umask=0o077)
    assert {path.stat().st_mode & 0o077 for path in clone.glob("*")} == {0}
    image = docker.build(clone, f"{project.image.name}-private")
    try:
        modes, expected = (
            {path: entry.mode for path, entry in one.files().items() if path.startswith("/app")}
            for one in (image, project.image)
        )
        assert modes == expected
        with image.started("--health-interval=1s") as container:
            eventually(lambda: container.health == "healthy", container.logs)
    finally:
        docker.run("image", "rm", "--force", image.name)


def test_it_adds_no_more_to_its_base_than_it_may(project: Project) -> None:
    held(project.image, project.stack)


@pytest.fixture(scope="module")
def installed(project: Project, docker: Docker) -> Project:
    ops(project.folder, docker.environment, "setup")
    return project


def test_ops_build_makes_the_image_of_a_commit(installed: Project, docker: Docker) -> None:
    ops(installed.folder, docker.environment, "build", "--image")
    built = Image(docker, f"{installed.folder.name}:{installed.commit}")
    try:
        assert f"GIT_COMMIT={installed.commit}" in built.config["Env"]
        assert built.layers == installed.image.layers, "the same image, whoever builds it"
    finally:
        docker.run("image", "rm", built.name)


@pytest.mark.parametrize("project", ["fullstack"], indirect=True)  # the task is the same for all
def test_ops_build_makes_it_with_podman_where_there_is_no_docker(
    installed: Project, tmp_path: Path
) -> None:
    if not shutil.which("podman"):
        pytest.skip("needs podman")
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(folder).glob("*"):
            (tmp_path / program.name).unlink(missing_ok=True)
            (tmp_path / program.name).symlink_to(program)
    (tmp_path / "docker").unlink(missing_ok=True)
    environment = {
        **os.environ,
        "BUILDAH_ISOLATION": "chroot",
        "BUILDAH_LAYERS": "false",  # nothing is left of it
        "PATH": str(tmp_path),
    }
    ops(installed.folder, environment, "build", "--image")
    name = f"localhost/{installed.folder.name}:{installed.commit}"
    try:
        found = json.loads(subprocess.check_output(["podman", "image", "inspect", name]))[0]
        assert found["Healthcheck"]["Test"] == installed.image.config["Healthcheck"]["Test"]
    finally:
        subprocess.run(["podman", "image", "rm", name], check=True, capture_output=True)


def ops(folder: Path, environment: Mapping[str, str], *task: str) -> None:
    done = subprocess.run(
        [f"ops/{task[0]}", *task[1:]], cwd=folder, env=environment,
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{task}:\n{done.stdout}{done.stderr}"


def test_compose_runs_it_until_it_is_told_to_stop(project: Project, docker: Docker) -> None:
    name = project.folder.name
    # On a free port, with its health looked at more often, and built where a network is.
    override = project.folder.parent / "compose.override.yaml"
    override.write_text(
        f"services: {{ {name}: {{ ports: !override ['127.0.0.1::3000'],"
        " healthcheck: { interval: 1s }, build: { network: host } } }\n"
    )
    compose = [
        "compose", f"--file={project.folder}/compose.yaml", f"--file={override}",
        f"--project-name=scaffold-test-{name}",
    ]  # fmt: skip
    try:
        docker.run(*compose, "up", "--wait", "--build")
        container = Container(docker, docker.run(*compose, "ps", "--quiet").stdout.strip())
        assert container.health == "healthy"
        assert container.get("/notes")[1]["total"] == 2, "mock data, as on a developer's machine"
        docker.run(*compose, "stop")
        assert container.state["ExitCode"] == 0, container.logs()
    finally:
        docker.run(*compose, "down", "--rmi=local")
