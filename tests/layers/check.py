#!/usr/bin/env python3
"""Checks the layers of src/ against allowed.txt: includes, forbidden calls, file names and sizes.

usage: check.py [ROOT]     ROOT holds src/; the repository by default. Exit 1 and one line per finding.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FILE_LINES_MAX = 500
README_LINES_MAX = 30
BANNED_WORDS = {"util", "utils", "common", "misc", "manager", "helper", "helpers"}
BANNED_FILES = {"types.h"}
CODE_ENDINGS = (".h", ".cc", ".S", ".c")

STANDARD = set("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits
clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint
cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution expected filesystem flat_map flat_set
format forward_list fstream functional future generator initializer_list iomanip ios iosfwd iostream istream iterator
latch limits list locale map mdspan memory memory_resource mutex new numbers numeric optional ostream print queue
random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span spanstream sstream stack
stacktrace stdexcept stdfloat stop_token streambuf string string_view strstream syncstream system_error thread tuple
type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
""".split())

POSIX = re.compile(r"^(sys/|arpa/|net/|netinet/|linux/)|^(aio|dirent|dlfcn|endian|errno|fcntl|grp|ifaddrs|netdb|poll|"
                   r"pthread|pwd|sched|signal|spawn|stdio|stdlib|string|termios|time|unistd|wait)\.h$")

# Headers that only the folders with the named permission may include.
WORLD_HEADERS = {
    "threads": {"thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "barrier", "latch",
                "stop_token"},
}
WORLD_CALLS = {
    "clocks": re.compile(r"\b\w*_clock::now\s*\(|(?<![\w.>:])(?:std::|::)?time\s*\(\s*(?:nullptr|NULL|0|&)|"
                         r"\bclock_gettime\b|\bgettimeofday\b|\bsleep_(?:for|until)\b|(?<![\w.>:])u?sleep\s*\(|"
                         r"\bnanosleep\b"),
    "randomness": re.compile(r"\brandom_device\b|(?<![\w.>:])(?:std::|::)?s?rand\s*\("),
    "environment": re.compile(r"\b(?:secure_)?getenv\b"),
    "secrets": re.compile(r"\brandombytes_\w+|\bRAND_(?:priv_)?bytes\b|\bgetrandom\b|\barc4random"),
    "threads": re.compile(r"\bstd::(?:jthread|thread|async|mutex|recursive_mutex|timed_mutex|shared_mutex|"
                          r"condition_variable(?:_any)?|counting_semaphore|binary_semaphore|lock_guard|unique_lock|"
                          r"scoped_lock|shared_lock)\b|\bpthread_create\b"),
}
# Calls that end a decision's purity in tests too; only threads are free there.
FREE_IN_TESTS = {"threads"}
LEFT_OVERS = re.compile(r"\b(?:TODO|FIXME|XXX)\b")

COMMENT_OR_TEXT = re.compile(
    r'R"(?P<tag>[^()\\ ]{0,16})\(.*?\)(?P=tag)"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>]+)>|"([^"]+)")', re.MULTILINE)


def read_table(path):
    """allowed.txt as {section: {key: [words]}}."""
    table, section = {}, None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.split("#", 1)[0].strip()
            if not line:
                continue
            if line.startswith("[") and line.endswith("]"):
                section = table.setdefault(line[1:-1], {})
                continue
            key, colon, words = line.partition(":")
            if section is None or not colon or key.strip() in section:
                raise SystemExit(f"{path}:{number}: expected one `name: words` per line, each name once")
            section[key.strip()] = words.split()
    return table


def is_test(path):
    return re.search(r"(_(test|for_tests)\.(cc|h)|/test_\w+\.h)$", path) is not None


def without_comments_and_text(code):
    """The code with comments and literals blanked; line numbers stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return COMMENT_OR_TEXT.sub(blank, code)


def line_of(code, position):
    return code.count("\n", 0, position) + 1


class Checker:
    def __init__(self, root, table):
        self.src = os.path.join(root, "src")
        self.arrows, self.libraries, self.world = table["arrows"], table["libraries"], table["world"]
        self.findings = []
        self.files = 0

    def find(self, path, line, words):
        self.findings.append(f"{os.path.relpath(path, os.path.dirname(self.src))}:{line}: {words}")

    def run(self):
        for folder in sorted(os.listdir(self.src)):
            path = os.path.join(self.src, folder)
            if os.path.isdir(path):
                self.check_folder(folder, path)
        return self.findings

    def check_folder(self, folder, path):
        if folder not in self.arrows:
            self.find(path, 1, "this folder is not in tests/layers/allowed.txt")
            return
        if not os.path.exists(os.path.join(path, "README.md")):
            self.find(path, 1, "no README.md (purpose, entry type, what it must never do)")
        for where, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                self.check_name(os.path.join(where, name))
                self.check_file(folder, os.path.join(where, name))

    def check_name(self, path):
        name = os.path.basename(path)
        words = set(re.split(r"[_\-.]", name)) | set(re.split(r"[_\-]", os.path.basename(os.path.dirname(path))))
        bad = words & BANNED_WORDS
        if bad or name in BANNED_FILES:
            self.find(path, 1, f"a name that says nothing: {', '.join(sorted(bad)) or name}")

    def check_file(self, folder, path):
        if not path.endswith(CODE_ENDINGS + (".md", ".txt", ".py")):
            return
        with open(path, encoding="utf-8") as file:
            text = file.read()
        lines = text.count("\n")
        if path.endswith("README.md") and lines > README_LINES_MAX:
            self.find(path, lines, f"{lines} lines, README.md may have {README_LINES_MAX}")
        if lines > FILE_LINES_MAX:
            self.find(path, lines, f"{lines} lines, a file may have {FILE_LINES_MAX}")
        for match in LEFT_OVERS.finditer(text):
            self.find(path, line_of(text, match.start()), f"{match.group(0)} left over")
        if path.endswith(CODE_ENDINGS):
            self.files += 1
            self.check_includes(folder, path, text)
            self.check_calls(folder, path, text)

    def check_includes(self, folder, path, text):
        test = is_test(path)
        for match in INCLUDE.finditer(text):
            angled, quoted = match.groups()
            line = line_of(text, match.start())
            if quoted:
                self.check_own(folder, path, line, quoted, test)
            else:
                self.check_foreign(folder, path, line, angled, test)

    def check_own(self, folder, path, line, header, test):
        target = header.split("/", 1)[0]
        if test and target == "tests":
            return
        if "/" not in header or target not in self.arrows:
            self.find(path, line, f'"{header}" must start with a folder of src/')
            return
        allowed = self.arrows[folder]
        if test or target == folder or "*" in allowed or target in allowed or header in allowed:
            return
        self.find(path, line, f"{folder} may not include {header}")

    def check_foreign(self, folder, path, line, header, test):
        if header in STANDARD:
            self.check_world_header(folder, path, line, header, test)
            return
        if test:
            return
        for allowed in self.libraries.get(folder, []):
            if header.startswith(allowed) or (allowed == "posix" and POSIX.search(header)):
                return
        self.find(path, line, f"{folder} may not include <{header}>")

    def may_use(self, folder, path, what, test):
        if test and what in FREE_IN_TESTS:
            return True
        inside = os.path.relpath(path, self.src)
        return any(allowed == folder or "/" in allowed and inside.startswith(allowed) for allowed in self.world[what])

    def check_world_header(self, folder, path, line, header, test):
        for what, headers in WORLD_HEADERS.items():
            if header in headers and not self.may_use(folder, path, what, test):
                self.find(path, line, f"{folder} may not include <{header}>: {what}")

    def check_calls(self, folder, path, text):
        code = without_comments_and_text(text)
        for what, pattern in WORLD_CALLS.items():
            if self.may_use(folder, path, what, is_test(path)):
                continue
            for match in pattern.finditer(code):
                self.find(path, line_of(code, match.start()), f"{folder} may not use {match.group(0).strip()}: {what}")


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(HERE))
    checker = Checker(root, read_table(os.path.join(HERE, "allowed.txt")))
    findings = checker.run()
    for finding in findings:
        print(finding)
    print(f"layers: {checker.files} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
