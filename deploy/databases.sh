#!/usr/bin/env bash
# Makes the database of Airflow, with its owner, and that of the warehouse. Runs in the container "databases" of
# docker-compose.yml, as often as you like; a changed password is taken over.
set -euo pipefail

secret() { cat "/run/secrets/$1"; }
PGPASSWORD=$(secret postgres)
export PGPASSWORD

# The password comes by stdin: argv can be seen by others.
psql -XAtq -v ON_ERROR_STOP=1 -d postgres <<SQL
\set password '$(secret airflow)'
select 'create role airflow login' where not exists (select from pg_roles where rolname = 'airflow') \gexec
select format('alter role airflow password %L', :'password') \gexec
select 'create database airflow owner airflow'
where not exists (select from pg_database where datname = 'airflow') \gexec
select 'create database warehouse' where not exists (select from pg_database where datname = 'warehouse') \gexec
SQL
