"""How replicas that were apart agree."""
