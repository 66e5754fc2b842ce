"""The agent: made for one turn from a brief, answers with model and tools, and is gone."""
