"""What npm and uv are told of a person's settings, what they say, and what concerns them."""

from __future__ import annotations

import pytest
from test_lockfile import MANIFEST, UV

from scaffold.project import personal
from scaffold.project.packagemanager import reason


def test_where_packages_come_from_is_kept() -> None:
    kept = [
        "registry=https://npm.example", "@acme:registry = https://npm.example/acme",
        "//npm.example/:_authToken=${TOKEN}", "//npm.example/acme/:_password=x", "_auth=eDp5",
        "cafile=/etc/ca.pem", "ca[]=x", "strict-ssl=false", "https-proxy=http://proxy:3128",
        "noproxy=localhost", "fetch-retries=5", "cache=/var/cache/npm",
    ]  # fmt: skip
    own = [
        "save-exact=true",
        "min-release-age=7",
        "; registry=x",
        "omit[]=dev",
        "ignore-scripts=false",
    ]
    assert personal.npmrc([*kept, *own]).splitlines() == kept
    variables = {
        "npm_config_registry": "x", "NPM_CONFIG_FETCH_RETRIES": "5", "npm_config__auth": "x",
        "npm_config_//npm.example/:_authToken": "x", "HTTPS_PROXY": "x", "PATH": "x",
    }  # fmt: skip
    own_variables = {"npm_config_save_exact": "true", "npm_config_BEFORE": "x", "NODE_ENV": "x"}
    given = variables | own_variables
    assert personal.environment("npm_config_", personal.NPM, given) == variables


UNREACHED = """\
error: Request failed after 3 retries in 7.6s
  cause: Failed to fetch: https://ada:s3cr3t@pypi.example/simple/idna/
  cause: error sending request for url (https://pypi.example/simple/idna/)
  cause: client error (Connect)
  cause: dns error
  cause: failed to lookup address information
"""
SHIM = """\
error: Failed to inspect Python interpreter from search path at `/home/ada/.pyenv/shims/python3.13`
  cause: Querying Python at `/home/ada/.pyenv/shims/python3.13` failed with exit status 127

         [stderr]
         pyenv: python3.13: command not found

         The `python3.13' command exists in these Python versions:
           3.13.0
"""
DENIED = """\
error: No solution found when resolving dependencies
  cause: Because fastapi was not found in the package registry and your project depends on
fastapi==0.1, we can conclude that your project's requirements are unsatisfiable.

hint: An index URL (https://ann:s3cr3t@pypi.example/simple) could not be queried due to a lack of \
valid authentication credentials (401 Unauthorized)
"""
CONFLICT = """\
npm warn Unknown user config "nodedir".
npm error code ERESOLVE
npm error ERESOLVE unable to resolve dependency tree
npm error
npm error Found: react@17.0.2
npm error
npm error Could not resolve dependency:
npm error peer react@"^19.0.0" from react-dom@19.0.0
"""
NO_VERSION = """\
npm error code ETARGET
npm error notarget No matching version found for zod@99.0.0.
npm error notarget In most cases you or one of your dependencies are requesting a package version
"""
STALE = """\
npm error code EUSAGE
npm error
npm error `npm ci` can only install packages when your package.json and lock file are in sync.
npm error
npm error Invalid: lock file's zod@4.6.7 does not satisfy zod@4.0.0
"""
NETWORK = """\
npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error errno ENOTFOUND
npm error network request to https://npm.example/ping failed, reason: getaddrinfo ENOTFOUND
npm error network This is a problem related to network connectivity.
"""
ASDF = """\
No version is set for command npm
Consider adding one of the following versions in your config file at
"""


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            UNREACHED,
            "failed to lookup address information (https://pypi.example/simple/idna/)",
        ),
        (DENIED, DENIED.partition("hint: ")[2].replace("ann:s3cr3t@", "").strip()),
        (SHIM, "pyenv: python3.13: command not found"),
        (
            CONFLICT,
            'Could not resolve dependency: peer react@"^19.0.0" from react-dom@19.0.0',
        ),
        (NO_VERSION, "No matching version found for zod@99.0.0."),
        (STALE, "Invalid: lock file's zod@4.6.7 does not satisfy zod@4.0.0"),
        (
            NETWORK,
            "request to https://npm.example/ping failed, reason: getaddrinfo ENOTFOUND",
        ),
        (ASDF, "No version is set for command npm"),
        ("", "it gave no reason"),
    ],
    ids=[
        "uv, network",
        "uv, password",
        "shim",
        "peers",
        "no version",
        "stale",
        "npm, network",
        "asdf",
        "nothing",
    ],
)
def test_of_a_failure_it_tells_the_cause(output: str, said: str) -> None:
    """As uv 0.13 and npm 11 put it."""
    assert reason(output) == said


@pytest.mark.parametrize(
    ("old", "new", "concerned"),
    [
        ("idna==3.10", "idna==3.9", True),
        ("0.1.0", "0.2.0", True),
        ("<3.16", "<3.17", True),
        ("package = false", "package = true", True),
        ("[tool.ruff]", '[dependency-groups]\ndev = ["ruff"]\n\n[tool.ruff]', True),
        ("[tool.ruff]", "[tool.ruff", True),  # uv will say what is wrong
        ("[project]", "project = 7\n[other]", True),
        ("= 100", "= 110", False),
        ("[project]", '[project]\ndescription = "Counts"', False),
        ("[project]", "# The service.\n[project]", False),
    ],
)
def test_a_lock_file_follows_what_it_repeats(old: str, new: str, *, concerned: bool) -> None:
    assert old in MANIFEST
    after = MANIFEST.replace(old, new)
    assert UV.concerns(MANIFEST.encode(), after.encode()) is concerned
