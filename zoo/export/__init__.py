"""Models as files that run without the zoo, each proven equal to the Keras model before it is kept."""

from .exporter import FORMATS, Report, export
from .latency import beside, latencies, ways
from .litert import verify_tflite
from .parity import ParityError, Row
from .saved_model import verify_saved_model

__all__ = [
    "FORMATS",
    "ParityError",
    "Report",
    "Row",
    "beside",
    "export",
    "latencies",
    "verify_saved_model",
    "verify_tflite",
    "ways",
]
