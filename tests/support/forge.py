"""Repositories as forges make them."""

from __future__ import annotations

from pathlib import Path

from small import commit, git

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy\n"

#: As forges write them: without a line end, with rules that reach too far or not far enough.
FORGE = {
    "README.md": "# My service",
    "LICENSE": MIT,
    ".gitignore": "# Byte-compiled\n__pycache__/\nlib/\n*.toml\n.env\n!.env.example",
    ".gitattributes": "* text=auto\n",
}


def cloned(tmp_path: Path, *names: str, branch: str = "main") -> Path:
    """Clone a repository that a forge made with some of its files, or with none."""
    forge = tmp_path / "forge.git"
    git(tmp_path, "init", "--quiet", "--bare", f"--initial-branch={branch}", str(forge))
    clone = tmp_path / "my-service"
    git(tmp_path, "clone", "--quiet", str(forge), str(clone))
    for name in names:
        (clone / name).write_text(FORGE[name])
    if names:
        commit(clone, "Initial commit")
        git(clone, "push", "--quiet", "origin", branch)
    return clone


def committed(folder: Path) -> set[str]:
    return set(git(folder, "ls-tree", "-r", "--name-only", "HEAD").splitlines())
