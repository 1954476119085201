#!/usr/bin/env bash
# Sends the service requests that its OpenAPI description allows and requests that it does not
# allow, without and with tokens, and compares every answer with the description: `make
# test-contract`.
#
#   tests/contract/run.sh [EXAMPLES]    requests for each operation (300 by default)
#
# Two checks of schemathesis are left out. A well-formed TUI, source or concept id may be unknown,
# so not everything that the schemas allow is accepted. A wrong mention among others is an error in
# its own result, so not everything else is refused as a whole.
set -euo pipefail
cd "$(dirname "$0")/../.."
examples=${1:-300}

venv=.bench/contract
test -d "$venv" || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet -r tests/contract/requirements.txt

work=$(mktemp -d)
service=
trap 'kill "$service" 2>/dev/null || true; rm -rf "$work"' EXIT
token=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "admin $token" > "$work/tokens"

# A port that is free now.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# check SERVE_OPTIONS.. -- SCHEMATHESIS_OPTIONS..
check() {
  local serve=()
  while [ "$1" != -- ]; do serve+=("$1"); shift; done
  shift
  target/release/saplink serve --listen "127.0.0.1:$port" --log-level warn "${serve[@]}" 2> "$work/log" &
  service=$!
  for _ in $(seq 300); do
    target/release/saplink health --listen "127.0.0.1:$port" > /dev/null 2>&1 && break
    sleep 0.1
  done
  "$venv/bin/schemathesis" run "http://127.0.0.1:$port/openapi.json" --no-color --continue-on-failure --max-examples "$examples" \
    --checks all --exclude-checks positive_data_acceptance,negative_data_rejection --suppress-health-check all --warnings off "$@" | tee "$work/report" | tail -n 20 \
    || { cat "$work/report"; exit 1; }
  kill -TERM "$service"
  wait "$service"
  if [ -s "$work/log" ]; then
    echo "the service logged:" && cat "$work/log" && exit 1
  fi
}

check --
check --tokens "$work/tokens" -- --header "Authorization: Bearer $token"
echo "the answers match the description"
