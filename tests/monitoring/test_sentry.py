"""What Sentry is told of a deploy that passed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from atpart import URL, At, held
from standin import Fault
from watchers.sentry import Sentry

COMMIT = "9f3c2d1e8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e"
VERSION = "my-service@1.4.0"


@pytest.fixture
def sentry() -> Sentry:
    return Sentry()


@pytest.fixture
def at(sentry: Sentry) -> Iterator[At]:
    yield from held(sentry)


def test_a_deploy_is_of_the_release_whose_errors_the_service_sends(at: At, sentry: Sentry) -> None:
    at.engine.tracker.deployed(at.context, COMMIT)
    known = {"version": VERSION, "projects": ["my-service"], "ref": COMMIT}
    assert sentry.releases == {VERSION: known}
    deploy = {"environment": "live", "name": COMMIT[:12], "url": URL}
    assert sentry.deploys == [(VERSION, deploy)]


def test_a_release_that_was_deployed_before_is_deployed_again(at: At, sentry: Sentry) -> None:
    at.engine.tracker.deployed(at.context, COMMIT)
    at.engine.tracker.deployed(at.context, COMMIT)
    assert len(sentry.releases) == 1
    assert len(sentry.deploys) == 2


@pytest.mark.parametrize("missing", ["SENTRY_AUTH_TOKEN", "SENTRY_ORG"])
def test_without_a_token_or_an_organisation_nobody_is_called(
    at: At, sentry: Sentry, missing: str
) -> None:
    at.context.settings.environment.pop(missing)
    at.engine.tracker.deployed(at.context, COMMIT)
    assert at.bootstrap() == []
    assert at.idle == {"Sentry": missing}
    assert sentry.calls == []


@pytest.mark.parametrize(
    ("kind", "words"), [("401", "the token is wrong"), ("away", "no way there")]
)
def test_a_deploy_stands_whatever_becomes_of_it(
    at: At, sentry: Sentry, kind: Literal["401", "away"], words: str
) -> None:
    sentry.faults.append(Fault("POST .*", kind, 99))
    at.engine.parts.deployed(at.context, COMMIT)
    assert words in at.said.getvalue()
    assert "which changes nothing else" in at.said.getvalue()


def test_a_service_that_does_not_say_its_version_has_no_release(at: At, sentry: Sentry) -> None:
    sentry.healthz = b'{"status":"ok"}'
    at.engine.parts.deployed(at.context, COMMIT)
    assert "/healthz does not say which version it is" in at.said.getvalue()
    assert sentry.releases == {}
