"""What hosts of static sites have in common: they serve the files that they were sent."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from vendors.base import Machine, Vendor

if TYPE_CHECKING:
    from conftest import Call

#: Builds a small site of what a checkout says in `marker`; notes its own environment.
NPM = """\
env >>"${0%/*}/../npm.$1"
[ "$*" = "run build" ] || exit 0
mkdir -p dist/assets
echo "{\\"status\\": \\"ok\\", \\"commit\\": \\"$GIT_COMMIT\\"}" >dist/healthz
echo '{"status": "ready"}' >dist/readyz
cp .env dist/settings
[ -z "${VITE_VALUE-}" ] || printf %s "$VITE_VALUE" >dist/value
cp marker dist/index.html
echo 'body {}' >'dist/assets/a style.css'
"""
#: Answers what the tasks ask of Node, at once.
NODE = '[ "$1" != --version ] || echo v24.0.0'


def sha1_of(content: bytes) -> str:
    """Give the name that hosts of sites know a file by."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@dataclass
class SiteVendor(Vendor):
    """A host of static sites."""

    stack: ClassVar[str] = "static"
    name: str = "my-service-live"
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: list[dict[str, Any]] = field(default_factory=list)
    current: dict[str, Any] | None = None
    #: The newest body that made a deploy.
    sent: dict[str, Any] = field(default_factory=dict)

    def prepare(self, at: Machine) -> None:
        """Put a builder of small sites, and what curl is called with, on the machine."""
        at.stub("npm", NPM)
        at.stub("node", NODE)
        at.stub("curl", f'exec "{shutil.which("curl")}" "$@"')

    def published(self, path: str) -> bytes | None:
        """Give a file of the deploy that runs."""
        found = self.current["files"].get(path) if self.current else None
        return self.blobs[found] if found else None

    def running(self) -> str:
        """Give the commit of the deploy that runs."""
        return str(json.loads(self.published("healthz") or '{"commit": "none"}')["commit"])

    def health(self, path: str) -> tuple[int, bytes]:
        """Answer as the site that runs; without the files of health, it is not healthy."""
        return super().health(path) if self.published("healthz") else (404, b"")

    def start(self, upload: dict[str, Any]) -> dict[str, Any]:
        """Add a deploy, newest first."""
        number = len(self.uploads) + 1
        self.uploads.insert(0, {**upload, "id": f"d{number}", "number": number})
        return self.uploads[0]

    def find(self, known: str) -> dict[str, Any]:
        """Give the deploy with an id."""
        return next(upload for upload in self.uploads if upload["id"] == known)

    def query(self, call: Call) -> dict[str, str]:
        """Give the one value of each name in a query."""
        return {name: values[0] for name, values in call.query.items()}
