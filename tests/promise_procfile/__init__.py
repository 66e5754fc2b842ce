"""The promise under fire where several processes share PostgreSQL and Redis: faults F1 to F36 of the fault table."""
