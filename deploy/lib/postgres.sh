# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the answers callers read
# Private Postgres clusters: TCP on 127.0.0.1 only, password required, one directory each. Never touches a system cluster.

readonly PG_MIN_MAJOR=15
readonly PG_ADMIN=wharf

# pg_find DIR: sets PG_BIN to the binaries for the cluster in DIR, or to the newest installed. Fails when there are none.
pg_find() {
  local dir candidate major
  PG_BIN=''
  if [ -s "$1/data/PG_VERSION" ]; then
    read -r major <"$1/data/PG_VERSION"
    PG_BIN=/usr/lib/postgresql/$major/bin
    [ -x "$PG_BIN/postgres" ] || die "the cluster in $1 was made by PostgreSQL $major, which is not installed any more" \
      "install it: apt-get install postgresql-$major; or drop the data: ./deploy/down --purge"
    return 0
  fi
  while IFS= read -r candidate; do
    dir=${candidate%/bin}
    major=${dir##*/}
    if [[ $major =~ ^[0-9]+$ ]] && ((major >= PG_MIN_MAJOR)) && [ -x "$candidate/initdb" ] && [ -x "$candidate/psql" ]; then
      PG_BIN=$candidate
    fi
  done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V)
  [ -n "$PG_BIN" ]
}

# pg_account DIR: sets PG_RUN, the words in front of every server command.
# initdb and postgres refuse uid 0. As root they run as `postgres` (or whoever owns the cluster); where that account may
# not traverse the parents (a checkout below /root, mode 700) it keeps one capability, to read and search.
pg_account() {
  local dir=$1 user=postgres group
  PG_RUN=(env -C / LC_ALL=C.UTF-8)
  PG_USER=''
  [ "$(id -u)" = 0 ] || return 0
  id -u "$user" >/dev/null 2>&1 || user=nobody
  if [ -d "$dir/data" ]; then
    user=$(stat -c %U "$dir/data")
    if [ "$user" = root ] || [ "$user" = UNKNOWN ]; then
      die "$dir/data belongs to ${user}, which cannot run Postgres" "remove it: ./deploy/down --purge"
    fi
  fi
  group=$(id -g "$user")
  PG_USER=$user
  chown "$user" "$dir"
  # stat walks the path as the server will; test -r or -w would ask access(2), which disregards capabilities.
  local plain=(setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs)
  if "${plain[@]}" --inh-caps=-all stat "$dir/." >/dev/null 2>&1; then
    PG_RUN=("${plain[@]}" --inh-caps=-all env -C / HOME=/tmp LC_ALL=C.UTF-8)
  elif "${plain[@]}" --inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search \
    stat "$dir/." >/dev/null 2>&1; then
    # shellcheck disable=SC2054 # the commas belong to setpriv
    PG_RUN=("${plain[@]}" --inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search
      env -C / HOME=/tmp LC_ALL=C.UTF-8)
  else
    die "the account $user may not enter $dir" \
      "move the checkout to a directory others may pass through (for instance below /srv), or run as an ordinary user"
  fi
}

# pg_running DIR: sets PG_PORT when the cluster in DIR is up. A postmaster.pid left by a crash may name a process id that
# something else has by now, so the name of the process counts, not the file.
pg_running() {
  local pid='' comm='' lines
  [ -s "$1/data/postmaster.pid" ] || return 1
  mapfile -t lines <"$1/data/postmaster.pid" 2>/dev/null || return 1
  pid=${lines[0]:-}
  if [[ ! $pid =~ ^[0-9]+$ ]] || [ ! -r "/proc/$pid/comm" ]; then return 1; fi
  read -r comm <"/proc/$pid/comm" || return 1
  [ "$comm" = postgres ] || return 1
  has_argument "$pid" "$1/data" || return 1
  PG_PORT=${lines[3]:-}
  [[ $PG_PORT =~ ^[0-9]+$ ]]
}

# pg_init DIR PASSWORD [INITDB-OPTIONS...]: into data.new first, so that a killed initdb never looks like a cluster.
pg_init() {
  local dir=$1 password=$2 ok=1
  shift 2
  rm -rf "$dir/data.new" "$dir/pwfile"
  (umask 077 && printf '%s\n' "$password" >"$dir/pwfile")
  [ -z "$PG_USER" ] || chown "$PG_USER" "$dir/pwfile"
  logged "$dir.initdb.log" "${PG_RUN[@]}" "$PG_BIN/initdb" -D "$dir/data.new" -U "$PG_ADMIN" --pwfile="$dir/pwfile" \
    -A scram-sha-256 -E UTF8 --locale=C.UTF-8 "$@" || ok=0
  rm -f "$dir/pwfile"
  [ "$ok" = 1 ] || die "initdb failed" "its messages stand above; a full disk or an unwritable $dir are the usual reasons"
  mv "$dir/data.new" "$dir/data"
}

# pg_start DIR PASSWORDFILE PORTSFILE FIRSTPORT MODE: MODE is `durable` or `throwaway`. Sets PG_PORT and PG_PASSWORD.
# A throwaway cluster is made anew at every start: without fsync, what a kill left behind cannot be trusted.
pg_start() {
  local dir=$1 ports=$3 first=$4 mode=$5 options try
  secret_hex "$2"
  read -r PG_PASSWORD <"$2"
  mkdir -p "$dir"
  chmod 700 "$dir"
  pg_account "$dir"
  if pg_running "$dir"; then
    pg_wait || die "the Postgres in $dir runs but does not answer" "look at $dir/server.log; ./deploy/down stops it"
    return 0
  fi
  options="-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300"
  if [ "$mode" = throwaway ]; then
    rm -rf "$dir/data"
    options+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
  fi
  pg_find "$dir" || die "no PostgreSQL $PG_MIN_MAJOR or newer found below /usr/lib/postgresql" "install postgresql"
  if [ ! -s "$dir/data/PG_VERSION" ]; then
    if [ "$mode" = throwaway ]; then pg_init "$dir" "$PG_PASSWORD" --no-sync; else pg_init "$dir" "$PG_PASSWORD"; fi
  fi
  rm -f "$dir/data/postmaster.pid" # nothing of ours runs (asked above), so this is a leftover
  for try in 1 2 3 4 5; do
    port_for "$ports" postgres "$first"
    # Every setting on the command line: nothing to edit in place, and a changed port takes effect at the next start.
    if unlocked "${PG_RUN[@]}" "$PG_BIN/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 120 \
      -o "-p $PORT $options" start >/dev/null 2>&1; then
      PG_PORT=$PORT
      pg_wait || die "Postgres started but refuses our password" "drop the data with ./deploy/down --purge"
      return 0
    fi
    # Somebody took the port between our look and the start: the next turn chooses another.
    port_taken "$PORT" || break
  done
  tail -n 15 "$dir/server.log" >&2 || true
  die "Postgres did not start (attempt $try)" "its log stands above: $dir/server.log"
}

# pg_psql DATABASE ARGUMENTS...: as the cluster's administrator, deaf to the caller's own PG* settings.
pg_psql() {
  local database=$1
  shift
  env -u PGOPTIONS -u PGSERVICE -u PGSSLMODE -u PGDATABASE -u PGHOSTADDR PGPASSWORD="$PG_PASSWORD" PGCONNECT_TIMEOUT=5 \
    "$PG_BIN/psql" -X -q -At -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PG_PORT" -U "$PG_ADMIN" -d "$database" "$@"
}

pg_wait() {
  local tries=100
  [ -n "${PG_BIN:-}" ] || pg_find /nonexistent || return 1
  until pg_psql postgres -c 'select 1' >/dev/null 2>&1; do
    ((tries-- > 0)) || return 1
    sleep 0.1
  done
}

# pg_database NAME: makes it unless it exists.
pg_database() {
  [ "$(pg_psql postgres -c "select 1 from pg_database where datname = '$1'")" = 1 ] ||
    pg_psql postgres -c "create database \"$1\""
}

pg_url() { printf 'postgres://%s:%s@127.0.0.1:%s/%s' "$PG_ADMIN" "$PG_PASSWORD" "$PG_PORT" "$1"; }

# pg_stop DIR
pg_stop() {
  pg_running "$1" || return 0
  pg_find "$1"
  pg_account "$1"
  "${PG_RUN[@]}" "$PG_BIN/pg_ctl" -D "$1/data" -m fast -w -t 60 stop >/dev/null 2>&1 ||
    "${PG_RUN[@]}" "$PG_BIN/pg_ctl" -D "$1/data" -m immediate -w -t 60 stop >/dev/null 2>&1 ||
    warn "the Postgres in $1 did not stop; look at $1/server.log"
}
