#!/usr/bin/env python3
"""A small engine for tests: GET /health answers 503 until it is ready, then 200; other paths say what it is.

usage: engine_script_for_tests.py --port N [--model NAME] [--ready-after ASKS] [--die-at-start TEXT] [--exit CODE]
       [--ignore-term] [--grandchild] [--flood LINES]
"""

import argparse
import http.server
import os
import signal
import subprocess
import sys


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", default="none")
    parser.add_argument("--ready-after", type=int, default=0, help="-1: never")
    parser.add_argument("--die-at-start", default="")
    parser.add_argument("--exit", type=int, default=3)
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--grandchild", action="store_true")
    parser.add_argument("--flood", type=int, default=0)
    return parser.parse_args()


def handler_of(options):
    asked = [0]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/die":
                print("dying", flush=True)
                os._exit(options.exit)
            if self.path == "/health":
                asked[0] += 1
                is_ready = 0 <= options.ready_after < asked[0]
                return self.answer(200 if is_ready else 503, "ready" if is_ready else "loading")
            return self.answer(200, f"{options.model} {os.getpid()}")

        def answer(self, status, text):
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    return Handler


def main():
    options = arguments()
    if options.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.die_at_start:
        print(options.die_at_start, file=sys.stderr, flush=True)
        sys.exit(options.exit)
    for number in range(options.flood):
        print("line", number)
    if options.grandchild:
        subprocess.Popen(["sleep", "1000"])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), handler_of(options))
    print("listening as", options.model, flush=True)
    server.serve_forever()


main()
