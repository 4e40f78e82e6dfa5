"""A secret of AWS Secrets Manager: a JSON object of names and texts, in versions with labels."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .aws import Aws
from .calls import CallFailed
from .platform import Context


class Version(NamedTuple):
    """One version of one secret."""

    arn: str
    id: str
    values: dict[str, str]

    @classmethod
    def read(cls, answer: Any) -> Version:  # noqa: ANN401 (JSON)
        """Read one that was asked for."""
        values = json.loads(answer["SecretString"])
        odd = [name for name, value in values.items() if not isinstance(value, str)]
        if odd:
            raise TypeError(f"no text: {', '.join(odd)}")
        return cls(str(answer["ARN"]), str(answer["VersionId"]), values)


def name_of(at: Context, env: str) -> str:
    """Give what the secret of an environment is called; AWS_SECRET_ID names another, for the environment at hand."""
    ours = f"{at.project.name}/{env}"
    return at.settings.get("AWS_SECRET_ID", ours) if env == at.env else ours


def version(aws: Aws, secret: str, label: str) -> Version | None:
    """Give the version that has a label; None if there is none, or no such secret."""
    command = ("secretsmanager", "get-secret-value", "--secret-id", secret, "--version-stage", label)
    try:
        return aws.ask(Version.read, *command)
    except CallFailed as error:
        if not_found(error):
            return None
        raise


def not_found(error: CallFailed) -> bool:
    """Say whether a call failed because there is nothing of that name."""
    return "(ResourceNotFoundException)" in str(error)
