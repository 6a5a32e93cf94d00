"""Runs another author's scenarios through `holdfast detect` and through the rules that lie beside them; one table.

The folder has `gen.py` (KINDS, FAULTS, CONFOUND, `seeds`, `scenario`, `write`), `detect.py` (RULES) and `score.py` (`stack`, `judge`, `table`). A scenario is
made once: what the program reads and what the rules read is the same draw. Names tell nothing of the kind, and the truth never reaches the program.

Not here: which program and folder (`gray.rs`).
"""

import argparse
import collections
import hashlib
import json
import os
import shutil
import subprocess
import sys

PROGRAM = "holdfast detect"
# Scenarios that are held in memory at once: some 10 MB each.
BATCH = 24


def decisions(program, files):
    """The first verdict on each scenario: name -> (second, zone)."""
    run = subprocess.run([program, "detect", *files], stdout=subprocess.PIPE, text=True)
    if run.returncode != 0:
        sys.exit(f"`{program} detect` ended with {run.returncode}; what it said is above")
    first = {}
    for line in run.stdout.splitlines():
        said = json.loads(line)
        first.setdefault(said["scenario"], (said["t"], said["zone"]))
    return first


def judge(batch, options, rules, results):
    shutil.rmtree(options.out, ignore_errors=True)
    os.makedirs(options.out)
    files = []
    for name, scenario in batch:
        gen.write(scenario, name, options.out)
        files.append(os.path.join(options.out, name + ".jsonl.gz"))
    found = decisions(options.program, files)
    shutil.rmtree(options.out)
    for name, scenario in batch:
        truth = scenario["truth"]
        results[PROGRAM][truth["kind"]].append(score.judge(truth, *found.get(name, (-1, -1))))
    stacked = score.stack([scenario for _, scenario in batch])
    for rule in rules:
        when, zone = detect.RULES[rule](stacked)
        for at, (_, scenario) in enumerate(batch):
            truth = scenario["truth"]
            results[rule][truth["kind"]].append(score.judge(truth, int(when[at]), int(zone[at])))


def suite(options, hard, rules):
    """Verdicts on all seeds, by rule and kind; detectors read scenarios of one shape together."""
    results = {name: collections.defaultdict(list) for name in [PROGRAM, *rules]}
    shapes = collections.defaultdict(list)
    for seed in options.seeds.split(","):
        for kind, _, drawn in gen.seeds("fresh", options.count, seed):
            if options.kinds and kind not in options.kinds.split(","):
                continue
            scenario = gen.scenario(kind, drawn, hard=hard)
            name = hashlib.sha256(f"{seed} {kind} {drawn}".encode()).hexdigest()[:12]
            truth = scenario["truth"]
            batch = shapes[truth["Z"], truth["H"]]
            batch.append((name, scenario))
            if len(batch) >= BATCH:
                judge(batch, options, rules, results)
                batch.clear()
    for batch in shapes.values():
        if batch:
            judge(batch, options, rules, results)
    return score.table(results)


def rows(hard, table):
    for name, of in table.items():
        faults, others = of["ALL_FAULTS"], of["CONFOUNDERS"]
        found = f"{faults['hit']} of {faults['n']} ({100 * faults['hit'] / faults['n']:.1f} %)" if faults["n"] else "-"
        delay = ["-" if faults[of_all] is None else f"{faults[of_all]} s" for of_all in ("p50", "p90")]
        thousand = f"{1000 * others['false'] / others['n']:.1f}" if others["n"] else "-"
        false = f"{others['false']} of {others['n']}"
        cells = [f"{hard:g}", name, found, faults["wrong"], faults["early"], *delay, false, thousand, of["FALSE_A_YEAR"]]
        print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)
    by_kind = table[PROGRAM]
    for kind in gen.CONFOUND:
        if kind in by_kind and by_kind[kind]["false"]:
            print(f"  false at hard {hard:g}: {kind} {by_kind[kind]['false']} of {by_kind[kind]['n']}", file=sys.stderr)


def main():
    global gen, detect, score
    arguments = argparse.ArgumentParser(prog="cargo xtask gray --generator DIR")
    arguments.add_argument("--generator", required=True, help="folder with gen.py, detect.py and score.py")
    arguments.add_argument("--program", required=True, help="the holdfast that detects")
    arguments.add_argument("--out", required=True, help="folder for scenarios; it is emptied")
    arguments.add_argument("--seeds", default="1", help="suites, with commas between them")
    arguments.add_argument("--hard", default="1,1.3", help="above 1, faults are smaller and global incidents less even; with commas between them")
    arguments.add_argument("--count", type=int, default=10, help="scenarios of each kind and seed")
    arguments.add_argument("--kinds", help="only these, with commas between them")
    arguments.add_argument("--rules", help="of detect.py; all of them but the reference detector by default")
    options = arguments.parse_args()
    # Nothing is written beside another author's sources.
    sys.dont_write_bytecode = True
    sys.path.insert(0, options.generator)
    try:
        import gen
        import detect
        import score
    except ImportError as problem:
        sys.exit(f"{options.generator}: {problem}; the folder has gen.py, detect.py and score.py, and Python needs what they import (numpy): --python PROGRAM names another one")
    rules = options.rules.split(",") if options.rules else [name for name in detect.RULES if name != "holdfast"]
    unknown = [name for name in rules if name not in detect.RULES]
    if unknown:
        sys.exit(f"there is no rule {', '.join(unknown)}; there are {', '.join(detect.RULES)}")
    print("| hard | detector | faults found | wrong zone | before the fault | median | nine in ten | false evacuations | of 1,000 episodes | a year |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for hard in options.hard.split(","):
        rows(float(hard), suite(options, float(hard), rules))


if __name__ == "__main__":
    main()
