# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the answers callers read
# The wharf server of ./deploy/up: its configuration, its start, its health. Expects STATE, and the PORT_* below, set.

# wharf_pid: prints the process id of our running server; the configuration path among its arguments proves it is ours.
wharf_pid() { our_pid "$STATE/run/wharf.pid" "$STATE/wharf.toml"; }

# Ports are remembered, so that addresses in cargo configurations stay valid from run to run.
server_ports() {
  local key first before
  for key in app:7001 index:7002 download:7003 internal:7009; do
    first=${key#*:} key=${key%%:*}
    before=$(sed -n "s/^$key=//p" "$STATE/ports" 2>/dev/null || true)
    if [ -n "$before" ] && wharf_pid >/dev/null; then
      PORT=$before
    else
      port_for "$STATE/ports" "$key" "$first"
    fi
    if [ -n "$before" ] && [ "$before" != "$PORT" ]; then
      step_interrupted
      warn "port $before is taken by something else; $key moves to $PORT (what you configured with the old address needs the new one)"
    fi
    printf -v "PORT_$key" '%s' "$PORT"
  done
}

# A TOML basic string: the checkout's path may hold anything but a line break.
toml_string() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

blob_section() {
  if [ -z "${WHARF_S3_BUCKET:-}${WHARF_S3_ENDPOINT:-}" ]; then
    mkdir -p "$STATE/blobs"
    printf 'kind = "directory"\npath = %s\n' "$(toml_string "$STATE/blobs")"
    return 0
  fi
  local name
  for name in WHARF_S3_BUCKET WHARF_S3_ACCESS_KEY WHARF_S3_SECRET_KEY; do
    [ -n "${!name:-}" ] || die "S3 settings are given, but $name is not" \
      "set WHARF_S3_BUCKET, WHARF_S3_ACCESS_KEY, WHARF_S3_SECRET_KEY (and WHARF_S3_ENDPOINT, WHARF_S3_REGION), or none of them"
  done
  write_private "$STATE/secrets/s3-access-key" "$WHARF_S3_ACCESS_KEY"
  write_private "$STATE/secrets/s3-secret-key" "$WHARF_S3_SECRET_KEY"
  printf 'kind = "s3"\n'
  # Only AWS itself can do without an address; whatever else stands behind one is asked by path, never by host name.
  if [ -n "${WHARF_S3_ENDPOINT:-}" ]; then
    printf 'endpoint = %s\npath_style = true\n' "$(toml_string "$WHARF_S3_ENDPOINT")"
  fi
  printf 'region = %s\nbucket = %s\n' "$(toml_string "${WHARF_S3_REGION:-us-east-1}")" "$(toml_string "$WHARF_S3_BUCKET")"
  printf 'access_key_file = %s\nsecret_key_file = %s\n' \
    "$(toml_string "$STATE/secrets/s3-access-key")" "$(toml_string "$STATE/secrets/s3-secret-key")"
}

# server_config DATABASE_URL REDIS_URL: secrets once, then wharf.toml (commented in deploy/wharf.sample.toml).
server_config() {
  local secrets=$STATE/secrets blob
  secret_hex "$secrets/token-pepper"
  secret_hex "$secrets/ticket-key"
  secret_hex "$secrets/database-service-password"
  write_private "$secrets/database-owner-url" "$1"
  write_private "$secrets/redis-url" "$2"
  blob=$(blob_section) || exit 1
  write_private "$STATE/wharf.toml" "# Written by ./deploy/up at every start; deploy/wharf.sample.toml explains each key.
[public]
app = \"http://127.0.0.1:$PORT_app\"
index = \"http://127.0.0.1:$PORT_index\"
download = \"http://127.0.0.1:$PORT_download\"

[listen]
app = \"127.0.0.1:$PORT_app\"
index = \"127.0.0.1:$PORT_index\"
download = \"127.0.0.1:$PORT_download\"
internal = \"127.0.0.1:$PORT_internal\"

[database]
owner_url_file = $(toml_string "$secrets/database-owner-url")
service_password_file = $(toml_string "$secrets/database-service-password")

[redis]
url_file = $(toml_string "$secrets/redis-url")

[blob]
$blob

[secrets]
token_pepper_file = $(toml_string "$secrets/token-pepper")
ticket_key_file = $(toml_string "$secrets/ticket-key")

[log]
format = \"json\"
level = \"info\""
}

# wharf_command: sets WHARF_COMMAND, the program with its configuration, deaf to settings meant for this script.
wharf_command() {
  local name
  WHARF_COMMAND=(env -u DATABASE_URL -u REDIS_URL)
  for name in ${!WHARF_@}; do WHARF_COMMAND+=(-u "$name"); done
  WHARF_COMMAND+=("$BINARY" --config "$STATE/wharf.toml")
}

# What runs is compared with what would be started: program, configuration and the secrets it points to.
server_stamp() { sha256sum "$BINARY" "$STATE/wharf.toml" "$STATE/secrets"/* | sha256sum | cut -d' ' -f1; }

server_ready() { [ "$(http_status "$PORT_internal" /readyz)" = 200 ]; }

server_current() {
  wharf_pid >/dev/null && [ -s "$STATE/quickstart.env" ] &&
    [ "$(cat "$STATE/run/wharf.stamp" 2>/dev/null)" = "$(server_stamp)" ] && server_ready
}

server_stop() {
  local pid
  if pid=$(wharf_pid); then
    echo "$pid" >"$STATE/run/wharf.stopped" # tells an ./deploy/up in the foreground that this is no crash
    stop_pid "$pid" 30
  fi
  rm -f "$STATE/run/wharf.pid" "$STATE/run/wharf.stamp"
}

server_start() {
  local log=$STATE/log/wharf.log tries=600
  if [ -s "$log" ]; then mv "$log" "$log.1"; fi
  (umask 077 && : >"$log")
  detached "$log" "${WHARF_COMMAND[@]}" serve
  echo "$DETACHED_PID" >"$STATE/run/wharf.pid"
  until server_ready; do
    if ! kill -0 "$DETACHED_PID" 2>/dev/null || ((tries-- <= 0)); then
      step_interrupted
      tail -n 20 "$log" >&2
      die "the server did not become ready" "its log stands above: $log"
    fi
    sleep 0.1
  done
  server_stamp >"$STATE/run/wharf.stamp"
}

# What everybody needs to know, the same after every way to get here.
server_facts() {
  cat <<FACTS

Wharf is running.
  dashboard   http://127.0.0.1:$PORT_app/
  admin       WHARF_API_TOKEN in $STATE/quickstart.env, for the JSON API
  tokens      in the same file: WHARF_PUBLISH_TOKEN, WHARF_READ_ALL_TOKEN, WHARF_PARTNER_TOKEN
  log         $STATE/log/wharf.log

Cargo configuration, for .cargo/config.toml of a project or of your home:

  [registries.acme-private]
  index = "sparse+http://127.0.0.1:$PORT_index/acme/private/"

  [registry]
  global-credential-providers = ["cargo:token"]

Then, in a shell:

  . $(printf '%q' "$STATE/quickstart.env")
  export CARGO_REGISTRIES_ACME_PRIVATE_TOKEN="\$WHARF_PUBLISH_TOKEN"
  cargo publish --registry acme-private

FACTS
}
