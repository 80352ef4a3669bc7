"""How the `eventsourcing` library reaches our log: its factory, mapper, transcoder and recorders over one append."""
