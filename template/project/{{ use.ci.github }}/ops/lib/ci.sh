# shellcheck shell=sh
# GitHub Actions, as the tasks know it.

# shellcheck disable=SC2034 # ops/lib/hosting.sh says it
ci_settings='Settings → Environments of the repository'

# A run that is started again is the same run: it takes over what it had locked.
LOCK_HOLDER=${LOCK_HOLDER:-${GITHUB_RUN_ID:+${GITHUB_SERVER_URL:-}/${GITHUB_REPOSITORY:-}/actions/runs/$GITHUB_RUN_ID}}
