# What the benchmark scripts share. Source it; it sets up a temporary directory and ends at exit what it started.
# Environment: BENCH_DIR (where the servers' data lives; the disk matters), BUILD_DIR (build).

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$top" && cd "${BUILD_DIR:-build}" 2>/dev/null && pwd) || { echo "build first: benchmarks/build" >&2; exit 69; }
kith=$build/kith
redis_bench=$build/benchmarks/redis_bench
results=$top/benchmarks/results
mkdir -p "$results"
room=$(mktemp -d "${BENCH_DIR:-/var/tmp}/kith-bench.XXXXXX")

redis_pid=
kith_pid=
finish() {
  stop_redis
  stop_kith
  rm -rf "$room"
}
trap finish EXIT
trap 'exit 130' INT TERM

log() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

stop() { # PID: asks, waits up to a minute, insists
  [ -n "$1" ] || return 0
  kill -TERM "$1" 2>/dev/null || true
  for _ in $(seq 600); do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
stop_redis() { stop "$redis_pid"; redis_pid=; rm -rf "$room/redis"; }
stop_kith() { stop "$kith_pid"; kith_pid=; [ -n "${KEEP_DATA:-}" ] || rm -rf "$room/kith"; }

# The first of three free ports in a row.
free_ports() {
  local base port
  while :; do
    base=$((20000 + RANDOM % 10000))
    for port in "$base" $((base + 1)) $((base + 2)); do
      (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
    done
    echo "$base"
    return
  done
}

make_certificates() {
  [ ! -e "$room/ca.pem" ] || return 0
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench-ca \
    -keyout "$room/ca.key" -out "$room/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
    -keyout "$room/server.key" -out "$room/server.csr" 2>/dev/null
  openssl x509 -req -in "$room/server.csr" -CA "$room/ca.pem" -CAkey "$room/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost") -out "$room/server.pem" 2>/dev/null
}

start_redis() { # always | everysec | none
  make_certificates
  rm -rf "$room/redis"
  mkdir -p "$room/redis"
  redis_port=$(free_ports)
  local aof=(--appendonly yes --appendfsync "$1")
  [ "$1" != none ] || aof=(--appendonly no)
  redis-server --port 0 --tls-port "$redis_port" --bind 127.0.0.1 --dir "$room/redis" --save "" \
    --auto-aof-rewrite-percentage 0 --tls-auth-clients no --tls-cert-file "$room/server.pem" \
    --tls-key-file "$room/server.key" --tls-ca-cert-file "$room/ca.pem" "${aof[@]}" >"$room/redis.log" 2>&1 &
  redis_pid=$!
  for _ in $(seq 100); do redis_cli ping >/dev/null 2>&1 && return 0; sleep 0.1; done
  cat "$room/redis.log" >&2
  exit 69
}
redis_cli() { redis-cli --tls --cacert "$room/ca.pem" -h 127.0.0.1 -p "$redis_port" "$@"; }
redis_load() { "$redis_bench" "$@" --port "$redis_port" --ca "$room/ca.pem" --json; }

start_kith() { # more arguments of kith serve
  mkdir -p "$room/kith"
  kith_port=$(free_ports)
  "$kith" serve --dev --data "$room/kith" --port-base "$kith_port" "$@" >"$room/kith.log" 2>&1 &
  kith_pid=$!
  for _ in $(seq 6000); do
    kith_admin /readyz >/dev/null 2>&1 && return 0
    kill -0 "$kith_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$room/kith.log" >&2
  exit 69
}
kith_admin() {
  curl -sf --max-time 60 --cacert "$room/kith/dev/ca.pem" \
    -H "Authorization: Bearer $(cat "$room/kith/dev/admin.token" 2>/dev/null)" "${@:2}" \
    "https://127.0.0.1:$((kith_port + 2))$1"
}
kith_load() { "$kith" bench "$@" --dev "$room/kith" --addr "127.0.0.1:$kith_port" --json; }

# The schedstat files of the server's threads of these kinds: ns they ran, ns they waited to run, how often they ran.
threads_of() { # KIND ...: shard, journal, ...
  local task kind
  for task in "/proc/$kith_pid/task"/*; do
    for kind in "$@"; do
      case "$(cat "$task/comm" 2>/dev/null)" in "$kind" | "$kind"-*) echo "$task/schedstat" ;; esac
    done
  done
}

resident() { awk '/^VmRSS/ {printf "%.0f\n", $2 * 1024}' "/proc/$1/status"; }

# record FILE JSON KEY=VALUE ...: appends the result with what it was measured under. Values are numbers or text.
record() {
  python3 - "$results/$1" "$2" "${@:3}" <<'PY'
import json, sys
line = {}
for pair in sys.argv[3:]:
    key, value = pair.split("=", 1)
    try:
        line[key] = json.loads(value)
    except ValueError:
        line[key] = value
line.update({k: v for k, v in json.loads(sys.argv[2]).items() if k not in line})
with open(sys.argv[1], "a") as out:
    out.write(json.dumps(line) + "\n")
rate = line.get("events_per_s")
print("   ", " ".join(f"{p}" for p in sys.argv[3:]),
      f"-> {rate:,.0f}/s, p99 {line['latency_us']['p99']:,} us" if rate else "-> " + sys.argv[2][:200], file=sys.stderr)
PY
}
field() { python3 -c 'import json,sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }
# The median rate of what was recorded: median FILE KEY=VALUE ...
median_rate() {
  python3 - "$results/$1" "${@:2}" <<'PY'
import json, statistics, sys
want = dict(p.split("=", 1) for p in sys.argv[2:])
rates = [l["events_per_s"] for l in map(json.loads, open(sys.argv[1])) if all(str(l.get(k)) == v for k, v in want.items())]
print(int(statistics.median(rates)))
PY
}
machine() {
  printf '{"processor": "%s", "cores": %s, "memory_gib": %s, "kernel": "%s", "system": "%s"}' \
    "$(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo)" "$(nproc)" \
    "$(awk '/MemTotal/ {printf "%.0f", $2 / 1048576}' /proc/meminfo)" "$(uname -r)" \
    "$(. /etc/os-release; echo "$PRETTY_NAME")"
}
