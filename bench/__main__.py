"""All measurements of a machine: `python -m bench PHOTO`.

Prints one table with all ratios, and writes it as JSON. The tables in docs/performance.md are made from such files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import busy, cold, engine, motion, transfer
from bench.report import Report, machine_facts

PARTS = ("photo", "class", "batch", "size", "memory", "recognition", "zoom", "film", "cold", "busy")


def main() -> None:
    """Make the chosen measurements, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path, help="photograph to dream")
    parser.add_argument("--googlenet", type=Path, help="folder with deploy.prototxt and bvlc_googlenet.caffemodel")
    parser.add_argument("--film", type=Path, help="film to dream, for the part film")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds of each comparison, 3 by default")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS[:-1], help="by default all except busy")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="file for the results, bench.json")
    options = parser.parse_args()
    report = Report(machine_facts())
    measurements = {
        "photo": lambda: engine.measure_photos(report, options.photo, options.googlenet, options.rounds),
        "class": lambda: transfer.measure_steps(report, options.rounds),
        "batch": lambda: engine.measure_batches(report, options.rounds),
        "size": lambda: engine.measure_sizes(report, options.photo),
        "memory": lambda: engine.measure_memory(report, options.photo),
        "recognition": lambda: transfer.measure_presets(report, options.googlenet),
        "zoom": lambda: motion.measure_zoom(report, options.photo),
        "film": lambda: motion.measure_film(report, options.film),
        "cold": lambda: cold.measure_start(report, options.photo, options.rounds),
        "busy": lambda: busy.measure_works(report, options.photo, options.rounds),
    }
    for part in options.parts:
        if part != "film" or options.film:
            measurements[part]()
            report.save(options.json)  # a part may take long, so the finished parts are kept
    report.print_table()
    print(f"written to {options.json}")


if __name__ == "__main__":
    main()
