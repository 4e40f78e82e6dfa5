"""ops/bootstrap at a vendor that watches over a service: its part, in the process of the test."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import ENGINE, ROOT, TEMPLATE, rendered
from pages import recorded
from process import Engine, scratch
from table import cells
from watchers import VENDORS
from watchers.base import CHAT, PAGER, Watcher

PAGE = ROOT / "docs/reference/monitoring-proof.md"
#: What is tried of each vendor; each is a test in test_vendors.py, which says what came of it.
COLUMNS = (
    "config valid", "call accepted", "second apply empty", "no token", "token refused",
    "too many calls", "out of reach", "lost answer",
)  # fmt: skip
#: What a part stands on.
LAYERS = {
    ".": (
        "contacts", "errors", "git", "http", "news", "parts", "platform", "process", "tasks",
        "variables",
    ),
    "{{ use.trait.tells }}": ("chat", "hook", "notify"),
    "{{ use.ci.github }}": ("pipeline",),
    "{{ use.trait.api }}": ("api",),
    "{{ use.trait.calls }}": ("calls",),
    "{{ use.trait.image }}": ("alerts",),
    "{{ use.trait.links }}": ("links",),
    "{{ use.trait.watch }}": ("reconcile",),
}  # fmt: skip
URL = "https://my-service.example.com"
FORGE = "github.com:my-team/my-service"
SCHEDULES = [
    {"id": "drill", "environment": "testbed", "seconds": 604800},
    {"id": "backup", "environment": "live", "seconds": 86400},
]


@cache
def engine_of(axis: str, option: str) -> Engine:
    """Load what a project with an option has of the engine, as far as its part needs it."""
    engine = Engine(f"engine_watch_{option}", SimpleNamespace)
    folder, root = scratch() / engine.name, TEMPLATE.files_root
    folder.mkdir()
    files = [
        root / layer / ENGINE / f"{name}.py" for layer, names in LAYERS.items() for name in names
    ]
    files += (root / f"{{{{ use.{axis}.{option} }}}}" / ENGINE).glob("*.py")
    for file in files:
        (folder / file.name).write_bytes(file.read_bytes())
    engine.load(folder)
    return engine


@cache
def files_of(**answers: str) -> Path:
    """Give a folder with what a project says of monitoring."""
    folder = scratch() / "-".join(("files", *answers.values()))
    for file in rendered(*answers.items()):
        if file.path.parts[0] == "monitoring":
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.path).write_bytes(file.content)
    return folder


@dataclass
class At:
    """The part of a vendor in an environment, what it says, and the vendor."""

    vendor: Watcher
    engine: Engine
    said: io.StringIO
    context: Any

    def bootstrap(self, *, dry: bool = False) -> list[str]:
        """Bring the vendor to what is wanted; give what was to change."""
        plan = self.engine.platform.Plan(self.context, dry=dry)
        part = self.engine.modules[self.vendor.module]
        part.check(self.context)
        self.engine.parts.apply(part, self.context, plan)
        self.idle = plan.idle
        changes: list[str] = plan.changes
        return changes

    def shown(self, column: str, cell: str = "yes") -> None:
        """Hold a cell of the table to what was just tried, or write it there."""
        recorded(PAGE, lambda text: filled(text, self.vendor.title, column, cell))

    @contextmanager
    def failing(self, *words: str) -> Iterator[None]:
        """Expect a failure whose words and causes have these."""
        with pytest.raises(self.engine.errors.Failure) as caught:
            yield
        self.context.console.confess(caught.value)
        for each in words:
            assert each in self.said.getvalue()


def at_part(vendor: Watcher, env: str = "live", **environment: str) -> At:
    """Have the part of a vendor there."""
    engine = engine_of(vendor.axis, vendor.option)
    engine.clock.reset()
    said, answer = io.StringIO(), engine.http.Answer

    def send(
        method: str, url: str, headers: dict[str, str], body: Any = None, timeout: float = 0
    ) -> Any:
        del timeout
        return vendor.send(answer, method, url, headers, body)

    for module in engine.modules.values():
        if hasattr(module, "send"):
            module.send = send
    console = engine.errors.Console("bootstrap")
    console.say = lambda text: said.write(f"{text}\n")
    told = {"SLACK_WEBHOOK_URL": CHAT, "PAGERDUTY_ROUTING_KEY": PAGER}
    context = SimpleNamespace(
        env=env,
        task="bootstrap",
        url=URL,
        settings=engine.variables.Settings({**vendor.environment(), **told, **environment}),
        console=console,
        project=SimpleNamespace(name="my-service", schedules=SCHEDULES),
        git=SimpleNamespace(
            remote="origin", found=lambda *_: f"git@{FORGE}.git", name=lambda commit: commit[:7]
        ),
    )
    return At(vendor, engine, said, context)


def held(vendor: Watcher) -> Iterator[At]:
    """Have its part in `live`, and hold what it called and said to what is so of each."""
    made, folder = at_part(vendor), files_of(**{vendor.axis: vendor.option})
    for name, text in vendor.files.items():
        (folder / name).write_text(text, "utf-8")
    with chdir(folder):
        yield made
    assert vendor.wrong == [], "a call or an answer is not as published"
    assert "s3cr3t" not in made.said.getvalue()


def filled(text: str, vendor: str, column: str, cell: str) -> str:
    """Give the page with a cell of its table, which has a row for each vendor that there is."""
    said, _, table = text.partition("\n| ")
    head, _, *lines = map(cells, f"| {table}".splitlines())
    rows = {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in lines}
    rows.setdefault(vendor, {})[column] = cell
    made = [["vendor", *COLUMNS], ["---"] * (len(COLUMNS) + 1)]
    titles = sorted(kind.title for kind in VENDORS)
    made += [[it, *(rows.get(it, {}).get(each, "") for each in COLUMNS)] for it in titles]
    return f"{said}\n" + "".join(f"| {' | '.join(line)} |\n" for line in made)
