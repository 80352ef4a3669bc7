"""Write the vectors anew from their scripts: `python -m tests.vectors`. What has changed is then for `git diff`."""

from tests.vectors.families import FAMILIES, path_of, text_of


def main() -> None:
    """Write every family that is built from a script."""
    for name in FAMILIES:
        path_of(name).write_text(text_of(name), "utf-8")


main()
