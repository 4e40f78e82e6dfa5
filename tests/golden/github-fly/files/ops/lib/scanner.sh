# shellcheck shell=sh
# Known vulnerabilities, as the open advisory databases have them. In a dependency that ships, those
# that the package manager's own audit fails on; in the image, those of 7.0 (high) and above.

# scanner_check WHAT: what looking at the dependencies, or at the image, needs.
scanner_check() {
  [ "$1" = image ] || return 0
  use_tool osv-scanner https://google.github.io/osv-scanner/installation/
}

scanner_dependencies() { stack_audit; }

# OSV-Scanner itself fails on anything, and a base image always has something. What does not matter
# is listed in osv-scanner.toml, with a reason and an end.
scanner_image() {
  scanner_code=0
  osv-scanner scan image --archive "$1" --format json >.cache/advisories.json || scanner_code=$?
  # 1: findings. Whatever else it is, it is no answer.
  if [ "$scanner_code" -gt 1 ]; then
    say 'could not look: OSV-Scanner got no answer about the image, which proves nothing about it'
    return 1
  fi
  (engine advisories .cache/advisories.json)
}
