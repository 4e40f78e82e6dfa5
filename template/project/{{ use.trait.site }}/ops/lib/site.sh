# shellcheck shell=sh
# Built files, which a host of static sites takes as they are.

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
