# shellcheck shell=sh
# Render's builds behind the interface that ops/release uses: an environment follows a branch.

# ci_push_command BRANCH TAG: what has to be pushed for TAG, a commit of BRANCH, to be deployed.
ci_push_command() {
  case $2 in
    *-*) echo "git push --atomic origin $1 $2 $2^{}:refs/heads/testbed" ;;
    *) echo "git push --atomic origin $1 $2 $2^{}:refs/heads/live" ;;
  esac
}
