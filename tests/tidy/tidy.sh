#!/usr/bin/env bash
# The style as a test: what a compiler does not check and a reader relies on. Prints each offence as file:line: what.
#   tests/tidy/tidy.sh [SOURCE DIRECTORY]
# Needs bash, grep, awk and sort only; the files are git's, or, without git, those that git would not ignore here.
set -uo pipefail
export LC_ALL=C
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 64

longest_file=600

offences=$(mktemp)
trap 'rm -f "$offences"' EXIT
offence() { cat >>"$offences"; }

if ! files=$(git ls-files --cached --others --exclude-standard 2>/dev/null) || [ -z "$files" ]; then
  files=$(find . \( -name .git -o -name 'build*' -o -name node_modules -o -path ./data \) -prune -o -type f -print | sed 's|^\./||')
fi
mapfile -t all < <(printf '%s\n' "$files" | while read -r f; do [ -f "$f" ] && echo "$f"; done | sort)
mapfile -t cpp < <(printf '%s\n' "${all[@]}" | grep -E '\.(cpp|hpp)$')
mapfile -t product < <(printf '%s\n' "${cpp[@]}" | grep -E '^(profile|persistence|actors|net|webhooks|ingest|admin|cli)/')
mapfile -t text < <(printf '%s\n' "${all[@]}" |
  grep -Ev '\.(png|ico|gz|pem|key|bin|svg)$|^tests/fuzz/corpus/|^LICENSE$|^tests/tidy/tidy\.sh$')
[ ${#product[@]} -gt 0 ] || { echo "tidy: no sources in $PWD" >&2; exit 64; }

# 1. Includes point one way: cli -> admin -> ingest, net, webhooks -> actors -> persistence, profile. Each outside library has
#    its home.
awk '
  BEGIN {
    reach["profile"] = " profile "
    reach["persistence"] = reach["profile"] "persistence "
    reach["actors"] = reach["persistence"] "actors "
    reach["net"] = reach["actors"] "net "
    reach["ingest"] = reach["net"] "ingest "
    reach["webhooks"] = reach["net"] "webhooks "
    reach["admin"] = reach["ingest"] "webhooks admin "
    reach["cli"] = reach["admin"] "cli "
    home["caf"] = " actors "
    home["re2"] = " profile ingest "
    home["rocksdb"] = " persistence "
    home["openssl"] = " persistence net webhooks ingest admin cli "
    home["curl"] = " net webhooks ingest "
    home["cjose"] = " ingest "
    home["simdjson"] = " ingest "
    home["valijson"] = " ingest "
    home["prometheus"] = " admin "
    home["CLI"] = " cli "
    home["toml++"] = " cli "
  }
  FNR == 1 { split(FILENAME, part, "/"); folder = part[1] }
  /^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, q, "\""); split(q[2], to, "/")
    if (to[1] in reach && index(reach[folder], " " to[1] " ") == 0)
      print FILENAME ":" FNR ": " folder "/ must not include " q[2]
    if (q[2] ~ /^tests\// || q[2] ~ /^benchmarks\//) print FILENAME ":" FNR ": the product must not include " q[2]
    if (q[2] !~ /\//) print FILENAME ":" FNR ": name the folder in the include of " q[2]
  }
  /^[ \t]*#[ \t]*include[ \t]*</ {
    sub(/.*</, ""); split($0, to, /[\/>]/)
    if (to[1] in home && index(home[to[1]], " " folder " ") == 0)
      print FILENAME ":" FNR ": " to[1] " is included only in" home[to[1]] "- not in " folder "/"
  }
' "${product[@]}" | offence

# 2. Clocks, chance, threads and files come in from outside; the few places that make them are named here.
#    rule: what is banned; where (a pattern of paths); but not in (a pattern of paths); what to do instead
while IFS=';' read -r banned where except instead; do
  mapfile -t subject < <(printf '%s\n' "${product[@]}" | grep -E "$where" | grep -Ev "$except")
  [ ${#subject[@]} -gt 0 ] || continue
  awk -v banned="$banned" -v instead="$instead" '
    { line = $0; gsub(/"([^"\\]|\\.)*"/, "\"\"", line); sub(/\/\/.*/, "", line) }
    match(line, banned) { print FILENAME ":" FNR ": " substr(line, RSTART, RLENGTH) ": " instead }
  ' "${subject[@]}" | offence
done <<'RULES'
_clock::now;^(profile|persistence|actors)/;^actors/clock[.]hpp$;take the time as a value, or from actors/clock.hpp
(^|[^a-z_:.>])s?rand *[(];.;^$;use a generator of <random> that is handed in
(^|[^a-z_:.>])(std::)?time *[(] *(0|NULL|nullptr|&);.;^$;use <chrono> where clocks are allowed
gettimeofday|clock_gettime;.;^actors/clock[.]hpp$;use <chrono> where clocks are allowed
random_device;^(profile|persistence|actors)/;^actors/runtime_watching[.]cpp$;take the randomness as a value
std::(thread|jthread|async|mutex);^profile/;^$;the domain is pure and single-threaded
fsync *[(]|fdatasync *[(];.;^persistence/file[.]cpp$;go through persistence/file.hpp
(^|[^a-z_>])::(open|pwrite|rename) *[(];^(profile|persistence|actors)/;^persistence/file[.]cpp$;go through persistence/file.hpp
std::[oi]?fstream|fopen *[(];^(profile|persistence|actors)/;^$;go through persistence/file.hpp
sleep_for|sleep_until|usleep *[(];^(profile|persistence|actors|net|webhooks|ingest|admin)/;^actors/runtime(_checkpoint)?[.]cpp$;wait for a condition or a timer
(^|[^a-z_:.>&] *)(std::)?(system|popen) *[(]["a-z];.;^actors/;start no other programs
(^|[^a-z_])(strcpy|strcat|sprintf|gets) *[(];.;^$;use std::string
std::cout|std::cerr|(^|[^a-z_])f?printf *[(];^(profile|persistence|actors|net|webhooks|ingest|admin)/;^$;return a value, or log through what was handed in
RULES

# A test waits for a condition; it never just sleeps. (support/ holds the helpers that poll.)
mapfile -t tests < <(printf '%s\n' "${cpp[@]}" | grep -E '^tests/.*_test\.cpp$')
if [ ${#tests[@]} -gt 0 ]; then
  awk '/sleep_for|sleep_until|usleep *\(/ && !/tidy: polls/ { print FILENAME ":" FNR ": a test waits for a condition (or say `tidy: polls`)" }' \
    "${tests[@]}" | offence
fi

# 3. Files and lines.
awk -v most="$longest_file" '
  function done() { if (lines > most && !reasoned) print name ":1: " lines " lines; over " most " a reason must stand on top (`long file:`)" }
  FNR == 1 { if (name != "") done(); name = FILENAME; reasoned = 0 }
  FNR <= 5 && /long file:/ { reasoned = 1 }
  { lines = FNR }
  /\t/ { print FILENAME ":" FNR ": tab" }
  /[ \r]$/ { print FILENAME ":" FNR ": blank at the end of the line" }
  length($0) > 120 && !/https?:/ && !utf8($0) { print FILENAME ":" FNR ": " length($0) " columns, 120 allowed" }
  function utf8(line) { gsub(/[\200-\277]/, "", line); return length(line) <= 120 }
  END { done() }
' "${cpp[@]}" | offence
for header in $(printf '%s\n' "${product[@]}" | grep '\.hpp$'); do
  grep -q '^#pragma once' "$header" || echo "$header:1: no #pragma once"
done | offence

# 4. Words that mark something unfinished, and paths of one machine.
grep -nwE 'TODO|FIXME|XXX|HACK' -- "${text[@]}" | sed 's/$/  (unfinished)/' | offence
grep -nE "(^|[^A-Za-z0-9_.-])/(work|root|home/[a-z]+)/" -- "${text[@]}" | sed 's/$/  (a path of one machine)/' | offence
grep -nE '^(<<<<<<<|>>>>>>>|=======$)' -- "${text[@]}" | sed 's/$/  (merge conflict)/' | offence

# 5. Scripts are executable and stop at errors.
printf '%s\n' "${all[@]}" | grep -E '^(scripts|benchmarks|tests/tidy|tests/deploy|\.ci)/' | while read -r f; do
  head -c 64 "$f" | grep -qa '^#!.*bash' || continue
  [ -x "$f" ] || echo "$f:1: not executable"
  grep -qE '^set -[a-z]*u' "$f" || echo "$f:1: no \`set -u\`"
done | offence

# 6. Metrics: alerts and dashboards name those that there are, and each is explained.
mapfile -t told < <(grep -hoE '"(kith|process)_[a-z_]+"' admin/metrics.cpp admin/process_metrics.cpp | tr -d '"' | sort -u)
grep -noE '\b(kith|process)_[a-z_]+\b' deploy/prometheus/*.yml deploy/grafana/*.json | sort -t: -k3,3 -u | while IFS=: read -r file line name; do
  [[ " ${told[*]} " == *" $name "* ]] || echo "$file:$line: there is no metric $name"
done | offence
for name in "${told[@]}"; do
  grep -qF "\`$name" docs/monitoring.md docs/forwarder.md || echo "docs/monitoring.md:1: does not explain $name"
done | offence
grep -noE 'docs/runbooks/[a-z-]+\.md' deploy/prometheus/kith.rules.yml | while IFS=: read -r line page; do
  [ -f "$page" ] || echo "deploy/prometheus/kith.rules.yml:$line: there is no $page"
done | offence

if [ -s "$offences" ]; then
  sort -t: -k1,1 -k2,2n "$offences"
  echo "tidy: $(wc -l <"$offences") offences" >&2
  exit 1
fi
echo "tidy: ${#all[@]} files, nothing to mend"
