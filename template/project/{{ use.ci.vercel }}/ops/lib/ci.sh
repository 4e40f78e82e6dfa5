# shellcheck shell=sh
# Vercel's builds, as the tasks know them: an environment follows a branch.

# shellcheck disable=SC2034 # ops/lib/hosting.sh says it
ci_settings='Settings → Environment Variables of the project'

# ci_push_command BRANCH TAG: what has to be pushed for TAG, a commit of BRANCH, to be deployed.
ci_push_command() {
  case $2 in
    *-*) echo "git push --atomic origin $1 $2 $2^{}:refs/heads/testbed" ;;
    *) echo "git push --atomic origin $1 $2 $2^{}:refs/heads/live" ;;
  esac
}
