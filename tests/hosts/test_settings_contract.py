"""What every host is held to about settings: what a process of the service has of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from memory import Remembered
from process import Inside
from table import calls, shown
from vendors import VENDORS
from vendors.base import SECRET, AllBut, Fault, Vendor
from vendors.site import SiteVendor

DOCUMENTED = """\

# One of a team's own.
# Type: string
# Secret: yes
# Default: none
# Set in: none
{}=
"""
KEY = "k" * 32
#: What is in a value that something on its way could take for more than text.
WORDS = {
    "QUOTES": "quotes of three kinds",
    "LINES": "several lines",
    "DOLLARS": "`$HOME`, `$(id)` and `%HOME%`",
    "EQUALS": "equals signs",
    "DASH": "a leading dash",
    "COMMENT": "a `#`",
    "SPACES": "space at both ends",
    "LETTERS": "letters beyond ASCII",
    "JSON": "JSON",
    "LONG": "64 KB",
    "THREE": "three double quotes",
}
HOSTILE = {
    "QUOTES": 'it\'s "quoted" `so`',
    "LINES": "-----BEGIN KEY-----\none\ntwo\n-----END KEY-----\n",
    "DOLLARS": "$HOME ${HOME} $(id) %HOME% !x \\n",
    "EQUALS": "a=b==",
    "DASH": "--help",
    "COMMENT": "a #b # c",
    "SPACES": "  before and after  ",
    "LETTERS": "grün €",
    "JSON": '{"a": ["b", 1]}',
    "LONG": "x" * 65536,
    "THREE": 'a"""b\n"""',
}


@pytest.fixture(params=[it for it in VENDORS if it.stack != "static"], ids=lambda it: it.title)
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inside]:
    """A new service on each host, with settings; no value is in what its tasks start and say."""
    vendor: Vendor = request.param()
    with vendor.serving():
        made = Remembered.inside(vendor, tmp_path)
        with (made.project / ".env.example").open("a") as file:
            file.writelines(DOCUMENTED.format(name) for name in ("API_KEY", "OTHER", *HOSTILE))
        yield made
    assert made.heard
    assert not [each for each in made.heard if SECRET in each]
    logs = "".join(log.read_text() for log in tmp_path.glob("*.log"))
    assert SECRET not in logs


@pytest.fixture(params=[it for it in VENDORS if it.stack == "static"], ids=lambda it: it.title)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inside]:
    """A new site on each host that takes one, with a setting."""
    vendor: SiteVendor = request.param()
    with vendor.serving():
        made = Remembered.inside(vendor, tmp_path)
        with (made.project / ".env.example").open("a") as file:
            file.write(DOCUMENTED.format("VITE_VALUE").replace("# Secret: yes\n", ""))
        yield made


def lines_of(values: dict[str, str]) -> str:
    """Give settings as an env file has them."""
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()
    }
    return "".join(f'{name}="{value}"\n' for name, value in escaped.items())


def told(at: Inside, **values: str) -> dict[str, str]:
    """Have live's settings on this machine, as an env file, and give them."""
    (at.project / ".env.live").write_text(lines_of(values))
    return values


def built_with(at: Inside) -> str:
    """Give the value of the setting in the files of the site that runs."""
    assert isinstance(at.vendor, SiteVendor)
    return (at.vendor.published("value") or b"").decode()


def settings(at: Inside) -> dict[str, str]:
    """Give what the running process has of what this file is about."""
    known = ("API_KEY", "OTHER", *HOSTILE)
    return {name: it for name, it in at.vendor.environ().items() if name in known}


def test_a_deploy_brings_them(at: Inside) -> None:
    values = told(at, API_KEY=f"first-{SECRET}", OTHER="one")
    at.deploy("v1.0.0")
    assert settings(at) == values
    shown(at, "a setting is there when a release starts")


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_value_arrives_byte_for_byte_or_is_refused_by_name(at: Inside, name: str) -> None:
    told(at, API_KEY=f"first-{SECRET}")
    good = at.deploy("v1.0.0")
    values = told(at, API_KEY=f"second-{SECRET}", **{name: HOSTILE[name]})
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    if done.returncode:
        assert f"{name}" in done.stderr
        assert "nothing was changed in live" in done.stderr
        assert at.vendor.running() == good
        assert settings(at) == {"API_KEY": f"first-{SECRET}"}
    else:
        assert settings(at) == values
    assert HOSTILE[name] not in "".join(at.heard)
    cell = "refused by name" if done.returncode else "yes"
    shown(at, f"a setting with {WORDS[name]} arrives byte for byte", cell)


def test_what_does_not_differ_takes_no_change(at: Inside) -> None:
    told(at, API_KEY=f"first-{SECRET}", SETTINGS_KEY=KEY)
    at.deploy("v1.0.0")
    before = len(at.vendor.changes())
    done = at.run("ops/settings", "live", "push")
    assert done.returncode == 0, done.stderr
    assert "nothing differs in live" in done.stderr
    assert len(at.vendor.changes()) == before
    shown(at, "calls of a push that changes nothing", str(len(calls(at))))


def test_a_push_starts_what_runs_with_what_changed(at: Inside) -> None:
    told(at, API_KEY=f"first-{SECRET}", OTHER="one", SETTINGS_KEY=KEY)
    commit = at.deploy("v1.0.0")
    told(at, API_KEY=f"second-{SECRET}", SETTINGS_KEY=KEY)
    done = at.run("ops/settings", "live", "push")
    assert done.returncode == 0, done.stderr
    assert "settings of live: set API_KEY; take away OTHER" in done.stderr
    assert at.vendor.running() == commit
    assert settings(at) == {"API_KEY": f"second-{SECRET}"}
    shown(at, "a push starts what runs with what changed, and takes away what went")


def test_a_rotated_key_stays_rotated_after_a_rollback(at: Inside) -> None:
    told(at, API_KEY=f"first-{SECRET}", OTHER="one")
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    told(at, API_KEY=f"second-{SECRET}", OTHER="one")
    assert at.run("ops/settings", "live", "push").returncode == 0
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first
    assert at.vendor.wanted() == first
    assert settings(at)["API_KEY"] == f"second-{SECRET}"
    shown(at, "a rotated key stays rotated after a rollback")


@pytest.mark.parametrize("how", ["sick", "doomed"])
def test_and_after_a_deploy_that_failed(at: Inside, how: str) -> None:
    told(at, API_KEY=f"first-{SECRET}")
    good, bad = at.deploy("v1.0.0"), at.commit("v1.1.0")
    told(at, API_KEY=f"second-{SECRET}")
    setattr(at.vendor, how, {bad})
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert at.vendor.running() == good
    assert settings(at) == {"API_KEY": f"second-{SECRET}"}
    ends = "is unhealthy" if how == "sick" else "the host gives up on"
    shown(at, f"a rotated key stays rotated after a deploy that {ends}")


@pytest.mark.parametrize("kind", ["401", "500"])
def test_a_host_that_takes_no_settings_goes_on_as_it_was(at: Inside, kind: str) -> None:
    told(at, API_KEY=f"first-{SECRET}")
    good = at.deploy("v1.0.0")
    told(at, API_KEY=f"second-{SECRET}")
    at.commit("v1.1.0")
    at.vendor.faults.append(Fault(at.vendor.tells, kind, times=99))  # type: ignore[arg-type]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert at.vendor.running() == good
    assert settings(at) == {"API_KEY": f"first-{SECRET}"}
    says = "nothing was changed" if kind == "401" else "the settings of live may be changed in part"
    assert says in done.stderr
    at.vendor.faults.clear()
    assert at.run("ops/deploy", "live").returncode == 0
    assert settings(at) == {"API_KEY": f"second-{SECRET}"}
    assert not at.locked()
    shown(at, "a host that takes no settings runs on, and the next deploy brings them")


def test_a_drill_sees_a_rotated_key_stay(at: Inside) -> None:
    told(at, API_KEY=f"first-{SECRET}")
    good = at.deploy("v1.0.0")
    told(at, API_KEY=f"second-{SECRET}")
    at.vendor.sick = AllBut(good)
    done = at.run("ops/drill", "live", "--yes-live")
    assert done.returncode == 0, done.stderr
    assert "drill: look at its settings" in done.stderr
    assert settings(at) == {"API_KEY": f"second-{SECRET}"}
    shown(at, "a drill finds a rotated key in place")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_site_is_built_with_a_value_byte_for_byte(site: Inside, name: str) -> None:
    site.commit("v1.0.0")
    done = site.run("ops/deploy", "live", DOTENV=lines_of({"VITE_VALUE": HOSTILE[name]}))
    assert done.returncode == 0, done.stderr
    assert built_with(site) == HOSTILE[name]
    assert HOSTILE[name] not in "".join(site.heard)
    shown(site, f"a setting with {WORDS[name]} arrives byte for byte")


def test_a_rollback_of_a_site_has_the_settings_of_its_files(site: Inside) -> None:
    for tag, value in (("v1.0.0", "first"), ("v1.1.0", "second")):
        site.environment["DOTENV"] = f"VITE_VALUE={value}"
        site.deploy(tag)
    before = site.vendor.changes()
    done = site.run("ops/settings", "live", "push")
    assert done.returncode == 0, done.stderr
    assert "a site has the settings that it is built with: ops/deploy live " in done.stderr
    assert site.vendor.changes() == before
    assert site.run("ops/rollback", "live").returncode == 0
    assert built_with(site) == "first"
