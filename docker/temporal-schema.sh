#!/bin/sh
# Makes or updates Temporal's two databases. Runs before the server starts; running it again changes nothing.
# The password is read from SQL_PASSWORD.
set -eu

sql() {
  database=$1
  shift
  temporal-sql-tool --plugin postgres12 --ep postgresql --port 5432 --user temporal --db "$database" "$@"
}

for database in temporal temporal_visibility; do
  sql "$database" create
  sql "$database" setup-schema -v 0.0
  case $database in
    temporal) sql "$database" update-schema -d /etc/temporal/schema/postgresql/v12/temporal/versioned ;;
    *) sql "$database" update-schema -d /etc/temporal/schema/postgresql/v12/visibility/versioned ;;
  esac
done
