"""A small template with all that a path can come from, and what tests do with its projects."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

COPIER_YML = """\
_subdirectory: files
_exclude: [/_layer]
_skip_if_exists: [/src/]
project_name: demo
owner: Team Blue
ci: { type: str, choices: [github, gitlab] , default: github }
docker: { type: bool, default: false }
catalog:
  when: false
  default:
    - { axis: ci, id: github, order: 1, label: GitHub Actions, why: it is there }
    - { axis: ci, id: gitlab, order: 2, label: GitLab CI, why: it is there }
use:
  when: false
  type: yaml
  default: "{ci: {github: '{% if ci == 'github' %}.{% endif %}',
    gitlab: '{% if ci == 'gitlab' %}.{% endif %}'}}"
"""

FILES = {
    "copier.yml": COPIER_YML,
    "macros/loud.jinja": "{% macro loud(text) %}{{ text | upper }}!{% endmacro %}\n",
    "macros/title.jinja": (
        "{% from 'macros/loud.jinja' import loud %}"
        "{% macro title(text) %}# {{ loud(text) }}{% endmacro %}\n"
    ),
    "files/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "files/README.md.jinja": (
        "{% from 'macros/title.jinja' import title %}{{ title(project_name) }}\n\nfirst\nsecond\n"
        "{% include 'files/{{ use.ci.' ~ ci ~ ' }}/_layer/readme.jinja' %}"
    ),
    "files/tool.sh": "#!/bin/sh\necho one\necho two\necho three\n",
    "files/src/main.txt": "an example\n",
    "files/{{ use.ci.github }}/_layer/readme.jinja": "Pipelines: GitHub, for {{ owner }}.\n",
    "files/{{ use.ci.github }}/.github/ci.yml": "on: push\njobs: {}\n",
    "files/{{ use.ci.gitlab }}/_layer/readme.jinja": "Pipelines: GitLab.\n",
    "files/{{ use.ci.gitlab }}/.gitlab-ci.yml": "stages: []\n",
    "files/{% if docker %}Dockerfile{% endif %}": "FROM scratch\n",
}


def git(folder: Path, *args: str) -> str:
    """Run git in a folder, and give what it prints."""
    done = subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode(errors="surrogateescape")


def commit(folder: Path, message: str = "Change it") -> None:
    """Commit all there is in a folder."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)


def release(folder: Path, tag: str, files: Mapping[str, str | bytes] = FILES) -> Path:
    """Write files of a template, and release it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o755 if path.suffix == ".sh" else 0o644)
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, tag)
    git(folder, "tag", tag)
    return folder


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Give all there is below a folder, `.git` too: when it was written, and what it holds."""
    return {
        os.fsdecode(os.path.relpath(path, folder)): (
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }
