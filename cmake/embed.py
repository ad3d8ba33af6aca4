#!/usr/bin/env python3
"""Turns files into one assembler file and one C++ table, so that the program carries its pages with it.

usage: embed.py --output DIR [--tree PREFIX=FOLDER ...] [--file NAME=PATH ...]

Writes DIR/embedded.S (.incbin, quick to assemble whatever the size), DIR/embedded.cc (the table behind assets/assets.h)
and a gzip copy of each text that becomes smaller by it. The same input gives the same output, byte for byte.
"""

import argparse
import gzip
import hashlib
import os

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".otf": "font/otf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
COMPRESSIBLE = {".css", ".html", ".ico", ".js", ".json", ".mjs", ".otf", ".svg", ".txt", ".wasm", ".webmanifest"}
WORTH_IT = 0.9


def files_of(prefix, folder):
    """(name, path) of every file below a folder; names and folders that begin with a dot stay out, as do source maps."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or name.endswith(".map"):
                continue
            path = os.path.join(where, name)
            yield prefix + os.path.relpath(path, folder).replace(os.sep, "/"), path


def read_arguments():
    parser = argparse.ArgumentParser(description="embeds files into the program")
    parser.add_argument("--output", required=True)
    parser.add_argument("--tree", action="append", default=[], metavar="PREFIX=FOLDER")
    parser.add_argument("--file", action="append", default=[], metavar="NAME=PATH")
    options = parser.parse_args()
    entries = {}
    for text in options.tree:
        prefix, _, folder = text.partition("=")
        entries.update(files_of(prefix, folder))
    for text in options.file:
        name, _, path = text.partition("=")
        entries[name] = path
    return options.output, sorted(entries.items())


def write_if_changed(path, content):
    try:
        with open(path, "rb") as file:
            if file.read() == content:
                return
    except FileNotFoundError:
        pass
    with open(path, "wb") as file:
        file.write(content)


def incbin(symbol, path):
    quoted = os.path.abspath(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'.balign 16\n.hidden {symbol}\n.global {symbol}\n{symbol}:\n.incbin "{quoted}"\n'


def text_literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main():
    output, entries = read_arguments()
    os.makedirs(os.path.join(output, "gzip"), exist_ok=True)
    assembler = [".section .rodata\n"]
    declarations, rows = [], []
    for number, (name, path) in enumerate(entries):
        ending = os.path.splitext(name)[1].lower()
        with open(path, "rb") as file:
            raw = file.read()
        symbol = f"stoker_asset_{number}"
        assembler.append(incbin(symbol, path))
        declarations.append(f"extern const char {symbol}[];\n")
        packed = gzip.compress(raw, 9, mtime=0) if ending in COMPRESSIBLE else raw
        small = "{}"
        if len(packed) < len(raw) * WORTH_IT:
            packed_path = os.path.join(output, "gzip", f"{number}.gz")
            write_if_changed(packed_path, packed)
            assembler.append(incbin(symbol + "_gz", packed_path))
            declarations.append(f"extern const char {symbol}_gz[];\n")
            small = f"{{{symbol}_gz, {len(packed)}}}"
        rows.append(f"    Asset{{{text_literal(name)}, {text_literal(TYPES.get(ending, 'application/octet-stream'))}, "
                    f'"{hashlib.sha256(raw).hexdigest()[:24]}", {{{symbol}, {len(raw)}}}, {small}}},\n')
    assembler.append('.section .note.GNU-stack,"",@progbits\n')
    table = ['#include <array>\n\n#include "assets/assets.h"\n\nextern "C" {\n', *declarations, "}\n\n",
             "namespace stoker::assets {\nnamespace {\n\n",
             f"constinit const std::array<Asset, {len(rows)}> kAssets{{\n", *rows, "};\n\n}  // namespace\n\n",
             "std::span<const Asset> all_assets() { return kAssets; }\n\n}  // namespace stoker::assets\n"]
    write_if_changed(os.path.join(output, "embedded.S"), "".join(assembler).encode())
    write_if_changed(os.path.join(output, "embedded.cc"), "".join(table).encode())


if __name__ == "__main__":
    main()
