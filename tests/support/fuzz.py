"""The fuzzers in tests/fuzz, each again and again with other numbers until its time is over: `make fuzz MINUTES=30`.

They run side by side. What fails is printed as pytest prints it, with the call that failed, and ends its fuzzer.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FUZZERS = sorted((Path(__file__).resolve().parents[1] / "fuzz").glob("test_*.py"))


def fuzz(path: Path, minutes: float, seed: int) -> bool:
    """Whether one fuzzer found nothing."""
    start, rounds = time.monotonic(), 0
    while time.monotonic() - start < 60 * minutes:
        options = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile=fuzz"]
        command = [sys.executable, "-m", "pytest", *options, f"--hypothesis-seed={seed + rounds}", str(path)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        rounds += 1
        if found.returncode:
            print(found.stdout, found.stderr, sep="\n")
            print(f"{path.name}: a fault with seed {seed + rounds - 1}, in round {rounds}", flush=True)
            return False
        tests = found.stdout.strip().splitlines()[-1]
        print(f"{path.name}: round {rounds}, seed {seed + rounds - 1}: {tests}", flush=True)
    print(
        f"{path.name}: {rounds} rounds in {(time.monotonic() - start) / 60:.0f} minutes, no fault", flush=True
    )
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None, help="of the first round; otherwise a random one")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda path: fuzz(path, given.minutes, seed), FUZZERS))
    sys.exit(not all(found))
