"""What `ops/with-env` takes before a command begins, beside what its reader's own call takes.

    SCAFFOLD_TEST_DATA=FOLDER python benchmarks/settings.py [RUNS]

Prints medians of RUNS (20) in seconds by the clock, of env files and of Doppler (a stand-in on
loopback that answers after 0.1 s, called by httpx for the reader's own call), in turns. Exits 1 if
it takes more than 0.15 s beside that call.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
PLACES = ("tests", "tests/support", "tests/hosts", "tests/stores")
sys.path[:0] = [str(ROOT / place) for place in PLACES]

from conftest import Call, rendered  # noqa: E402
from doppler import DOWNLOAD, TOKEN, Doppler  # noqa: E402

from scaffold import project  # noqa: E402

LIMIT = 0.15
SECRETS = {f"NAME_{number}": "value" * 10 for number in range(50)}


class Slow(Doppler):
    """Answers after a while."""

    def _reply(self, call: Call, operation: dict[str, object]) -> tuple[int, bytes]:
        time.sleep(0.1)
        return super()._reply(call, operation)


def main() -> int:
    """Measure both."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    doppler = Slow({"live": SECRETS})
    with tempfile.TemporaryDirectory() as folder, doppler.serving():
        token = TOKEN.format("live")
        told = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "DOPPLER_TOKEN": token,
            "DOPPLER_API_URL": doppler.url,
        }
        query = {"project": "my-service", "config": "live", "format": "json"}
        address, headers = doppler.url + DOWNLOAD, {"Authorization": f"Bearer {token}"}
        own: dict[str, Callable[[], object]] = {
            "dotenv": lambda: None,
            "doppler": lambda: httpx.get(address, params=query, headers=headers),
        }
        worst = 0.0
        for reader, call in own.items():
            made = Path(folder, reader)
            answers = {"stack": "node", "ci": "github", "hosting": "fly", "secrets": reader}
            project.write(rendered(*answers.items()), made)
            lines = (f"{name}={value}\n" for name, value in SECRETS.items())
            (made / ".env.live").write_text("".join(lines))
            task = [str(made / "ops/with-env"), "live", "--", "true"]
            ours, theirs = [], []
            for _ in range(runs):
                ours.append(_took(lambda: subprocess.run(task, env=told, check=True)))  # noqa: B023
                theirs.append(_took(call))
            all_of_it, alone = statistics.median(ours), statistics.median(theirs)
            print(f"{reader:8} {all_of_it:.3f} s, its own call {alone:.3f} s")
            worst = max(worst, all_of_it - alone)
    return int(worst > LIMIT)


def _took(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
