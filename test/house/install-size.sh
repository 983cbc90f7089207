#!/usr/bin/env bash
# What `npm ci --omit=dev` puts on a disk: at most 150 MB besides Node itself, and nothing of react-native. With the npm of
# Node 20, which links no Node 24 by itself.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
limit_mb=150
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cd "$root"
for manifest in package.json package-lock.json .npmrc */package.json cli/bin/agent-mesh.js cli/build/link-node.js; do
  case $manifest in bench/*) continue ;; esac
  mkdir -p "$folder/$(dirname "$manifest")"
  cp "$manifest" "$folder/$manifest"
done

cd "$folder"
npx --yes npm@10.8.2 ci --omit=dev >/dev/null
size_mb=$(du -sm --exclude='node-linux-*' --exclude='node-darwin-*' node_modules | cut -f1)
foreign=$(find node_modules -maxdepth 3 -type d -name '*react-native*' -not -name react-native-webrtc | head -n 5)
stand_in=$(find node_modules -path '*react-native-webrtc/*' -name '*.js' -size +4k | head -n 5)

echo "production install: $size_mb MB (limit $limit_mb MB)"
[[ $(node_modules/.bin/node --version) == v24.* ]] || { echo "npm 10 leaves no Node 24 in node_modules/.bin"; exit 1; }
test "$size_mb" -le "$limit_mb" || { echo "too large: see du -sm node_modules/* | sort -n"; exit 1; }
test -z "$foreign$stand_in" || { echo "react-native came in: $foreign $stand_in"; exit 1; }
