# shellcheck shell=sh
# GitHub Actions behind the interface that ops/release uses: a tag starts a pipeline.

# ci_push_command BRANCH TAG: what has to be pushed for TAG, a commit of BRANCH, to be deployed.
ci_push_command() { echo "git push --atomic origin $1 $2"; }
