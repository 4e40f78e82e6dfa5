"""AWS Secrets Manager: secrets in versions, each with labels."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:{}-AbCdEf"
MOST = 65536


class RefusedError(Exception):
    """What AWS refuses, and calls by a name."""


@dataclass
class Secret:
    """A secret: its versions by their ids, and the version that each label is at."""

    arn: str
    versions: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def put(self, text: str, labels: list[str]) -> str:
        """Add a version, and give its id."""
        if len(text.encode()) > MOST:
            raise RefusedError("ValidationException: SecretString is too long")
        version = f"00000000-0000-4000-8000-{len(self.versions) + 1:012}"
        self.versions[version] = text
        if "AWSCURRENT" in labels and "AWSCURRENT" in self.labels:
            self.labels["AWSPREVIOUS"] = self.labels["AWSCURRENT"]
        self.labels |= dict.fromkeys(labels, version)
        return version


@dataclass
class SecretsManager:
    """The secrets of an account.

    Args:
        hidden: Names of those that nobody may read.
    """

    secrets: dict[str, Secret] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def write(self, name: str, values: object) -> None:
        """Have a secret, or another version of it, as somebody does by hand."""
        secret = self.secrets.setdefault(name, Secret(ARN.format(name)))
        secret.put(json.dumps(values), ["AWSCURRENT"])

    def resolve(self, reference: str) -> str:
        """Give what a task definition refers to, as a task has it that starts now."""
        *parts, key, label, version = reference.split(":")
        secret = self._find(":".join(parts))
        text = secret.versions.get(version or secret.labels.get(label or "AWSCURRENT", ""), "{}")
        if key not in json.loads(text):
            raise RefusedError(f"ResourceInitializationError: {parts[-1]} has no json key {key}")
        return str(json.loads(text)[key])

    def call(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer for an operation."""
        if operation == "CreateSecret":
            if asked["Name"] in self.secrets:
                raise RefusedError("ResourceExistsException: it is there already")
            made = self.secrets[asked["Name"]] = Secret(ARN.format(asked["Name"]))
            return {"ARN": made.arn}
        secret = self._find(asked["SecretId"])
        match operation:
            case "DescribeSecret":
                return {"ARN": secret.arn}
            case "GetSecretValue":
                version = secret.labels.get(asked["VersionStage"])
                if not version:
                    raise RefusedError("ResourceNotFoundException: no value for staging label")
                text = secret.versions[version]
                return {"ARN": secret.arn, "VersionId": version, "SecretString": text}
            case "PutSecretValue":
                version = secret.put(asked["SecretString"], asked["VersionStages"])
                return {"ARN": secret.arn, "VersionId": version}
            case "UpdateSecretVersionStage":
                label = asked["VersionStage"]
                assert label != "AWSCURRENT"
                assert asked["MoveToVersionId"] != asked.get("RemoveFromVersionId")
                if secret.labels.get(label) != asked.get("RemoveFromVersionId"):
                    raise RefusedError("InvalidParameterException: it is at another version")
                assert asked["MoveToVersionId"] in secret.versions
                secret.labels[label] = asked["MoveToVersionId"]
                return {"ARN": secret.arn}
        raise AssertionError((operation, asked))

    def _find(self, known: str) -> Secret:
        for name, secret in self.secrets.items():
            if known in (name, secret.arn):
                if name in self.hidden:
                    raise RefusedError("AccessDeniedException: you may not")
                return secret
        raise RefusedError("ResourceNotFoundException: there is no such secret")
