#!/bin/sh
# Tells CloudFormation how the start of this instance went: the relay answers, or it does not within 5 minutes.
# signal-aws.sh CODE: exit code of what ran before. /etc/agent-mesh/aws.env has STACK_NAME and GROUP_ID besides.
set -u
set -a
# shellcheck source=/dev/null
. /etc/agent-mesh/aws.env
set +a
status=FAILURE
if [ "$1" -eq 0 ]; then
  for _ in $(seq 60); do
    if runuser -u agent-mesh -- env AGENT_MESH_DATA=/var/lib/agent-mesh \
      /opt/agent-mesh/node/bin/node /opt/agent-mesh/app/bin/agent-mesh.js status --json >/dev/null 2>&1; then
      status=SUCCESS
      break
    fi
    sleep 5
  done
fi
aws cloudformation signal-resource --stack-name "$STACK_NAME" --logical-resource-id "$GROUP_ID" \
  --unique-id "$(cat /etc/agent-mesh/instance-id)" --status "$status"
