#!/usr/bin/env python3
"""The steps of ./test, which sets up the machine first. One line per step; logs lie in build/test-logs.

Each step returns how many tests passed, failed and were skipped; the totals are the last line of standard output.
A step that has no tests of its own (format, build) counts as one failed test when it fails.
"""

import argparse
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "test-logs")
TAIL_LINES = 60
STEP_S_MAX = 1800

# What the sanitizers look at in every run; --long takes everything.
ASAN_PART = ("base", "domain", "scheduler", "controller", "storage", "net")
TSAN_PART = ("controller", "net", "storage")

Counts = namedtuple("Counts", "passed failed skipped")
NOTHING = Counts(0, 0, 0)


class Failed(Exception):
    """A command of a step failed; the log says why."""


class Step:
    """What a step function works with: its log, its options, and commands that cannot outlive it."""

    current = None

    def __init__(self, name, options):
        self.name, self.options = name, options
        self.path = os.path.join(LOGS, name + ".log")
        self.log = open(self.path, "w", encoding="utf-8", errors="replace")
        self.process = None
        self.began = time.monotonic()

    def run(self, *command, env=None, cwd=ROOT, check=True):
        """Runs a command in its own process group with its output in the log; returns the exit code."""
        self.log.write(f"$ {' '.join(command)}\n")
        self.log.flush()
        self.process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = self.process.wait(max(1, STEP_S_MAX - (time.monotonic() - self.began)))
        except subprocess.TimeoutExpired:
            self.log.write(f"\nended after {STEP_S_MAX} s\n")
            code = 124
        self.end_process()
        if check and code != 0:
            raise Failed(f"{os.path.basename(command[0])} exited with {code}")
        return code

    def end_process(self):
        """Ends what is left of the last command's process group."""
        if self.process is None:
            return
        for sign, patience_s in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                return
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue

    def text(self):
        self.log.flush()
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


# --- counting ------------------------------------------------------------------------------------------------------

def gtest_counts(folder, programs):
    """Adds up the reports that GoogleTest wrote; a program without one has crashed."""
    passed = failed = skipped = 0
    for program in programs:
        try:
            with open(os.path.join(folder, program + ".json"), encoding="utf-8") as file:
                suites = json.load(file)["testsuites"]
        except (OSError, json.JSONDecodeError):
            failed += 1
            continue
        for case in (case for suite in suites for case in suite["testsuite"]):
            if case.get("failures"):
                failed += 1
            elif case.get("result") == "SKIPPED" or case.get("status") == "NOTRUN":
                skipped += 1
            else:
                passed += 1
    return Counts(passed, failed, skipped)


def unittest_counts(text):
    """Adds up the summaries of Python's unittest in a log."""
    ran = failed = skipped = 0
    for match in re.finditer(r"^Ran (\d+) tests? in [^\n]*\n\n(OK|FAILED)?([^\n]*)", text, re.MULTILINE):
        numbers = dict(re.findall(r"(failures|errors|skipped|unexpected successes)=(\d+)", match.group(3)))
        ran += int(match.group(1))
        failed += sum(int(n) for name, n in numbers.items() if name != "skipped")
        skipped += int(numbers.get("skipped", 0))
    return Counts(max(0, ran - failed - skipped), failed, skipped)


def line_counts(text):
    """Reads the last `N passed, N failed[, N skipped]` of a log."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", text, re.MULTILINE)
    if not found:
        raise Failed("no totals in its output")
    return Counts(*(int(n or 0) for n in found[-1]))


def add(first, second):
    return Counts(*(a + b for a, b in zip(first, second)))


def verdict(code, counts):
    """The counts, with a failure that no test reported counted as one."""
    return add(counts, Counts(0, 1, 0)) if code != 0 and counts.failed == 0 else counts


# --- steps ---------------------------------------------------------------------------------------------------------

def step_format(step):
    step.run("scripts/format", "--check")
    return NOTHING


def step_layers(step):
    code = step.run(sys.executable, "tests/layers/check_test.py", check=False)
    counts = verdict(code, unittest_counts(step.text()))
    return add(counts, Counts(1, 0, 0) if step.run(sys.executable, "tests/layers/check.py", check=False) == 0
               else Counts(0, 1, 0))


def run_unittests(step, folder, pattern, env=None):
    """Runs every file of the folder that matches as its own unittest program."""
    counts, code = NOTHING, 0
    for path in sorted(glob.glob(os.path.join(ROOT, folder, pattern))):
        code |= step.run(sys.executable, path, env=env, check=False)
    counts = unittest_counts(step.text())
    return verdict(code, counts)


def step_docs(step):
    return run_unittests(step, "tests/docs", "*_test.py")


def step_configure(step):
    step.run("scripts/web")
    step.run("scripts/build", "release", "-DSTOKER_TESTS=ON", "-DSTOKER_BENCH=ON", "build.ninja")
    return NOTHING


def changed_sources():
    """The .cc files that differ from the last common commit with the main branch, else from the last commit."""
    head = output_of("git", "rev-parse", "HEAD").strip()
    base = output_of("git", "merge-base", "HEAD", "origin/main").strip()
    if not base or base == head:
        base = output_of("git", "rev-parse", "--verify", "--quiet", "HEAD~1").strip()
    if not base:
        return all_sources()
    names = set(output_of("git", "diff", "--name-only", base).split())
    names |= set(output_of("git", "ls-files", "--others", "--exclude-standard").split())
    # A changed header is looked at through the source that belongs to it.
    names |= {name[:-2] + ".cc" for name in names if name.endswith(".h")}
    return [name for name in all_sources() if name in names]


def all_sources():
    names = output_of("git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "src", "tests",
                      "benchmarks").split()
    return sorted(name for name in names if name.endswith(".cc") and os.path.exists(os.path.join(ROOT, name)))


def step_tidy(step):
    files = all_sources() if step.options.tidy_all else changed_sources()
    with open(os.path.join(ROOT, "build", "release", "compile_commands.json"), encoding="utf-8") as file:
        compiled = {os.path.relpath(entry["file"], ROOT) for entry in json.load(file)}
    files = [name for name in files if name in compiled]
    step.log.write(f"{len(files)} files\n")
    if files:
        step.run("bash", "-c", 'printf "%s\\0" "$@" | xargs -0 -n1 -P2 clang-tidy-19 -p build/release --quiet', "tidy",
                 *files)
    return NOTHING


def step_build(step):
    step.run("scripts/build", "release", "-DSTOKER_TESTS=ON", "-DSTOKER_BENCH=ON")
    return NOTHING


def gtest_programs(preset):
    """The GoogleTest programs that ctest knows in this build, by name; script tests have steps of their own."""
    listing = json.loads(output_of("ctest", "--test-dir", f"build/{preset}", "--show-only=json-v1") or '{"tests":[]}')
    names = []
    for test in listing["tests"]:
        labels = [p["value"] for p in test.get("properties", []) if p["name"] == "LABELS"]
        if not labels or "script" not in labels[0]:
            names.append(test["name"])
    return names


def run_gtests(step, preset, names, more_env=None):
    reports = os.path.join(LOGS, "gtest-" + step.name)
    shutil.rmtree(reports, ignore_errors=True)
    # Reports may be called NAME_1.json if the same program runs twice; ctest runs each once.
    env = {"GTEST_OUTPUT": f"json:{reports}/", "GTEST_COLOR": "no",
           "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
           "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
           **(more_env or {})}
    code = step.run("ctest", "--test-dir", f"build/{preset}", "--output-on-failure", "--no-tests=error", "-j2", "-R",
                    "^(" + "|".join(names) + ")$", env=env, check=False)
    return verdict(code, gtest_counts(reports, names))


def step_unit(step):
    return run_gtests(step, "release", gtest_programs("release"), {"STOKER_LONG": "1"} if step.options.long else None)


def sanitized(step, preset, part):
    step.run("scripts/build", preset, "-DSTOKER_TESTS=ON", "-DSTOKER_BENCH=OFF", "build.ninja")
    names = gtest_programs(preset)
    if not step.options.long:
        names = [name for name in names if name.removesuffix("_test") in part]
    step.run("scripts/build", preset, "-DSTOKER_TESTS=ON", "-DSTOKER_BENCH=OFF", *names)
    return run_gtests(step, preset, names)


def step_asan(step):
    return sanitized(step, "asan", ASAN_PART)


def step_tsan(step):
    return sanitized(step, "tsan", TSAN_PART)


def step_web(step):
    web = os.path.join(ROOT, "web")
    report = os.path.join(LOGS, "vitest.json")
    if os.path.exists(report):
        os.remove(report)
    step.run("npm", "run", "--silent", "check", cwd=web)
    step.run("npm", "run", "--silent", "budget", cwd=web)
    code = step.run("npm", "run", "--silent", "test", "--", "--reporter=default", "--reporter=json",
                    f"--outputFile.json={report}", cwd=web, check=False)
    with open(report, encoding="utf-8") as file:
        found = json.load(file)
    return verdict(code, Counts(found["numPassedTests"], found["numFailedTests"],
                                found["numPendingTests"] + found.get("numTodoTests", 0)))


def product_env():
    return {"STOKER_BINARY": os.path.join(ROOT, "build", "release", "stoker")}


def step_browser(step):
    code = step.run("node", "web/e2e/run.mjs", env=product_env(), check=False)
    return verdict(code, line_counts(step.text()))


def step_blackbox(step):
    return run_unittests(step, "tests/blackbox", "*_test.py", product_env())


def step_engines(step):
    """Stoker with a real engine, which scripts/setup --test has installed."""
    return run_unittests(step, "tests/real_engines", "*_test.py", product_env())


def step_smoke(step):
    step.run(sys.executable, "scripts/smoke.py", product_env()["STOKER_BINARY"])
    return Counts(1, 0, 0)


def step_kills(step):
    kills = "200" if step.options.long else "20"
    code = step.run(sys.executable, "tests/faults/kill_test.py", env={**product_env(), "KILLS": kills}, check=False)
    return verdict(code, unittest_counts(step.text()))


def step_fuzz(step):
    """Each fuzzer for some seconds, starting from its committed seeds; what it finds stays below build/fuzz."""
    if not glob.glob(os.path.join(ROOT, "tests", "fuzz", "*_fuzz.cc")):
        return NOTHING
    seconds = 180 if step.options.long else 10
    step.run("scripts/build", "fuzz", "-DSTOKER_TESTS=ON", "-DSTOKER_BENCH=OFF", "fuzzers")
    failed = passed = 0
    for program in sorted(glob.glob(os.path.join(ROOT, "build", "fuzz", "tests", "fuzz", "*_fuzz"))):
        name = os.path.basename(program)
        corpus = os.path.join(ROOT, "build", "fuzz-corpus", name)
        seeds = os.path.join(ROOT, "tests", "fuzz", "seeds", name)
        os.makedirs(corpus, exist_ok=True)
        code = step.run(program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0",
                        "-print_funcs=0", f"-artifact_prefix={corpus}-", corpus, *glob.glob(seeds), check=False)
        passed, failed = (passed + 1, failed) if code == 0 else (passed, failed + 1)
    return Counts(passed, failed, 0)


STEPS = {name.removeprefix("step_"): function for name, function in list(globals().items()) if name.startswith("step_")}


# --- the run -------------------------------------------------------------------------------------------------------

def report(words):
    print(words, flush=True)


def run_step(name, options):
    """Runs one step and prints its line; returns its counts."""
    step = Step.current = Step(name, options)
    why = ""
    try:
        counts = STEPS[name](step)
    except Failed as failure:
        counts, why = Counts(0, 1, 0), f" ({failure})"
    except (OSError, ValueError, KeyError) as error:
        counts, why = Counts(0, 1, 0), f" ({type(error).__name__}: {error})"
    seconds = time.monotonic() - step.began
    tests = f"{counts.passed} passed" + (f", {counts.skipped} skipped" if counts.skipped else "")
    if counts.failed == 0:
        report(f"ok      {name:<10} {seconds:7.1f} s   {tests if counts != NOTHING else ''}".rstrip())
        return counts
    report(f"FAILED  {name:<10} {seconds:7.1f} s   {tests}, {counts.failed} failed{why}")
    report(f"--- the end of {os.path.relpath(step.path, ROOT)}")
    report("\n".join(step.text().splitlines()[-TAIL_LINES:]))
    report("---")
    return counts


def end_everything(number, _frame):
    if Step.current:
        Step.current.end_process()
    sys.exit(128 + number)


def parse_options():
    parser = argparse.ArgumentParser(prog="./test", description="everything that must hold")
    parser.add_argument("--only", action="append", choices=list(STEPS), metavar="STEP", help="one step; repeatable")
    parser.add_argument("--list", action="store_true", help="name the steps")
    parser.add_argument("--long", action="store_true",
                        help="sanitizers over everything, thousands of random workshops, 200 kills, minutes of fuzzing")
    parser.add_argument("--tidy-all", action="store_true", help="lint every file")
    parser.add_argument("--keep-going", action="store_true", help="run the remaining steps after a failure")
    options = parser.parse_args()
    options.tidy_all |= options.long
    return options


def main():
    options = parse_options()
    if options.list:
        report("\n".join(STEPS))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_everything)
    os.makedirs(LOGS, exist_ok=True)
    began = time.monotonic()
    report(f"ok      {'setup':<10} {float(os.environ.get('STOKER_SETUP_S', 0)):7.1f} s")
    names, totals = [name for name in STEPS if not options.only or name in options.only], NOTHING
    for position, name in enumerate(names):
        totals = add(totals, run_step(name, options))
        if totals.failed and not options.keep_going:
            left = names[position + 1:]
            report(f"not run: {', '.join(left)}" if left else "")
            break
    report(f"{'long run' if options.long else 'run'} of {time.monotonic() - began:.0f} s")
    report(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    return 1 if totals.failed or totals.passed == 0 and not options.only else 0


if __name__ == "__main__":
    sys.exit(main())
