"""The reference of every problem that the API answers, from the table that it answers by."""

from api.problem_types import PROBLEM_TYPES, title_of


def problems() -> str:
    """The page as Markdown, by status."""
    by_status = sorted(PROBLEM_TYPES.items(), key=lambda item: item[1].status)
    told = "\n\n".join(
        f"## {kind}\n\n**{each.status.value}** {title_of(kind)}: {each.when}.\n\n{each.remedy}"
        for kind, each in by_status
    )
    rows = "\n".join(f"| [`{kind}`](#{kind}) | {each.status.value} | {each.when} |" for kind, each in by_status)
    return f"{_BEGINNING}\n| problem | status | when |\n|---|---|---|\n{rows}\n\n{told}\n"


_BEGINNING = """# Problems

<!-- Written by `cairn generate`. -->

Whatever is refused is a `problem+json` document (RFC 9457).
Its `type` is `/problems/` and a name of this page, which the server explains under that very path;
`code` is the name with underscores, `detail` says what is wrong with this request, `hint` what to do next,
`retryable` whether the same request may pass later, and `request_id` is what to quote to us.
"""
