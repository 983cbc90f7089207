#!/bin/sh
# What members of a first start need, from the data folder of the first control plane in /control-plane, and the restore of a backup;
# runs in compose.yaml.
set -eu
umask 077

case $1 in
# The keys of the mesh, anew at each start: those of a control plane change when they are rotated.
keys)
  for file in /control-plane/*key*.json /control-plane/admin-identity.json; do
    cat "$file" >"/data/${file##*/}"
  done
  ;;
tokens)
  for role in agent relay; do
    token=$(node /app/bin/agent-mesh.js --data /control-plane token create --role "$role" --uses 50 --expires 1h)
    printf '%s\n' "$token" >"/data/$role"
  done
  ;;
# A backup on standard input, into an empty database and an empty folder of the first control plane.
restore)
  cat >/tmp/mesh.backup
  while read -r key value; do
    [ "$key" != store: ] || export AGENT_MESH_STORE="$value"
  done </run/secrets/control-plane
  exec node /app/bin/agent-mesh.js admin restore /tmp/mesh.backup
  ;;
esac
