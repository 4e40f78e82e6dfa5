# shellcheck shell=sh
# Calls of a platform's API. Who calls is what http_identity prints, a header a line: it goes in by
# stdin, so that no secret gets into a process list or a trace.
#
# HTTP_TIMEOUT  seconds that a call may take, by default 60
# RETRY_DELAY   seconds before the second try, twice as many before the third, and so on; by default 1

# What a platform may say otherwise: the media type of its answers.
http_accept=application/json

http_folder=$(mktemp -d)
at_exit "rm -rf '$http_folder'"

# http_try METHOD URL [OPTION…]: whether it got an answer; http_status is 000 without.
http_try() {
  http_method=$1
  http_url=$2
  shift 2
  http_status=$(
    http_identity | curl --silent --show-error --connect-timeout 10 --max-time "${HTTP_TIMEOUT:-60}" \
      --request "$http_method" --header @- --header "Accept: $http_accept" \
      --output "$http_folder/answer" --dump-header "$http_folder/headers" --write-out '%{http_code}' \
      "$@" "$http_url" 2>"$http_folder/error"
  ) || http_status=000
  case $http_status in 2??) ;; *) false ;; esac
}

# What went wrong, in one line: the vendor's own words if there are any.
http_said() {
  if [ "$http_status" = 000 ]; then
    sed 's/^curl: //; q' "$http_folder/error"
    return
  fi
  http_words=$(jq --raw-output '
    [.message?, .detail?, .error?.message?, .error?, .errors?[0]?.message?, .id?]
    | map(strings) | first // empty | gsub("\\s+"; " ") | .[:200]' "$http_folder/answer" 2>/dev/null) || :
  case $http_status in
    401 | 403) echo "$http_status ${http_words:-}: the token is wrong, has expired or may not do this" ;;
    *) echo "$http_status ${http_words:-}" ;;
  esac
}

# Whether a call that failed may do better the next time.
http_passes() { case $http_status in 000 | 408 | 425 | 429 | 5??) ;; *) false ;; esac }

# http METHOD URL [OPTION…]: prints what the API answers. Fails with 1 when it refused; with 2 when nobody
# knows what became of the call, which is why it is not made again.
http() {
  : >"$http_folder/answer"
  if http_try "$@"; then
    cat "$http_folder/answer"
    return
  fi
  say "$1 ${2%%\?*} failed: $(http_said)"
  ! http_passes || return 2
  return 1
}

# http_again METHOD URL [OPTION…]: the same, for a call that does no more when it is made twice: up to
# four times, longer apart each time. Chance keeps many callers from coming back at once.
http_again() {
  for http_left in 3 2 1 0; do
    : >"$http_folder/answer"
    if http_try "$@"; then
      cat "$http_folder/answer"
      return
    fi
    if [ "$http_left" = 0 ] || ! http_passes; then break; fi
    sleep "$(awk -v left="$http_left" -v delay="${RETRY_DELAY:-1}" -v seed="$$$(date +%s)" '
      tolower($1) == "retry-after:" && $2 + 0 > 0 && $2 + 0 <= 60 { asked = $2 + 0 }
      END { srand(seed); print (asked && delay ? asked : delay * 2 ^ (3 - left)) + delay * rand() }' "$http_folder/headers" 2>/dev/null)"
  done
  say "$1 ${2%%\?*} failed: $(http_said)"
  ! http_passes || return 2
  return 1
}

# http_json METHOD URL FILTER [JQ-OPTION…]: sends what jq makes of nothing, by a file: a value in it may be
# secret, which jq then reads from the environment.
http_json() {
  http_json_method=$1
  http_json_url=$2
  shift 2
  jq --null-input "$@" >"$http_folder/body" || return
  http "$http_json_method" "$http_json_url" --header 'Content-Type: application/json' --data "@$http_folder/body"
}
