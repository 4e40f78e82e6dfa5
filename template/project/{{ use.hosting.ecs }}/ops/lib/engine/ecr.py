"""The registry that ECS pulls from: an image is there under the digest that it was published with."""

from __future__ import annotations

from .aws import Aws
from .image import Images
from .platform import digest
from .process import ProgramFailed


class Ecr:
    """The registry of the account."""

    def __init__(self, images: Images, aws: Aws) -> None:
        self._images = images
        self._aws = aws

    def copy(self, repository: str, image: str, commit: str) -> None:
        """Copy an image there, unless it is there: a tag stays what it once was."""
        wanted = digest(image)
        self._images.login(repository, "AWS", self._aws.text("ecr", "get-login-password", "--output", "text").strip())
        if self._there(f"{repository}@{wanted}"):
            return
        taken = self._there(f"{repository}:{commit}")
        self._images.mirror(image, f"{repository}:{commit}-{wanted[7:19]}" if taken else f"{repository}:{commit}")

    def _there(self, image: str) -> bool:
        try:
            self._images.inspect(image, "--no-tags")
        except ProgramFailed:
            return False
        return True
