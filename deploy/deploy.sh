#!/usr/bin/env bash
# Deploys a mesh: deploy.sh docker|systemd|kubernetes [--env E] [--version V] [--dry-run] | rollback [--to N] | status | history; docs/deploy.md.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
# The Node of the checkout, which is new enough to run TypeScript.
export PATH="$folder/../node_modules/.bin:$PATH"
case $(node --version 2>/dev/null || true) in
v2[4-9].* | v[3-9]?.*) exec node "$folder/src/main.ts" "$@" ;;
*)
  echo 'error: deploy.sh needs Node 24 and the packages of the checkout: run "npm ci" in it.' >&2
  exit 3
  ;;
esac
