"""Exports a person by the admin API, counts the events as they come, and prints what it took as one JSON object.

Ends with 1 if the document is not whole, or does not have as many events as were published. Keeps no more of it than a piece.
"""
import argparse
import json
import ssl
import sys
import time
import urllib.request

PIECE = 1 << 20
TAIL = 1 << 16  # the counts at the document's end are in it
MARK = b'"receivedAt":'  # each event has one, and dead letters have none

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--ca", required=True)
parser.add_argument("--token-file", required=True)
parser.add_argument("--user", required=True)
parser.add_argument("--events", type=int, required=True)
flags = parser.parse_args()

with open(flags.token_file) as file:
    token = file.read().strip()
request = urllib.request.Request(f"https://localhost:{flags.port}/v1/profiles/user/{flags.user}/export",
                                 headers={"Authorization": "Bearer " + token})
context = ssl.create_default_context(cafile=flags.ca)
size = counted = 0
tail = b""
begun = time.perf_counter()
first = None
with urllib.request.urlopen(request, context=context, timeout=600) as answer:
    while piece := answer.read1(PIECE):
        if first is None:
            first = time.perf_counter() - begun
        size += len(piece)
        overlap = tail[-(len(MARK) - 1):]  # too short to hold a whole mark
        counted += (overlap + piece).count(MARK)
        tail = (tail + piece)[-TAIL:]
seconds = time.perf_counter() - begun

at = tail.rfind(b'"end":')
if at < 0:
    sys.exit("the document is cut off: it has no end")
end = json.loads(tail[at + len(b'"end":'):].rstrip().removesuffix(b"}"))
if not end["complete"] or end["events"] != flags.events or counted != flags.events:
    sys.exit(f"{flags.events} events were published; the document says {end['events']} and has {counted}")
print(json.dumps({"events": counted, "seconds": round(seconds, 3), "first_byte_seconds": round(first, 4), "bytes": size,
                  "export_events_per_s": round(counted / seconds)}))
