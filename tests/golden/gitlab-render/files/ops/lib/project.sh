# shellcheck shell=sh
# shellcheck disable=SC2034 # ops/bootstrap and ops/lib/platform.sh use it
# What the project is called, on the platform with the environment after it.

project=orders

# What a rollback leaves as it is, as a sentence goes on.
platform_keeps='the settings of the service (environment variables, plan) and all data'

# variables_of ENV: what the service is told there, NAME=VALUE a line; .env.example says what it means.
variables_of() {
  grep '^[A-Z]' ".env.$1.example"
  # The platform's proxy sets it; a client cannot forge it.
  echo CLIENT_IP_HEADER=cf-connecting-ip
}
