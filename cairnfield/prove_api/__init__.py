"""Whether the API is as it describes itself, asked by schemathesis as everybody who may ask."""
