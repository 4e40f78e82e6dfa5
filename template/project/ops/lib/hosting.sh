# shellcheck shell=sh
# What deploys, rollbacks and drills do on every host alike. Of the platform they know what
# ops/lib/platform.sh brings:
#
#   platform_check                    names what it lacks: need_tool, need_setting
#   platform_image COMMIT             the image to deploy, by its digest, where there is one
#   platform_url ENV                  where ENV answers
#   platform_current ENV              what runs: RELEASE, WHAT and TIME, separated by tabs
#   platform_releases ENV             the same of all that ran, newest first
#   platform_deploy ENV COMMIT IMAGE  returns once it runs
#   platform_restore ENV RELEASE COMMIT IMAGE  brings a release back, and ends what is under way
#   platform_freeze ENV               keeps others from undoing that
#   platform_bootstrap ENV            sets ENV up; what it changes, `change` and `keep` do (ops/bootstrap)
#
# WHAT is the commit of a release, or its image.
# shellcheck disable=SC2154 # ops/lib/common.sh has the rest

. ops/lib/http.sh
. ops/lib/project.sh
. ops/lib/record.sh

# Where settings are kept; a pipeline says it better.
ci_settings='the environment'
[ ! -f ops/lib/ci.sh ] || . ops/lib/ci.sh

# shellcheck disable=SC2329 # a platform may leave these at that
platform_image() { :; }
# shellcheck disable=SC2329
platform_freeze() { :; }
. ops/lib/platform.sh

hosting_check() {
  need_tool curl
  need_tool git
  need_tool jq
  platform_check
  record_check
  [ "$missing_exit" != 2 ] || missing="$missing
  settings are kept in $ci_settings; on a laptop, export them"
  needs_met
}

# hosting_open ENV: its lock, and what is known of it.
hosting_open() {
  lock_take "$1"
  record_read "$1"
}

hosting_url() { url=${SERVICE_URL:-$(platform_url "$1")} && [ -n "$url" ] || die "the platform does not say where $1 answers; SERVICE_URL may"; }

# follow WHAT CANCEL LOOK ARGUMENT…: looks at what is under way until it has come to an end, by default for 900
# seconds (DEPLOY_TIMEOUT), then has it cancelled. LOOK prints "ready", or "failed" and why; anything else says
# nothing about it, and least of all that it failed. CANCEL gets the same arguments.
follow() {
  follow_what=$1
  follow_cancel=$2
  follow_look=$3
  shift 3
  follow_deadline=$(($(date +%s) + ${DEPLOY_TIMEOUT:-900}))
  while [ "$(date +%s)" -lt "$follow_deadline" ]; do
    follow_seen=$("$follow_look" "$@") || follow_seen=''
    case $follow_seen in
      ready) return ;;
      failed*)
        say "$follow_what $follow_seen"
        return 1
        ;;
    esac
    sleep "${POLL_INTERVAL:-3}"
  done
  say "$follow_what is not ready after ${DEPLOY_TIMEOUT:-900} s; cancelling it"
  "$follow_cancel" "$@"
  return 1
}

# What is told to people: ops/notify, if there is one, takes it further.
notify() {
  say "$2"
  [ ! -x ops/notify ] || ops/notify "$1" "$2" || say 'ops/notify failed'
}

# hosting_known WHAT: the commit of it, if it is one of this repository; others' is known by another name.
hosting_known() { [ "$(git rev-parse --quiet --verify --end-of-options "$1^{commit}" 2>/dev/null)" != "$1" ] || echo "$1"; }

# hosting_restore ENV RELEASE COMMIT IMAGE: it runs again, and is healthy.
hosting_restore() { platform_restore "$@" && ops/smoke "$url" "$(hosting_known "$3")"; }

# hosting_record ENV ACTION COMMIT IMAGE: what the platform runs now has passed.
hosting_record() {
  hosting_now=$(platform_current "$1" | cut -f 1) && [ -n "$hosting_now" ] && record_add "$1" "$2" "$3" "$hosting_now" "${4:-}"
}
