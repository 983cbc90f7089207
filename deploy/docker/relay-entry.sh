#!/bin/sh
# Starts the relay. JOIN_TOKEN: join token of the role relay, needed on the first start of a data folder. ANNOUNCE: address told
# to others, or "public" for the address that the Internet sees. REGION: where it is.
set -eu
if [ "${ANNOUNCE:-}" = public ]; then
  ip=$(node -e 'fetch("https://checkip.amazonaws.com").then(r => r.text()).then(t => console.log(t.trim()))')
  ANNOUNCE=/ip4/$ip/tcp/4001
fi
set -- relay --json --listen /ip4/0.0.0.0/tcp/4001 "$@"
[ -z "${ANNOUNCE:-}" ] || set -- "$@" --announce "$ANNOUNCE"
[ -z "${REGION:-}" ] || set -- "$@" --region "$REGION"
[ -z "${JOIN_TOKEN:-}" ] || set -- "$@" --join "$JOIN_TOKEN"
unset JOIN_TOKEN
exec node /app/bin/agent-mesh.js "$@"
