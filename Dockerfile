# Sluice in an image: the executables, the libraries that they load, nobody's rights. scripts/image builds it.
#
# BASE  a Debian 12 with apt; official images are only a default, a base of your own is as good
# TREE  where the executables come from: "build" compiles them here; "prebuilt" takes build/image of the
#       context, installed there by scripts/image --prebuilt, and needs BuildKit to skip the compilation
ARG BASE=debian:bookworm-slim
ARG TREE=build

FROM ${BASE} AS build
WORKDIR /src
COPY scripts/packages.build scripts/
RUN apt-get update -q && sed '/^#/d' scripts/packages.build | \
	xargs apt-get install -q -y --no-install-recommends
COPY . .
RUN scripts/get-duckdb && scripts/get-hiredis && cmake --preset release && \
	cmake --build build/release && cmake --install build/release --prefix /tree --strip

FROM scratch AS prebuilt
COPY build/image /tree

FROM ${TREE} AS tree

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sluice" \
	org.opencontainers.image.description="Stages of data pipelines as native executables" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}"
COPY scripts/packages.runtime /tmp/packages
RUN apt-get update -q && sed '/^#/d' /tmp/packages | \
	xargs apt-get install -q -y --no-install-recommends && \
	apt-get clean && rm -rf /tmp/packages /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/* \
		/usr/share/doc /usr/share/man /usr/share/locale && \
	useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin sluice && \
	install -d -o sluice -g sluice -m 0750 /var/lib/sluice
COPY --from=tree /tree /usr/local
ENV SLUICE_HOME=/var/lib/sluice
USER 10001:10001
# No entry point: the argv of a task is the executable and its words, as on a host without containers.
CMD ["/usr/local/bin/sluice", "--help"]
