"""Imports what registers metrics, in the order they run and are reported in."""
import metric_short  # noqa: F401
import metric_bulk  # noqa: F401
import metric_exec  # noqa: F401
import metric_scale  # noqa: F401
import metric_counts  # noqa: F401
import metric_control  # noqa: F401
import metric_crowd  # noqa: F401
