"""CHANGELOG.md: a section for each version, and what comes next in "Unreleased"."""

from __future__ import annotations

import re
from pathlib import Path

FILE = Path("CHANGELOG.md")
#: Below this line, in a section, is what the commits say.
MARKER = "<!-- From the commits: -->"


def joined(*texts: str) -> str:
    """Put texts below each other, those that have any."""
    return "\n\n".join(filter(None, (text.strip("\n") for text in texts)))


def is_of(section: str, version: str) -> bool:
    """Say whether a section is that of a version."""
    return section.startswith(f"## [{version}]")


class Changelog:
    """What it says, section by section; each begins with its heading, but for what comes before them all."""

    def __init__(self) -> None:
        text = FILE.read_text("utf-8") if FILE.exists() else ""
        self._sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)

    def has(self, version: str) -> bool:
        """Say whether a version has a section."""
        return any(is_of(each, version) for each in self._sections)

    def section(self, version: str) -> str:
        """Give what it says about a version, without the heading."""
        return "".join(each.partition("\n")[2] for each in self._sections if is_of(each, version)).strip("\n")

    def by_hand(self, version: str) -> str:
        """Give what people wrote there."""
        return self.section(version).partition(MARKER)[0].strip("\n")

    def shown(self, version: str) -> str:
        """Give what a section says to readers of a release."""
        return joined(*self.section(version).split(f"{MARKER}\n"))

    def released(self, version: str, date: str, text: str, gone: str) -> str:
        """Give it with a section for a version, in place of what is unreleased, and of a section that is gone."""
        written = ""
        for each in self._sections:
            if is_of(each, "Unreleased"):
                written += f"{each.splitlines()[0]}\n\n## [{version}] - {date}\n\n{text}\n\n"
            elif not (gone and is_of(each, gone)):
                written += each
        return written.rstrip("\n") + "\n"
