"""comet_ml without its automatic logging, patching and network look-ups."""

import logging
import os
from types import ModuleType
from typing import Any

_ENVIRONMENT = {
    "COMET_ERROR_TRACKING_ENABLE": "0",
    "COMET_AUTO_LOG_ENV_DETAILS": "0",
    "COMET_DISABLE_AUTO_LOGGING": "1",
    "COMET_LOGGING_CONSOLE": "ERROR",
}
_SWITCHES = (
    "log_code", "log_graph", "auto_param_logging", "auto_metric_logging", "auto_output_logging", "parse_args",
    "log_env_details", "log_git_metadata", "log_git_patch", "log_env_gpu", "log_env_host", "log_env_cpu",
)  # fmt: skip
OPTIONS: dict[str, Any] = dict.fromkeys(_SWITCHES, False) | {"display_summary_level": 0}


def import_comet() -> ModuleType:
    """comet_ml, imported when it is first needed."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import comet_ml

    logging.getLogger("comet_ml").setLevel(logging.ERROR)
    return comet_ml
