# shellcheck shell=sh
# Fly.io behind the interface that ops/deploy and ops/rollback use: one app for each
# environment, a release is an image labelled with its commit.

# shellcheck disable=SC2034 # ops/rollback says it
platform_keeps='the secrets of the app (fly secrets) and all data'

flyctl_version=0.4.99
flyctl_sha256_x86_64=384a14958b214b18ebda784dee101a633ceae626ac4bcccee0fc7ebb111247a4
flyctl_sha256_arm64=23fcf016fb7812b743674ee06167abbd68ffb74e00f61c45b7e213f0bd4694ab
: "${FLYCTL_RELEASES_URL:=https://github.com/superfly/flyctl/releases/download}"

# CI machines have no flyctl: they get this one version, its checksum verified.
fly_install() (
  dir=.cache/flyctl-$flyctl_version
  [ ! -x "$dir/fly" ] || exit 0
  case $(uname -m) in
    x86_64) arch=x86_64 sha256=$flyctl_sha256_x86_64 ;;
    aarch64 | arm64) arch=arm64 sha256=$flyctl_sha256_arm64 ;;
    *) die "there is no flyctl for $(uname -m)" ;;
  esac
  mkdir -p "$dir"
  curl --silent --show-error --fail --location --retry 3 --connect-timeout 10 --max-time 120 \
    --output "$dir/flyctl.tar.gz" \
    "$FLYCTL_RELEASES_URL/v$flyctl_version/flyctl_${flyctl_version}_Linux_$arch.tar.gz" || exit
  echo "$sha256  $dir/flyctl.tar.gz" | sha256sum -c - >/dev/null || die 'flyctl is not the file its checksum names'
  tar -xzf "$dir/flyctl.tar.gz" -C "$dir" flyctl && mv "$dir/flyctl" "$dir/fly"
)

platform_check() {
  need_setting FLY_API_TOKEN 'fly tokens create deploy; README.md says where it goes'
  if [ -n "${CI:-}" ] && ! command -v fly >/dev/null; then
    fly_install || die 'could not install flyctl'
    PATH=$PWD/.cache/flyctl-$flyctl_version:$PATH
  fi
  need_tool fly https://fly.io/docs/flyctl/install/
}

platform_url() { echo "https://$(sed -n 's/^app = "\(.*\)"$/\1/p' "fly.$1.toml").fly.dev"; }

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

platform_deploy() {
  fly_deploy "$1" "$2" --remote-only --build-arg "GIT_COMMIT=$2" --image-label "$2"
}

# A build that failed released nothing: what runs needs no restoring. A release command may
# migrate a database: it must not run again for an old image.
platform_restore() {
  fly_rows=$(fly_releases "$1") || return
  case $(echo "$fly_rows" | head -n 1) in "$2"*complete) return ;; esac
  fly_commit=${2%@*}
  fly_commit=${fly_commit##*:}
  git cat-file -e "$fly_commit^{commit}" 2>/dev/null || fly_commit=HEAD
  fly_deploy "$1" "$fly_commit" --image "$2" --skip-release-command
}
