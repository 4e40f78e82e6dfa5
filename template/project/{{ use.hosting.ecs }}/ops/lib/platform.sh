# shellcheck shell=sh
# ECS, as ops/lib/hosting.sh asks of it: a stack of CloudFormation for each environment, named PROJECT-ENV like
# all that is in it. A release is a task definition, known by its ARN.
#
# shellcheck disable=SC2016,SC2034,SC2154 # filters of jq; what ops/lib/hosting.sh reads, and brings

. ops/lib/image.sh

ecs_folder=$(mktemp -d)
at_exit "rm -rf '$ecs_folder'"

platform_check() {
  # GitHub's runners have it, and Alpine as a package.
  if [ -n "${CI:-}" ] && ! command -v aws >/dev/null && command -v apk >/dev/null; then
    apk add --quiet --no-cache aws-cli >&2 || die 'could not install aws'
  fi
  need_tool aws https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html
  need_setting AWS_REGION 'the region, such as us-east-1'
  ecs_identity
  image_check
  [ -n "$missing" ] || [ -z "${AWS_ROLE_ARN:-}" ] || [ -n "${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ] || ecs_role
}

http_identity() {
  cat <<END
Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN
END
}

# The token by which AWS may know the run of a pipeline: GitHub, GitLab, Bitbucket.
ecs_token() {
  if [ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ]; then
    http_again GET "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sts.amazonaws.com" | jq --raw-output '.value // empty'
  else
    printenv OIDC_TOKEN || printenv BITBUCKET_STEP_OIDC_TOKEN
  fi
}

# Who calls, aws finds out by itself; where there is nothing to find, it takes long to say so.
ecs_identity() {
  [ -z "${AWS_ROLE_ARN:-}${AWS_PROFILE:-}${AWS_CONTAINER_CREDENTIALS_FULL_URI:-}" ] || return 0
  [ ! -f "${HOME:-}/.aws/config" ] && [ ! -f "${HOME:-}/.aws/credentials" ] || return 0
  need_setting AWS_ACCESS_KEY_ID 'an access key of AWS; or name a role of the pipeline, AWS_ROLE_ARN, or AWS_PROFILE'
  need_setting AWS_SECRET_ACCESS_KEY 'the secret of that key'
}

# The token is good for minutes only: it is exchanged for a key of an hour.
ecs_role() {
  ecs_token >"$ecs_folder/token" && [ -s "$ecs_folder/token" ] \
    || die 'the pipeline has no token for the role AWS_ROLE_ARN: it may have none, or this is no pipeline'
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
  ecs_aws sts assume-role-with-web-identity --role-arn "$AWS_ROLE_ARN" --role-session-name "$project" \
    --web-identity-token "file://$ecs_folder/token" >"$ecs_folder/role.json" || die 'AWS does not let the pipeline be AWS_ROLE_ARN'
  jq --raw-output '.Credentials | "[default]", "aws_access_key_id = \(.AccessKeyId)",
    "aws_secret_access_key = \(.SecretAccessKey)", "aws_session_token = \(.SessionToken)"' \
    "$ecs_folder/role.json" >"$ecs_folder/credentials" || exit
  export AWS_SHARED_CREDENTIALS_FILE="$ecs_folder/credentials"
}

# ecs_aws SERVICE COMMAND…: it tries again by itself. What is asked of it here does no more when it is done twice.
ecs_aws() {
  AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=${AWS_MAX_ATTEMPTS:-4} AWS_PAGER='' \
    aws --region "$AWS_REGION" --output json --cli-connect-timeout 10 --cli-read-timeout "${HTTP_TIMEOUT:-60}" "$@" </dev/null
}

# platform_image COMMIT: what is deployed, built and published before.
platform_image() { image_published "$1"; }

# The stack of ENV.
ecs_stack() {
  ecs_json=$(ecs_aws cloudformation describe-stacks --stack-name "$project-$1") || return
  printf '%s' "$ecs_json" | jq '.Stacks[0] | {
    status: .StackStatus,
    parameters: (.Parameters // [] | map({(.ParameterKey): .ParameterValue}) | add // {})
  } + (.Outputs // [] | map({(.OutputKey): .OutputValue}) | add // {})'
}

# ecs_output STACK NAME
ecs_output() { printf '%s' "$1" | jq --raw-output --arg name "$2" '.[$name] // empty'; }

# ecs_open ENV: its stack, service, cluster and family, once they are sure to belong to ENV.
ecs_open() {
  ecs_stack_json=$(ecs_stack "$1") || return
  ecs_service=$(ecs_output "$ecs_stack_json" Service)
  ecs_cluster=$(ecs_output "$ecs_stack_json" Cluster)
  if [ -z "$ecs_service" ]; then
    say "the stack $project-$1 has no service yet; set it up: ops/bootstrap $1"
    return 1
  fi
  case $(printf '%s' "$ecs_stack_json" | jq --raw-output .parameters.Environment):$ecs_service in
    "$1":*-"$1") ;;
    *) die "the stack $project-$1 is not the one of $1: its service is $ecs_service" ;;
  esac
}

platform_url() {
  ecs_stack_json=$(ecs_stack "$1") || return
  ecs_output "$ecs_stack_json" Url
}

# The service, after ecs_open.
ecs_look() {
  ecs_json=$(ecs_aws ecs describe-services --cluster "$ecs_cluster" --services "$ecs_service") || return
  printf '%s' "$ecs_json" | jq --exit-status '.services[0] | select(.status == "ACTIVE")' \
    || { say "there is no service $ecs_service in the cluster $ecs_cluster" && return 1; }
}

# ecs_row TIME ARN: RELEASE, WHAT and TIME. The label is of the image's commit.
ecs_row() {
  ecs_json=$(ecs_aws ecs describe-task-definition --task-definition "$2") || return
  printf '%s' "$ecs_json" | jq --raw-output --arg time "$1" '.taskDefinition | .taskDefinitionArn as $arn | .containerDefinitions[0]
    | [$arn, (.dockerLabels["org.opencontainers.image.revision"] // "" | select(. != "")) // .image, $time] | @tsv'
}

# A time as aws says it: seconds in version 1.
ecs_time='def time: if type == "number" then floor | todate else . end;'

# What has completed runs, also while something else is under way.
platform_current() {
  ecs_open "$1" || return
  ecs_json=$(ecs_look) || return
  ecs_now=$(printf '%s' "$ecs_json" | jq --raw-output "$ecs_time"'
    [.deployments[] | select(.rolloutState == "COMPLETED")] | sort_by(.status != "PRIMARY")[:1][]
    | "\(.createdAt | time) \(.taskDefinition)"')
  [ -z "$ecs_now" ] || ecs_row "${ecs_now% *}" "${ecs_now#* }"
}

# Of the newest deployments that succeeded; ECS remembers those of 90 days.
platform_releases() {
  ecs_open "$1" || return
  ecs_json=$(ecs_aws ecs list-service-deployments --cluster "$ecs_cluster" --service "$ecs_service" --status SUCCESSFUL --max-results 20) || return
  ecs_done=$(printf '%s' "$ecs_json" | jq --raw-output "$ecs_time"'
    .serviceDeployments | sort_by(.createdAt) | reverse[] | "\(.createdAt | time) \(.targetServiceRevisionArn)"')
  [ -n "$ecs_done" ] || return 0
  # shellcheck disable=SC2046 # one word each
  ecs_json=$(ecs_aws ecs describe-service-revisions --service-revision-arns $(echo "$ecs_done" | cut -d ' ' -f 2)) || return
  ecs_revisions=$(printf '%s' "$ecs_json" | jq --raw-output '.serviceRevisions[] | "\(.serviceRevisionArn) \(.taskDefinition)"')
  printf '%s\n%s\n' "$ecs_revisions" "$ecs_done" | awk '
    $1 ~ /^arn:/ { release[$1] = $2; next }
    release[$2] && !seen[release[$2]]++ { print $1, release[$2] }' | while read -r ecs_at ecs_release; do
    ecs_row "$ecs_at" "$ecs_release" || exit
  done
}

# ecs_copy REPOSITORY IMAGE COMMIT: ECS pulls from its own registry, under the same digest.
ecs_copy() {
  ecs_aws ecr get-login-password --output text | image_login "$1" AWS || return
  skopeo copy --authfile "$image_auth" --retry-times 3 --preserve-digests "docker://$2" "docker://$1:$3" >&2
}

# ecs_register IMAGE COMMIT: the task definition of the stack with another image; prints its ARN. Not the one that
# runs: after a rollback that has settings of then.
ecs_register() {
  ecs_json=$(ecs_aws ecs describe-task-definition --task-definition "$(ecs_output "$ecs_stack_json" TaskDefinition)") || return
  printf '%s' "$ecs_json" | jq --arg image "$1" --arg commit "$2" '.taskDefinition
    | del(.taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, .registeredBy,
      .deregisteredAt, .deleteRequestedAt)
    | .containerDefinitions[0].image = $image
    | .containerDefinitions[0].dockerLabels["org.opencontainers.image.revision"] = $commit' >"$ecs_folder/task.json" || return
  ecs_json=$(ecs_aws ecs register-task-definition --cli-input-json "file://$ecs_folder/task.json") || return
  printf '%s' "$ecs_json" | jq --raw-output .taskDefinition.taskDefinitionArn
}

# ecs_seen ID: how the deployment goes. One that failed disappears once the service is back at what ran before;
# a new one may not be there at once.
ecs_seen() {
  ecs_json=$(ecs_look) || return
  ecs_answer=$(printf '%s' "$ecs_json" | jq --raw-output --arg id "$1" '
    (.deployments[] | select(.id == $id)) // {rolloutState: "gone"}
    | if .rolloutState == "COMPLETED" then "ready"
      elif .rolloutState == "FAILED" then "failed: \(.rolloutStateReason // "its tasks did not become healthy"); its log is in CloudWatch"
      else .rolloutState end')
  case $ecs_answer in
    gone) [ ! -f "$ecs_folder/seen" ] || echo 'failed: something else took its place; its log is in CloudWatch' ;;
    *)
      : >"$ecs_folder/seen"
      echo "$ecs_answer"
      ;;
  esac
}

# Older versions of aws cannot; what is deployed next ends it too.
ecs_cancel() {
  ecs_json=$(ecs_aws ecs list-service-deployments --cluster "$ecs_cluster" --service "$ecs_service" --status PENDING IN_PROGRESS) || return 0
  for ecs_deployment in $(printf '%s' "$ecs_json" | jq --raw-output '.serviceDeployments[].serviceDeploymentArn'); do
    ecs_aws ecs stop-service-deployment --service-deployment-arn "$ecs_deployment" --stop-type ROLLBACK >/dev/null || :
  done
}

# ecs_follow ID: until the deployment has come to an end.
ecs_follow() {
  rm -f "$ecs_folder/seen"
  follow "deployment $1" ecs_cancel ecs_seen "$1"
}

# ecs_run RELEASE [OPTION…]: the service runs it.
ecs_run() {
  ecs_release=$1
  shift
  ecs_json=$(ecs_aws ecs update-service --cluster "$ecs_cluster" --service "$ecs_service" --task-definition "$ecs_release" "$@") || return
  ecs_follow "$(printf '%s' "$ecs_json" | jq --raw-output '.service.deployments[] | select(.status == "PRIMARY").id')"
}

platform_deploy() {
  ecs_open "$1" || return
  ecs_repository=$(ecs_output "$ecs_stack_json" Repository)
  ecs_copy "$ecs_repository" "$3" "$2" || return
  ecs_release=$(ecs_register "$ecs_repository@${3##*@}" "$2") || return
  ecs_run "$ecs_release"
}

# The circuit breaker may be on its way back to it already. What else is under way ends as the service is told
# what to run.
platform_restore() {
  ecs_open "$1" || return
  ecs_json=$(ecs_look) || return
  ecs_primary=$(printf '%s' "$ecs_json" | jq --raw-output --arg release "$2" '
    .deployments[] | select(.status == "PRIMARY" and .taskDefinition == $release and .rolloutState != "FAILED")
    | "\(.rolloutState) \(.id)"')
  case $ecs_primary in
    COMPLETED*) ;;
    ?*) ecs_follow "${ecs_primary#* }" ;;
    *) ecs_run "$2" --force-new-deployment ;;
  esac
}

# ecs_parameters ENV [NAME=VALUE…]: what the stack has, over it what .aws/ENV.json says, and what is said besides. Only the
# network may be left open there.
ecs_parameters() {
  printf '%s' "$ecs_stack_json" | jq --raw-output --slurpfile file ".aws/$1.json" '
    (.parameters // {}) + ($file[0].Parameters | with_entries(select(.value != "" or (.key | IN("VpcId", "SubnetIds") | not))))
    | to_entries[] | "\(.key)=\(.value)"' >"$ecs_folder/parameters" || return
  shift
  # Of two, aws takes the last.
  printf '%s\n' "$@" >>"$ecs_folder/parameters"
}

# The default VPC, unless .aws/ENV.json names another: parameters.
ecs_network() {
  [ "$(jq --raw-output '.Parameters | .VpcId + .SubnetIds' ".aws/$1.json")" = '' ] || return 0
  ecs_json=$(ecs_aws ec2 describe-subnets --filters Name=default-for-az,Values=true) || return
  ecs_found=$(printf '%s' "$ecs_json" | jq --raw-output '
    .Subnets | select(length > 1) | "VpcId=\(.[0].VpcId) SubnetIds=\(map(.SubnetId) | sort | join(","))"')
  if [ -z "$ecs_found" ]; then
    say "the account has no default VPC in $AWS_REGION; name VpcId and SubnetIds in .aws/$1.json"
    return 1
  fi
  echo "$ecs_found"
}

# ecs_apply ENV [OPTION…]: the stack becomes what the files say.
ecs_apply() {
  ecs_applied=$1
  shift
  # shellcheck disable=SC2046 # one word each
  ecs_aws cloudformation deploy --stack-name "$project-$ecs_applied" --template-file .aws/service.yaml \
    --parameter-overrides $(cat "$ecs_folder/parameters") --capabilities CAPABILITY_IAM \
    --tags "project=$project" "environment=$ecs_applied" --no-fail-on-empty-changeset "$@"
}

# What CloudFormation would do. The change set that says it goes again.
ecs_differences() {
  ecs_said=$(ecs_apply "$1" --no-execute-changeset) || return
  ecs_set=$(echo "$ecs_said" | grep -o 'arn:[^ ]*:changeSet/[^ ]*') || return 0
  ecs_json=$(ecs_aws cloudformation describe-change-set --change-set-name "$ecs_set") || return
  printf '%s' "$ecs_json" | jq --raw-output '[.Changes[].ResourceChange
    | (.Action | ascii_downcase) + " " + .LogicalResourceId
      + ({True: " (another in its place)", Conditional: " (perhaps another in its place)"}[.Replacement // ""] // "")]
    | join(", ")'
  ecs_aws cloudformation delete-change-set --change-set-name "$ecs_set" >/dev/null
}

# ecs_update ENV: the stack remembers the image of the last time, and comes back to that if it fails. What runs is to stay.
ecs_update() {
  ecs_now=$(platform_current "$1") || return
  ecs_release=${ecs_now%%	*}
  ecs_now=''
  if [ -n "$ecs_release" ]; then
    ecs_json=$(ecs_aws ecs describe-task-definition --task-definition "$ecs_release") || return
    ecs_now=$(printf '%s' "$ecs_json" | jq --raw-output '.taskDefinition.containerDefinitions[0]
      | "Image=\(.image) Commit=\(.dockerLabels["org.opencontainers.image.revision"] // "")"')
  fi
  # shellcheck disable=SC2086 # one word each
  ecs_parameters "$1" $ecs_now || return
  ecs_apply "$1" >&2 && return
  say "CloudFormation says why: aws cloudformation describe-stack-events --stack-name $project-$1"
  [ -z "$ecs_release" ] || platform_restore "$1" "$ecs_release" || say "look what runs: ops/releases $1"
  return 1
}

# ecs_known ENV: the status of its stack, "none" if there is none.
ecs_known() {
  if ecs_json=$(ecs_aws cloudformation describe-stacks --stack-name "$project-$1" 2>"$ecs_folder/said"); then
    printf '%s' "$ecs_json" | jq --raw-output '.Stacks[0].StackStatus'
  elif grep -q 'does not exist' "$ecs_folder/said"; then
    echo none
  else
    cat "$ecs_folder/said" >&2
    return 1
  fi
}

# ecs_create ENV PARAMETER…: the stack, without a service.
ecs_create() { ecs_parameters "$@" && ecs_apply "$1" >&2; }

# ecs_begin ENV IMAGE COMMIT: the service, in a stack that has none.
ecs_begin() {
  ecs_stack_json=$(ecs_stack "$1") || return
  ecs_repository=$(ecs_output "$ecs_stack_json" Repository)
  ecs_copy "$ecs_repository" "$2" "$3" || return
  ecs_parameters "$1" "Image=$ecs_repository@${2##*@}" "Commit=$3" && ecs_apply "$1" >&2
}

platform_bootstrap() {
  ecs_status=$(ecs_known "$1") || return
  ecs_stack_json='{}'
  case $ecs_status in
    none | REVIEW_IN_PROGRESS) ecs_status=none ;;
    *_IN_PROGRESS)
      say "the stack $project-$1 is being changed: $ecs_status; wait for that to end"
      return 1
      ;;
    ROLLBACK_COMPLETE | *ROLLBACK_FAILED | *DELETE_FAILED)
      say "the stack $project-$1 is beyond changing: $ecs_status; look why, and delete it in CloudFormation"
      return 1
      ;;
    *) ecs_stack_json=$(ecs_stack "$1") || return ;;
  esac
  if [ -n "$(ecs_output "$ecs_stack_json" Service)" ]; then
    ecs_open "$1" && ecs_parameters "$1" || return
    ecs_differs=$(ecs_differences "$1") || return
    [ -z "$ecs_differs" ] || change "change the stack $project-$1: $ecs_differs" ecs_update "$1"
    return
  fi
  need_tool skopeo
  need_setting IMAGE_REPOSITORY 'where images are kept, such as registry.example.com/team/service'
  need_setting REGISTRY_USER 'a user of that registry'
  need_setting REGISTRY_PASSWORD 'the password or token of REGISTRY_USER'
  needs_met
  # It begins with the image of this commit, as ECS takes no service without one.
  ecs_commit=$(commit_of HEAD)
  ecs_image=$(image_published "$ecs_commit") || return
  if [ "$ecs_status" = none ]; then
    ecs_found=$(ecs_network "$1") || return
    # shellcheck disable=SC2086 # one word each
    change "create the stack $project-$1 of .aws/service.yaml" ecs_create "$1" $ecs_found || return
  fi
  change "create its service, which runs $ecs_image" ecs_begin "$1" "$ecs_image" "$ecs_commit" || return
  [ -n "$dry_run" ] || say "it answers at $(platform_url "$1"), a name that is an alias of $(ecs_output "$(ecs_stack "$1")" LoadBalancer)"
}
