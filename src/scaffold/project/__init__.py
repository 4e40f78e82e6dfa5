"""A project: its folder, by its own name here, and what is known of the files in it."""

from scaffold.project.folder import (
    BRANCH,
    appearing_at,
    commit,
    free_destination,
    is_path,
    named,
    write,
)

__all__ = ["BRANCH", "appearing_at", "commit", "free_destination", "is_path", "named", "write"]
