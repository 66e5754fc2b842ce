"""What is measured, one subject a file. Each section is a function of a `Bench` that adds rows to its report."""
