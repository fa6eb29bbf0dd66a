#!/bin/bash
# Keep the instance's credentials from jobs, make its NVMe disks one file system and mount it as /scratch. Runs once, before
# the container agent starts (on Amazon Linux 2023 the agent waits for cloud-init's last stage).
set -euo pipefail

# An instance that is not ready must not take jobs: one would fill its root volume, or hold its role. Batch starts another.
trap 'echo "not fit for jobs: shutting down" >&2; shutdown -h now' ERR

# Jobs of AWS Batch share the host's network, so that no hop lies between them and the metadata service. They are not root;
# the agent is.
iptables --insert OUTPUT --destination 169.254.169.254 --match owner ! --uid-owner 0 --jump REJECT

mapfile -t disks < <(lsblk --noheadings --nodeps --output PATH,MODEL | awk '/Instance Storage/ { print $1 }')
[ "${#disks[@]}" -gt 0 ]

target="${disks[0]}"
if [ "${#disks[@]}" -gt 1 ]; then
  # Amazon Linux's packages come from S3, which the gateway endpoint reaches. Without mdadm the first disk must do.
  if command -v mdadm >/dev/null || dnf --assumeyes --quiet install mdadm; then
    mdadm --create /dev/md0 --run --level=0 --raid-devices="${#disks[@]}" "${disks[@]}"
    target=/dev/md0
  fi
fi

mkfs.xfs -f -q "$target"
mkdir -p /scratch
mount -o noatime,discard "$target" /scratch
# Jobs run as a user that is not root; the sticky bit keeps them from removing each other's files.
mkdir -p /scratch/references /scratch/runs
chmod 1777 /scratch /scratch/references /scratch/runs

# What the instance is, how it was bought and its id, for the runner: a run's cost is told from the first two, its neighbours from
# the last. IMDSv2 may fail; the instance is still good.
fact() { curl --silent --fail --max-time 5 --header "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"; }
metadata=http://169.254.169.254/latest
if token=$(curl --silent --fail --max-time 5 --request PUT --header "X-aws-ec2-metadata-token-ttl-seconds: 60" "$metadata/api/token") &&
  type=$(fact instance-type) && market=$(fact instance-life-cycle); then
  id=$(fact instance-id) || id=
  printf '{"type": "%s", "market": "%s", "id": "%s"}\n' "$type" "$market" "$id" >/scratch/instance.json
fi
