#!/bin/sh
# The program of a host in the tests, in place of the single file and of the service that runs it: "upgrade" starts the daemon anew with
# another version, and with the one of before where that does not get ready; all else is the command of the version that runs.
set -eu
here=${0%/*}
programs=$here/../programs
current=$(cat "$here/version")

# start VERSION: exit code 0 once it is ready.
start() {
  if [ -s "$here/pid" ]; then
    kill -TERM "$(cat "$here/pid")" 2>/dev/null || true
    while kill -0 "$(cat "$here/pid")" 2>/dev/null; do sleep 0.2; done
  fi
  echo "$1" >"$here/version"
  # shellcheck disable=SC2046 # arguments, one a line
  nohup "$programs/$1/agent-mesh" --data "$here/data" $(cat "$here/arguments") --json </dev/null >>"$here/log" 2>&1 9>&- &
  echo $! >"$here/pid"
  "$programs/$1/agent-mesh" --data "$here/data" status --wait 120s --pid $! --json >/dev/null
}

case " $* " in
*' upgrade '*)
  to=$(printf '%s\n' "$*" | sed -n 's/.*--to \([^ ]*\).*/\1/p')
  [ -x "$programs/$to/agent-mesh" ] || {
    echo "there is no release $to" >&2
    exit 7
  }
  case "$*" in *--dry-run*) ;; *)
    exec 9>"$here/lock"
    flock -n 9 || {
      echo 'another upgrade of it runs' >&2
      exit 8
    }
    # It goes back when what it waits for is ended.
    trap : TERM
    [ "$to" = "$current" ] || start "$to" || {
      start "$current"
      echo "went back to $current" >&2
      exit 5
    }
    ;;
  esac
  echo "{\"version\":\"$to\"}"
  ;;
*) exec "$programs/$current/agent-mesh" "$@" ;;
esac
