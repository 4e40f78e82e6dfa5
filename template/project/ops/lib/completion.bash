# shellcheck shell=bash
# Tab completes tasks' environments, versions and options, as the first line of their help has them. For bash and zsh:
# `. ops/lib/completion.bash`, in the project or by its whole path in ~/.bashrc or ~/.zshrc.

if [ -n "${ZSH_VERSION:-}" ]; then
  autoload -U +X compinit bashcompinit && { command -v compdef >/dev/null || compinit; } && bashcompinit
fi

_ops_complete() {
  local task=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} usage known='' at=1 each
  usage=$(sed -n '2s/^# Usage: [^ ]*//p' "$task" 2>/dev/null) || return 0
  case $word in
    -*) known=$({ echo --help && sed -n '1d; /^#/!q; p' "$task"; } | grep -o -e '--[a-z][a-z-]*' | sort -u) ;;
    *)
      # Which argument it is, not counting options.
      for each in "${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do [[ $each == -* ]] || at=$((at + 1)); done
      case "$at $usage" in
        '1  ENV --'* | '1  ENV [up'* | '1  ENV [list'*reset*) known='local sandbox testbed live' ;;
        '1  ENV'*) known='sandbox testbed live' ;;
        '2  ENV [up'*) known='up down status new prove' ;;
        '2  ENV LEVEL'*) known='info warning critical resolved' ;;
        '2  ENV [check'*) known='check push names diff' ;;
        '3  ENV [check'*) known='sandbox testbed live' ;;
        '2  ENV [list'*) known="list $(sed -n 's/^    "\(.*\)": {$/\1/p' flags.json 2>/dev/null)" ;;
        '3  ENV [list'*reset*) known='on off reset list' ;;
        '3  ENV [list'*) known='on off' ;;
        '2  ENV [REF]'* | '2  ENV [VERSION]'*) known=$(git tag --sort=-version:refname 2>/dev/null) ;;
        *major\|minor\|patch*) known='major minor patch' ;;
      esac
      ;;
  esac
  COMPREPLY=()
  while IFS= read -r each; do COMPREPLY+=("$each"); done < <(compgen -W "$known" -- "$word")
}

for _ops_each in alerts backup bootstrap build ci deploy dev drill flag help lint migrate notify publish release releases restore \
  rollback scan settings setup smoke snapshots test with-env; do
  complete -o default -F _ops_complete "ops/$_ops_each" "./ops/$_ops_each"
done
unset _ops_each
