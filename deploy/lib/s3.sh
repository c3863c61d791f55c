# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the answers callers read
# A real S3 server for tests: s3s-fs checks signatures and checksums, so a security test means something. Its keys are
# visible in the process list, which is why it serves throwaway test data only.

readonly S3_VERSION=0.14.1 # the newest that installs with Rust 1.95

# s3_install TOOLS
s3_install() {
  if [ -x "$1/bin/s3s-fs" ]; then return 0; fi
  unlocked env -u CARGO_TARGET_DIR cargo install "s3s-fs@$S3_VERSION" --features binary --locked \
    --root "$1" --target-dir "$1/target" ||
    die "cargo could not install s3s-fs $S3_VERSION" "crates.io must be reachable once; then run this again"
  rm -rf "$1/target"
}

# s3_running DIR: sets S3_PORT.
s3_running() {
  our_pid "$1/s3.pid" "$1/buckets" >/dev/null || return 1
  read -r S3_PORT <"$1/port"
  port_taken "$S3_PORT"
}

# s3_start DIR TOOLS PORTSFILE FIRSTPORT BUCKET: sets S3_PORT, S3_ACCESS_KEY, S3_SECRET_KEY.
s3_start() {
  local dir=$1 tools=$2 tries
  mkdir -p "$dir/buckets/$5"
  chmod 700 "$dir"
  secret_hex "$dir/secret-key"
  S3_ACCESS_KEY=wharf-test
  read -r S3_SECRET_KEY <"$dir/secret-key"
  if s3_running "$dir"; then return 0; fi
  port_for "$3" s3 "$4"
  S3_PORT=$PORT
  echo "$S3_PORT" >"$dir/port"
  detached "$dir/s3.log" "$tools/bin/s3s-fs" --host 127.0.0.1 --port "$S3_PORT" --access-key "$S3_ACCESS_KEY" \
    --secret-key "$S3_SECRET_KEY" "$dir/buckets"
  echo "$DETACHED_PID" >"$dir/s3.pid"
  tries=100
  until port_taken "$S3_PORT"; do
    if ((tries-- <= 0)) || ! kill -0 "$DETACHED_PID" 2>/dev/null; then
      die "s3s-fs did not start" "look at $dir/s3.log"
    fi
    sleep 0.05
  done
}

# s3_stop DIR
s3_stop() {
  local pid
  if pid=$(our_pid "$1/s3.pid" "$1/buckets"); then stop_pid "$pid" 5; fi
  rm -f "$1/s3.pid"
}
