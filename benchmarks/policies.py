#!/usr/bin/env python3
"""How Stoker's scheduler does against other ways to run the same workshops.

usage: policies.py BINARY OUTPUT.json [FOLDER ...] [--policies a,b] [--markdown FILE] [--against stoker]

Every FOLDER holds scenarios (`stoker-scenario/1`, *.json); without one it is tests/scenarios/workshops. Each policy plays
each scenario once; scenarios of one kind make one row of the table. Cells: median results / mean failures per
workshop / median of the 95 % quantile from idea to result with failures counted as endless (s) / median first
result (s). A policy beats `--against` in a kind where it is better in the paired mean over the scenarios and the 95 %
bootstrap interval of the difference does not hold zero; all such losses are listed.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
POLICIES = ["stoker", "stoker_refuse", "stoker_without_plan", "memo", "ollama_5m", "llama_swap_group",
            "llama_swap_matrix", "lru_fifo", "static_pin_warm", "static_pin_refuse"]
# metric, whether less is better
COMPARED = [("results", False), ("failures", True), ("p95_with_failures_s", True)]
BOOTSTRAP_ROUNDS = 2000


def number(value):
    return math.inf if value in (None, "inf") else float(value)


def kind_of(name):
    """two_groups.n16.lf2.s101 -> "two_groups, 16 people, loads x 2" (what differs from the usual is named)."""
    kind, people, factor = (name.split(".s")[0].split(".") + ["", ""])[:3]
    if name.count(".") >= 4:  # a load factor with a decimal point
        factor = ".".join(name.split(".s")[0].split(".")[2:])
    usual = {"burst": "n12", "long_tail": "n15", "lunch_break": "n12"}.get(kind, "n10")
    words = [kind]
    if people and people != usual:
        words.append(f"{people[1:]} people")
    if factor not in ("", "lf1"):
        words.append(f"loads x {factor[2:]}")
    return ", ".join(words)


def play(binary, folder, policy):
    done = subprocess.run([binary, "simulate", folder, "--policy", policy, "--json", "--no-eta"], text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"simulate {folder} --policy {policy}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def bootstrap(differences, rng):
    """95 % interval of the mean."""
    n = len(differences)
    means = sorted(sum(rng.choices(differences, k=n)) / n for _ in range(BOOTSTRAP_ROUNDS))
    return means[int(0.025 * BOOTSTRAP_ROUNDS)], means[int(0.975 * BOOTSTRAP_ROUNDS) - 1]


def finite(pairs):
    """Differences of two lists; a pair where both never end says nothing, one where one never ends is cut at 3600 s."""
    return [min(a, 3600.0) - min(b, 3600.0) for a, b in pairs]


def losses(kind, runs, against, rng):
    """Where another policy is better than `against` beyond the noise."""
    found = []
    mine = {run["scenario"]: run["metrics"] for run in runs[against]}
    for policy, theirs in runs.items():
        if policy == against:
            continue
        for metric, less_is_better in COMPARED:
            pairs = [(number(run["metrics"][metric]), number(mine[run["scenario"]][metric])) for run in theirs]
            differences = finite(pairs)
            low, high = bootstrap(differences, rng)
            better = high < 0 if less_is_better else low > 0
            if better:
                found.append({"kind": kind, "policy": policy, "metric": metric,
                              "difference": statistics.mean(differences), "low": low, "high": high})
    return found


def dominates(kind, runs, against, rng):
    """Policies that are nowhere worse and somewhere better than `against`, beyond the noise."""
    found = []
    mine = {run["scenario"]: run["metrics"] for run in runs[against]}
    for policy, theirs in runs.items():
        if policy == against or policy.startswith("stoker"):
            continue
        worse = better = False
        for metric, less_is_better in COMPARED:
            differences = finite([(number(run["metrics"][metric]), number(mine[run["scenario"]][metric]))
                                  for run in theirs])
            low, high = bootstrap(differences, rng)
            sign = -1 if less_is_better else 1
            mean = sign * statistics.mean(differences)
            better = better or (low > 0 if sign > 0 else high < 0)
            worse = worse or mean < 0
        if better and not worse:
            found.append({"kind": kind, "policy": policy})
    return found


def cell(runs):
    metrics = [run["metrics"] for run in runs]

    def median(name):
        value = statistics.median(number(m[name]) for m in metrics)
        return "never" if math.isinf(value) else f"{value:.0f}"

    failures = statistics.mean(m["failures"] for m in metrics)
    results = statistics.median(m["results"] for m in metrics)
    return f"{results:g} / {failures:.1f} / {median('p95_with_failures_s')} / {median('first_result_s')}"


def table(kinds, policies):
    lines = ["| kind | n | " + " | ".join(policies) + " |", "|---|---|" + "---|" * len(policies)]
    for kind, runs in sorted(kinds.items()):
        lines.append(f"| {kind} | {len(runs[policies[0]])} | " + " | ".join(cell(runs[p]) for p in policies) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("output")
    parser.add_argument("folders", nargs="*", default=[os.path.join(ROOT, "tests/scenarios/workshops")])
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--against", default="stoker")
    parser.add_argument("--markdown", help="write the tables to this file as well")
    args = parser.parse_args()
    policies = args.policies.split(",")
    if args.against not in policies:
        parser.error(f"--against {args.against} is not among the policies")
    kinds = {}
    for folder in args.folders:
        for policy in policies:
            for run in play(args.binary, folder, policy):
                kinds.setdefault(kind_of(run["scenario"]), {}).setdefault(policy, []).append(run)
    rng = random.Random(1)
    lost, dominated = [], []
    for kind, runs in sorted(kinds.items()):
        lost += losses(kind, runs, args.against, rng)
        dominated += dominates(kind, runs, args.against, rng)
    parts = ["median results / mean failures / p95 with failures (s) / first result (s); simulated", "",
             table(kinds, policies), "",
             f"Losses of `{args.against}` beyond the 95 % bootstrap interval (mean difference per workshop):", ""]
    parts += [f"- {x['kind']}: `{x['policy']}` {x['metric']} {x['difference']:+.1f} [{x['low']:+.1f}, {x['high']:+.1f}]"
              for x in lost] or ["- none"]
    parts += ["", "Policies that dominate it (nowhere worse, somewhere better beyond the noise): "
              + (", ".join(f"{x['policy']} in {x['kind']}" for x in dominated) or "none")]
    text = "\n".join(parts) + "\n"
    print(text)
    if args.markdown:
        with open(args.markdown, "w", encoding="utf-8") as file:
            file.write(text)
    os.makedirs(os.path.dirname(os.path.abspath(args.output)), exist_ok=True)
    with open(args.output, "w", encoding="utf-8") as file:
        json.dump({"benchmark": "policies", "simulated": True, "against": args.against, "losses": lost,
                   "dominated_by": dominated,
                   "kinds": {kind: {policy: [{"scenario": run["scenario"], "metrics": run["metrics"]}
                                             for run in found] for policy, found in runs.items()}
                             for kind, runs in kinds.items()}}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
