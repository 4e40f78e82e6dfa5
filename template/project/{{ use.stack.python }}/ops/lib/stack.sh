# shellcheck shell=sh
# Python behind the interface that the tasks use.

stack_check() { need_tool uv 'https://docs.astral.sh/uv; it brings the Python that .python-version names'; }

stack_name() { stack_field name; }

stack_version() { stack_field version; }

# The first "name" and "version" are those of [project].
stack_field() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p" pyproject.toml | head -n 1; }

# The lock file repeats the version.
stack_set_version() { uv version --frozen --quiet "$1" && uv lock --quiet; }

# Python compiles as it runs; what cannot be compiled shows here already.
stack_build() { uv run --no-sync python -m compileall -q app; }
