# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the answers callers read
# Older and newer cargo clients from Debian packages, unpacked into a private prefix: no root, /usr stays untouched.
# DEST/{c165,c185,c196}/ hold them, DEST/cargo-client PREFIX ARGS... runs one with a home of its own.

readonly CLIENT_LIBRARIES=(libgit2-1.5 libssh2-1 libhttp-parser2.9 libmbedcrypto7 libmbedtls14 libmbedx509-1
  libcurl3-gnutls libpcre3 libz3-4 libedit2)

# clients_version PATTERN: the newest cargo-web the package lists offer whose version matches.
clients_version() {
  apt-cache madison cargo-web 2>/dev/null |
    awk -F'|' -v want="$1" '{ gsub(/ /, "", $2) } $2 ~ want { print $2; exit }'
}

# clients_fetch DEST NAME PACKAGES...: unpacks into NAME.new and renames, so that a killed run leaves nothing half-made.
clients_fetch() {
  local dest=$1 name=$2 deb
  shift 2
  if [ -x "$dest/$name/usr/bin/cargo" ]; then return 0; fi
  rm -rf "$dest/debs" "$dest/$name.new"
  mkdir -p "$dest/debs" "$dest/$name.new"
  if ! (cd "$dest/debs" && unlocked apt-get download -qq "$@") >"$dest/$name.log" 2>&1; then
    rm -rf "$dest/debs" "$dest/$name.new"
    return 1
  fi
  for deb in "$dest/debs"/*.deb; do
    dpkg -x "$deb" "$dest/$name.new" || return 1
  done
  rm -rf "$dest/debs" "${dest:?}/$name"
  mv "$dest/$name.new" "$dest/$name"
}

# clients_install DEST: best effort; prints a line for each client that cannot be had. Sets CLIENTS_DIR (empty when none).
clients_install() {
  local dest=$1 version minor name
  CLIENTS_DIR=''
  if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    say "  skipped: older cargo clients (no apt-get on this machine)"
    return 0
  fi
  mkdir -p "$dest"
  clients_fetch "$dest" c165 cargo rustc libstd-rust-1.63 libstd-rust-dev libllvm14 "${CLIENT_LIBRARIES[@]}" ||
    say "  skipped: cargo 1.65 (apt-get cannot fetch it; see $dest/c165.log)"
  for name in 'c185 19 ^1[.]85[.]' 'c196 22 ^1[.]9[0-9][.]'; do
    local words
    read -r -a words <<<"$name"
    if [ -x "$dest/${words[0]}/usr/bin/cargo" ]; then continue; fi
    version=$(clients_version "${words[2]}")
    minor=$(cut -d. -f1,2 <<<"$version")
    if [ -z "$version" ] || ! clients_fetch "$dest" "${words[0]}" "cargo-web=$version" "rustc-web=$version" \
      "libstd-rust-web-dev=$version" "libstd-rust-web-$minor=$version" "libllvm${words[1]}" "${CLIENT_LIBRARIES[@]}"; then
      say "  skipped: cargo client ${words[0]} (apt-get cannot fetch it${version:+; see $dest/${words[0]}.log})"
    fi
  done
  clients_wrapper "$dest"
  for name in c165 c185 c196; do
    if [ -x "$dest/$name/usr/bin/cargo" ]; then
      if "$dest/cargo-client" "$name" --version >/dev/null 2>&1; then
        CLIENTS_DIR=$dest
      else
        say "  skipped: cargo client $name (unpacked, but does not run here)"
        mv "$dest/$name" "$dest/$name.broken.$$" && rm -rf "$dest/$name.broken.$$"
      fi
    fi
  done
}

clients_wrapper() {
  cat >"$1/cargo-client.new" <<'WRAPPER'
#!/bin/sh
# cargo-client PREFIX ARGS...   (CLIENT_CARGO_HOME: its own home, never the user's)
P=$(cd "$(dirname "$0")" && pwd)/$1; N=$1; shift
export LD_LIBRARY_PATH="$P/usr/lib/x86_64-linux-gnu:$P/lib/x86_64-linux-gnu"
export CARGO_HOME="${CLIENT_CARGO_HOME:-$P/home}" RUSTC="$P/usr/bin/rustc" RUSTDOC="$P/usr/bin/rustdoc" PATH="$P/usr/bin:/usr/bin:/bin"
unset RUSTUP_TOOLCHAIN RUSTUP_HOME CARGO RUSTFLAGS RUSTC_WRAPPER CARGO_TARGET_DIR
[ "$N" = c196 ] && export CARGO_NET_GIT_FETCH_WITH_CLI=true # its libgit2 binding is newer than the libgit2 beside it
exec "$P/usr/bin/cargo" "$@"
WRAPPER
  chmod +x "$1/cargo-client.new"
  mv "$1/cargo-client.new" "$1/cargo-client"
}
