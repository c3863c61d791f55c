# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the answers callers read
# Messages and step timing. Sourced; every failure ends in `die`, which says what to do next.

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# die WHAT [WHAT-TO-DO...]: one line for the failure, the rest indented below it.
die() {
  step_interrupted
  printf 'error: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

# Milliseconds since the epoch, without a process.
now_ms() { local t=${EPOCHREALTIME/[.,]/}; printf '%s' "${t%???}"; }

# 3.4 s, 42 s, 9 min 55 s
human_ms() {
  local ms=$1
  if ((ms < 10000)); then printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
  elif ((ms < 120000)); then printf '%d s' $((ms / 1000))
  else printf '%d min %02d s' $((ms / 60000)) $((ms / 1000 % 60)); fi
}

STEP_NO=0 STEP_TOTAL=0 STEP_TITLE='' STEP_AT=0 STEP_KIND=''
STEP_TIMES=()

# step quiet|loud TITLE: a loud step lets a tool write its own progress below the title.
step() {
  STEP_KIND=$1 STEP_TITLE=$2 STEP_AT=$(now_ms)
  STEP_NO=$((STEP_NO + 1))
  printf '[%d/%d] %s …' "$STEP_NO" "$STEP_TOTAL" "$STEP_TITLE"
  if [ "$STEP_KIND" = loud ]; then printf '\n'; else printf ' '; fi
}

# step_done [REMARK]
step_done() {
  local took
  took=$(human_ms $(($(now_ms) - STEP_AT)))
  STEP_TIMES+=("$took|$STEP_TITLE")
  if [ "$STEP_KIND" = loud ]; then printf '[%d/%d] %s … ' "$STEP_NO" "$STEP_TOTAL" "$STEP_TITLE"; fi
  printf ' done in %s%s\n' "$took" "${1:+ ($1)}"
  STEP_KIND=''
}

# A failure in the middle of a quiet step must not be glued to its title.
step_interrupted() {
  if [ "$STEP_KIND" = quiet ]; then printf '\n'; fi
  STEP_KIND=''
}

step_summary() {
  local entry
  for entry in "${STEP_TIMES[@]}"; do printf '  %12s  %s\n' "${entry%%|*}" "${entry#*|}"; done
}

# logged LOGFILE COMMAND...: silent when it works; the end of its output when it does not.
logged() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if "$@" >"$log" 2>&1; then return 0; fi
  step_interrupted
  printf '%s\n' "--- end of $log" >&2
  tail -n 30 "$log" >&2 || true
  printf '%s\n' "---" >&2
  return 1
}
