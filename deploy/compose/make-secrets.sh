#!/bin/sh
# Passwords of this installation, made once: in files that containers read, in a folder that only their owner enters.
set -eu
cd "$(dirname "$0")"
umask 022
mkdir -p secrets
chmod 700 secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
[ -s secrets/postgres-password ] || random >secrets/postgres-password
[ -s secrets/grafana-password ] || random >secrets/grafana-password
[ -s secrets/control-plane ] || cat >secrets/control-plane <<EOF
control-plane:
  store: postgres://mesh:$(cat secrets/postgres-password)@postgres:5432/mesh
EOF
