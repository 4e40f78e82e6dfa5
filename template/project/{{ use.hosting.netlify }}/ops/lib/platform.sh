# shellcheck shell=sh
# Netlify, as ops/lib/hosting.sh asks of it: one site for each environment, NETLIFY_SITE_ID is the one
# of the environment at hand.
#
# shellcheck disable=SC2016,SC2034,SC2154 # filters of jq; what ops/lib/hosting.sh reads, and brings

. ops/lib/site.sh
. ops/lib/stack.sh

: "${NETLIFY_API_URL:=https://api.netlify.com/api/v1}"

platform_check() {
  stack_check
  need_tool sha1sum
  need_setting NETLIFY_AUTH_TOKEN 'a personal access token of Netlify'
  [ "$task" = bootstrap ] || need_setting NETLIFY_SITE_ID 'the id of the site of this environment; ops/bootstrap says it'
}

http_identity() {
  cat <<END
Authorization: Bearer $NETLIFY_AUTH_TOKEN
END
}

netlify_get() { http_again GET "$NETLIFY_API_URL$1"; }

# The site, once it is sure to belong to ENV.
netlify_site() {
  netlify_answer=$(netlify_get "/sites/$NETLIFY_SITE_ID") || return
  case $(printf '%s' "$netlify_answer" | jq --raw-output .name) in
    *-"$1") printf '%s' "$netlify_answer" ;;
    *) die "NETLIFY_SITE_ID is not the site of $1: its name does not end in -$1" ;;
  esac
}

platform_url() {
  netlify_answer=$(netlify_site "$1") || return
  printf '%s' "$netlify_answer" | jq --raw-output .ssl_url
}

# A deploy's title is its commit; one that somebody else made goes by its id.
netlify_row='[.id, ((.title // "" | select(test("^[0-9a-f]{40}$"))) // .commit_ref // .id), .created_at] | @tsv'

# Release, commit and time, newest first: what was ready for production once.
platform_releases() {
  netlify_answer=$(netlify_get "/sites/$NETLIFY_SITE_ID/deploys?production=true&state=ready&per_page=100") || return
  printf '%s' "$netlify_answer" | jq --raw-output "sort_by(.created_at) | reverse[] | $netlify_row"
}

platform_current() {
  netlify_answer=$(netlify_site "$1") || return
  printf '%s' "$netlify_answer" | jq --raw-output ".published_deploy // empty | select(.id) | $netlify_row"
}

# netlify_upload COMMIT FOLDER: what Netlify does not have yet, published once it is all there.
netlify_upload() {
  site_files "$2" >"$2.files" || return
  jq --raw-input --slurp '
    {files: (split("\n") | map(select(. != "") | split("\t") | {key: ("/" + .[2]), value: .[0]}) | from_entries)}' \
    "$2.files" >"$2.json" || return
  netlify_answer=$(http POST "$NETLIFY_API_URL/sites/$NETLIFY_SITE_ID/deploys?title=$1" \
    --header 'Content-Type: application/json' --data "@$2.json") || return
  netlify_id=$(printf '%s' "$netlify_answer" | jq --raw-output .id)
  printf '%s' "$netlify_answer" | jq --raw-output '.required // [] | unique[]' >"$2.required"
  while IFS= read -r netlify_sha1; do
    netlify_file=$(awk -F '\t' -v sha1="$netlify_sha1" '$1 == sha1 { print $3; exit }' "$2.files")
    http_again PUT "$NETLIFY_API_URL/deploys/$netlify_id/files/$(printf %s "$netlify_file" | jq --raw-input --raw-output '
      split("/") | map(@uri) | join("/")')" --max-time 300 \
      --header 'Content-Type: application/octet-stream' --data-binary "@$2/$netlify_file" >/dev/null || return
  done <"$2.required"
  follow "deploy $netlify_id" netlify_cancel netlify_look "$netlify_id"
}

netlify_look() {
  netlify_answer=$(netlify_get "/deploys/$1") || return
  printf '%s' "$netlify_answer" | jq --raw-output '
    if .state == "ready" then "ready"
    elif .state == "error" or .state == "rejected" then "failed: \(.error_message // .state)"
    else "" end'
}

netlify_cancel() { http_again POST "$NETLIFY_API_URL/deploys/$1/cancel" --data '' >/dev/null; }

# While its published deploy is locked, a site stays as it is: somebody wants it to.
netlify_unlocked() {
  netlify_answer=$(netlify_site "$1") || return
  [ "$(printf '%s' "$netlify_answer" | jq .published_deploy.locked)" = true ] || return 0
  say "the site of $1 is locked to its published deploy: unlock it under Deploys, then try again"
  return 1
}

platform_deploy() (
  netlify_unlocked "$1" || exit
  folder=$(mktemp -d) || exit
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 1' INT TERM
  # What dependencies run while they are installed, or build, has no business with the token.
  (
    unset NETLIFY_AUTH_TOKEN RECORD_TOKEN
    site_build "$1" "$2" "$folder"
  ) || exit
  netlify_upload "$2" "$folder/dist"
)

# A deploy that is still under way would be published once it is ready. To publish what is published
# already changes nothing.
platform_restore() {
  netlify_answer=$(netlify_get "/sites/$NETLIFY_SITE_ID/deploys?production=true&per_page=20") || return
  for netlify_id in $(printf '%s' "$netlify_answer" | jq --raw-output '
    .[] | select(.state | IN("ready", "error", "rejected") | not).id'); do
    netlify_cancel "$netlify_id" || return
  done
  netlify_answer=$(platform_current "$1") || return
  case $netlify_answer in "$2	"*) return ;; esac
  http_again POST "$NETLIFY_API_URL/sites/$NETLIFY_SITE_ID/deploys/$2/restore" --data '' >/dev/null
}

netlify_create() {
  netlify_answer=$(http_json POST "$NETLIFY_API_URL/sites" --arg name "$1" '{$name}') || return
  keep NETLIFY_SITE_ID "$(printf '%s' "$netlify_answer" | jq --raw-output .id)"
}

# Names are unique in all of Netlify, so a site of this name may be somebody else's.
platform_bootstrap() {
  netlify_answer=$(netlify_get "/sites?name=$project-$1&per_page=100") || return
  printf '%s' "$netlify_answer" | jq --exit-status --arg name "$project-$1" 'any(.[]; .name == $name)' >/dev/null \
    || change "create the site $project-$1" netlify_create "$project-$1"
}
