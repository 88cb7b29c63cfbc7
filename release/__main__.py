"""Carry out the checklist of a release up to the upload, or only some of its steps.

The steps after that need the rights of a maintainer, so they are only printed.
"""

from __future__ import annotations

import argparse
import sys

from release.steps import STEPS, NotReady, version

LEFT = """Everything is ready. The rest is yours:
  git tag --annotate v{version} --message "Version {version}"
  git push origin v{version}
  twine upload dist/inceptionism-{version}*
Then install the uploaded version in a clean environment, and run: dream doctor"""


def main() -> int:
    """Carry out the steps in their order, and return the exit status: 0 if all are done, 1 if one has failed."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"steps to do: {', '.join(STEPS)}; by default all")
    chosen = parser.parse_args().steps or list(STEPS)
    if unknown := [name for name in chosen if name not in STEPS]:
        parser.error(f"there is no step {unknown[0]}; the steps are {', '.join(STEPS)}")
    for name, step in STEPS.items():
        if name in chosen:
            print(f"release: {name}: {(step.__doc__ or '').partition(chr(10))[0]}", flush=True)
            try:
                step()
            except NotReady as error:
                print(f"release: {name}: {error}", file=sys.stderr)
                return 1
    if chosen == list(STEPS):
        print(LEFT.format(version=version()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
