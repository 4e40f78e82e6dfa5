# shellcheck shell=sh
# What Vercel is sent of a service: where its image is, in the form that `vercel build` writes. The
# image runs as a function.

. ops/lib/image.sh

# shellcheck disable=SC2034 # ops/lib/platform.sh adds it to the call
bundle_query='&prebuilt=1'

: "${VERCEL_REGISTRY:=vcr.vercel.com}"

bundle_check() { image_check; }

# platform_image COMMIT: what is deployed, built and published before.
platform_image() { image_published "$1"; }

# bundle_variables ENV: what the service is told, a NAME=VALUE each.
bundle_variables() {
  variables_of "$1"
  echo PORT=3000
}

# Who owns the project, as in the names of its images.
bundle_owner() {
  case $VERCEL_ORG_ID in
    team_*) bundle_answer=$(vercel_get "/v2/teams/$VERCEL_ORG_ID") ;;
    *) bundle_answer=$(vercel_get /v2/user) ;;
  esac || return
  printf '%s' "$bundle_answer" | jq --raw-output '.slug // .user.username'
}

# bundle_files FOLDER PROJECT COMMIT IMAGE: Vercel runs images of its own registry only: it gets a copy,
# under the same digest.
bundle_files() {
  bundle_image=$(bundle_owner) || return
  bundle_image=$VERCEL_REGISTRY/$bundle_image/$2/service
  image_login "$bundle_image" "$VERCEL_ORG_ID" <<END || return
$VERCEL_TOKEN
END
  skopeo copy --authfile "$image_auth" --retry-times 3 --preserve-digests "docker://$4" "docker://$bundle_image:$3" >&2 || return
  jq --null-input --arg handler "$bundle_image@${4##*@}" '
    {version: 3, routes: [{handle: "filesystem"}, {src: "/(.*)", dest: "/index"}]} as $config
    | {$handler, runtime: "container", environment: {}} as $function
    | [
        {file: ".vercel/output/config.json", data: ($config | tojson)},
        {file: ".vercel/output/functions/index.func/.vc-config.json", data: ($function | tojson)}
      ]'
}
