"""Tests of the core around the pipeline."""
