#!/bin/sh
# Starts the relay. JOIN_TOKEN: join token of the role relay, or JOIN_TOKEN_FILE: the file that has it; needed on the first start
# of a data folder. ANNOUNCE: address told to others, or "public" for the address that the Internet sees. REGION: where it is.
set -eu
if [ "${ANNOUNCE:-}" = public ]; then
  ip=$(node -e 'fetch("https://checkip.amazonaws.com").then(r => r.text()).then(t => console.log(t.trim()))')
  ANNOUNCE=/ip4/$ip/tcp/4001
fi
set -- relay --json --listen /ip4/0.0.0.0/tcp/4001 "$@"
[ -z "${ANNOUNCE:-}" ] || set -- "$@" --announce "$ANNOUNCE"
[ -z "${REGION:-}" ] || set -- "$@" --region "$REGION"
# Not as an argument: those stand in the process list for as long as the relay runs.
[ -z "${JOIN_TOKEN:-}" ] || export AGENT_MESH_JOIN="$JOIN_TOKEN"
[ -z "${JOIN_TOKEN_FILE:-}" ] || export AGENT_MESH_JOIN_FILE="$JOIN_TOKEN_FILE"
unset JOIN_TOKEN JOIN_TOKEN_FILE
exec node /app/bin/agent-mesh.js "$@"
