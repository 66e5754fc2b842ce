"""What tools may do, what is asked before they do it, and what the bundled ones do."""
