"""A task at the vendor of an environment's database: its keeper in the process of the test."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import ENGINE, ROOT, TEMPLATE, Call, answering
from keepers import VENDORS
from keepers.base import Keeping
from memory import Remembered
from pages import recorded
from process import Engine, Inside, scratch
from standin import SECRET, Asked, Fault
from table import cells
from vendors.render import Render

PAGE = ROOT / "docs/reference/snapshots-proof.md"
#: What a keeper stands on.
LAYERS = {
    ".": ("errors", "git", "http", "lock", "platform", "process", "tasks", "variables"),
    "{{ use.ci.github }}": ("pipeline",),
    "{{ use.trait.api }}": ("api",),
    "{{ use.trait.calls }}": ("calls",),
    "{{ use.trait.data }}": ("native", "offered"),
}


@cache
def engine_of(option: str) -> Engine:
    """Load what a project with a database has of the engine, as far as a keeper needs it."""
    engine = Engine(f"engine_keeper_{option}", SimpleNamespace)
    folder, root = scratch() / engine.name, TEMPLATE.files_root
    folder.mkdir()
    files = [
        root / layer / ENGINE / f"{name}.py" for layer, names in LAYERS.items() for name in names
    ]
    files += (root / f"{{{{ use.database.{option} }}}}" / ENGINE).glob("*.py")
    for file in files:
        (folder / file.name).write_bytes(file.read_bytes())
    engine.load(folder)
    return engine


@dataclass
class At:
    """A task in `live`, what it says, and the vendor."""

    vendor: Any
    engine: Engine
    said: io.StringIO
    keeper: Any
    context: Any

    def bootstrap(self, *, dry: bool = False) -> bool:
        """Bring the vendor to what is wanted; say whether anything was to change."""
        plan = self.engine.platform.Plan(self.context, dry=dry)
        self.engine.offered.bootstrap(self.context, plan)
        return bool(plan.changes)

    def changes(self) -> list[str]:
        """Give the calls that were no questions; to get a token is one."""
        calls = [call for call in self.vendor.calls if not call.startswith("GET ")]
        return [call for call in calls if not call.endswith("/token")]

    def restored(self) -> Any:
        """Bring the newest backup back, to where the vendor lets it go."""
        newest = next(each for each in self.keeper.snapshots() if each.state == "ready")
        return self.keeper.restore(self.keeper.find(newest.id), self.vendor.into)

    @contextlib.contextmanager
    def failing(self, kind: str, *words: str) -> Iterator[None]:
        """Expect a failure of a kind, whose words and causes have these."""
        with pytest.raises(self.engine.errors.Failure) as caught:
            yield
        self.context.console.confess(caught.value)
        assert type(caught.value).__name__ == kind, caught.value
        for each in words:
            assert each in self.said.getvalue()

    def blinded(self, kind: Any) -> None:
        """Have each question fail once something was begun."""
        start, vendor = self.vendor.answer, self.vendor

        def answer(asked: Asked) -> tuple[int, Any]:
            if asked.method == "POST":
                vendor.faults.append(Fault("GET .*", kind, 999))
            status, said = start(asked)
            return status, said

        vendor.answer = answer

    def shown(self, row: str, cell: str = "yes") -> None:
        """Hold a cell of the table to what was just tried, or write it there."""
        recorded(PAGE, lambda text: filled(text, row, self.vendor.title, cell))


def at_vendor(vendor: Keeping) -> At:
    """Have a task there."""
    engine = engine_of(vendor.option)
    engine.clock.reset()
    said, answer = io.StringIO(), engine.http.Answer

    def send(method: str, url: str, headers: dict[str, str], body: Any = None, _: float = 0) -> Any:
        return vendor.send(answer, method, url, headers, body)

    for module in engine.modules.values():
        if hasattr(module, "send"):
            module.send = send
    console = engine.errors.Console("snapshots")
    console.say = lambda text: said.write(f"{text}\n")
    context = SimpleNamespace(
        env="live",
        task="snapshots",
        settings=engine.variables.Settings(vendor.environment()),
        console=console,
        project=SimpleNamespace(name="my-service"),
    )
    return At(vendor, engine, said, engine.keeper.Keeper(context), context)


def held(vendor: Keeping) -> Iterator[At]:
    """Have a task there, and hold what it called and said to what is so of each."""
    made = at_vendor(vendor)
    yield made
    assert vendor.wrong == [], "a call or an answer is not as published"
    assert SECRET not in made.said.getvalue()


@contextlib.contextmanager
def service(home: Path, project: Keeping) -> Iterator[Inside]:
    """Have a service on Render, whose data are there, and nothing set as yet that opens it."""
    vendor = Render()
    at = Remembered.inside(vendor, home, database=project.option)

    def answer(call: Call) -> tuple[int, bytes]:
        url = f"https://{project.option}.test{call.target}"
        http = at.engine.http.Answer
        said = project.send(http, call.method, url, dict(call.headers), call.body or None)
        return said.status, said.body

    with vendor.serving(), answering(answer) as address:
        [place] = [name for name in project.environment() if name.endswith("_API_URL")]
        at.environment |= {
            "RENDER_API_URL": f"{vendor.url}/v1",
            place: f"{address}{project.prefix}",
        }
        at.environment |= {"IMAGE_REPOSITORY": "ghcr.io/team/service"}
        at.commit("v1.0.0")
        vendor.forget()
        yield at
    assert project.wrong == []
    assert not [each for each in at.heard if SECRET in each]


def filled(text: str, row: str, column: str, cell: str) -> str:
    """Give the page with a cell of its table."""
    said, _, table = text.partition("\n| ")
    head, _, *lines = map(cells, f"| {table}".splitlines())
    rows = {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in lines}
    rows.setdefault(row, {})[column] = cell
    titles = [vendor.title for vendor in VENDORS]
    made = [["what happens", *titles], ["---"] * (len(titles) + 1)]
    made += [[name, *(known.get(each, "") for each in titles)] for name, known in rows.items()]
    return f"{said}\n" + "".join(f"| {' | '.join(line)} |\n" for line in made)
