#!/usr/bin/env python3
"""Serves one GGUF file with llama.cpp's own HTTP server, which the wheel xllamacpp carries.

usage: serve_llama.py FILE PORT NAME [CONTEXT]

It listens at once and answers 503 until the file is loaded; NAME is what its model is called. SIGTERM ends it with 0.
"""

import os
import signal
import sys
import threading

ENDS = {signal.SIGTERM, signal.SIGINT}
CONTEXT_TOKENS = 2048
# One is enough for so small a model, and leaves the other cores to the rest of the tests.
THREADS = 1


def end_on_signal():
    signal.sigwait(ENDS)
    os._exit(0)


def parameters(xllamacpp, path, port, name, context):
    chosen = xllamacpp.CommonParams()
    chosen.model.path = path
    chosen.model_alias = {name}
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = port
    chosen.n_parallel = 1
    chosen.n_ctx = context
    chosen.cpuparams.n_threads = THREADS
    return chosen


def main():
    path, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    context = int(sys.argv[4]) if len(sys.argv) > 4 else CONTEXT_TOKENS
    # The server's own threads inherit the mask, so that none of them but ours sees these signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    threading.Thread(target=end_on_signal, daemon=True).start()
    import xllamacpp  # its threads begin with the import

    try:
        server = xllamacpp.Server(parameters(xllamacpp, path, port, name, context))
    except RuntimeError:
        sys.exit(1)  # the engine has said why
    print("listening on", server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
