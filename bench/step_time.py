"""Duration of a step on a large photograph, measured in this process: `python -m bench.step_time PHOTO`."""

from __future__ import annotations

import argparse
import statistics
import time

import inceptionism as inc
from inceptionism.memory import own_process
from inceptionism.recipes import PhotoRecipe


def main() -> None:
    """Print the median duration of three steps in seconds. One step before them warms up torch and is not counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", help="photograph to dream")
    parser.add_argument("--memory", help="memory limit, for example 2GB")
    options = parser.parse_args()
    run = inc.PhotoRun(PhotoRecipe(octaves=1, steps=4, memory=options.memory), inc.load_photo(options.photo))
    times = []
    with own_process():
        start = time.perf_counter()
        for _ in run:
            times.append(time.perf_counter() - start)
            start = time.perf_counter()
    print(statistics.median(times[1:]))


if __name__ == "__main__":
    main()
