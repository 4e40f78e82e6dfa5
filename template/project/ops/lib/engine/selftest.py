"""Whether deploys and rollbacks keep their promises: in a throw-away repository, on a host in memory."""

from __future__ import annotations

import os
import shutil
import tempfile
import unittest
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from unittest import mock

from . import hosting, tasks
from .errors import DeployFailed, Failure
from .host import Host
from .platform import Release
from .process import run
from .tasks import Call, Usage

USAGE = Usage(0, 0, "it takes no arguments")
WHO = ("-c", "user.name=selftest", "-c", "user.email=selftest@invalid")
SMOKE = '#!/bin/sh\n! grep -qx "$2" sick && grep -qx "$2" runs\n'


class Promises(unittest.TestCase):
    """What runs is the newest of `ran`; ops/smoke finds well what runs and is not sick."""

    def setUp(self) -> None:
        project, folder = Path.cwd(), tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.addCleanup(os.chdir, project)
        os.chdir(folder)
        Path("ops").mkdir()
        shutil.copy(project / "ops/project.json", "ops")
        Path("ops/smoke").write_text(SMOKE, "utf-8")
        Path("ops/smoke").chmod(0o755)
        Path(".env.example").write_text("# Type: string\n# Secret: yes\nKEY=\n", "utf-8")
        self.ran: list[Release] = []
        self.told: dict[str, str] = {}
        # As the project's own host: what that lacks, or takes otherwise, fails here too.
        self.host = mock.create_autospec(Host, instance=True)
        self.host.image.side_effect = "registry.invalid/it@sha256:{}".format
        self.host.url.return_value = "http://it.invalid"
        self.host.told.side_effect = lambda: dict(self.told)
        self.host.tell.side_effect = lambda change: self.told.update(change.sets)
        self.host.current.side_effect = lambda: next(iter(self.ran), None)
        self.host.deploy.side_effect = self.start
        self.host.restore.side_effect = lambda target: self.start(target.commit, target.image)
        known = {"PATH": os.environ["PATH"], "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1", "RETRY_DELAY": "0"}
        clean = mock.patch.dict(os.environ, known, clear=True)
        for patch in (clean, mock.patch.object(hosting, "Host", return_value=self.host)):
            patch.start()
            self.addCleanup(patch.stop)
        for command in ("init --quiet --bare origin.git", "init --quiet", "remote add origin ./origin.git"):
            run("git", *command.split())
        self.first, self.second = self.deploy("v1"), self.deploy("v2")

    def tearDown(self) -> None:
        self.assertEqual(run("git", "ls-remote", "origin", "refs/deployments/locks/*"), "", "it is still locked")

    def start(self, commit: str, image: str) -> None:
        self.ran.insert(0, Release(f"release-{len(self.ran)}", commit, image=image))
        Path("runs").write_text(f"{commit}\n", "utf-8")

    def deploy(self, tag: str, *, code: int = 0, sick: bool = False) -> str:
        run("git", *WHO, "commit", "--quiet", "--allow-empty", "--message", tag)
        commit = run("git", "rev-parse", "HEAD").strip()
        Path("sick").write_text(commit if sick else "", "utf-8")
        self.assertEqual(tasks.main("deploy", ["live"]), code)
        return commit

    def expect(self, runs: str, passed: int) -> None:
        self.assertEqual(self.ran[0].what, runs, "something else runs")
        self.assertEqual(len(run("git", "-C", "origin.git", "rev-list", "refs/deployments/live").split()), passed)

    def test_a_sick_release_makes_way_for_the_last_good_one(self) -> None:
        self.deploy("v3", code=1, sick=True)
        self.expect(self.second, 3)

    def test_what_the_platform_gives_up_makes_way_too(self) -> None:
        self.host.deploy.side_effect = DeployFailed("it was given up")
        self.deploy("v3", code=1)
        self.expect(self.second, 3)

    def test_a_rollback_takes_the_one_before(self) -> None:
        self.assertEqual(tasks.main("rollback", ["live"]), 0)
        self.expect(self.first, 3)

    def test_a_rollback_leaves_settings_as_they_are(self) -> None:
        Path("settings").write_text("KEY=new\n", "utf-8")
        with mock.patch.dict(os.environ, {"SETTINGS_FILE": "settings"}):
            self.deploy("v3")
        self.assertEqual(tasks.main("rollback", ["live"]), 0)
        self.assertEqual(self.told, {"KEY": "new"})
        self.assertEqual(self.host.deploy.call_args.args[0], self.second, "it has the settings of then")

    def test_a_sick_rollback_is_undone(self) -> None:
        Path("sick").write_text(self.first, "utf-8")
        self.assertEqual(tasks.main("rollback", ["live"]), 1)
        self.expect(self.second, 2)


def task(call: Call) -> None:
    """Try them all, and show what failed."""
    told = StringIO()
    with redirect_stderr(told):
        done = unittest.TextTestRunner(told).run(unittest.defaultTestLoader.loadTestsFromTestCase(Promises))
    if not done.wasSuccessful():
        raise Failure(f"the tasks do not keep their promises; was ops/lib edited?\n{told.getvalue()}")
    call.console.say(f"the {done.testsRun} promises of the tasks hold")
