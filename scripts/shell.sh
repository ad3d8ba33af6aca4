# Sourced by the scripts beside it, by run, test and bench: where things are, how they speak, which Node.js they use.
# Everything people read goes to standard error; standard output belongs to results.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="$root/.cache"

# Vite wants 20.19 or 22.12 and up; Debian 12 has 18. This version is fetched when the installed one is too old.
node_version=22.23.3
npm_version=11.21.2
node_home="$cache/node-$node_version"

# The engine of tests/real_engines, outside of the repository: it is large, and the same for every working copy.
llama_list="$root/tests/real_engines/requirements.txt"
llama_version=$(sed -n 's/^xllamacpp==\([^ ]*\).*/\1/p' "$llama_list")
llama_home="${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/stoker/llama-$llama_version"

say() { printf '%s\n' "$*" >&2; }

stop_with() {
  say "stoker: $*"
  exit 1
}

# step "what happens" COMMAND...: says what happens and how long it took; shows the output only if it fails.
# On a terminal the last line of output runs along, because a first build takes minutes.
step() {
  local words=$1 log start tenths status=0 ticker=
  shift
  log=$(mktemp)
  start=$(date +%s%N)
  printf '%s ... ' "$words" >&2
  if [[ -t 2 && -z ${CI:-} ]]; then
    show_progress "$words" "$log" &
    ticker=$!
  fi
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [[ -n $ticker ]]; then
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    printf '\r\033[K%s ... ' "$words" >&2
  fi
  tenths=$((($(date +%s%N) - start) / 100000000))
  if ((status == 0)); then
    say "$((tenths / 10)).$((tenths % 10)) s"
  else
    say "failed after $((tenths / 10)).$((tenths % 10)) s"
    tail -n 25 "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

show_progress() {
  while sleep 1 && kill -0 $$ 2>/dev/null; do
    printf '\r\033[K%s ... %s' "$1" "$(tail -n 1 "$2" | tr -d '\r\033' | cut -c 1-60)" >&2
  done
}

# A Node.js that Vite accepts: 20.19 and up, 22.12 and up, but not 21.
node_is_new_enough() {
  local version major minor
  version=$("$1" --version 2>/dev/null) || return 1
  IFS=. read -r major minor _ <<<"${version#v}"
  ((major == 20 && minor >= 19)) || ((major == 22 && minor >= 12)) || ((major > 22))
}

# Puts a suitable node and npm first on PATH; fails when there is none yet.
use_node() {
  if [[ -x "$node_home/node_modules/node/bin/node" && -x "$node_home/node_modules/.bin/npm" ]]; then
    PATH="$node_home/node_modules/node/bin:$node_home/node_modules/.bin:$PATH"
    export PATH
  elif ! { node_is_new_enough node && command -v npm >/dev/null; }; then
    return 1
  fi
}
