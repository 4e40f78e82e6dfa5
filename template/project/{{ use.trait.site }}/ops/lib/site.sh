# shellcheck shell=sh
# Built files, which a host of static sites takes as they are.
#
# shellcheck disable=SC2154 # ops/lib/*.sh have the rest

# platform_image COMMIT: there is none, but there is what it stands for elsewhere: a pipeline has passed. One that
# deploys has done so; a laptop deploys what a pipeline deployed before, to any environment.
platform_image() {
  [ -z "${CI:-}" ] && [ "${DRILL_BROKEN:-}" != "$1" ] || return 0
  for site_env in sandbox testbed live; do
    record_read "$site_env"
    [ -z "$(record_rows | awk -F '\t' -v commit="$1" '$2 == commit')" ] || return 0
  done
  say "no pipeline has deployed $1: push it, and have one do so first"
  return 2
}

# site_build ENV COMMIT FOLDER: the commit's files, built for ENV in an empty FOLDER, end up in
# FOLDER/dist. The settings of ENV are the committed ones: nothing that a browser gets is secret.
site_build() (
  git archive --output "$3/.tar" "$2" && tar -xf "$3/.tar" -C "$3" && rm "$3/.tar" && cd "$3" || exit
  cp ".env.$1.example" .env || exit
  ops/setup >&2 && GIT_COMMIT=$2 ops/build >&2
)

# What FOLDER would publish: SHA-1, size and path of every file, separated by tabs.
site_files() (
  cd "$1" || exit
  find . -type f | sort | while IFS= read -r file; do
    printf '%s\t%s\t%s\n' "$(sha1sum <"$file" | cut -d ' ' -f 1)" "$(wc -c <"$file" | tr -d ' ')" "${file#./}"
  done
)
