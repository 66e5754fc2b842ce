"""Logs: one line an event, ids only; readable on a terminal, JSON elsewhere. Libraries' warnings among them."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set the log up for this process; `level` is debug, info, warning or error. Of libraries only warnings and
    worse are written, whatever the level: what else they tell may be what customers wrote."""
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        # Quoted, for a text from outside may hold what terminals obey; and without the variables of functions, which
        # structlog shows where it finds the package rich.
        renderer = structlog.dev.ConsoleRenderer(
            repr_native_str=True, exception_formatter=structlog.dev.plain_traceback
        )
        exceptions: list[structlog.typing.Processor] = []
    else:
        renderer = structlog.processors.JSONRenderer()
        exceptions = [structlog.processors.format_exc_info]
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *exceptions,
    ]
    least: int = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(max(least, logging.WARNING))  # for loggers that have a level of their own
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(least, logging.WARNING), force=True)
