# shellcheck shell=sh
# A build for drills: the image of a commit, but that its process ends at once.
#
# shellcheck disable=SC2154 # ops/lib/*.sh have the rest

# broken_publish COMMIT: publishes it under a commit of its own, which is on no branch, and prints that. Of the same
# COMMIT it is the same, so a registry has it once.
broken_publish() (
  broken_date=$(git show --no-patch --format=%cI "$1")
  broken_commit=$(
    GIT_AUTHOR_NAME=drill GIT_AUTHOR_EMAIL=drill@invalid GIT_AUTHOR_DATE=$broken_date \
      GIT_COMMITTER_NAME=drill GIT_COMMITTER_EMAIL=drill@invalid GIT_COMMITTER_DATE=$broken_date \
      git commit-tree "$1^{tree}" -p "$1" -m 'A build that never gets healthy, for a drill'
  ) || exit
  broken_image=$(image_published "$1") || exit
  if image_digest "$broken_commit" >/dev/null 2>&1; then
    echo "$broken_commit"
    exit
  fi
  broken_folder=$http_folder/broken
  skopeo copy --authfile "$image_auth" --retry-times 3 "docker://$broken_image" "dir:$broken_folder" >&2 || exit
  broken_config=$broken_folder/$(jq --raw-output '.config.digest | sub(".*:"; "")' "$broken_folder/manifest.json")
  jq --compact-output --arg commit "$broken_commit" '
    .config.Entrypoint = ["false"] | .config.Cmd = null
    | .config.Env |= map(if startswith("GIT_COMMIT=") then "GIT_COMMIT=" + $commit else . end)' \
    "$broken_config" >"$broken_folder/config" || exit
  broken_sha256=$(sha256sum <"$broken_folder/config" | cut -d ' ' -f 1)
  jq --arg digest "sha256:$broken_sha256" --argjson size "$(wc -c <"$broken_folder/config")" '
    .config.digest = $digest | .config.size = $size' "$broken_folder/manifest.json" >"$broken_folder/manifest" || exit
  mv "$broken_folder/config" "$broken_folder/$broken_sha256"
  mv "$broken_folder/manifest" "$broken_folder/manifest.json"
  skopeo copy --authfile "$image_auth" --retry-times 3 "dir:$broken_folder" "docker://$IMAGE_REPOSITORY:$broken_commit" >&2 || exit
  echo "$broken_commit"
)
