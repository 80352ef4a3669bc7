"""What it costs: every bench measures itself against a limit or a peer in the same run."""
