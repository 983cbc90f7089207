#!/bin/sh
# What a new instance on EC2 does before install-relay.sh: takes over address and disk of its relay, the join token and the command.
# /etc/agent-mesh/aws.env has AWS_DEFAULT_REGION, ALLOCATION_ID, VOLUME_ID, SECRET_ID, PACKAGE_S3. Runs once, as root.
set -eu
etc=/etc/agent-mesh
data=/var/lib/agent-mesh
set -a
# shellcheck source=/dev/null
. "$etc/aws.env"
set +a

metadata=http://169.254.169.254/latest
session=$(curl --fail --silent -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/api/token")
instance=$(curl --fail --silent -H "X-aws-ec2-metadata-token: $session" "$metadata/meta-data/instance-id")
echo "$instance" >"$etc/instance-id"

# until_done COMMAND...: the instance before this one may still hold what it asks for.
until_done() {
  for _ in $(seq 60); do
    if "$@"; then return; fi
    sleep 5
  done
  echo "Cannot start the relay: $* did not succeed in 5 minutes" >&2
  exit 1
}

until_done aws ec2 attach-volume --volume-id "$VOLUME_ID" --instance-id "$instance" --device /dev/sdf
disk=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$(echo "$VOLUME_ID" | tr -d -)
until_done test -e "$disk"
blkid "$disk" >/dev/null || mkfs.ext4 -q "$disk"
mkdir -p "$data"
grep -q " $data " /etc/fstab || echo "$disk $data ext4 defaults,nofail,nodev,nosuid,noexec 0 2" >>/etc/fstab
mount "$data"

until_done aws ec2 associate-address --allocation-id "$ALLOCATION_ID" --instance-id "$instance" --allow-reassociation
(
  umask 077
  aws secretsmanager get-secret-value --secret-id "$SECRET_ID" --query SecretString --output text >"$etc/join-token"
)
aws s3 cp --quiet "$PACKAGE_S3" /root/package.zip
rm -rf /opt/agent-mesh/app
python3 -m zipfile -e /root/package.zip /opt/agent-mesh/app
