# shellcheck shell=sh
# What the tasks share. A task goes to the project's root, then sources this file.

task=${0##*/}

# The header comment of a task is its help.
for argument in "$@"; do
  case $argument in
    -h | --help)
      sed -n '1d; /^#/!q; s/^# \{0,1\}//p' "ops/$task"
      exit
      ;;
  esac
done

say() { printf '%s: %s\n' "$task" "$*" >&2; }

die() {
  say "$@"
  exit 1
}

misuse() {
  say "$@"
  printf "Run 'ops/%s --help' for its usage.\n" "$task" >&2
  exit 2
}

# A task collects all it lacks with need_tool and need_setting, then stops once in needs_met.
missing=''

need() {
  missing="$missing
  $1: $2"
}

need_tool() { command -v "$1" >/dev/null || need "$1" "${2:-install it with apt-get, apk or brew}"; }

# ${X:+set} looks whether X is set; `set -x` does not show its value.
need_setting() { eval "[ -n \"\${$1:+set}\" ]" || need "$1" "$2"; }

needs_met() {
  [ -n "$missing" ] || return 0
  say "cannot start without$missing"
  exit 3
}

check_environment() {
  case $1 in
    sandbox | testbed | live) ;;
    *) misuse "no environment '$1': sandbox, testbed or live" ;;
  esac
}

check_repository() {
  git_says=$(git rev-parse --git-dir 2>&1) || die "git says: $git_says"
}

commit_of() {
  check_repository
  git rev-parse --quiet --verify --end-of-options "$1^{commit}" || misuse "no commit '$1' in this repository"
}

# RELEASE if it is a commit of this repository. What others deployed may be labelled otherwise;
# its commit is not known then, and a smoke test does without.
known_commit() {
  [ "$(git rev-parse --quiet --verify --end-of-options "$1^{commit}" 2>/dev/null)" != "$1" ] || echo "$1"
}
