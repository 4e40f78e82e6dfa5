# shellcheck shell=sh
# Netlify behind the interface that ops/deploy and ops/rollback use: one site for each
# environment, NETLIFY_SITE_ID is the one of the environment at hand. DEPLOY_TIMEOUT is how
# many seconds an upload may take to become ready, by default 900.
. ops/lib/site.sh
. ops/lib/stack.sh

# shellcheck disable=SC2034 # ops/rollback says it
platform_keeps='the settings of the site (domains, access)'

: "${NETLIFY_API_URL:=https://api.netlify.com/api/v1}"

platform_check() {
  stack_check
  need_tool sha1sum
  need_setting NETLIFY_AUTH_TOKEN 'a personal access token of Netlify; README.md says where it goes'
  need_setting NETLIFY_SITE_ID 'the id of the site of this environment; README.md says where it goes'
}

# netlify_api METHOD PATH [OPTION…]: the API's answer. The token goes in by stdin, never into
# a process list or a trace.
netlify_api() {
  netlify_call="$1 $2"
  shift 2
  curl --silent --show-error --fail --connect-timeout 10 --max-time 300 --request "${netlify_call%% *}" \
    --header @- --header 'Accept: application/json' "$@" "$NETLIFY_API_URL${netlify_call#* }" <<END && return
Authorization: Bearer $NETLIFY_AUTH_TOKEN
END
  say "Netlify refused $netlify_call"
  return 1
}

# A GET may be repeated, and so may the upload of a file; a POST may not.
netlify_get() { netlify_api GET "$1" --retry 3; }

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
  netlify_answer=$(netlify_api POST "/sites/$NETLIFY_SITE_ID/deploys?title=$1" \
    --header 'Content-Type: application/json' --data "@$2.json") || return
  netlify_id=$(printf '%s' "$netlify_answer" | jq --raw-output .id)
  printf '%s' "$netlify_answer" | jq --raw-output '.required // [] | unique[]' >"$2.required"
  while IFS= read -r netlify_sha1; do
    netlify_file=$(awk -F '\t' -v sha1="$netlify_sha1" '$1 == sha1 { print $3; exit }' "$2.files")
    netlify_api PUT "/deploys/$netlify_id/files/$(printf %s "$netlify_file" | jq --raw-input --raw-output '
      split("/") | map(@uri) | join("/")')" --retry 3 \
      --header 'Content-Type: application/octet-stream' --data-binary "@$2/$netlify_file" >/dev/null || return
  done <"$2.required"
  netlify_wait "$netlify_id"
}

netlify_wait() {
  netlify_deadline=$(($(date +%s) + ${DEPLOY_TIMEOUT:-900}))
  # A look that fails says nothing about the deploy: it goes on, until the deadline.
  while [ "$(date +%s)" -lt "$netlify_deadline" ]; do
    netlify_answer=$(netlify_get "/deploys/$1")
    case $(printf '%s' "$netlify_answer" | jq --raw-output .state) in
      ready) return ;;
      error | rejected)
        say "deploy $1 failed: $(printf '%s' "$netlify_answer" | jq --raw-output .error_message)"
        return 1
        ;;
      *) sleep "${POLL_INTERVAL:-3}" ;;
    esac
  done
  say "deploy $1 is not ready after ${DEPLOY_TIMEOUT:-900} s; cancelling it"
  netlify_api POST "/deploys/$1/cancel" --data '' >/dev/null
  return 1
}

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
    unset NETLIFY_AUTH_TOKEN
    site_build "$1" "$2" "$folder"
  ) || exit
  netlify_upload "$2" "$folder/dist"
)

# A deploy that never got ready was not published: what runs needs no restoring.
platform_restore() {
  netlify_answer=$(platform_current "$1") || return
  case $netlify_answer in "$2"*) return ;; esac
  netlify_api POST "/sites/$NETLIFY_SITE_ID/deploys/$2/restore" --data '' >/dev/null
}
