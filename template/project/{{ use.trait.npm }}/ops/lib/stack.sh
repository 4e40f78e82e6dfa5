# shellcheck shell=sh
# Node behind the interface that the tasks use.

stack_check() {
  need_tool node 'https://nodejs.org, in the version under "engines" in package.json'
  need_tool npm 'it comes with Node'
  command -v node >/dev/null || return 0
  node_wanted=$(node --print "require('./package.json').engines?.node ?? ''")
  case $(node --version) in
    v"${node_wanted%x}"*) ;;
    *) need "node $node_wanted" "https://nodejs.org; this is $(node --version)" ;;
  esac
}

stack_name() { node --print "require('./package.json').name"; }

stack_version() { node --print "require('./package.json').version"; }

stack_set_version() { npm version --no-git-tag-version --allow-same-version --ignore-scripts "$1" >/dev/null; }

stack_build() { npm run build; }
