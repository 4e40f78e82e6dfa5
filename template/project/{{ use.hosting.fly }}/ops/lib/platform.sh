# shellcheck shell=sh
# Fly.io, as ops/lib/hosting.sh asks of it: one app for each environment, a release is an image
# labelled with its commit.
#
# shellcheck disable=SC2016,SC2034,SC2154 # filters of jq; what ops/lib/hosting.sh reads, and brings

. ops/lib/image.sh
. ops/lib/tools.sh

: "${FLY_REGISTRY:=registry.fly.io}"

platform_check() {
  need_setting FLY_API_TOKEN 'fly tokens create deploy'
  use_tool fly https://fly.io/docs/flyctl/install/
  image_check
}

# platform_image COMMIT: what is deployed, built and published before.
platform_image() { image_published "$1"; }

fly_app() { sed -n 's/^app = "\(.*\)"$/\1/p'; }

platform_url() { echo "https://$(fly_app <"fly.$1.toml").fly.dev"; }

# fly_try COMMAND…: one that changes nothing, again if it fails.
fly_try() {
  for fly_left in 2 1 0; do
    fly "$@" && return
    [ "$fly_left" = 0 ] || sleep "${RETRY_DELAY:-1}"
  done
  say "fly $1 failed; if it was told who you are, is FLY_API_TOKEN still good?"
  return 1
}

# Image, image, time and status, newest first.
fly_releases() {
  fly_json=$(fly_try releases --config "fly.$1.toml" --image --json) || return
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
  fly_commit=$3
  git cat-file -e "$fly_commit^{commit}" 2>/dev/null || fly_commit=HEAD
  fly_deploy "$1" "$fly_commit" --image "$2" --skip-release-command
}

# `fly apps create` takes a name that is free in all of Fly.io.
platform_bootstrap() {
  fly_name=$(fly_app <"fly.$1.toml")
  fly_json=$(fly_try apps list --json) || return
  printf '%s' "$fly_json" | jq --exit-status --arg name "$fly_name" 'any(.[]?; .Name == $name)' >/dev/null \
    || change "create the app $fly_name" fly apps create "$fly_name" ${FLY_ORG:+--org "$FLY_ORG"}
}
