# shellcheck shell=sh
# Node behind the interface that the tasks use.

stack_check() {
  need_tool node 'https://nodejs.org, in the version under "engines" in package.json'
  need_tool npm 'it comes with Node'
}

stack_version() { node --print "require('./package.json').version"; }

stack_set_version() { npm version --no-git-tag-version --allow-same-version --ignore-scripts "$1" >/dev/null; }
