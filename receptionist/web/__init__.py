"""What is served: webhooks, plugins' pages, health, the start page."""
