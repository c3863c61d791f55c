# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the answers callers read
# State directory, locks, free ports and processes of ours. Nothing here ends a process it cannot prove to be ours.

# One place for the checks every command makes before it writes below STATE.
open_state() { # STATE
  local state=$1 owner
  if [ -e "$state" ]; then
    owner=$(stat -c %U "$state")
    [ -O "$state" ] || die "$state belongs to $owner, you are $(id -un)" \
      "run this as $owner, or remove it with: sudo ./deploy/down --purge && sudo rm -rf '$state'"
  fi
  (umask 077 && mkdir -p "$state/run" "$state/log" "$state/secrets") || die "cannot write to $state" \
    "make the checkout writable for $(id -un), or move it to a directory of yours"
  # Traversable for the account that runs Postgres when we are root; what is private inside is 600 or 700.
  chmod 711 "$state"
}

# Locks live on fixed descriptors (8: starting services, 9: a whole run). Anything that outlives us must not inherit them,
# or a lock would stay taken for as long as a server runs: start such things through `unlocked` or `detached`.
unlocked() { "$@" 8>&- 9>&-; }

# detached LOG COMMAND...: survives the shell and its Ctrl-C; the process id is left in DETACHED_PID.
detached() {
  local log=$1
  shift
  setsid nohup "$@" </dev/null >>"$log" 2>&1 8>&- 9>&- &
  DETACHED_PID=$!
}

# has_argument PID TEXT: whether the process is alive and one of its arguments is exactly TEXT.
# An absolute path of this checkout in the arguments is what tells our process from a recycled process id.
has_argument() {
  local argument
  if [ -z "$1" ] || [ ! -r "/proc/$1/cmdline" ]; then return 1; fi
  while IFS= read -r -d '' argument; do
    [ "$argument" != "$2" ] || return 0
  done <"/proc/$1/cmdline" 2>/dev/null
  return 1
}

# our_pid PIDFILE TEXT: prints the recorded process id if that process is ours and alive.
our_pid() {
  local pid=''
  [ -s "$1" ] || return 1
  read -r pid <"$1" || true
  [[ $pid =~ ^[0-9]+$ ]] || return 1
  has_argument "$pid" "$2" || return 1
  printf '%s' "$pid"
}

# stop_pid PID SECONDS: asks, waits, then insists.
stop_pid() {
  local pid=$1 tenths=$(($2 * 10))
  kill -TERM "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do
    # A zombie still answers kill -0 until its parent collects it.
    if grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null; then return 0; fi
    if ((tenths-- <= 0)); then
      warn "process $pid did not stop in $2 s; killing it"
      kill -KILL "$pid" 2>/dev/null || true
      return 0
    fi
    sleep 0.1
  done
}

# Ports somebody listens on now, from the kernel: works without ss, netstat or lsof.
port_taken() {
  local hex
  printf -v hex '%04X' "$1"
  awk -v port="$hex" '$4 == "0A" { n = split($2, a, ":"); if (a[n] == port) { found = 1; exit } } END { exit !found }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# port_for FILE KEY FIRST: sets PORT to the port remembered under KEY, or the next free one from FIRST on, and remembers it.
# Call it only when the service behind KEY is not running.
port_for() {
  local file=$1 key=$2 port
  touch "$file"
  port=$(sed -n "s/^$key=//p" "$file" | tail -n 1)
  if [[ ! $port =~ ^[0-9]+$ ]] || port_taken "$port"; then
    port=$3
    while port_taken "$port" || grep -v "^$key=" "$file" | grep -q "=$port\$"; do
      port=$((port + 1))
      [ "$port" -lt $(($3 + 1000)) ] || die "no free port between $3 and $port" "stop something that listens there"
    done
    { grep -v "^$key=" "$file" || true; echo "$key=$port"; } >"$file.new"
    mv "$file.new" "$file"
  fi
  PORT=$port
}

# http_status PORT PATH: the status code of a GET to 127.0.0.1, empty when nobody answers. Bash only: curl may be missing.
http_status() {
  local line='' fd
  { exec {fd}<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 0
  # One write by another process: a server that answers early and closes must not end this shell by SIGPIPE.
  cat <<<"GET $2 HTTP/1.1"$'\r\n'"Host: 127.0.0.1:$1"$'\r\n'"Connection: close"$'\r\n\r' >&"$fd" || true
  IFS= read -r -t 5 line <&"$fd" || true
  exec {fd}>&-
  [[ $line =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]] && printf '%s' "${BASH_REMATCH[1]}"
  return 0
}

# secret_hex FILE: makes the file with 32 random bytes as hex, once; never replaces one.
secret_hex() {
  local hex
  if [ -s "$1" ]; then return 0; fi
  hex=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
  [ ${#hex} = 64 ] || die "could not read 32 bytes from /dev/urandom" "check that /dev is mounted"
  write_private "$1" "$hex"
}

# write_private FILE TEXT: mode 600 from the first moment, and never half-written.
write_private() {
  (umask 077 && printf '%s\n' "$2" >"$1.new")
  mv "$1.new" "$1"
}
