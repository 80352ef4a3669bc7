"""What is wrong with a database that cannot keep the log, in words for whoever looks after it."""


class DatabaseUnfit(Exception):
    """This database cannot keep the log; the message says what an administrator can do about it."""
