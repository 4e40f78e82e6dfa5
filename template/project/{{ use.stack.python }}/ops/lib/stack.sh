# shellcheck shell=sh
# Python behind the interface that the tasks use.

# What somebody prefers when versions are chosen: with it, the lock file of all counts as out of date.
unset UV_EXCLUDE_NEWER UV_FORK_STRATEGY UV_PRERELEASE UV_RESOLUTION

stack_check() { need_tool uv 'https://docs.astral.sh/uv; it brings the Python that .python-version names'; }

stack_name() { stack_field name; }

stack_version() { stack_field version; }

# The first "name" and "version" are those of [project].
stack_field() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p" pyproject.toml | head -n 1; }

# The lock file repeats the version.
stack_set_version() { uv version --frozen --quiet "$1" && uv lock --quiet; }

# Python compiles as it runs; what cannot be compiled shows here already.
stack_build() { uv run --no-sync python -m compileall -q app; }

# The reports go to test-results/.
stack_test() {
  uv run --no-sync pytest --junit-xml test-results/junit.xml --cov --cov-report xml:test-results/coverage.xml
}

# stack_run TOOL ARGUMENT…: a development dependency, as the lock file has it.
stack_run() { uv run --no-sync -- "$@"; }

# Of any severity. OSV_URL is a mirror of the advisories.
stack_audit() {
  uv audit --preview-features audit-command --locked --no-dev ${OSV_URL:+--service-url "$OSV_URL"} && return
  # uv exits 1 for findings; whatever else it is, it is no answer.
  [ $? -eq 1 ] || say 'could not look: uv got no answer about the dependencies, which proves nothing about them'
  return 1
}

stack_sbom() { uv export --quiet --preview-features sbom-export --locked --no-dev --format cyclonedx1.5; }
