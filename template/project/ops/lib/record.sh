# shellcheck shell=sh
# What passed in an environment, and who is deploying to it: refs of the repository's remote, which every
# pipeline and laptop can read. No branch and no tag of people's.
#
#   refs/deployments/ENV        a commit for each release that passed there, newest first
#   refs/deployments/locks/ENV  while somebody deploys
#
# RECORD_REMOTE  the remote, by default origin
# RECORD_TOKEN   what may push there, if git itself has no access
# LOCK_TIMEOUT   seconds to wait for somebody else's deploy to end, by default 0
# shellcheck disable=SC2154 # ops/lib/common.sh has the rest

: "${RECORD_REMOTE:=origin}"

record_check() {
  git rev-parse --git-dir >/dev/null 2>&1 || return 0 # commit_of says it
  git remote get-url "$RECORD_REMOTE" >/dev/null 2>&1 \
    || need "the remote $RECORD_REMOTE" 'what passed is recorded there: git remote add origin ADDRESS'
}

# git, with a remote at its other end. The helper reads the token from the environment. No hook of the repository
# runs: a rollback is wanted most while tests are red.
record_git() {
  # shellcheck disable=SC2016
  [ -z "${RECORD_TOKEN:+set}" ] || set -- -c credential.helper= \
    -c 'credential.helper=!echo username=x-access-token; echo "password=$RECORD_TOKEN"; :' "$@"
  set -- -c core.hooksPath=/dev/null "$@"
  GIT_HTTP_LOW_SPEED_LIMIT=1 GIT_HTTP_LOW_SPEED_TIME=30 GIT_TERMINAL_PROMPT=$([ -t 0 ] && echo 1 || echo 0) git "$@"
}

# record_push SOURCE:REF [OPTION…]: what no task does by itself. A hook can also be a setting, hence --no-verify.
record_push() { record_git push --quiet --no-verify "$RECORD_REMOTE" "$@"; }

# record_refusal SAID: the line of what git said that has the reason.
record_refusal() { echo "$1" | grep -v -e '^hint:' -e '^error: failed to push' | tail -n 1; }

# record_of REF: the commit that it is at in the remote, or nothing; fetched.
record_of() {
  record_tries=3
  until record_at=$(record_git ls-remote "$RECORD_REMOTE" "$1" 2>&1); do
    record_tries=$((record_tries - 1))
    [ "$record_tries" -gt 0 ] || die "cannot read $1 of $RECORD_REMOTE: $(echo "$record_at" | tail -n 1)"
    sleep "${RETRY_DELAY:-1}"
  done
  record_at=$(echo "$record_at" | sed -n "s|^\([0-9a-f]*\)	$1\$|\1|p")
  if [ -n "$record_at" ]; then
    record_git fetch --quiet --no-tags "$RECORD_REMOTE" "$1" >/dev/null 2>&1 \
      || die "cannot fetch $1 of $RECORD_REMOTE; try again"
    echo "$record_at"
  fi
}

# record_commit [PARENT [TREE]]: a commit, its message from standard input; without a TREE it has nothing else.
record_commit() {
  record_tree=${2:-$(git mktree </dev/null)} || return
  # A pipeline may have no name in git; what it writes is not anybody's work.
  if git var GIT_COMMITTER_IDENT >/dev/null 2>&1; then
    git commit-tree "$record_tree" ${1:+-p "$1"}
  else
    git -c user.name=pipeline -c user.email=pipeline@invalid commit-tree "$record_tree" ${1:+-p "$1"}
  fi
}

record_read() { record_tip=$(record_of "refs/deployments/$1") || exit; }

# Action, commit, release, image, time and who, oldest first; after record_read.
record_rows() {
  [ -n "$record_tip" ] || return 0
  record_format=''
  for record_key in Action Commit Release Image; do
    record_format="$record_format%(trailers:key=$record_key,valueonly,separator=%x20)%x09"
  done
  git log --reverse --format="$record_format%cI%x09%an" "$record_tip"
}

# The same, newest first, of what a rollback can go back to: what runs is on top, what it replaced below it.
# A rollback takes off what it left.
record_stack() {
  record_rows | awk -F '\t' '
    { at = top + 1 }
    $1 == "rollback" { for (row = top; row > 0; row--) if (commit[row] == $2) { at = row; break } }
    $1 == "deploy" && commit[top] == $2 { at = top }
    { top = at; commit[top] = $2; line[top] = $0 }
    END { for (; top > 0; top--) print line[top] }'
}

# record_match RELEASE WHAT: the newest row of what the platform calls RELEASE, and knows as WHAT: a commit, or an
# image and its digest.
record_match() {
  record_rows | awk -F '\t' -v release="$1" -v what="$2" '
    { image = $4; sub(/.*@/, "", image) }
    $3 == release || $2 == what || image && substr(what, length(what) - length(image) + 1) == image { found = $0 }
    END { if (found) print found }'
}

# record_add ENV ACTION COMMIT RELEASE [IMAGE]: it passed.
record_add() {
  record_new=$(
    record_commit "$record_tip" <<END
$1: $2 $(name_of "$3")

Action: $2
Commit: $3
Release: $4
${5:+Image: $5}
END
  ) || return
  for record_left in 2 1 0; do
    if record_said=$(record_push "$record_new:refs/deployments/$1" 2>&1); then
      record_tip=$record_new
      return
    fi
    [ "$record_left" = 0 ] || sleep "${RETRY_DELAY:-1}"
  done
  say "cannot push to $RECORD_REMOTE: $(record_refusal "$record_said")"
  return 1
}

# Whoever deploys: the run of a pipeline, or a process of a machine.
lock_holder() {
  if [ -n "${LOCK_HOLDER:-}" ]; then
    echo "$LOCK_HOLDER"
  else
    echo "${USER:-$(id -un)}@$(uname -n), process $$"
  fi
}

# Whether who holds the lock is gone: this very run, started again, or a process that ended here.
lock_is_dead() {
  case $1 in
    "$(lock_holder)") ;;
    "${USER:-$(id -un)}@$(uname -n), process "*) ! kill -0 "${1##* }" 2>/dev/null ;;
    *) false ;;
  esac
}

# lock_take ENV: until the task ends, nobody else deploys to ENV. Of two pushes of a lock, git takes one.
lock_take() {
  lock_ref=refs/deployments/locks/$1
  lock_deadline=$(($(date +%s) + ${LOCK_TIMEOUT:-0}))
  lock_new=$(printf '%s\n\nTask: ops/%s\nSince: %s\n' "$(lock_holder)" "$task" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" | record_commit) \
    || die 'git could not write a commit'
  while :; do
    lock_old=$(record_of "$lock_ref") || exit
    lock_by=''
    [ -z "$lock_old" ] || lock_by=$(git log -1 --format=%s "$lock_old")
    if [ -z "$lock_old" ] || lock_is_dead "$lock_by"; then
      if lock_said=$(record_push "$lock_new:$lock_ref" --force-with-lease="$lock_ref:$lock_old" 2>&1); then
        [ -z "$lock_old" ] || say "took over the lock of $1: $lock_by has ended"
        at_exit lock_give_back
        return
      fi
      lock_now=$(record_of "$lock_ref") || exit
      [ "$lock_now" != "$lock_old" ] \
        || die "cannot push to $RECORD_REMOTE, where $1 is locked: $(record_refusal "$lock_said")"
      continue
    fi
    if [ "$(date +%s)" -ge "$lock_deadline" ]; then
      say "$1 is being deployed to by $lock_by, since $(git log -1 --format='%cI' "$lock_old")"
      die "wait for it, or if it died: git push --no-verify $RECORD_REMOTE --delete $lock_ref"
    fi
    sleep "${POLL_INTERVAL:-3}"
  done
}

lock_give_back() {
  record_push ":$lock_ref" --force-with-lease="$lock_ref:$lock_new" >/dev/null 2>&1 \
    || say "could not unlock; do: git push --no-verify $RECORD_REMOTE --delete $lock_ref"
}
