#!/bin/sh
# import-images.sh TREE ARCHIVE: loads container images into the containerd of the root tree TREE.
# Runs in mount and process namespaces of its own: mounts and containerd end with it, whatever happens.
set -eu
tree=$1 archive=$2
mount --bind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount --rbind /sys "$tree/sys"
mount --rbind /dev "$tree/dev"
mount -t tmpfs tmpfs "$tree/run"
mount -t tmpfs tmpfs "$tree/tmp"
: > "$tree/tmp/images.tar"
mount --bind "$archive" "$tree/tmp/images.tar"

chroot "$tree" containerd --log-level warn &
daemon=$!
tries=0
until chroot "$tree" ctr version > /dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 150 ] || ! kill -0 "$daemon" 2> /dev/null; then
    echo 'containerd did not start in the root tree' >&2
    exit 1
  fi
  sleep 0.2
done
chroot "$tree" ctr --namespace k8s.io images import /tmp/images.tar
kill "$daemon"
wait "$daemon" || true
