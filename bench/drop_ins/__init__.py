"""Plugins that the bench drops into the installation under test."""
