"""`python -m cairnfield` is the `cairn` command."""

from cairnfield.cli import main

if __name__ == "__main__":
    main()
