"""Leads: what is known of customers, how they are found, joined, imported, exported and erased."""
