# shellcheck shell=sh
# How Snyk reads the dependencies of a Node project.

snyk_dependencies() { scanner_snyk test --file=package-lock.json; }
