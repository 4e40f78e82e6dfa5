# shellcheck shell=sh
# Render, as ops/lib/hosting.sh asks of it: one service for each environment, RENDER_SERVICE_ID is the
# one of the environment at hand.
#
# shellcheck disable=SC2016,SC2034,SC2154 # filters of jq; what ops/lib/hosting.sh reads, and brings

. ops/lib/image.sh

: "${RENDER_API_URL:=https://api.render.com/v1}"

platform_check() {
  image_check
  need_setting RENDER_API_KEY 'an API key of Render'
  [ "$task" = bootstrap ] || need_setting RENDER_SERVICE_ID 'the id (srv-…) of the service of this environment'
}

http_identity() {
  cat <<END
Authorization: Bearer $RENDER_API_KEY
END
}

render_get() { http_again GET "$RENDER_API_URL/services/$RENDER_SERVICE_ID$1"; }

# The service, once it is sure to belong to ENV.
render_service() {
  render_answer=$(render_get '') || return
  case $(printf '%s' "$render_answer" | jq --raw-output .name) in
    *-"$1") printf '%s' "$render_answer" ;;
    *) die "RENDER_SERVICE_ID is not the service of $1: its name does not end in -$1" ;;
  esac
}

platform_url() {
  render_answer=$(render_service "$1") || return
  printf '%s' "$render_answer" | jq --raw-output .serviceDetails.url
}

# render_deploys QUERY FILTER: of the newest, those that FILTER lets through.
render_deploys() {
  render_answer=$(render_get "/deploys?$1") || return
  printf '%s' "$render_answer" | jq --raw-output "
    map(.deploy) | sort_by(.createdAt) | reverse[] | $2"
}

render_row='[.id, .commit.id // .image.ref // .id, .createdAt] | @tsv'

platform_releases() { render_deploys 'status=live&status=deactivated&limit=100' "$render_row"; }

platform_current() { render_deploys 'status=live&limit=1' "$render_row"; }

render_cancel() { http_again POST "$RENDER_API_URL/services/$RENDER_SERVICE_ID/deploys/$1/cancel" --data '' >/dev/null; }

render_look() {
  render_answer=$(render_get "/deploys/$1") || return
  printf '%s' "$render_answer" | jq --raw-output '
    if .status == "live" then "ready"
    elif .status | IN("created", "queued") or endswith("_in_progress") then ""
    else "failed: it ended as \(.status); its log is in the dashboard of Render" end'
}

# render_start PATH FILTER [JQ-OPTION…]: starts a deploy and succeeds once it is live.
render_start() {
  render_path=$1
  shift
  render_answer=$(http_json POST "$RENDER_API_URL/services/$RENDER_SERVICE_ID$render_path" "$@") || return
  render_id=$(printf '%s' "$render_answer" | jq --raw-output .id)
  # Queued behind another deploy, it has no answer yet, but heads the list.
  [ -n "$render_id" ] || render_id=$(render_deploys limit=1 .id) || return
  follow "deploy $render_id" render_cancel render_look "$render_id"
}

# platform_image COMMIT: what is deployed, built and published before.
platform_image() { image_published "$1"; }

# render_point SERVICE IMAGE: what a deploy after a change of settings takes. Said without its credential, the service
# would lose that.
render_point() {
  render_image=$(printf '%s' "$1" | jq --arg image "$2" '
    {image: ({ownerId, imagePath: $image} + (if .registryCredential then {registryCredentialId: .registryCredential.id} else {} end))}')
  http_json PATCH "$RENDER_API_URL/services/$RENDER_SERVICE_ID" '$image' --argjson image "$render_image" >/dev/null
}

platform_deploy() {
  render_answer=$(render_service "$1") || return
  if [ "$(printf '%s' "$render_answer" | jq 'has("imagePath")')" != true ]; then
    say "the service of $1 is built from a repository; set one up that runs images: ops/bootstrap $1"
    return 1
  fi
  render_point "$render_answer" "$3" || return
  render_start /deploys '{imageUrl: $image}' --arg image "$3"
}

# A deploy that is still under way would take over once it is ready. What runs needs no restoring.
platform_restore() {
  render_answer=$(render_service "$1") || return
  [ -z "$4" ] || render_point "$render_answer" "$4" || return
  for render_id in $(render_deploys limit=20 'select(.status | IN("created", "queued") or endswith("_in_progress")).id'); do
    render_cancel "$render_id" || return
  done
  render_answer=$(platform_current "$1") || return
  case $render_answer in "$2	"*) return ;; esac
  render_start /rollback '{deployId: $release}' --arg release "$2"
}

# Who pays: RENDER_OWNER_ID, or the one workspace that the key reaches.
render_owner() {
  if [ -n "${RENDER_OWNER_ID:-}" ]; then
    echo "$RENDER_OWNER_ID"
    return
  fi
  render_answer=$(http_again GET "$RENDER_API_URL/owners?limit=20") || return
  if [ "$(printf '%s' "$render_answer" | jq length)" != 1 ]; then
    say "the key reaches several workspaces; say which, as RENDER_OWNER_ID: $(printf '%s' "$render_answer" \
      | jq --raw-output 'map("\(.owner.id) (\(.owner.name))") | join(", ")')"
    return 1
  fi
  printf '%s' "$render_answer" | jq --raw-output '.[0].owner.id'
}

# Render pulls by itself, long after the pipeline ended: it gets a user and a password that stay good.
render_login() {
  case $IMAGE_REPOSITORY in
    ghcr.io/*) render_registry=GITHUB ;;
    registry.gitlab.com/*) render_registry=GITLAB ;;
    docker.io/*) render_registry=DOCKER ;;
    *)
      say "Render has no login for ${IMAGE_REPOSITORY%%/*}; it has for ghcr.io, registry.gitlab.com and docker.io"
      return 1
      ;;
  esac
  http_json POST "$RENDER_API_URL/registrycredentials" '
    {$name, $registry, $ownerId, username: env.REGISTRY_USER, authToken: env.REGISTRY_PASSWORD}' \
    --arg name "$1" --arg registry "$render_registry" --arg ownerId "$2" >/dev/null
}

render_create() {
  render_credential=''
  if [ -n "${REGISTRY_PASSWORD:+set}" ]; then
    render_answer=$(http_again GET "$RENDER_API_URL/registrycredentials?name=$2&ownerId=$1&limit=20") || return
    render_credential=$(printf '%s' "$render_answer" | jq --raw-output 'map(.registryCredential // .) | .[0].id // empty')
  fi
  render_answer=$(http_json POST "$RENDER_API_URL/services" '
    $settings[0] + {$ownerId, image: ({$ownerId, imagePath: $image}
      + (if $credential == "" then {} else {registryCredentialId: $credential} end))}' \
    --slurpfile settings "$3" --arg ownerId "$1" --arg image "$4" --arg credential "$render_credential") || return
  keep RENDER_SERVICE_ID "$(printf '%s' "$render_answer" | jq --raw-output .service.id)"
}

# What .render/ENV.json says. A change of it takes effect with the next deploy.
platform_bootstrap() {
  need_tool skopeo
  need_setting IMAGE_REPOSITORY 'where images are kept, such as registry.example.com/team/service'
  needs_met
  render_settings=.render/$1.json
  render_name=$(jq --raw-output .name "$render_settings")
  render_owner_id=$(render_owner) || return
  render_answer=$(http_again GET "$RENDER_API_URL/services?name=$render_name&ownerId=$render_owner_id&limit=20") || return
  render_known=$(printf '%s' "$render_answer" | jq --arg name "$render_name" '.[].service | select(.name == $name)')
  if [ -z "$render_known" ]; then
    # It begins with the image of this commit, as Render takes no service without one.
    render_first=$(image_published "$(commit_of HEAD)") || return
    [ -z "${REGISTRY_PASSWORD:+set}" ] \
      || change "give Render a login for ${IMAGE_REPOSITORY%%/*}, as $render_name" render_login "$render_name" "$render_owner_id" || return
    change "create the service $render_name" render_create "$render_owner_id" "$render_name" "$render_settings" "$render_first"
    return
  fi
  RENDER_SERVICE_ID=$(printf '%s' "$render_known" | jq --raw-output .id)
  keep RENDER_SERVICE_ID "$RENDER_SERVICE_ID"
  render_wanted=$(jq '.serviceDetails | {plan, healthCheckPath, maxShutdownDelaySeconds}' "$render_settings")
  [ "$(printf '%s' "$render_known" | jq --argjson wanted "$render_wanted" '
    .serviceDetails as $has | $wanted | with_entries(select($has[.key] != .value)) | length')" = 0 ] \
    || change "set the plan and the health check of $render_name" http_json PATCH "$RENDER_API_URL/services/$RENDER_SERVICE_ID" \
      '{serviceDetails: $wanted}' --argjson wanted "$render_wanted" >"$http_folder/done" || return
  render_instances=$(jq .serviceDetails.numInstances "$render_settings")
  [ "$(printf '%s' "$render_known" | jq .serviceDetails.numInstances)" = "$render_instances" ] \
    || change "run $render_instances instances of $render_name" http_json POST "$RENDER_API_URL/services/$RENDER_SERVICE_ID/scale" \
      '{$numInstances}' --argjson numInstances "$render_instances" >"$http_folder/done" || return
  render_has=$(render_get '/env-vars?limit=100') || return
  render_has=$(printf '%s' "$render_has" | jq --raw-output '.[].envVar | "\(.key)=\(.value)"')
  for render_variable in $(jq --raw-output '.envVars[] | "\(.key)=\(.value)"' "$render_settings"); do
    printf '%s\n' "$render_has" | grep -Fqx "$render_variable" \
      || change "set $render_variable" http_json PUT "$RENDER_API_URL/services/$RENDER_SERVICE_ID/env-vars/${render_variable%%=*}" \
        '{$value}' --arg value "${render_variable#*=}" >"$http_folder/done" || return
  done
}
