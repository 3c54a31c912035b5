#!/usr/bin/env bash
# Gives the roles of scripts/roles their passwords and rights in the warehouse. Runs in the container "roles" of
# docker-compose.yml; PIPELINES names the pipelines.
set -euo pipefail

secret() { cat "/run/secrets/$1"; }
PGPASSWORD=$(secret postgres)
SLUICE_OWNER_PASSWORD=$(secret owner)
SLUICE_WRITER_PASSWORD=$(secret writer)
SLUICE_READER_PASSWORD=$(secret reader)
SLUICE_GRAFANA_PASSWORD=$(secret grafana)
export PGPASSWORD SLUICE_OWNER_PASSWORD SLUICE_WRITER_PASSWORD SLUICE_READER_PASSWORD SLUICE_GRAFANA_PASSWORD
read -ra names <<<"$PIPELINES"
exec python3 /opt/sluice/scripts/roles "${names[@]}"
