# PostgreSQL and Redis of Debian's packages, with as much of the official images as docker-compose.yml asks for:
# the variable POSTGRES_PASSWORD_FILE, the commands, the users, the places of data. The third image stands for
# Airflow's where no more than psql, Python and Sluice is needed.
ARG BASE=debian:bookworm-slim
ARG SLUICE=sluice:test

FROM ${BASE} AS redis
RUN apt-get update -q && apt-get install -q -y --no-install-recommends redis-server && \
	rm -rf /var/lib/apt/lists/* && install -d -o redis /data
USER redis

FROM ${BASE} AS postgres
RUN apt-get update -q && apt-get install -q -y --no-install-recommends postgresql-15 && \
	rm -rf /var/lib/apt/lists/* && install -d -o postgres -m 0700 /var/lib/postgresql/data
COPY postgres-entrypoint.sh /
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
USER postgres
ENTRYPOINT ["bash", "/postgres-entrypoint.sh"]

FROM ${SLUICE} AS client
USER root
RUN apt-get update -q && apt-get install -q -y --no-install-recommends python3 postgresql-client && \
	rm -rf /var/lib/apt/lists/*
USER sluice
