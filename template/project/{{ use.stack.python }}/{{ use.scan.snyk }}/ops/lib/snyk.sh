# shellcheck shell=sh
# How Snyk reads the dependencies of a Python project. It reads uv.lock itself only for customers of
# its Enterprise plan; everybody's is pip's list, checked against what is installed.

snyk_dependencies() {
  mkdir -p .cache
  uv export --quiet --locked --no-dev --no-hashes --format requirements-txt --output-file .cache/requirements.txt \
    || return
  scanner_snyk test --file=.cache/requirements.txt --package-manager=pip --command=.venv/bin/python
}
