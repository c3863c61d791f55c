# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the answers callers read
# Private Redis processes: 127.0.0.1 only, password required, nothing saved to disk (everything in it may vanish).

# redis_cli PORT PASSWORD COMMAND...: the password goes through the environment, never through the process list.
redis_cli() {
  local port=$1 password=$2
  shift 2
  REDISCLI_AUTH=$password redis-cli --no-auth-warning -h 127.0.0.1 -p "$port" "$@" 2>/dev/null
}

# redis_running DIR: sets REDIS_PORT and REDIS_PASSWORD when the process configured in DIR is up. Redis rewrites its own
# process title, so the proof that it is ours is that it takes our password and names our configuration file.
redis_running() {
  [ -s "$1/redis.conf" ] || return 1
  REDIS_PORT=$(sed -n 's/^port //p' "$1/redis.conf")
  REDIS_PASSWORD=$(sed -n 's/^requirepass //p' "$1/redis.conf")
  [ -n "$REDIS_PORT" ] || return 1
  port_taken "$REDIS_PORT" || return 1
  redis_cli "$REDIS_PORT" "$REDIS_PASSWORD" info server | tr -d '\r' | grep -qxF "config_file:$1/redis.conf"
}

# redis_start DIR PASSWORDFILE PORTSFILE FIRSTPORT
redis_start() {
  local dir=$1 ports=$3 first=$4 tries
  secret_hex "$2"
  if redis_running "$dir"; then return 0; fi
  mkdir -p "$dir"
  chmod 700 "$dir"
  read -r REDIS_PASSWORD <"$2"
  port_for "$ports" redis "$first"
  REDIS_PORT=$PORT
  write_private "$dir/redis.conf" "bind 127.0.0.1
port $REDIS_PORT
requirepass $REDIS_PASSWORD
dir \"$dir\"
pidfile \"$dir/redis.pid\"
logfile \"$dir/redis.log\"
daemonize yes
save \"\"
appendonly no"
  unlocked redis-server "$dir/redis.conf" >/dev/null 2>&1 ||
    die "redis-server did not start" "look at $dir/redis.log"
  tries=100
  until redis_running "$dir"; do
    ((tries-- > 0)) || die "redis-server does not answer on port $REDIS_PORT" "look at $dir/redis.log"
    sleep 0.05
  done
}

redis_url() { printf 'redis://:%s@127.0.0.1:%s/0' "$REDIS_PASSWORD" "$REDIS_PORT"; }

# redis_stop DIR
redis_stop() {
  redis_running "$1" || return 0
  redis_cli "$REDIS_PORT" "$REDIS_PASSWORD" shutdown nosave >/dev/null || true
  local tries=100
  while redis_running "$1"; do
    ((tries-- > 0)) || { warn "the Redis on port $REDIS_PORT did not stop"; return 0; }
    sleep 0.05
  done
}
