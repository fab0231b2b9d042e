# What tests/deploy/container, in-systemd and jaeger share; to be sourced by bash.
failed=0
pass() { echo "ok      $*"; }
fail() { echo "FAILED  $*"; failed=$((failed + 1)); }

# check WHAT COMMAND...: the command has to succeed.
check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then pass "$what"; else fail "$what: $* said: $output"; fi
}

# eventually WHAT SECONDS COMMAND...: the command has to succeed within so long.
eventually() {
  local what=$1 until=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$until" ] || { fail "$what: not in time: $*"; return 1; }
    sleep 0.1
  done
  pass "$what"
}

not() { ! "$@"; }

finish_checks() {
  echo "== $failed failed"
  [ "$failed" -eq 0 ]
}

new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
make_ca() { openssl req -x509 "${new_key[@]}" -keyout "$1.key" -out "$1.pem" -days 2 -subj '/CN=a test'; }

# make_certificate CA CERTIFICATE KEY: of a server, signed by what make_ca made.
make_certificate() {
  openssl req "${new_key[@]}" -keyout "$3" -out "$1.csr" -subj /CN=localhost &&
    printf 'subjectAltName=DNS:localhost,DNS:kith,DNS:hook.test,IP:127.0.0.1\n' >"$1.ext" &&
    openssl x509 -req -in "$1.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 2 -extfile "$1.ext" -out "$2"
}

shown_certificate() { openssl s_client -connect localhost:7442 </dev/null 2>/dev/null | openssl x509 -noout -serial; }
