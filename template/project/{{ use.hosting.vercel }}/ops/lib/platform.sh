# shellcheck shell=sh
# Vercel, as ops/lib/hosting.sh asks of it: one project for each environment, VERCEL_PROJECT_ID is
# the one of the environment at hand. What runs is its "production", whichever environment it is.
#
# shellcheck disable=SC2016,SC2034,SC2154 # filters of jq; what ops/lib/hosting.sh reads, and brings

. ops/lib/bundle.sh

: "${VERCEL_API_URL:=https://api.vercel.com}"

platform_check() {
  bundle_check
  need_setting VERCEL_TOKEN 'an access token of Vercel'
  need_setting VERCEL_ORG_ID 'the id of the team, or of a personal account'
  [ "$task" = bootstrap ] || need_setting VERCEL_PROJECT_ID 'the id of the project of this environment; ops/bootstrap says it'
}

http_identity() {
  cat <<END
Authorization: Bearer $VERCEL_TOKEN
END
}

# vercel_url PATH: where that is in the API. A personal account is no team.
vercel_url() {
  case $VERCEL_ORG_ID:$1 in
    team_*:*\?*) echo "$VERCEL_API_URL$1&teamId=$VERCEL_ORG_ID" ;;
    team_*) echo "$VERCEL_API_URL$1?teamId=$VERCEL_ORG_ID" ;;
    *) echo "$VERCEL_API_URL$1" ;;
  esac
}

vercel_get() { http_again GET "$(vercel_url "$1")"; }

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

# What was in production once.
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

vercel_cancel() { http PATCH "$(vercel_url "/v12/deployments/$1/cancel")" >/dev/null; }

vercel_look() {
  vercel_answer=$(vercel_get "/v13/deployments/$1") || return
  printf '%s' "$vercel_answer" | jq --raw-output '
    if .readyState == "READY" then "ready"
    elif .readyState == "ERROR" or .readyState == "CANCELED" then "failed: \(.errorMessage // .readyState)"
    else "" end'
}

# Before anything is built or sent, the project has to be that of ENV.
platform_deploy() (
  vercel_answer=$(vercel_project "$1") || exit
  vercel_name=$(printf '%s' "$vercel_answer" | jq --raw-output .name)
  folder=$(mktemp -d) || exit
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 1' INT TERM
  bundle_files "$folder" "$vercel_name" "$2" "$3" >"$folder/.files" || exit
  # The files are too many for a command line.
  vercel_answer=$(http_json POST "$(vercel_url "/v13/deployments?forceNew=1&skipAutoDetectionConfirmation=1$bundle_query")" \
    --arg name "$vercel_name" --arg project "$VERCEL_PROJECT_ID" --arg commit "$2" --slurpfile files "$folder/.files" '
    {$name, $project, target: "production", meta: {$commit}, projectSettings: {framework: null}, files: $files[0]}') || exit
  vercel_id=$(printf '%s' "$vercel_answer" | jq --raw-output .id)
  follow "deployment $vercel_id" vercel_cancel vercel_look "$vercel_id" || exit
  # After a rollback Vercel leaves the domains where they are until a deployment is promoted.
  vercel_current=$(platform_current "$1") || exit
  case $vercel_current in "$vercel_id	"*) exit ;; esac
  http_again POST "$(vercel_url "/v10/projects/$VERCEL_PROJECT_ID/promote/$vercel_id")" >/dev/null
)

# A deployment that is still under way would take the domains once it is ready. To point them where they
# point already changes nothing.
platform_restore() {
  vercel_answer=$(vercel_get "/v6/deployments?projectId=$VERCEL_PROJECT_ID&target=production&state=BUILDING,INITIALIZING,QUEUED&limit=20") || return
  for vercel_id in $(printf '%s' "$vercel_answer" | jq --raw-output '.deployments[].uid'); do
    vercel_cancel "$vercel_id" || return
  done
  vercel_answer=$(platform_current "$1") || return
  case $vercel_answer in "$2	"*) return ;; esac
  http_again POST "$(vercel_url "/v1/projects/$VERCEL_PROJECT_ID/rollback/$2")" >/dev/null
}

vercel_create() {
  vercel_answer=$(http_json POST "$(vercel_url /v11/projects)" --arg name "$1" '{$name}') || return
  vercel_known=$(printf '%s' "$vercel_answer" | jq --raw-output .id)
  keep VERCEL_PROJECT_ID "$vercel_known"
}

# vercel_set PROJECT NAME=VALUE: for production; previews run what pull requests bring.
vercel_set() {
  http_json POST "$(vercel_url "/v10/projects/$1/env?upsert=true")" --arg key "${2%%=*}" --arg value "${2#*=}" \
    '{$key, $value, type: "plain", target: ["production"]}' >/dev/null
}

platform_bootstrap() {
  vercel_answer=$(vercel_get "/v10/projects?search=$project-$1&limit=100") || return
  vercel_known=$(printf '%s' "$vercel_answer" | jq --raw-output --arg name "$project-$1" '
    .projects[] | select(.name == $name).id')
  [ -n "$vercel_known" ] || change "create the project $project-$1" vercel_create "$project-$1" || return
  vercel_env=''
  if [ -n "$vercel_known" ]; then
    vercel_env=$(vercel_get "/v10/projects/$vercel_known/env?decrypt=true") || return
    vercel_env=$(printf '%s' "$vercel_env" | jq --raw-output '
      .envs[] | select(.target | index("production")) | "\(.key)=\(.value)"')
  fi
  for vercel_wanted in $(bundle_variables "$1"); do
    printf '%s\n' "$vercel_env" | grep -Fqx "$vercel_wanted" \
      || change "set $vercel_wanted" vercel_set "$vercel_known" "$vercel_wanted" || return
  done
}
