"""What Supabase has in a database of its own."""

from __future__ import annotations

#: Schemas that a copy leaves out, with the extensions in them; a restore leaves them alone.
APART = (
    "_analytics", "_realtime", "auth", "cron", "graphql", "graphql_public", "net", "pgbouncer", "pgmq", "pgsodium",
    "pgsodium_masks", "pgtle", "realtime", "repack", "storage", "supabase_functions", "supabase_migrations", "tiger",
    "topology", "vault",
)  # fmt: skip
#: Nobody but the owner of an extension may comment on it, and that is Supabase.
RESTORING = ("--no-comments",)
