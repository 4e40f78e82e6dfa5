# shellcheck shell=sh
# Node behind the interface that the tasks use.

stack_check() {
  need_tool node 'https://nodejs.org, in a version that "engines" in package.json allows'
  need_tool npm 'it comes with Node'
  node_wanted=$(node_unfit) || node_wanted=''
  [ -z "$node_wanted" ] \
    || need "node $node_wanted" "https://nodejs.org; \"engines\" in package.json asks for it, this is $(node --version)"
}

# What package.json asks for, if this Node is not it: judged by the code that npm itself judges with. Where npm hides
# that, or what is asked for is no range (lts/*), nobody is stopped.
node_unfit() {
  node --eval '
    const wanted = require("./package.json").engines?.node;
    const paths = [fs.realpathSync(process.argv[1]), process.execPath + "/../../lib/node_modules/npm"];
    const semver = require(require.resolve("semver", { paths }));
    const fits = semver.satisfies(process.version, wanted, { includePrerelease: true });
    if (!fits && semver.validRange(wanted)) console.log(wanted);
  ' "$(command -v npm)" 2>/dev/null
}

stack_name() { node --print "require('./package.json').name"; }

# Pipelines ask before they set up Node.
stack_version() { python3 -c 'import json; print(json.load(open("package.json", "rb"))["version"])'; }

stack_set_version() { npm version --no-git-tag-version --allow-same-version --ignore-scripts "$1" >/dev/null; }

stack_build() { npm run build; }

# The reports go to test-results/.
stack_test() { npm test -- --coverage --reporter=default --reporter=junit --outputFile.junit=test-results/junit.xml; }

# stack_run TOOL ARGUMENT…: a development dependency, as the lock file has it.
stack_run() { npx --no-install -- "$@"; }

# Of severity high or critical.
stack_audit() {
  stack_code=0
  stack_report=$(npm audit --omit=dev --audit-level=high 2>&1) || stack_code=1
  printf '%s\n' "$stack_report"
  case $stack_code$stack_report in
    0* | *' severity vulnerabilit'* | *' vulnerabilities ('*) ;;
    *) say 'could not look: npm got no answer about the dependencies, which proves nothing about them' ;;
  esac
  return "$stack_code"
}

stack_sbom() { npm sbom --omit=dev --package-lock-only --sbom-format cyclonedx; }
