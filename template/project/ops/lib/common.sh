# shellcheck shell=sh
# What the tasks share. A task goes to the project's root, then sources this file.

task=${0##*/}

# The header comment of a task is its help.
for argument in "$@"; do
  case $argument in
    --) break ;; # what follows is for another command
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

# use_tool NAME ADDRESS: have NAME on the PATH, or note that it is missing; ops/lib/tools.txt says what CI gets.
use_tool() {
  if [ -n "${CI:-}${TOOLS_DOWNLOAD:-}" ] && ! command -v "$1" >/dev/null; then
    tool_folder=$(engine tools "$1") || die "could not install $1"
    PATH=$PATH:$tool_folder
  fi
  need_tool "$1" "$2"
}

# With NEEDS_ONLY, that is all there is to it: ops/ci asks before it begins.
needs_met() {
  if [ -n "$missing" ]; then
    say "cannot start without$missing"
    exit "$missing_exit"
  fi
  [ -z "${NEEDS_ONLY:-}" ] || exit 0
}

# engine TASK ARGUMENT…: the rest of a task, in Python: no setting of a person's, no package, no file left behind.
engine() {
  found=$(command -v python3 || :)
  # A shim may have none for the version that the project names.
  case $found in */shims/*) "$found" -ISc '' || found='' ;; esac
  [ -n "$found" ] || {
    need python3 'Python 3.9 or newer; install it with apt-get, apk or brew'
    needs_met
  }
  exec python3 -ISB -X utf8 ops/lib "$@"
}
