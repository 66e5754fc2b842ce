"""The demo account, small and large."""
