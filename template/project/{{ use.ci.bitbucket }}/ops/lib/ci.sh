# shellcheck shell=sh
# Bitbucket Pipelines, as the tasks know it.

# shellcheck disable=SC2034 # ops/lib/hosting.sh says it
ci_settings='Repository settings → Deployments'

# A step that is started again belongs to the same pipeline: it takes over what that had locked.
LOCK_HOLDER=${LOCK_HOLDER:-${BITBUCKET_BUILD_NUMBER:+${BITBUCKET_GIT_HTTP_ORIGIN:-}/pipelines/results/$BITBUCKET_BUILD_NUMBER}}
