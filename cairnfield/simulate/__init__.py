"""`cairn simulate`: a working day of many devices in under a minute, and the proof that nothing was lost."""
