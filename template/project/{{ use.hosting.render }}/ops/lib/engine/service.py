"""What Render says of a service and of its deploys."""

from __future__ import annotations

from typing import Any, NamedTuple

from .platform import Release


def source(owner: str, image: str, credential: str) -> dict[str, str]:
    """Say which image a service runs, pulled by a login of its registry, if there is one."""
    login = {"registryCredentialId": credential} if credential else {}
    return {"ownerId": owner, "imagePath": image, **login}


class Service(NamedTuple):
    """The service of an environment, as far as the tasks care."""

    name: str
    owner: str
    url: str
    image: str
    credential: str

    @classmethod
    def read(cls, it: Any) -> Service:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        credential = (it.get("registryCredential") or {}).get("id", "")
        url = it["serviceDetails"]["url"]
        return cls(str(it["name"]), it["ownerId"], url, it.get("imagePath", ""), credential)


class Deploy(NamedTuple):
    """A deploy of a commit, of an image, or of neither that Render tells."""

    id: str
    status: str
    created: str
    commit: str
    image: str

    @classmethod
    def read(cls, it: Any) -> Deploy:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        commit, image = it.get("commit") or {}, it.get("image") or {}
        known = (commit.get("id", ""), image.get("ref", ""))
        return cls(it["id"], str(it["status"]), str(it["createdAt"]), *known)

    @property
    def release(self) -> Release:
        """What the sequences know of it."""
        return Release(self.id, self.commit or self.image or self.id, self.created, self.image)

    @property
    def under_way(self) -> bool:
        """Whether it has yet to come to its end."""
        return self.status in ("created", "queued") or self.status.endswith("_in_progress")
