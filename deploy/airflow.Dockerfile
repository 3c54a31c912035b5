# Airflow with the executables of Sluice: the image of every Airflow service in docker-compose.yml.
ARG AIRFLOW=apache/airflow:3.3.2-python3.11
ARG SLUICE=sluice:0.1.0

FROM ${SLUICE} AS sluice

FROM ${AIRFLOW}
USER root
COPY scripts/packages.runtime /tmp/packages
# postgresql-client: scripts/roles is a client of psql.
RUN apt-get update -q && sed '/^#/d' /tmp/packages | \
	xargs apt-get install -q -y --no-install-recommends postgresql-client && \
	rm -rf /tmp/packages /var/lib/apt/lists/* && \
	install -d -o airflow -g root -m 0770 /var/lib/sluice
COPY --from=sluice /usr/local/bin/ /usr/local/bin/
COPY --from=sluice /usr/local/lib/sluice/ /usr/local/lib/sluice/
COPY --from=sluice /usr/local/share/sluice/ /usr/local/share/sluice/
USER airflow
