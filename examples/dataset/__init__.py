"""A labelled dataset of clips, made from a table of prompts by the workers of a Dask cluster."""
