"""The CI providers whose files `scaffold.pipeline` reads; known without loading what reads them."""

from __future__ import annotations

#: What a template's options of them are called.
PROVIDERS = frozenset({"bitbucket", "github", "gitlab", "render", "vercel"})


def unread(provider: str) -> str:
    """Say that nobody can read a CI provider's files; nothing of one that somebody can.

    Args:
        provider: What a template's option of it is called: `github`, `gitlab`, …
    """
    if provider in PROVIDERS:
        return ""
    return f"{provider}: no reader knows this CI provider, so what it runs was not seen"
