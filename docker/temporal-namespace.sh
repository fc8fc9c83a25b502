#!/bin/sh
# Makes Temporal's namespace and Perdure's search attributes. Runs once the server answers; running it again changes nothing.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where.
set -eu

tries=60
until temporal operator cluster health > /dev/null 2>&1; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    echo "Temporal at $TEMPORAL_ADDRESS is not healthy after two minutes" >&2
    exit 1
  fi
  sleep 2
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" > /dev/null 2>&1; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 72h
fi

attributes='PerdureCluster PerdureKind PerdureObject PerdureProvider PerdureOperation PerdurePhase PerdureReason'
set --
for name in $attributes; do set -- "$@" --name "$name" --type Keyword; done

# A new namespace takes some seconds to be known to every part of the server.
tries=30
until temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" "$@"; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || exit 1
  sleep 2
done
