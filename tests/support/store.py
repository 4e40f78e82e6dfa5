"""What a run of the tests makes once, whichever of its processes asks for it first."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from locks import locked

#: Beside other tests: a registry is not asked again for what npm's cache knows of a package, and
#: the machine is not shared out once more by each suite that runs on it.
BESIDE_OTHERS = {
    "npm_config_prefer_offline": "true",
    "VITEST_MAX_WORKERS": "1",
    "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",
}
#: uv needs no help: it links from its cache.
NPM = """\
#!/bin/sh
exec '{python}' -IS '{once}' '{store}' '{npm}' "$@"
"""


@dataclass(frozen=True)
class Store:
    """A folder of all processes of a run; what is there once stays until the run ends."""

    folder: Path

    def made(self, name: str, make: Callable[[Path], None]) -> Path:
        """Give a folder that `make` fills, once."""
        folder, done = self.folder / name, self.folder / f"{name}.made"
        with locked(self.folder / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # left by one that was interrupted
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command that may install packages: see `npm_once`."""
        tools = self.made("bin", self._equip)
        return {**os.environ, **BESIDE_OTHERS, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}

    def _equip(self, folder: Path) -> None:
        packages = self.folder / "packages"
        packages.mkdir(exist_ok=True)
        script = folder / "npm"
        once = Path(__file__).with_name("npm_once.py")
        script.write_text(
            NPM.format(python=sys.executable, once=once, store=packages, npm=shutil.which("npm"))
        )
        script.chmod(0o755)

    def project(self, stack: str, *options: str, name: str = "") -> Path:
        """Give a project of a stack that was made, set up and built as its README says.

        Args:
            stack: The stack.
            options: What else `scaffold new` is told.
            name: What to know it by, where there are any.
        """
        made = self.made(name or stack, lambda folder: self._build(stack, folder, *options))
        return made / "my-service"

    def _build(self, stack: str, folder: Path, *options: str) -> None:
        new = [sys.executable, "-m", "scaffold", "new", "my-service", "--defaults"]
        self.run(*new, "-d", f"stack={stack}", *options, cwd=folder)
        for task in ("setup", "build"):
            self.run(f"ops/{task}", cwd=folder / "my-service")

    def run(self, *command: str, cwd: Path) -> None:
        """Run a command, which has to pass."""
        done = subprocess.run(
            command, cwd=cwd, env=self.environment, check=False, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
