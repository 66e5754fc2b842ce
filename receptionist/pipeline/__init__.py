"""From a customer's message to its delivered answer: intake, bell, lease, record, outbox, sweeper."""
