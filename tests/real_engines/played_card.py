#!/usr/bin/env python3
"""Answers like nvidia-smi about one card, on which every engine of a test holds the same amount of memory.

usage: played_card.py FOLDER TOTAL_MIB MIB_OF_AN_ENGINE --query-gpu=... | --query-compute-apps=...

What really fills and empties is the process table: an engine holds its memory for as long as its process is there.
"""

import sys

from engine_processes import living_engines

CARD = "GPU-00000000-0000-0000-0000-000000000001"


def main():
    folder, total_mib, engine_mib, query = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    engines = living_engines(folder)
    if query.startswith("--query-gpu="):
        print(f"0, {CARD}, 00000000:01:00.0, Played Card, {total_mib}, {engine_mib * len(engines)}, 0, 1.0")
        return
    for engine in engines:
        print(f"{CARD}, {engine.pid}, {engine_mib}")


if __name__ == "__main__":
    main()
