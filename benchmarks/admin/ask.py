#!/usr/bin/env python3
"""Asks the admin API, over connections that stay open, and says how long the answers took: one JSON object a line.

    ask.py time  --port N --ca FILE --token-file FILE --repeats N PATH...   # each path so often, one after the other
    ask.py stream --port N --ca FILE --token-file FILE --seconds N --rate R --live N PATH...
        # all paths in turn, R a second, while N listeners follow /v1/live
"""
import argparse
import http.client
import json
import pathlib
import ssl
import threading
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["time", "stream"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--live", type=int, default=0)
    parser.add_argument("paths", nargs="+")
    return parser.parse_args()


class Asker:
    def __init__(self, options):
        self.headers = {"Authorization": "Bearer " + pathlib.Path(options.token_file).read_text().strip()}
        context = ssl.create_default_context(cafile=options.ca)
        self.line = http.client.HTTPSConnection("localhost", options.port, context=context, timeout=60)
        self.line.connect()
        self.line.sock.setsockopt(6, 1, 1)  # TCP_NODELAY

    def ask(self, path):
        """Milliseconds from the request's first byte to the answer's last, its status and size."""
        begun = time.perf_counter()
        self.line.request("GET", path, headers=self.headers)
        answer = self.line.getresponse()
        size = len(answer.read())
        return (time.perf_counter() - begun) * 1000, answer.status, size

    def listen(self, until):
        self.line.request("GET", "/v1/live", headers=self.headers)
        answer = self.line.getresponse()
        while time.monotonic() < until and answer.read1(65536):
            pass


def percentile(values, of):
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * of))], 2)


def told(path, taken, size):
    return {"path": path, "requests": len(taken), "bytes": size, "p50_ms": percentile(taken, 0.5),
            "p99_ms": percentile(taken, 0.99), "max_ms": round(max(taken), 2)}


def time_each(options):
    asker = Asker(options)
    for path in options.paths:
        taken, size = [], 0
        for _ in range(options.repeats):
            milliseconds, status, size = asker.ask(path)
            if status != 200:
                raise SystemExit(f"{path}: answered {status}")
            taken.append(milliseconds)
        print(json.dumps(told(path, taken, size)), flush=True)


def stream(options):
    end = time.monotonic() + options.seconds
    listeners = [threading.Thread(target=Asker(options).listen, args=(end,), daemon=True) for _ in range(options.live)]
    for each in listeners:
        each.start()
    asker = Asker(options)
    taken, failed = [], 0
    due = time.monotonic()
    while due < end:
        time.sleep(max(0, due - time.monotonic()))
        milliseconds, status, _ = asker.ask(options.paths[len(taken) % len(options.paths)])
        taken.append(milliseconds)
        failed += status != 200
        due += 1 / options.rate
    print(json.dumps({"requests": len(taken), "failed": failed, "live": options.live,
                      "p50_ms": percentile(taken, 0.5), "p99_ms": percentile(taken, 0.99)}))


chosen = arguments()
(time_each if chosen.what == "time" else stream)(chosen)
