# A Debian root of its own, and a desk in it: what packaging/check and packaging/boot share. Sourced;
# $root is the root, and in_root runs a command there.

step() { printf '\n== %s\n' "$*"; }
fail() { echo "$0: $*" >&2; exit 1; }

# The package named, or one built for this machine.
choose_package() { # [DEB]
    deb=${1:-}
    if [ -z "$deb" ]; then
        host=$(dpkg --print-architecture)
        packaging/build-debs "$host"
        deb=$(ls -t "${OUT:-${CARGO_TARGET_DIR:-target}/debian}"/callnumber_*_"$host".deb | head -1)
    fi
    arch=$(dpkg-deb -f "$deb" Architecture)
}

make_root() { # PACKAGES: into $root, by way of $ROOT_CACHE if that is set
    local cache=${ROOT_CACHE:-}
    if [ -z "$cache" ] || [ ! -d "$cache" ]; then
        debootstrap --arch="$arch" --variant=minbase --include="$1" bookworm "${cache:-$root}" >/dev/null
    fi
    [ -z "$cache" ] || cp -a "$cache/." "$root/"
}

wait_for() { # WORDS COMMAND…: until it succeeds
    local words=$1
    shift
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    fail "$words: not within two minutes"
}

# A line for the simulated modem; what it says to that.
say() { # SOCKET WORDS…
    local socket=$1
    shift
    python3 - "$socket" "$*" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b"\n")
s.settimeout(60); told = b""
while not (told.endswith(b"ok\n") or b"error" in told):
    told += s.recv(65536)
sys.stdout.write(told.decode())
PY
}

# The API, with $token.
api() { in_root curl -sS --fail-with-body -H "Authorization: Bearer $token" -H "Content-Type: application/json" "$@"; }
waiting_is() { # COUNT
    [ "$(api "http://127.0.0.1:8080/api/v1/conversations" | grep -o '"state": *"waiting"' | wc -l)" = "$1" ]
}
answer() { # CONVERSATION WORDS
    api -X POST -d "{\"body\":\"$2\"}" "http://127.0.0.1:8080/api/v1/conversations/$1/messages" >/dev/null
}
