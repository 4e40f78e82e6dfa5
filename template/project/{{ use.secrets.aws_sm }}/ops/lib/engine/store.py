"""Settings in AWS Secrets Manager: a secret for each environment, PROJECT/ENV, which is a JSON object."""

from __future__ import annotations

from .aws import aws_of
from .calls import CallFailed
from .errors import Failure
from .platform import Context
from .secretsmanager import name_of, version

#: What a command has no business with that gets the settings.
OPENS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "OIDC_TOKEN", "BITBUCKET_STEP_OIDC_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
)  # fmt: skip
#: A host in AWS tells its tasks where they are, in place of what they are.
IN_PLACE = True


def check(at: Context) -> None:
    """Note what is missing."""
    aws_of(at).need()


def where(at: Context, env: str) -> str:
    """Give where they are kept, in words."""
    return f"AWS Secrets Manager, the secret {name_of(at, env)}"


def read(at: Context, env: str) -> dict[str, str] | None:
    """Give names and values; None of another environment that we may not read, or that has none."""
    secret = name_of(at, env)
    try:
        found = version(aws_of(at), secret, "AWSCURRENT")
    except CallFailed as error:
        if env == at.env or not error.denied:
            raise
        return None
    if not found and env == at.env:
        what = f"there is no secret {secret} in {at.settings.get('AWS_REGION')}, or nothing in it"
        how = f"aws secretsmanager create-secret --name {secret} --secret-string file://FILE"
        raise Failure(f"{what}; FILE is a JSON object of names and values: {how}")
    return found.values if found else None
