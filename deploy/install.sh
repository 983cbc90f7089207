#!/bin/sh
# Installs agent-mesh from a folder that "npm run release" made, wherever that is served. It needs no Node and no root:
#   curl -fsSL https://releases.example.com/1.2.3/install.sh | sh -s -- --from https://releases.example.com/1.2.3
# docs/releasing.md has the options. The old program is replaced only by one whose checksum is right and that starts.
set -eu

usage='usage: install.sh --from URL [--to DIR] [--sha256 HEX] [--service [--join @FILE]]'
from='' to='' expected='' service='' join=''

fail() {
  echo "Cannot install agent-mesh: $1" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) echo "$usage"; exit 0 ;;
    --service) service=yes; shift; continue ;;
    --from | --to | --sha256 | --join) [ $# -gt 1 ] || fail "$1 needs a value; $usage" ;;
    *) fail "unknown argument $1; $usage" ;;
  esac
  case $1 in
    --from) from=${2%/} ;;
    --to) to=$2 ;;
    --sha256) expected=$2 ;;
    --join) join=$2 ;;
  esac
  shift 2
done
[ -n "$from" ] || fail "it is not said where from; $usage"
[ -z "$join" ] || [ -n "$service" ] || fail '--join is the join token of --service'

if [ -z "$to" ]; then
  if [ "$(id -u)" = 0 ]; then to=/usr/local/bin; else to=${HOME:?}/.local/bin; fi
fi

case $(uname -s)-$(uname -m) in
  Linux-x86_64) file=agent-mesh-linux-x64.gz ;;
  Linux-aarch64) file=agent-mesh-linux-arm64.gz ;;
  Darwin-x86_64) file=agent-mesh-darwin-x64.gz ;;
  Darwin-arm64) file=agent-mesh-darwin-arm64.gz ;;
  *) fail "there is no program for $(uname -s) on $(uname -m); with Node 22.15 or newer: npm install --global agent-mesh" ;;
esac

download() {
  if command -v curl >/dev/null; then
    curl -fsSL --retry 3 -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -q -O "$2" "$1"
  else
    fail 'neither curl nor wget is installed'
  fi || fail "$1 cannot be downloaded"
}

checksum() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

mkdir -p "$to"
# Beside its destination, so that the last step is one rename.
work=$(mktemp -d "$to/.agent-mesh-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

download "$from/$file" "$work/$file"
if [ -z "$expected" ]; then
  download "$from/SHA256SUMS" "$work/SHA256SUMS"
  expected=$(grep " $file\$" "$work/SHA256SUMS" | cut -d ' ' -f 1) || fail "$from/SHA256SUMS does not name $file"
fi
found=$(checksum "$work/$file")
[ "$found" = "$expected" ] || fail "the checksum of $file is $found, not $expected: nothing was changed"

gzip -dc "$work/$file" >"$work/agent-mesh"
chmod 755 "$work/agent-mesh"
version=$("$work/agent-mesh" --version) || fail 'the program does not start here: nothing was changed'
mv -f "$work/agent-mesh" "$to/agent-mesh"
# For "agent-mesh upgrade".
[ -d "$to/.agent-mesh" ] || mkdir -m 700 "$to/.agent-mesh"
echo "$from" >"$to/.agent-mesh/from"
echo "agent-mesh $version is $to/agent-mesh"
case :${PATH:-}: in
  *:"$to":*) ;;
  *) echo "Add $to to PATH to call it by name." ;;
esac
[ -n "$service" ] || exit 0
set -- service install
[ "$(id -u)" = 0 ] || set -- "$@" --user
[ -z "$join" ] || set -- "$@" --join "$join"
"$to/agent-mesh" "$@"
