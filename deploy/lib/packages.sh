# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the answers callers read
# What the machine must have, and installing what is missing with apt, without starting or changing system services.

readonly RUST_MIN_MINOR=95
readonly POLICY=/usr/sbin/policy-rc.d
readonly POLICY_MARK='# written by wharf deploy while it installs packages; safe to delete'
readonly NO_CLUSTER=/etc/postgresql-common/createcluster.conf
readonly CLUSTER_DEFAULTS=/usr/share/postgresql-common/createcluster.conf

need_rust() {
  local tool version
  # A shell opened before rustup ran, or a service manager, lacks this directory.
  if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH=$HOME/.cargo/bin:$PATH; fi
  for tool in cargo rustc; do
    command -v "$tool" >/dev/null || die "$tool not found (user $(id -un), PATH=$PATH)" \
      "install Rust 1.$RUST_MIN_MINOR or newer with rustup; if it is installed for your own user, run this without sudo"
  done
  version=$(rustc --version 2>&1) || die "rustc does not run: $version" "set a default toolchain: rustup default stable"
  if [[ ! $version =~ ^rustc\ 1\.([0-9]+)\. ]] || ((BASH_REMATCH[1] < RUST_MIN_MINOR)); then
    die "$version is too old: Rust 1.$RUST_MIN_MINOR or newer is needed" "update it: rustup update stable"
  fi
}

# as_root COMMAND...
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Stops early, with the command to hand to an administrator, when this user cannot become root.
need_root_for() {
  local command="apt-get install --no-install-recommends $*"
  command -v apt-get >/dev/null || die "missing: $*, and this machine has no apt-get" \
    "install PostgreSQL $PG_MIN_MAJOR or newer, redis-server and a C compiler with your package manager, then run this again"
  if [ "$(id -u)" = 0 ]; then return 0; fi
  command -v sudo >/dev/null || die "missing packages: $*, and there is no sudo" "as root run: $command" "then run this again"
  if sudo -n true 2>/dev/null; then return 0; fi
  [ -t 0 ] || die "missing packages: $*, and sudo wants a password" "run this in a terminal, or have root run: $command"
  step_interrupted
  say "sudo is needed once to install: $*"
  sudo -v || die "sudo refused" "have root run: $command" "then run this again"
}

# The newest postgresql-N the package lists offer.
newest_postgres_package() {
  apt-cache search --names-only '^postgresql-[0-9]+$' | awk '{ print $1 }' | sort -V | tail -n 1
}

# Both guards are ours to remove; a run that was killed left the mark by which the next one recognises them.
guards_up() {
  guards_down
  if [ ! -e "$POLICY" ]; then
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  if [ ! -e "$NO_CLUSTER" ]; then
    as_root mkdir -p "$(dirname "$NO_CLUSTER")"
    printf '%s\ncreate_main_cluster = false\n' "$POLICY_MARK" | as_root tee "$NO_CLUSTER" >/dev/null
  fi
}

guards_down() {
  if grep -qsxF "$POLICY_MARK" "$POLICY"; then as_root rm -f "$POLICY"; fi
  if grep -qsxF "$POLICY_MARK" "$NO_CLUSTER"; then
    as_root rm -f "$NO_CLUSTER"
    # What the package would have written, so that the administrator's own cluster is made as usual later.
    if [ -e "$CLUSTER_DEFAULTS" ]; then as_root cp "$CLUSTER_DEFAULTS" "$NO_CLUSTER"; fi
  fi
}

apt_run() { # LOG ARGUMENTS...
  local log=$1 try
  shift
  mkdir -p "$(dirname "$log")"
  for try in 1 2 3 4 5 6; do
    if unlocked as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 NEEDRESTART_MODE=l \
      apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold "$@" >"$log" 2>&1; then
      return 0
    fi
    grep -q -e 'Could not get lock' -e 'Unable to lock' -e 'is another process using it' "$log" || break
    ((try < 6)) && sleep 10
  done
  step_interrupted
  tail -n 20 "$log" >&2
  if grep -q -e 'Could not get lock' -e 'Unable to lock' "$log"; then
    die "another package manager holds the apt lock" "wait for it (often unattended-upgrades right after boot), then run this again"
  elif grep -q 'dpkg was interrupted' "$log"; then
    die "an earlier installation was interrupted" "repair it: sudo dpkg --configure -a; then run this again"
  fi
  die "apt-get $1 failed; its messages stand above ($log)" "check the network and the package sources, then run this again"
}

# install_missing LOGDIR ENTRIES...: each entry is `command:package`, installed when the command is missing; the entry
# `postgres` stands for a PostgreSQL server of a sufficient version. Sets INSTALLED to what it installed.
install_missing() {
  local logs=$1 missing=() entry postgres
  shift
  INSTALLED=''
  if grep -qsxF "$POLICY_MARK" "$POLICY" "$NO_CLUSTER"; then
    need_root_for "$@" # an installation was killed: its guards must not stay
    guards_down
  fi
  for entry in "$@"; do
    if [ "$entry" = postgres ]; then
      pg_find /nonexistent || missing+=(postgresql)
    else
      command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
    fi
  done
  ((${#missing[@]} > 0)) || return 0
  if [[ " ${missing[*]} " == *' gcc '* ]]; then missing+=(libc6-dev); fi
  need_root_for "${missing[@]}"
  apt_run "$logs/apt-update.log" update
  if [ "${missing[0]}" = postgresql ]; then
    postgres=$(newest_postgres_package)
    if [ -z "$postgres" ] || ((${postgres#postgresql-} < PG_MIN_MAJOR)); then
      die "this system offers ${postgres:-no PostgreSQL}; PostgreSQL $PG_MIN_MAJOR or newer is needed" \
        "add a package source that has it (Debian 12, Ubuntu 24.04 and later have one), or set DATABASE_URL to a server of yours"
    fi
    missing[0]=$postgres
  fi
  # A shell of its own, so that the guards go whatever ends the installation.
  (
    trap guards_down EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    guards_up
    apt_run "$logs/apt-install.log" install -y --no-install-recommends "${missing[@]}"
  ) || exit 1
  hash -r
  INSTALLED=${missing[*]}
}
