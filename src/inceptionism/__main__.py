"""`python -m inceptionism` is the same as `dream`."""

from inceptionism.cli import main

if __name__ == "__main__":
    main()
