# Sourced by the scripts beside it, by run, test and bench: where things are, how they speak, which Node.js they use.
# Everything people read goes to standard error; standard output belongs to results.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="$root/.cache"

# Vite wants 20.19 or 22.12 and up; Debian 12 has 18. This version is fetched when the installed one is too old.
node_version=22.23.3
npm_version=11.21.2
node_home="$cache/node-$node_version"

say() { printf '%s\n' "$*" >&2; }

stop_with() {
  say "stoker: $*"
  exit 1
}

# step "what happens" command...: says what happens and how long it took; stays quiet unless it fails.
step() {
  local words=$1 log start end
  shift
  log=$(mktemp)
  start=$(date +%s%N)
  printf '%s ... ' "$words" >&2
  if "$@" >"$log" 2>&1 </dev/null; then
    end=$(date +%s%N)
    printf '%d.%d s\n' $(((end - start) / 1000000000)) $(((end - start) / 100000000 % 10)) >&2
    rm -f "$log"
  else
    say "failed"
    tail -n 25 "$log" >&2
    rm -f "$log"
    return 1
  fi
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
