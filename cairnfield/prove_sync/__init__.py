"""Whether sync loses nothing and leaves nobody stuck: real processes, struck, and a checker of what they saw."""
