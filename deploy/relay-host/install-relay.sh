#!/bin/sh
# Installs a relay on Debian, Ubuntu or Raspberry Pi OS (64 bits) and starts it: at the first boot, by cloud-init, as root. It may be
# run again: for another version, with a changed /etc/agent-mesh/install.env, which has
#   RELAY_NAME         name of the relay in the mesh
#   RELAY_HOST         its DNS name, or its public IPv4 address: then port 443 is a WebSocket without TLS of the web
#   RELAY_REGION       where it is (may be empty)
#   RELAY_MAIL         whom Let's Encrypt writes to (may be empty)
#   PACKAGE_URL        tarball of the command (npm pack); empty: it lies in /opt/agent-mesh/app already
#   PACKAGE_INTEGRITY  its SHA-512 as npm pack prints it, sha512-...
# The join token is in /etc/agent-mesh/join-token, and is used for the first start alone.
set -eu
etc=/etc/agent-mesh
lib=/usr/local/lib/agent-mesh
opt=/opt/agent-mesh
# shellcheck source=/dev/null
. "$etc/install.env"
# shellcheck source=/dev/null
. "$lib/node.env"

fail() {
  echo "Cannot install the relay: $1" >&2
  exit 1
}

# fetch URL INTEGRITY FOLDER: unpacks a tarball of npm whose SHA-512 is as it should be.
fetch() {
  tarball=$(mktemp)
  curl --fail --silent --show-error --location --proto '=https,file' --retry 5 --output "$tarball" "$1"
  [ "sha512-$(openssl dgst -sha512 -binary "$tarball" | base64 -w 0)" = "$2" ] || fail "$1 has another SHA-512 than $2"
  rm -rf "$3.new" && mkdir -p "$3.new"
  tar -xzf "$tarball" -C "$3.new" --strip-components 1 --no-same-owner
  rm -rf "$3" "$tarball" && mv "$3.new" "$3"
}

for tool in curl openssl tar; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done
mkdir -p "$opt"
case $(uname -m) in
  x86_64) fetch "$NODE_X64_URL" "$NODE_X64_INTEGRITY" "$opt/node" ;;
  aarch64 | arm64) fetch "$NODE_ARM64_URL" "$NODE_ARM64_INTEGRITY" "$opt/node" ;;
  *) fail "there is no Node for $(uname -m)" ;;
esac
[ -z "${PACKAGE_URL:-}" ] || fetch "$PACKAGE_URL" "$PACKAGE_INTEGRITY" "$opt/app"
[ -e "$opt/app/bin/agent-mesh.js" ] || fail "$opt/app/bin/agent-mesh.js is missing"

id agent-mesh >/dev/null 2>&1 || useradd --system --home-dir /var/lib/agent-mesh --shell /usr/sbin/nologin agent-mesh
install -d -o agent-mesh -g agent-mesh -m 0700 /var/lib/agent-mesh
if [ -e "$etc/join-token" ]; then
  chown agent-mesh:agent-mesh "$etc/join-token"
  chmod 0400 "$etc/join-token"
fi

tcp=/ip4/0.0.0.0/tcp
case $RELAY_HOST in
  *[!0-9.]*)
    at=/dns4/$RELAY_HOST/tcp
    web=wss
    ;;
  *)
    at=/ip4/$RELAY_HOST/tcp
    web=ws
    ;;
esac
{
  echo "AGENT_MESH_DATA=/var/lib/agent-mesh"
  echo "AGENT_MESH_JOIN_FILE=$etc/join-token"
  echo "AGENT_MESH_NAME=$RELAY_NAME"
  echo "AGENT_MESH_REGION=${RELAY_REGION:-}"
  echo "AGENT_MESH_LISTEN=$tcp/4001,$tcp/443/$web"
  echo "AGENT_MESH_ANNOUNCE=$at/4001,$at/443/$web"
  if [ "$web" = wss ]; then
    echo "AGENT_MESH_TLS_CERT=$etc/tls/cert.pem"
    echo "AGENT_MESH_TLS_KEY=$etc/tls/key.pem"
  fi
} >"$etc/relay.env"

if [ "$web" = wss ]; then
  "$lib/relay-certificate.sh" self-signed
  systemctl enable agent-mesh-certificate.timer
  systemctl start --no-block agent-mesh-certificate.timer agent-mesh-certificate.service
fi
systemctl enable agent-mesh-relay.service
systemctl restart --no-block agent-mesh-relay.service
