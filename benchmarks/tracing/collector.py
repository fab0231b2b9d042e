#!/usr/bin/env python3
"""Takes OTLP over HTTP on a free port, which it prints, and counts: at the end of its input it prints how many spans came."""
import http.server
import json
import sys
import threading

spans = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global spans
        body = self.rfile.read(int(self.headers["content-length"]))
        spans += body.count(b'"spanId"')
        answer = json.dumps({}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
print(spans, flush=True)
