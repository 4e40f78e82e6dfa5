# shellcheck shell=sh
# GitLab CI, as the tasks know it.

# shellcheck disable=SC2034 # ops/lib/hosting.sh says it
ci_settings='Settings → CI/CD → Variables of the project'

# A job that is started again belongs to the same pipeline: it takes over what that had locked.
LOCK_HOLDER=${LOCK_HOLDER:-${CI_PIPELINE_URL:-}}
