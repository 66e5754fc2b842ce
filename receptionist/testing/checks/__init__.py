"""The checks of the channel suite, by subject."""
