# PostgreSQL and Redis of Debian's packages, with as much of the official images as docker-compose.yml asks for:
# the variable POSTGRES_PASSWORD_FILE, the commands, the users, the places of data. The third image stands for
# Airflow's: Debian's Python with the modules of .venv/airflow, which are the context, and Sluice.
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

FROM ${SLUICE} AS airflow
USER root
RUN apt-get update -q && apt-get install -q -y --no-install-recommends python3 postgresql-client && \
	rm -rf /var/lib/apt/lists/* && useradd --uid 50000 --gid 0 --home-dir /opt/airflow --create-home airflow && \
	install -d -o airflow -g 0 /opt/airflow/logs && install -d -o airflow -g 0 -m 0770 /var/lib/sluice && \
	for name in airflow celery; do \
		printf '#!/bin/sh\nexec python3 -m %s "$@"\n' $name >/usr/local/bin/$name && chmod +x /usr/local/bin/$name; \
	done
COPY . /opt/modules
ENV PYTHONPATH=/opt/modules AIRFLOW_HOME=/opt/airflow
USER airflow
