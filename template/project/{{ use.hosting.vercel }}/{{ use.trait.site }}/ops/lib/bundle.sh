# shellcheck shell=sh
# What Vercel is sent of a site: its built files.

. ops/lib/site.sh
. ops/lib/stack.sh

# shellcheck disable=SC2034 # ops/lib/platform.sh adds it to the call
bundle_query=''

bundle_check() {
  stack_check
  need_tool sha1sum
}

# A site is told nothing once it is built.
bundle_variables() { :; }

# bundle_files FOLDER PROJECT COMMIT: builds and uploads them, and says which they are. PROJECT ends in its
# environment. Of vercel.json everything goes along but how to build.
bundle_files() {
  # What dependencies run while they are installed, or build, has no business with the token.
  (
    unset VERCEL_TOKEN RECORD_TOKEN
    site_build "${2##*-}" "$3" "$1"
  ) || return
  [ -f "$1/vercel.json" ] || echo '{}' >"$1/vercel.json"
  jq '. + {framework: null, installCommand: "", buildCommand: "", outputDirectory: "."} | del(.git)' \
    "$1/vercel.json" >"$1/dist/vercel.json" || return
  site_files "$1/dist" >"$1/.built" || return
  while IFS=$(printf '\t') read -r bundle_sha1 _ bundle_file; do
    # The same file twice is the same file.
    http_again POST "$(vercel_url /v2/files)" --header 'Content-Type: application/octet-stream' \
      --header "x-vercel-digest: $bundle_sha1" --data-binary "@$1/dist/$bundle_file" >/dev/null || return
  done <"$1/.built"
  jq --raw-input --slurp '
    split("\n") | map(select(. != "") | split("\t") | {sha: .[0], size: (.[1] | tonumber), file: .[2]})' "$1/.built"
}
