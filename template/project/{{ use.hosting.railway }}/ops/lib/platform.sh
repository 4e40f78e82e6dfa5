# shellcheck shell=sh
# Railway, as ops/lib/hosting.sh asks of it: an environment of one project, RAILWAY_SERVICE_ID is the service in
# it. RAILWAY_TOKEN is good for one environment, and says for which; ops/bootstrap wants a token of the workspace.
#
# shellcheck disable=SC2016,SC2034,SC2154 # filters of jq, GraphQL; what ops/lib/hosting.sh reads, and brings

. ops/lib/image.sh

: "${RAILWAY_API_URL:=https://backboard.railway.com/graphql/v2}"

platform_check() {
  image_check
  if [ "$task" = bootstrap ]; then
    need_setting RAILWAY_API_TOKEN 'a token of the workspace in Railway'
  else
    need_setting RAILWAY_TOKEN "a project token of Railway's, for this environment"
    need_setting RAILWAY_SERVICE_ID 'the id of the service, which ops/bootstrap prints'
  fi
}

http_identity() {
  if [ "$task" = bootstrap ]; then
    cat <<END
Authorization: Bearer $RAILWAY_API_TOKEN
END
  else
    cat <<END
Project-Access-Token: $RAILWAY_TOKEN
END
  fi
}

# railway_by HTTP FILTER DOCUMENT VARIABLES [JQ-OPTION…]: prints what FILTER makes of the data. VARIABLES may name
# $projectId, $environmentId and $serviceId. What was asked and answered stays in files, as there may be secrets in it.
# An answer with errors has status 200, too.
railway_by() {
  railway_http=$1
  railway_filter=$2
  railway_document=$3
  railway_variables=$4
  shift 4
  jq --null-input "$@" --arg document "$railway_document" --arg projectId "${railway_project:-}" \
    --arg environmentId "${railway_environment:-}" --arg serviceId "${RAILWAY_SERVICE_ID:-}" \
    "{query: \$document, variables: $railway_variables}" >"$http_folder/body" || return
  "$railway_http" POST "$RAILWAY_API_URL" --header 'Content-Type: application/json' \
    --data "@$http_folder/body" >"$http_folder/done" || return
  railway_words=$(jq --raw-output '
    .errors // [] | map(.message // "no reason given") | join("; ") | gsub("\\s+"; " ") | .[:200]
    ' "$http_folder/answer") || return
  if [ -n "$railway_words" ]; then
    railway_document=${railway_document#* }
    case $railway_words in
      *'Not Authorized'*) railway_words="$railway_words: the token is wrong, has expired or may not do this" ;;
    esac
    say "Railway refused ${railway_document%%[ (]*}: $railway_words"
    return 1
  fi
  jq --raw-output ".data | $railway_filter" "$http_folder/answer"
}

# For a call that must not be made twice, and for one that may.
railway() { railway_by http "$@"; }
railway_again() { railway_by http_again "$@"; }

# railway_here ENV: its ids, once the token is sure to be one of ENV.
railway_here() {
  railway_answer=$(railway_again '.projectToken | "\(.projectId) \(.environmentId) \(.environment.name)"' \
    'query projectToken { projectToken { projectId environmentId environment { name } } }' '{}') || return
  railway_project=${railway_answer%% *}
  railway_environment=${railway_answer#* }
  railway_name=${railway_environment#* }
  railway_environment=${railway_environment%% *}
  if [ "$railway_name" != "$1" ]; then
    say "RAILWAY_TOKEN is not a token of $1 but of $railway_name"
    return 1
  fi
}

# railway_service FILTER FIELDS: the service in the environment.
railway_service() {
  railway_again ".serviceInstance | $1" "query serviceInstance(\$serviceId: String!, \$environmentId: String!) {
    serviceInstance(serviceId: \$serviceId, environmentId: \$environmentId) { $2 }
  }" '{$serviceId, $environmentId}'
}

# railway_set INPUT [JQ-OPTION…]: settings of it, which take effect with the next deploy.
railway_set() {
  railway_input=$1
  shift
  railway_again empty 'mutation serviceInstanceUpdate(
    $serviceId: String!, $environmentId: String!, $input: ServiceInstanceUpdateInput!
  ) {
    serviceInstanceUpdate(serviceId: $serviceId, environmentId: $environmentId, input: $input)
  }' "{\$serviceId, \$environmentId, input: $railway_input}" "$@"
}

platform_url() {
  railway_here "$1" || return
  railway_service '.domains | (.customDomains + .serviceDomains)[0].domain // empty | "https://\(.)"' \
    'domains { customDomains { domain } serviceDomains { domain } }'
}

railway_under_way='"INITIALIZING", "QUEUED", "WAITING", "NEEDS_APPROVAL", "BUILDING", "DEPLOYING"'
railway_runs='"SUCCESS", "SLEEPING"'
railway_ran="$railway_runs, \"CRASHED\""
railway_any="$railway_under_way, $railway_ran, \"REMOVING\", \"REMOVED\", \"FAILED\", \"SKIPPED\""

# railway_deployments STATUSES FIRST FILTER: FILTER of them, newest first.
railway_deployments() {
  railway_again ".deployments.edges | map(.node) | sort_by(.createdAt) | reverse | $3" \
    'query deployments($input: DeploymentListInput!, $first: Int) {
      deployments(input: $input, first: $first) { edges { node { id status canRollback createdAt meta } } }
    }' '{input: {$projectId, $environmentId, $serviceId, status: {in: $statuses}}, $first}' \
    --argjson statuses "[$1]" --argjson first "$2"
}

railway_row='[.id, .meta.image // .meta.imageDigest // .meta.commitHash // .id, .createdAt] | @tsv'

# A deployment that was cancelled is REMOVED as one that was replaced; only the latter can be rolled back to.
platform_releases() {
  railway_here "$1" || return
  railway_deployments "$railway_ran, \"REMOVING\", \"REMOVED\"" 100 \
    "map(select((.status | IN($railway_ran)) or .canRollback))[] | $railway_row"
}

# One that crashed counts where nothing else runs: it is what a rollback is for.
platform_current() {
  railway_here "$1" || return
  railway_deployments "$railway_ran" 20 \
    "(map(select(.status != \"CRASHED\")) + .)[0] // empty | $railway_row"
}

railway_state="if .status | IN($railway_runs) then \"ready\"
  elif .status | IN($railway_under_way) then \"\"
  else \"failed: it ended as \(.status); its log is in Railway, with the service\" end"

# railway_deployment ID FILTER
railway_deployment() {
  railway_again ".deployment | $2" 'query deployment($id: String!) { deployment(id: $id) { status canRollback meta } }' \
    '{$id}' --arg id "$1"
}

railway_look() { railway_deployment "$1" "$railway_state"; }

# What has ended by itself is refused, and needs no cancelling.
railway_cancel() {
  railway_again empty 'mutation deploymentCancel($id: String!) { deploymentCancel(id: $id) }' '{$id}' --arg id "$1" \
    || [ -n "$(railway_look "$1")" ]
}

# A rollback does not say what it started: that is what is newer than BEFORE.
railway_newest() { railway_deployments "$railway_any" 1 ".[] | $1"; }
railway_newer_look() { railway_newest "select(.id != \"$1\") | $railway_state"; }
railway_newer_cancel() {
  railway_id=$(railway_newest "select(.id != \"$1\").id") || return
  [ -z "$railway_id" ] || railway_cancel "$railway_id"
}

# railway_point IMAGE: what is deployed from now on, also when somebody does it in Railway.
railway_point() { railway_set '{source: {$image}}' --arg image "$1"; }

railway_start() {
  railway_id=$(railway .serviceInstanceDeployV2 '
    mutation serviceInstanceDeployV2($serviceId: String!, $environmentId: String!) {
      serviceInstanceDeployV2(serviceId: $serviceId, environmentId: $environmentId)
    }' '{$serviceId, $environmentId}') || return
  follow "deployment $railway_id" railway_cancel railway_look "$railway_id"
}

# platform_image COMMIT: what is deployed, built and published before.
platform_image() { image_published "$1"; }

platform_deploy() {
  railway_here "$1" || return
  railway_point "$3" || return
  railway_start
}

# A deployment that is still under way would take over once it is ready. What runs needs no restoring.
platform_restore() {
  railway_here "$1" || return
  railway_answer=$(railway_deployment "$2" '"\(.canRollback) \(.meta.image // "")"') || railway_answer='false '
  railway_image=${4:-${railway_answer#* }}
  [ -z "$railway_image" ] || railway_point "$railway_image" || return
  for railway_id in $(railway_deployments "$railway_under_way" 20 '.[].id'); do
    railway_cancel "$railway_id" || return
  done
  railway_answer=${railway_answer%% *}
  railway_current=$(railway_deployments "$railway_runs" 20 '.[0].id // empty') || return
  [ "$railway_current" != "$2" ] || return 0
  if [ "$railway_answer" = true ]; then
    railway_before=$(railway_newest .id) || return
    railway empty 'mutation deploymentRollback($id: String!) { deploymentRollback(id: $id) }' '{$id}' --arg id "$2" \
      || return
    follow "the rollback to $2" railway_newer_cancel railway_newer_look "$railway_before"
  elif [ -n "$railway_image" ]; then
    say "Railway no longer keeps $2; deploying its image"
    railway_start
  else
    say "Railway no longer keeps $2"
    return 1
  fi
}

# Where the project is: RAILWAY_WORKSPACE_ID, or the one workspace that the token reaches.
railway_workspace() {
  if [ -n "${RAILWAY_WORKSPACE_ID:-}" ]; then
    echo "$RAILWAY_WORKSPACE_ID"
    return
  fi
  railway_answer=$(railway_again .apiToken.workspaces 'query apiToken { apiToken { workspaces { id name } } }' '{}') || return
  if [ "$(printf '%s' "$railway_answer" | jq length)" != 1 ]; then
    say "the token reaches several workspaces; say which, as RAILWAY_WORKSPACE_ID: $(printf '%s' "$railway_answer" \
      | jq --raw-output 'map("\(.id) (\(.name))") | join(", ")')"
    return 1
  fi
  printf '%s' "$railway_answer" | jq --raw-output '.[0].id'
}

# railway_project_of WORKSPACE: its id, if there is one.
railway_project_of() {
  railway_after=null
  while :; do
    railway_page=$(railway_again \
      ".projects | {next: .pageInfo, found: [.edges[].node | select(.name == \"$project\").id]}" \
      'query projects($workspaceId: String!, $after: String) {
        projects(workspaceId: $workspaceId, after: $after) {
          edges { node { id name } }
          pageInfo { hasNextPage endCursor }
        }
      }' '{$workspaceId, $after}' --arg workspaceId "$1" --argjson after "$railway_after") || return
    railway_found=$(printf '%s' "$railway_page" | jq --raw-output '.found[0] // empty')
    railway_after=$(printf '%s' "$railway_page" | jq 'if .next.hasNextPage then .next.endCursor else null end')
    if [ -n "$railway_found" ] || [ "$railway_after" = null ]; then break; fi
  done
  echo "$railway_found"
}

# railway_parts: what the project has: kind, name and id, a line each.
railway_parts() {
  [ -n "$railway_project" ] || return 0
  railway_again '.project
    | (.environments.edges[].node | "environment \(.name) \(.id)"), (.services.edges[].node | "service \(.name) \(.id)")' \
    'query project($projectId: String!) {
      project(id: $projectId) {
        environments { edges { node { id name } } }
        services { edges { node { id name } } }
      }
    }' '{$projectId}'
}
railway_part() { printf '%s\n' "$railway_has" | sed -n "s/^$1 $2 //p"; }

railway_create_project() {
  railway_project=$(railway .projectCreate.id '
    mutation projectCreate($input: ProjectCreateInput!) { projectCreate(input: $input) { id } }
    ' '{input: {$name, $workspaceId, $defaultEnvironmentName, isPublic: false, prDeploys: false}}' \
    --arg name "$project" --arg workspaceId "$1" --arg defaultEnvironmentName "$2")
}

railway_create_environment() {
  railway empty 'mutation environmentCreate($input: EnvironmentCreateInput!) { environmentCreate(input: $input) { id } }' \
    '{input: {$projectId, $name, skipInitialDeploys: true}}' --arg name "$1"
}

# Without a source, so that nothing is deployed; it is in all environments that there are.
railway_create_service() {
  RAILWAY_SERVICE_ID=$(railway .serviceCreate.id '
    mutation serviceCreate($input: ServiceCreateInput!) { serviceCreate(input: $input) { id } }
    ' '{input: {$projectId, $name}}' --arg name "$project")
}

railway_create_domain() {
  railway empty '
    mutation serviceDomainCreate($input: ServiceDomainCreateInput!) { serviceDomainCreate(input: $input) { domain } }
    ' '{input: {$serviceId, $environmentId, targetPort: 3000}}'
}

railway_set_variables() {
  railway_again empty '
    mutation variableCollectionUpsert($input: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $input) }
    ' '{input: {
      $projectId, $environmentId, $serviceId, variables: $file[0].variables, replace: false, skipDeploys: true
    }}' --slurpfile file "$1"
}

# The variables that are not as they should be. Of the others nothing is said, as they may be secret.
railway_wrong_variables() {
  railway_again ".variables as \$has | $(jq --compact-output .variables "$1")
    | [to_entries[] | select(\$has[.key] != .value) | \"\(.key)=\(.value)\"] | join(\", \")" '
    query variables($projectId: String!, $environmentId: String!, $serviceId: String!) {
      variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId)
    }' '{$projectId, $environmentId, $serviceId}'
}

# Railway pulls by itself, long after the pipeline ended: it gets a user and a password that stay good.
railway_login() {
  railway_set '{registryCredentials: {username: env.REGISTRY_USER, password: env.REGISTRY_PASSWORD}}'
}

# What .railway/ENV.json says; a change of it takes effect with the next deploy. `railway config apply` does the same.
platform_bootstrap() {
  railway_file=.railway/$1.json
  railway_owner=$(railway_workspace) || return
  railway_project=$(railway_project_of "$railway_owner") || return
  [ -n "$railway_project" ] \
    || change "create the project $project" railway_create_project "$railway_owner" "$1" || return
  railway_has=$(railway_parts) || return
  # All of them before the service, which is created in those that there are.
  for railway_name in sandbox testbed live; do
    [ -n "$(railway_part environment "$railway_name")" ] \
      || change "create the environment $railway_name" railway_create_environment "$railway_name" || return
  done
  RAILWAY_SERVICE_ID=$(railway_part service "$project")
  [ -n "$RAILWAY_SERVICE_ID" ] || change "create the service $project" railway_create_service || return
  railway_has=$(railway_parts) || return
  railway_environment=$(railway_part environment "$1")
  if [ -z "$RAILWAY_SERVICE_ID" ] || [ -z "$railway_environment" ]; then
    # Only a dry run gets here.
    change "set the service up in $1 as $railway_file says" false
    return
  fi
  keep RAILWAY_SERVICE_ID "$RAILWAY_SERVICE_ID"
  if ! railway_answer=$(railway_service . "$(jq --raw-output '.settings | keys | join(" ")' "$railway_file")
    domains { customDomains { domain } serviceDomains { domain } }"); then
    say "if the service is not in $1 yet, add it there: railway environment $1, then railway config apply"
    return 1
  fi
  printf '%s' "$railway_answer" | jq --exit-status --slurpfile file "$railway_file" '
    . as $has | $file[0].settings | all(to_entries[]; $has[.key] == .value)' >/dev/null \
    || change "set replicas, region and the health check of $1" railway_set '$file[0].settings' \
      --slurpfile file "$railway_file" || return
  railway_wrong=$(railway_wrong_variables "$railway_file") || return
  [ -z "$railway_wrong" ] || change "set $railway_wrong" railway_set_variables "$railway_file" || return
  printf '%s' "$railway_answer" | jq --exit-status '.domains | .customDomains + .serviceDomains != []' >/dev/null \
    || change "give $1 an address" railway_create_domain || return
  [ -n "${REGISTRY_PASSWORD:+set}" ] || return 0
  railway_has=$(railway_again \
    ".environment.config.services[\"$RAILWAY_SERVICE_ID\"].deploy.registryCredentials != null" \
    'query environment($environmentId: String!) { environment(id: $environmentId) { config } }' \
    '{$environmentId}') || return
  [ "$railway_has" = true ] \
    || change "give Railway the login of ${REGISTRY_USER:-} for the registry of the image" railway_login
}
