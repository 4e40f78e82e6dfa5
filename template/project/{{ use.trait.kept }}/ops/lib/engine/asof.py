"""The data in a rollback: it stays, as the vendor brings a snapshot back beside it alone."""

from __future__ import annotations

from .part import Part
from .platform import Target


class AsOf(Part):
    """No way back, and where the data of before is to be had."""

    def stays(self, target: Target, runs: Target) -> dict[str, object]:
        """Say so."""
        del target, runs
        env = self.at.env
        self.at.console.say(f"data as it was comes back beside that of now: ops/restore {env} SNAPSHOT --into NAME")
        return {}
