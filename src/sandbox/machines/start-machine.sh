#!/bin/sh
# start-machine.sh DIR TREE NETNS ARGUMENT...
# Moves itself into the machine's cgroups (one path a line in DIR/cgroups), enters the namespace of its VPC, lays DIR/upper over TREE at
# DIR/root in a mount namespace of its own, and becomes systemd-nspawn. The process id stays the same all the way.
set -eu
dir=$1 tree=$2 netns=$3
shift 3
while read -r cgroup; do echo $$ > "$cgroup/cgroup.procs"; done < "$dir/cgroups"
exec nsenter --net="$netns" unshare --mount --propagation private sh -euc '
  dir=$0 tree=$1
  shift
  mount -t overlay overlay -o "lowerdir=$tree,upperdir=$dir/upper,workdir=$dir/work,index=off,metacopy=off" "$dir/root"
  exec systemd-nspawn "$@"
' "$dir" "$tree" "$@"
