#!/bin/sh
# The certificate of the relay's port 443. "self-signed" makes one if there is none, so that the relay listens from the start;
# without an argument Let's Encrypt signs one (port 80, by certbot) unless that one is good for weeks; "deploy" is what certbot
# calls then. The relay reads the files anew within a minute.
set -eu
etc=/etc/agent-mesh
# shellcheck source=/dev/null
. "$etc/install.env"

# place CERT KEY: the key first, so that what a reader finds in between is refused, and the old pair stays in use.
place() {
  install -d -m 0755 "$etc/tls"
  install -o agent-mesh -g agent-mesh -m 0400 "$2" "$etc/tls/key.pem.new"
  install -o agent-mesh -g agent-mesh -m 0400 "$1" "$etc/tls/cert.pem.new"
  mv "$etc/tls/key.pem.new" "$etc/tls/key.pem"
  mv "$etc/tls/cert.pem.new" "$etc/tls/cert.pem"
}

case ${1:-} in
  self-signed)
    [ ! -e "$etc/tls/cert.pem" ] || exit 0
    work=$(mktemp -d)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=relay" \
      -addext "subjectAltName=DNS:$RELAY_HOST" -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    place "$work/cert.pem" "$work/key.pem"
    rm -rf "$work"
    ;;
  deploy)
    place "$RENEWED_LINEAGE/fullchain.pem" "$RENEWED_LINEAGE/privkey.pem"
    ;;
  '')
    if [ -n "${RELAY_MAIL:-}" ]; then set -- --email "$RELAY_MAIL"; else set -- --register-unsafely-without-email; fi
    exec certbot certonly --non-interactive --agree-tos --standalone --keep-until-expiring --domain "$RELAY_HOST" \
      --deploy-hook "$0 deploy" "$@"
    ;;
  *)
    echo "Cannot make a certificate: $1 is neither self-signed nor deploy" >&2
    exit 2
    ;;
esac
