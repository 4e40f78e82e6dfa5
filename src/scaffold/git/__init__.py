"""Git: the process itself, by its own name here, and what is read and written through it."""

from scaffold.git.process import (
    GitError,
    explained,
    fed,
    ignored,
    raw,
    require_answer,
    required,
    run,
    top,
    unreadable,
    without_password,
)

__all__ = [
    "GitError",
    "explained",
    "fed",
    "ignored",
    "raw",
    "require_answer",
    "required",
    "run",
    "top",
    "unreadable",
    "without_password",
]
