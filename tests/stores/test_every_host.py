"""Every place where settings are kept, with every host: a value gets from there into a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import TEMPLATE
from doppler import TOKEN, Doppler
from memory import Remembered
from process import Done, Inside
from table import shown
from vendors import VENDORS
from vendors.base import Vendor
from vendors.ecs import Ecs

VALUE = 'it\'s $c4nary\n"quoted" = grün\n'
DOCUMENTED = """
# A key.
# Type: string
# Secret: yes
# Default: none
# Set in: none
API_KEY=
"""


@contextmanager
def dotenv(at: Inside) -> Iterator[None]:
    """Have it in a file."""
    escaped = VALUE.replace('"', '\\"')
    (at.project / ".env.live").write_text(f'API_KEY="{escaped}"\n')
    yield


@contextmanager
def doppler(at: Inside) -> Iterator[None]:
    """Have it in a config of Doppler's."""
    project = Doppler({"live": {"API_KEY": VALUE}})
    with project.serving():
        at.environment |= {"DOPPLER_API_URL": project.url, "DOPPLER_TOKEN": TOKEN.format("live")}
        yield


@contextmanager
def aws_sm(at: Inside) -> Iterator[None]:
    """Have it in an account of AWS', which is the host's, if that is one."""
    account = at.vendor if isinstance(at.vendor, Ecs) else Ecs()
    account.manager.write("my-service/live", {"API_KEY": VALUE})
    at.environment |= account.environment()
    ask = at.program

    def program(command: Sequence[str], **options: Any) -> Done:
        if command[0] != "aws":
            return ask(command, **options)
        told = {"environment": options["env"], "stdin": options.get("input")}
        done = account.called("aws", {"argv": list(command[1:]), **told})
        return Done(command, done["code"], done["out"], done.get("err", ""))

    at.program = program  # type: ignore[method-assign]
    (at.bin / "aws").touch(0o755)
    yield


READERS: dict[str, Callable[[Inside], AbstractContextManager[None]]] = {
    "dotenv": dotenv,
    "doppler": doppler,
    "aws-sm": aws_sm,
}


def test_every_option_is_tried() -> None:
    assert [option.id for option in TEMPLATE.catalog.axis("secrets")] == [*READERS]


@pytest.mark.parametrize(
    "host", [it for it in VENDORS if it.stack != "static"], ids=lambda it: it.title
)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.slow
def test_a_value_gets_into_a_process(reader: str, host: type[Vendor], tmp_path: Path) -> None:
    vendor = host()
    with vendor.serving():
        at = Remembered.inside(vendor, tmp_path, secrets=reader)
        with (at.project / ".env.example").open("a") as file:
            file.write(DOCUMENTED)
        with READERS[reader](at):
            at.deploy("v1.0.0")
            assert vendor.environ()["API_KEY"] == VALUE
    assert not [each for each in at.heard if "c4nary" in each]
    label = next(it.label for it in TEMPLATE.catalog.axis("secrets") if it.id == reader)
    shown(at, f"a setting arrives from where it is kept: {label}")
