# shellcheck shell=sh
# Render behind the interface that ops/deploy and ops/rollback use: one service for each
# environment, RENDER_SERVICE_ID is the one of the environment at hand. DEPLOY_TIMEOUT is
# how many seconds a deploy may take, by default 900.

# shellcheck disable=SC2034 # ops/rollback says it
platform_keeps='the settings of the service (environment variables, plan) and all data'

: "${RENDER_API_URL:=https://api.render.com/v1}"

platform_check() {
  need_setting RENDER_API_KEY 'an API key of Render; README.md says where it goes'
  need_setting RENDER_SERVICE_ID 'the id (srv-…) of the service of this environment; README.md says where it goes'
}

# render_api METHOD PATH [OPTION…]: the API's answer. The key goes in by stdin, never into a
# process list or a trace.
render_api() {
  render_call="$1 /services/$RENDER_SERVICE_ID$2"
  shift 2
  curl --silent --show-error --fail --connect-timeout 10 --max-time 60 --request "${render_call%% *}" \
    --header @- --header 'Accept: application/json' "$@" "$RENDER_API_URL${render_call#* }" <<END && return
Authorization: Bearer $RENDER_API_KEY
END
  say "Render refused $render_call"
  return 1
}

# A GET may be repeated, a POST may not.
render_get() { render_api GET "$1" --retry 3; }

render_send() { render_api "$1" "$2" --header 'Content-Type: application/json' --data "$3"; }

# The service, once it is sure to belong to ENV.
render_service() {
  render_answer=$(render_get '') || return
  case $(printf '%s' "$render_answer" | jq --raw-output .name) in
    *-"$1") printf '%s' "$render_answer" ;;
    *) die "RENDER_SERVICE_ID is not the service of $1: its name does not end in -$1" ;;
  esac
}

platform_url() {
  render_answer=$(render_service "$1") || return
  printf '%s' "$render_answer" | jq --raw-output .serviceDetails.url
}

# Release, commit and time, newest first; QUERY narrows the list.
render_deploys() {
  render_answer=$(render_get "/deploys?$1") || return
  printf '%s' "$render_answer" | jq --raw-output '
    map(.deploy) | sort_by(.createdAt) | reverse[] | [.id, .commit.id, .createdAt] | @tsv'
}

platform_releases() { render_deploys 'status=live&status=deactivated&limit=100'; }

platform_current() { render_deploys 'status=live&limit=1'; }

# render_start PATH BODY: starts a deploy and succeeds once it is live.
render_start() {
  render_answer=$(render_send POST "$1" "$2") || return
  render_id=$(printf '%s' "$render_answer" | jq --raw-output .id)
  # Queued behind another deploy, it has no answer yet, but heads the list.
  [ -n "$render_id" ] || render_id=$(render_deploys limit=1 | cut -f 1)
  render_deadline=$(($(date +%s) + ${DEPLOY_TIMEOUT:-900}))
  # A look that fails says nothing about the deploy: it goes on, until the deadline.
  while [ "$(date +%s)" -lt "$render_deadline" ]; do
    render_status=$(render_get "/deploys/$render_id" | jq --raw-output .status)
    case $render_status in
      live) return ;;
      '' | created | queued | *_in_progress) sleep "${POLL_INTERVAL:-3}" ;;
      *)
        say "deploy $render_id ended as $render_status; its log is in Render's dashboard"
        return 1
        ;;
    esac
  done
  say "deploy $render_id is not live after ${DEPLOY_TIMEOUT:-900} s; cancelling it"
  render_api POST "/deploys/$render_id/cancel" --data '' >/dev/null
  return 1
}

platform_deploy() {
  render_service "$1" >/dev/null || return
  render_start /deploys "{\"commitId\": \"$2\"}"
}

# A deploy that Render gave up on never took over: what runs needs no restoring. Deploys
# on push, if somebody switched them on, would undo the rollback.
platform_restore() {
  render_service "$1" >/dev/null || return
  render_answer=$(platform_current "$1") || return
  case $render_answer in "$2"*) return ;; esac
  render_send PATCH '' '{"autoDeploy": "no"}' >/dev/null \
    || say 'if deploys on push are on, the next push undoes this: switch them off in the dashboard'
  render_start /rollback "{\"deployId\": \"$2\"}"
}
