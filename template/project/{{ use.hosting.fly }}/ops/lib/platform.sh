# shellcheck shell=sh
# Fly.io behind the interface that ops/deploy and ops/rollback use: one app for each
# environment, a release is an image labelled with its commit.

. ops/lib/image.sh
. ops/lib/tools.sh

# shellcheck disable=SC2034 # ops/rollback says it
platform_keeps='the secrets of the app (fly secrets) and all data'

: "${FLY_REGISTRY:=registry.fly.io}"

platform_check() {
  need_setting FLY_API_TOKEN 'fly tokens create deploy; README.md says where it goes'
  use_tool fly https://fly.io/docs/flyctl/install/
  # What a rollback brings back is in Fly.io's registry already.
  # shellcheck disable=SC2154 # ops/lib/common.sh has it
  [ "$task" = rollback ] || image_check
}

# platform_image COMMIT: what is deployed, built and published before.
platform_image() { image_published "$1"; }

fly_app() { sed -n 's/^app = "\(.*\)"$/\1/p'; }

platform_url() { echo "https://$(fly_app <"fly.$1.toml").fly.dev"; }

# Release, commit, time and status, newest first.
fly_releases() {
  fly_json=$(fly releases --config "fly.$1.toml" --image --json) || return
  printf '%s' "$fly_json" | jq --raw-output '
    .[]? | [.ImageRef, (.ImageRef | sub("@.*"; "") | sub(".*:"; "")), .CreatedAt, .Status] | @tsv'
}

platform_releases() {
  fly_rows=$(fly_releases "$1") || return
  echo "$fly_rows" | awk -F '\t' '$4 == "complete"'
}

platform_current() {
  fly_rows=$(platform_releases "$1") || return
  echo "$fly_rows" | head -n 1
}

# fly_deploy ENV COMMIT OPTION…: with the files of the commit, its fly.ENV.toml among them.
fly_deploy() (
  config=fly.$1.toml
  tree=$(mktemp -d) || exit
  trap 'rm -rf "$tree"' EXIT
  trap 'exit 1' INT TERM
  git archive --output "$tree/.tar" "$2" && tar -xf "$tree/.tar" -C "$tree" && rm "$tree/.tar" && cd "$tree" || exit
  shift 2
  fly deploy --config "$config" "$@"
)

# Fly.io pulls from its own registry, or from public ones: it gets a copy, under the same digest.
platform_deploy() {
  fly_image=$FLY_REGISTRY/$(git show "$2:./fly.$1.toml" | fly_app):$2
  image_login "$fly_image" x <<END || return
${FLY_API_TOKEN#FlyV1 }
END
  skopeo copy --authfile "$image_auth" --retry-times 3 --preserve-digests "docker://$3" "docker://$fly_image" >&2 || return
  fly_deploy "$1" "$2" --image "$fly_image@${3##*@}"
}

# A deploy that failed early released nothing: what runs needs no restoring. A release command may
# migrate a database: it must not run again for an old image.
platform_restore() {
  fly_rows=$(fly_releases "$1") || return
  case $(echo "$fly_rows" | head -n 1) in "$2"*complete) return ;; esac
  fly_commit=${2%@*}
  fly_commit=${fly_commit##*:}
  git cat-file -e "$fly_commit^{commit}" 2>/dev/null || fly_commit=HEAD
  fly_deploy "$1" "$fly_commit" --image "$2" --skip-release-command
}
