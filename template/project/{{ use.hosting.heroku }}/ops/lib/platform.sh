# shellcheck shell=sh
# Heroku, as ops/lib/hosting.sh asks of it: one app for each environment, .heroku/ENV.json describes it. A release is
# an image and the config vars of its time; whoever changes config vars or add-ons makes a release too.
#
# shellcheck disable=SC2016,SC2034,SC2154 # filters of jq; what ops/lib/hosting.sh reads, and brings

. ops/lib/image.sh

: "${HEROKU_API_URL:=https://api.heroku.com}"
: "${HEROKU_REGISTRY:=registry.heroku.com}"

http_accept='application/vnd.heroku+json; version=3'

platform_check() {
  need_setting HEROKU_API_KEY 'heroku authorizations:create'
  image_check
}

http_identity() {
  cat <<END
Authorization: Bearer $HEROKU_API_KEY
END
}

# platform_image COMMIT: what is deployed, built and published before.
platform_image() { image_published "$1"; }

# heroku_open ENV: heroku_app is its app, heroku_api where the API has it.
heroku_open() {
  heroku_app=$(jq --raw-output .app.name ".heroku/$1.json") || return
  case $heroku_app in
    *-"$1") ;;
    *)
      say "$heroku_app is not the app of $1: in .heroku/$1.json its name has to end in -$1"
      return 1
      ;;
  esac
  if [ "${#heroku_app}" -gt 30 ]; then
    say "$heroku_app is longer than the 30 characters that Heroku takes: choose a name in .heroku/$1.json that ends in -$1"
    return 1
  fi
  heroku_api=$HEROKU_API_URL/apps/$heroku_app
}

# The address has a part that Heroku made up.
platform_url() {
  heroku_open "$1" || return
  heroku_answer=$(http_again GET "$heroku_api") || return
  printf '%s' "$heroku_answer" | jq --raw-output '.web_url // empty | rtrimstr("/")'
}

# heroku_releases FILTER: of the newest, from the newest down.
heroku_releases() {
  heroku_answer=$(http_again GET "$heroku_api/releases" --header 'Range: version ..; order=desc,max=200') || return
  printf '%s' "$heroku_answer" | jq --raw-output "$1"
}

# Those that brought an image; after a change of settings it is still the one before that runs.
heroku_rows='map(select(.status == "succeeded" and (.description // ""
    | test("config vars?$|^(Initial|Enable|Set|Remove|Add|Attach|Detach|Update) ") | not)))
  | map([.id, "v\(.version), \(.description)", .created_at] | @tsv)'

platform_releases() {
  heroku_open "$1" || return
  heroku_releases "$heroku_rows | .[]"
}

platform_current() {
  heroku_open "$1" || return
  heroku_releases "map(select(.current).version) as [\$now] | map(select(.version <= \$now)) | $heroku_rows | first // empty"
}

# Whether it was released, and its dynos have started; ops/smoke says more. A list of dynos may have addresses of
# consoles in it: a file keeps it out of a trace.
heroku_look() {
  heroku_answer=$(http_again GET "$heroku_api/releases/$1") || return
  heroku_status=$(printf '%s' "$heroku_answer" | jq --raw-output .status)
  case $heroku_status in
    succeeded) ;;
    pending) return ;;
    *)
      echo "failed: it ended as $heroku_status; heroku logs --app $heroku_app says why"
      return
      ;;
  esac
  http_again GET "$heroku_api/dynos" >"$http_folder/dynos" || return
  jq --raw-output --arg release "$1" --arg app "$heroku_app" '
    map(select(.type == "web" and .release.id == $release).state)
    | if index("crashed") then "failed: a dyno crashed; heroku logs --app \($app) says why"
      elif index("starting") then "" else "ready" end' "$http_folder/dynos"
}

# A release waits for nothing but its release command, if there is one; without that it fails.
heroku_cancel() {
  http_again GET "$heroku_api/dynos" >"$http_folder/dynos" || return
  for heroku_dyno in $(jq --raw-output '.[] | select(.type == "release").name' "$http_folder/dynos"); do
    http_again POST "$heroku_api/dynos/$heroku_dyno/actions/stop" >/dev/null || return
  done
}

# heroku_scale ENV: as many dynos as the file says, of its size.
heroku_scale() {
  http_json PATCH "$heroku_api/formation" '{updates: [$settings[0].formation]}' \
    --slurpfile settings ".heroku/$1.json" >/dev/null
}

# Heroku pulls from its own registry: it gets a copy, under the same digest. What it calls an image is the digest of
# the image's configuration. It releases nothing when it has that already.
platform_deploy() {
  heroku_open "$1" || return
  heroku_answer=$(skopeo inspect --authfile "$image_auth" --retry-times 3 --raw "docker://$3") || return
  heroku_image=$(printf '%s' "$heroku_answer" | jq --raw-output '.config.digest // empty')
  if [ -z "$heroku_image" ]; then
    say "$3 is no image for one kind of machine, which is all that Heroku takes"
    return 1
  fi
  image_login "$HEROKU_REGISTRY" _ <<END || return
$HEROKU_API_KEY
END
  skopeo copy --authfile "$image_auth" --retry-times 3 --preserve-digests "docker://$3" \
    "docker://$HEROKU_REGISTRY/$heroku_app/web:$2" >&2 || return
  heroku_answer=$(http_again GET "$heroku_api/formation") || return
  heroku_sized=$(printf '%s' "$heroku_answer" | jq 'any(.[]; .type == "web")')
  (
    http_accept=$http_accept.docker-releases
    http_json PATCH "$heroku_api/formation" '{updates: [{type: "web", docker_image: $image}]}' --arg image "$heroku_image" >/dev/null
  ) || return
  # There is nothing to scale before the first image.
  [ "$heroku_sized" = true ] || heroku_scale "$1" \
    || say "the size of $heroku_app is what Heroku chose; to set it: ops/bootstrap $1"
  heroku_release=$(heroku_releases '.[0].id') || return
  follow "the release of $2" heroku_cancel heroku_look "$heroku_release"
}

# heroku_tell RELEASE: names the config vars that go back with it; what they say stays in files.
heroku_tell() {
  http_again GET "$heroku_api/config-vars" >"$http_folder/is" || return 0
  http_again GET "$heroku_api/releases/$1/config-vars" >"$http_folder/was" || return 0
  heroku_names=$(jq --raw-output --slurp '
    . as [$is, $was] | $is + $was | keys | map(select($is[.] != $was[.])) | join(", ")' \
    "$http_folder/is" "$http_folder/was") || return 0
  [ -z "$heroku_names" ] || say "config vars that go back to what they were then: $heroku_names; set again what has to stay"
}

# A release that waits for its command would take over once it is ready. What runs needs no restoring.
platform_restore() {
  heroku_open "$1" || return
  heroku_cancel || return
  heroku_answer=$(platform_current "$1") || return
  case $heroku_answer in "$2	"*) return ;; esac
  heroku_tell "$2"
  heroku_answer=$(http_json POST "$heroku_api/releases" '{$release}' --arg release "$2") || return
  heroku_release=$(printf '%s' "$heroku_answer" | jq --raw-output .id)
  follow "the rollback" heroku_cancel heroku_look "$heroku_release"
}

# Whose it is: HEROKU_TEAM, or whoever has the key.
heroku_create() {
  heroku_path=/apps
  [ -z "${HEROKU_TEAM:-}" ] || heroku_path=/teams/apps
  http_json POST "$HEROKU_API_URL$heroku_path" '$settings[0].app + (if $team == "" then {} else {$team} end)' \
    --slurpfile settings ".heroku/$1.json" --arg team "${HEROKU_TEAM:-}" >/dev/null
}

# What .heroku/ENV.json says. New config vars make one release, and restart what runs.
platform_bootstrap() {
  heroku_open "$1" || return
  heroku_settings=.heroku/$1.json
  echo '{}' >"$http_folder/has"
  echo '[]' >"$http_folder/formation"
  if http_again GET "$heroku_api" >"$http_folder/app" 2>"$http_folder/said"; then
    [ "$(jq --raw-output .build_stack.name "$http_folder/app")" = container ] \
      || change "have $heroku_app run images" http_json PATCH "$heroku_api" '{build_stack: "container"}' >"$http_folder/done" || return
    http_again GET "$heroku_api/config-vars" >"$http_folder/has" || return
    http_again GET "$heroku_api/formation" >"$http_folder/formation" || return
  elif [ "$http_status" = 404 ]; then
    change "create the app $heroku_app" heroku_create "$1" || return
  else
    cat "$http_folder/said" >&2
    [ "$http_status" != 403 ] || say "if $heroku_app is somebody else's, choose a name in $heroku_settings that is free and ends in -$1"
    return 1
  fi
  heroku_names=$(jq --raw-output --slurpfile has "$http_folder/has" '
    .config | to_entries | map(select($has[0][.key] != .value).key) | join(", ")' "$heroku_settings")
  [ -z "$heroku_names" ] \
    || change "set $heroku_names" http_json PATCH "$heroku_api/config-vars" '$settings[0].config' \
      --slurpfile settings "$heroku_settings" >"$http_folder/done" || return
  jq --exit-status --slurpfile settings "$heroku_settings" '$settings[0].formation as $wanted
    | all(.[] | select(.type == "web"); .quantity == $wanted.quantity
      and (.dyno_size.name | ascii_downcase) == $wanted.dyno_size.name)' "$http_folder/formation" >/dev/null \
    || change "run $(jq --raw-output '.formation | "\(.quantity) dynos of \(.dyno_size.name)"' "$heroku_settings")" \
      heroku_scale "$1"
}
