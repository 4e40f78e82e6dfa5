# shellcheck shell=sh
# Vercel behind the interface that ops/deploy and ops/rollback use: one project for each
# environment, VERCEL_PROJECT_ID is the one of the environment at hand. What runs is its
# "production", whichever environment it is. DEPLOY_TIMEOUT is how many seconds a deployment
# may take to become ready, by default 900.
. ops/lib/bundle.sh

# shellcheck disable=SC2034 # ops/rollback says it
platform_keeps='the settings of the project (domains, protection)'

: "${VERCEL_API_URL:=https://api.vercel.com}"

platform_check() {
  bundle_check
  need_setting VERCEL_TOKEN 'an access token of Vercel; README.md says where it goes'
  need_setting VERCEL_ORG_ID 'the id of the team, or of a personal account; README.md says where it goes'
  need_setting VERCEL_PROJECT_ID 'the id of the project of this environment; README.md says where it goes'
}

# vercel_api METHOD PATH [OPTION…]: the API's answer. The token goes in by stdin, never into a
# process list or a trace.
vercel_api() {
  vercel_call="$1 $2"
  shift 2
  # A personal account is no team.
  case $VERCEL_ORG_ID:$vercel_call in
    team_*:*\?*) vercel_call="$vercel_call&teamId=$VERCEL_ORG_ID" ;;
    team_*) vercel_call="$vercel_call?teamId=$VERCEL_ORG_ID" ;;
  esac
  curl --silent --show-error --fail --connect-timeout 10 --max-time 300 --request "${vercel_call%% *}" \
    --header @- --header 'Accept: application/json' "$@" "$VERCEL_API_URL${vercel_call#* }" <<END && return
Authorization: Bearer $VERCEL_TOKEN
END
  say "Vercel refused $vercel_call"
  return 1
}

# A GET may be repeated, and so may the upload of a file; another POST may not.
vercel_get() { vercel_api GET "$1" --retry 3; }

# The project, once it is sure to belong to ENV.
vercel_project() {
  vercel_answer=$(vercel_get "/v9/projects/$VERCEL_PROJECT_ID") || return
  case $(printf '%s' "$vercel_answer" | jq --raw-output .name) in
    *-"$1") printf '%s' "$vercel_answer" ;;
    *) die "VERCEL_PROJECT_ID is not the project of $1: its name does not end in -$1" ;;
  esac
}

# Where production answers: the first domain that does not redirect to another.
vercel_domain() {
  vercel_answer=$(vercel_get "/v9/projects/$VERCEL_PROJECT_ID/domains?production=true&redirects=false") || return
  printf '%s' "$vercel_answer" | jq --raw-output 'first(.domains[] | select(.verified)).name'
}

platform_url() {
  vercel_project "$1" >/dev/null || return
  vercel_name=$(vercel_domain) || return
  echo "https://$vercel_name"
}

# The commit of a deployment that somebody else made is what its repository says; without one, its id.
vercel_row='.id = (.uid // .id) | [.id,
  (.meta.commit // .meta.githubCommitSha // .meta.gitlabCommitSha // .meta.bitbucketCommitSha // .id),
  ((.created // .createdAt) / 1000 | floor | todate)] | @tsv'

# Release, commit and time, newest first: what was in production once.
platform_releases() {
  vercel_answer=$(vercel_get \
    "/v6/deployments?projectId=$VERCEL_PROJECT_ID&target=production&state=READY&limit=100") || return
  printf '%s' "$vercel_answer" | jq --raw-output "
    .deployments | map(select(.readySubstate != \"STAGED\")) | sort_by(.created) | reverse[] | $vercel_row"
}

# What the domain leads to, which after a rollback is not the newest.
platform_current() {
  vercel_answer=$(vercel_project "$1") || return
  [ "$(printf '%s' "$vercel_answer" | jq '.targets.production.id != null')" = true ] || return 0
  vercel_name=$(vercel_domain) || return
  vercel_answer=$(vercel_get "/v13/deployments/$vercel_name") || return
  printf '%s' "$vercel_answer" | jq --raw-output "$vercel_row"
}

vercel_wait() {
  vercel_deadline=$(($(date +%s) + ${DEPLOY_TIMEOUT:-900}))
  # A look that fails says nothing about the deployment: it goes on, until the deadline.
  while [ "$(date +%s)" -lt "$vercel_deadline" ]; do
    vercel_answer=$(vercel_get "/v13/deployments/$1")
    case $(printf '%s' "$vercel_answer" | jq --raw-output .readyState) in
      READY) return ;;
      ERROR | CANCELED)
        say "deployment $1 failed: $(printf '%s' "$vercel_answer" | jq --raw-output .errorMessage)"
        return 1
        ;;
      *) sleep "${POLL_INTERVAL:-3}" ;;
    esac
  done
  say "deployment $1 is not ready after ${DEPLOY_TIMEOUT:-900} s; cancelling it"
  vercel_api PATCH "/v12/deployments/$1/cancel" >/dev/null
  return 1
}

# Before anything is built or sent, the project has to be that of ENV.
platform_deploy() (
  vercel_answer=$(vercel_project "$1") || exit
  vercel_name=$(printf '%s' "$vercel_answer" | jq --raw-output .name)
  folder=$(mktemp -d) || exit
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 1' INT TERM
  bundle_files "$folder" "$vercel_name" "$2" "$3" >"$folder/.files" || exit
  jq --arg name "$vercel_name" --arg project "$VERCEL_PROJECT_ID" --arg commit "$2" '
    {$name, $project, target: "production", meta: {$commit}, projectSettings: {framework: null}, files: .}' \
    "$folder/.files" >"$folder/.deployment" || exit
  vercel_answer=$(vercel_api POST "/v13/deployments?forceNew=1&skipAutoDetectionConfirmation=1$bundle_query" \
    --header 'Content-Type: application/json' --data "@$folder/.deployment") || exit
  vercel_id=$(printf '%s' "$vercel_answer" | jq --raw-output .id)
  vercel_wait "$vercel_id" || exit
  # After a rollback Vercel leaves the domains where they are until a deployment is promoted.
  vercel_current=$(platform_current "$1") || exit
  case $vercel_current in "$vercel_id"*) exit ;; esac
  vercel_api POST "/v10/projects/$VERCEL_PROJECT_ID/promote/$vercel_id" >/dev/null
)

# A deployment that never got ready took no domain: what runs needs no restoring.
platform_restore() {
  vercel_answer=$(platform_current "$1") || return
  case $vercel_answer in "$2"*) return ;; esac
  vercel_api POST "/v1/projects/$VERCEL_PROJECT_ID/rollback/$2" >/dev/null
}
