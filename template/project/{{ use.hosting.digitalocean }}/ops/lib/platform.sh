# shellcheck shell=sh
# DigitalOcean's App Platform, as ops/lib/hosting.sh asks of it: one app for each environment, which
# .do/app.ENV.json describes. DIGITALOCEAN_APP_ID is the one of the environment at hand; without it, the app is
# found by the name that the file says.
#
# shellcheck disable=SC2016,SC2034,SC2154 # filters of jq; what ops/lib/hosting.sh reads, and brings

. ops/lib/image.sh

do_registries='but from ghcr.io, docker.io and registry.digitalocean.com'

: "${DIGITALOCEAN_API_URL:=https://api.digitalocean.com}"

platform_check() {
  need_setting DIGITALOCEAN_TOKEN 'a token of DigitalOcean that may read, create and update apps'
  image_check
  case $task:${IMAGE_REPOSITORY:-} in
    *: | *:ghcr.io/*/* | *:docker.io/*/* | *:registry.digitalocean.com/*/*) ;;
    deploy:* | bootstrap:*)
      need IMAGE_REPOSITORY "App Platform cannot pull from ${IMAGE_REPOSITORY%%/*}, $do_registries"
      missing_exit=2
      ;;
  esac
}

# platform_image COMMIT: what is deployed, built and published before.
platform_image() { image_published "$1"; }

http_identity() {
  cat <<END
Authorization: Bearer $DIGITALOCEAN_TOKEN
END
}

do_get() { http_again GET "$DIGITALOCEAN_API_URL/v2/apps$1"; }

# What the platform says of the app, what the project says of it, and an answer: files, as they may tell more than
# a trace should.
do_app=$http_folder/app
do_file=$http_folder/file
do_answer=$http_folder/kept

# do_find ENV: the app, if there is one, once it is sure to belong to ENV.
do_find() {
  do_id=${DIGITALOCEAN_APP_ID:-}
  do_name=$(jq --raw-output .name ".do/app.$1.json") || return
  if [ -z "$do_id" ]; then
    do_get '?per_page=200' >"$do_answer" || return
    do_id=$(jq --raw-output --arg name "$do_name" '.apps[]? | select(.spec.name == $name).id' "$do_answer")
  fi
  if [ -n "$do_id" ]; then
    do_get "/$do_id" >"$do_answer" || return
    jq .app "$do_answer" >"$do_app"
    do_name=$(jq --raw-output .spec.name "$do_app")
  fi
  case $do_name in *-"$1") ;; *) die "$do_name is not the app of $1: its name does not end in -$1" ;; esac
}

do_known() {
  do_find "$1" || return
  [ -n "$do_id" ] || die "DigitalOcean has no app $do_name yet: ops/bootstrap $1 creates it"
}

platform_url() {
  do_known "$1" || return
  jq --raw-output '.live_url // .default_ingress // empty' "$do_app"
}

do_row='[
  .id, ([.spec.services[]?.image | select(.digest?) | "\(.repository)@\(.digest)"][0] // .id), .created_at
] | @tsv'

# do_deployments COUNT FILTER: of the newest of the app, those that FILTER lets through.
do_deployments() {
  do_get "/$do_id/deployments?per_page=$1" >"$do_answer" || return
  jq --raw-output ".deployments // [] | sort_by(.created_at) | reverse[] | $2" "$do_answer"
}

platform_releases() {
  do_known "$1" || return
  do_deployments 100 "select(.phase | IN(\"ACTIVE\", \"SUPERSEDED\")) | $do_row"
}

platform_current() {
  do_known "$1" || return
  jq --raw-output ".active_deployment // empty | $do_row" "$do_app"
}

do_cancel() { http_again POST "$DIGITALOCEAN_API_URL/v2/apps/$do_id/deployments/$1/cancel" --data '' >/dev/null; }

do_look() {
  do_get "/$do_id/deployments/$1" >"$do_answer" || return
  jq --raw-output '
    .deployment | if .phase == "ACTIVE" then "ready"
    elif .phase | IN("ERROR", "CANCELED", "SUPERSEDED") then
      "failed: it ended as \(.phase)\(first(.progress | .. | .reason?.message? // empty | ", \(.)") // "")"
    else "" end' "$do_answer"
}

# do_start METHOD PATH FILTER [JQ-OPTION…]: starts a deployment and succeeds once it is active.
do_start() {
  do_method=$1
  do_path=$2
  shift 2
  http_json "$do_method" "$DIGITALOCEAN_API_URL/v2/apps$do_path" "$@" >"$do_answer" || return
  if [ -z "$do_id" ]; then
    do_id=$(jq --raw-output .app.id "$do_answer")
    keep DIGITALOCEAN_APP_ID "$do_id"
  fi
  do_started=$(jq --raw-output '
    (.deployment // .app.pending_deployment // .app.in_progress_deployment // {}).id // empty' "$do_answer")
  [ -n "$do_started" ] || do_started=$(do_deployments 1 .id) || return
  follow "deployment $do_started" do_cancel do_look "$do_started"
}

# A rollback pins the app: it takes no other deployment until the rollback is committed. Where an answer got lost,
# the app says what became of that.
do_pinned() { [ -n "$(jq --raw-output '.pinned_deployment.id // empty' "$do_app")" ]; }
do_unpin() {
  do_pinned || return 0
  if http_again POST "$DIGITALOCEAN_API_URL/v2/apps/$do_id/rollback/commit" --data '' >/dev/null; then
    do_known "$1"
  else
    do_known "$1" && ! do_pinned
  fi
}

# An update replaces all settings of the app. What the file does not name stays, secrets among it, which
# DigitalOcean takes back as it gave them out, encrypted. What is in a list goes by its name.
do_filter='
  def named: .name // .key;
  def over($has; $file):
    if ($has | type) == "object" and ($file | type) == "object" then
      reduce ($file | keys_unsorted[]) as $key ($has; .[$key] = over($has[$key]; $file[$key]))
    elif ($has | type) == "array" and ($file | type) == "array" and all($file[]; type == "object" and named) then
      reduce $file[] as $each ($has; (map(named) | index([$each | named])) as $at
        | if $at then .[$at] |= over(.; $each) else . + [$each] end)
    else $file end;
  def pulled: capture("^(?<host>[^/]+)/(?<registry>[^/]+)/(?<repository>[^@]+)@(?<digest>.+)$")
    | {registry_type: {"ghcr.io": "GHCR", "docker.io": "DOCKER_HUB", "registry.digitalocean.com": "DOCR"}[.host],
      registry, repository, digest}
    | if .registry_type == "DOCR" then del(.registry) else . end;
  def point($to): ($to | pulled) as $new
    | ($new + (select(.registry_type == $new.registry_type and .registry_credentials) | {registry_credentials}))
      // $new;
  def login: if .registry_type == "DOCR" or .registry_credentials or (env.REGISTRY_PASSWORD // "") == "" then .
    else .registry_credentials = "\(env.REGISTRY_USER):\(env.REGISTRY_PASSWORD)" end;
  def service: .services[] | select(.name == $file[0].services[0].name);
  def wanted: $app[0].spec | over(.; $file[0]) | .name = $app[0].spec.name;
  '

# do_ask FILTER: of both.
do_ask() {
  jq --null-input --raw-output --slurpfile app "$do_app" --slurpfile file "$do_file" "$do_filter $1"
}

# Whether the service that the file describes is one of the app, and runs images.
do_fits() {
  [ "$(do_ask '[$app[0].spec | service | select(.image)] | length')" != 1 ] || return 0
  say "$do_name has no service $(do_ask '$file[0].services[0].name') that runs an image; call it as the app does" \
    "in .do/app.$1.json, and make an image its source in the app"
  return 1
}

do_deploy() {
  git show "$2:./.do/app.$1.json" >"$do_file" 2>/dev/null || cat ".do/app.$1.json" >"$do_file"
  do_fits "$1" || return
  do_unpin "$1" || return
  do_start PUT "/$do_id" "$do_filter {spec: (wanted | (service | .image) |= point(\$image))}" \
    --slurpfile app "$do_app" --slurpfile file "$do_file" --arg image "$3"
}

# With the file of the commit.
platform_deploy() {
  do_known "$1" || return
  do_deploy "$@"
}

# do_valid RELEASE: "valid", or why the app cannot be rolled back to it.
do_valid() {
  jq --null-input --arg release "$1" '{deployment_id: $release}' >"$http_folder/body"
  http_again POST "$DIGITALOCEAN_API_URL/v2/apps/$do_id/rollback/validate" \
    --header 'Content-Type: application/json' --data "@$http_folder/body" >"$do_answer" || return
  jq --raw-output 'if .valid then "valid" else "\(.error.code): \(.error.message)" end' "$do_answer"
}

# A deployment that is still under way would take over once it is ready. What runs needs no restoring.
platform_restore() {
  do_known "$1" || return
  do_unpin "$1" || return
  do_under_way=$(
    do_deployments 20 'select(.phase | IN("ACTIVE", "SUPERSEDED", "ERROR", "CANCELED") | not).id'
  ) || return
  for do_each in $do_under_way; do
    do_cancel "$do_each" || return
  done
  do_known "$1" || return
  [ "$(jq --raw-output .active_deployment.id "$do_app")" != "$2" ] || return 0
  do_verdict=$(do_valid "$2") || return
  case $do_verdict:$4 in
    valid:*) ;;
    exceeded_revision_limit:*@*)
      say "App Platform does not roll back that far (${do_verdict#*: }); deploying the image of then again"
      do_deploy "$1" "$3" "$4"
      return
      ;;
    *)
      say "App Platform does not roll back to $2: $do_verdict"
      return 1
      ;;
  esac
  do_start POST "/$do_id/rollback" '{deployment_id: $release, skip_pin: false}' --arg release "$2" || return
  do_known "$1" && do_unpin "$1"
}

# It begins with the image of this commit, as an app without a source runs nothing. DigitalOcean pulls by itself,
# long after the pipeline ended: it gets a user and a password that stay good.
do_create() {
  do_start POST '' "$do_filter {spec: (\$file[0] | .services[0].image = (\$image | pulled | login))}" \
    --argjson app null --slurpfile file "$do_file" --arg image "$1"
}

do_update() {
  do_unpin "$1" || return
  do_start PUT "/$do_id" "$do_filter {spec: (wanted | (service | .image) |= login)}" \
    --slurpfile app "$do_app" --slurpfile file "$do_file"
}

# What .do/app.ENV.json says.
platform_bootstrap() {
  do_find "$1" || return
  cat ".do/app.$1.json" >"$do_file"
  if [ -z "$do_id" ]; then
    need_tool skopeo 'https://github.com/containers/skopeo/blob/main/install.md'
    need_setting IMAGE_REPOSITORY 'where images are kept, such as ghcr.io/team/service'
    need_setting REGISTRY_USER 'a user who may read the image there'
    need_setting REGISTRY_PASSWORD 'the password or token of REGISTRY_USER'
    needs_met
    do_first=$(image_published "$(commit_of HEAD)") || return
    change "create the app $do_name, which begins with $do_first" do_create "$do_first"
    return
  fi
  keep DIGITALOCEAN_APP_ID "$do_id"
  do_fits "$1" || return
  [ "$(do_ask 'wanted | (service | .image) |= login | . == $app[0].spec')" != true ] || return 0
  change "bring $do_name to what .do/app.$1.json says" do_update "$1"
}
