"""Whether replicas that hold the same events agree, in both languages and with an answer worked out otherwise."""
