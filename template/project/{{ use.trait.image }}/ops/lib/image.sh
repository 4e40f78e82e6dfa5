# shellcheck shell=sh
# The image in its registry: IMAGE_REPOSITORY, a tag for each commit. It is built and scanned once;
# what is deployed is found again by its digest.

image_check() {
  # What a rollback brings back is with the platform already.
  # shellcheck disable=SC2154 # ops/lib/common.sh has it
  case $task in bootstrap | releases | rollback) return ;; esac
  need_tool skopeo 'https://github.com/containers/skopeo/blob/main/install.md'
  need_setting IMAGE_REPOSITORY 'where images are kept, such as registry.example.com/team/service'
  need_setting REGISTRY_USER 'a user of that registry'
  need_setting REGISTRY_PASSWORD 'the password or token of REGISTRY_USER'
}

# Where skopeo keeps passwords until the task ends.
image_folder=$(mktemp -d)
at_exit "rm -rf '$image_folder'"
image_auth=$image_folder/auth.json

# image_login REPOSITORY USER: the password goes in by stdin, never into a process list or a trace.
image_login() { skopeo login --authfile "$image_auth" --username "$2" --password-stdin "${1%%/*}" >/dev/null; }

image_registry() {
  image_login "$IMAGE_REPOSITORY" "$REGISTRY_USER" <<END
$REGISTRY_PASSWORD
END
}

# image_digest COMMIT: of the image that is there.
image_digest() {
  skopeo inspect --authfile "$image_auth" --no-tags --retry-times 3 --format '{{.Digest}}' \
    "docker://$IMAGE_REPOSITORY:$1"
}

# image_published COMMIT: IMAGE_REPOSITORY@sha256:…, once it is there; fails with 2 if it is not.
image_published() {
  image_registry || return
  image_deadline=$(($(date +%s) + ${IMAGE_TIMEOUT:-0}))
  until image_found=$(image_digest "$1" 2>"$image_folder/said"); do
    if [ "$(date +%s)" -ge "$image_deadline" ]; then
      say "no image of $1 in $IMAGE_REPOSITORY; the pipeline of the main branch publishes it: $(cat "$image_folder/said")"
      return 2
    fi
    sleep "${POLL_INTERVAL:-3}"
  done
  echo "$IMAGE_REPOSITORY@$image_found"
}
