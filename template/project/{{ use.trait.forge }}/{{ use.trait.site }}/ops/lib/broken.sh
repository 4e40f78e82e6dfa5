# shellcheck shell=sh
# A build for drills: the site of a commit, but without its file for health checks.
#
# shellcheck disable=SC2154 # ops/lib/*.sh have the rest

# broken_publish COMMIT: makes a commit on no branch, whose build is broken, and prints that.
broken_publish() (
  export GIT_INDEX_FILE="$http_folder/index"
  git read-tree "$1" || exit
  broken_build=$( (git show "$1:ops/build" && echo 'rm -f dist/healthz') | git hash-object -w --stdin) || exit
  git update-index --cacheinfo "100755,$broken_build,ops/build" && broken_tree=$(git write-tree) || exit
  GIT_AUTHOR_NAME=drill GIT_AUTHOR_EMAIL=drill@invalid GIT_COMMITTER_NAME=drill GIT_COMMITTER_EMAIL=drill@invalid \
    git commit-tree "$broken_tree" -p "$1" -m 'A build that never gets healthy, for a drill'
)
