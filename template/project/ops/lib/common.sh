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
missing_exit=3

need() {
  missing="$missing
  $1: $2"
}

need_tool() { command -v "$1" >/dev/null || need "$1" "${2:-install it with apt-get, apk or brew}"; }

# ${X:+set} looks whether X is set; `set -x` does not show its value.
need_setting() {
  eval "[ -z \"\${$1:+set}\" ]" || return 0
  need "$1" "$2"
  missing_exit=2
}

needs_met() {
  [ -n "$missing" ] || return 0
  say "cannot start without$missing"
  exit "$missing_exit"
}

# at_exit COMMAND: runs it when the task ends, however it does; the newest first.
at_exit_commands=''
at_exit() {
  at_exit_commands="$1
$at_exit_commands"
  trap 'eval "$at_exit_commands"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
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

# The name people know COMMIT by: its tag, or its first digits.
name_of() { git describe --tags --exact-match "$1" 2>/dev/null || printf '%.7s\n' "$1"; }
