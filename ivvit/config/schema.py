"""The JSON Schema that editors use; `python -m ivvit.config.schema` writes it."""

import json
from pathlib import Path
from typing import Any

from ivvit.config.root import ConfigFile

PATH = Path(__file__).parents[2] / "config" / "schema.json"


def schema() -> dict[str, Any]:
    """The schema of the configuration file."""
    result = ConfigFile.model_json_schema()
    result["$defs"]["DatasetOptions"].pop("required", None)  # the four known data sets need nothing
    result["$defs"]["BackboneOptions"]["additionalProperties"] = True
    for owner in ("ExperimentEntry", "Defaults"):
        properties = result["$defs"][owner]["properties"]
        for key in ("model", "backbone"):
            field = properties[key]
            rest = {k: field.pop(k) for k in ("description", "default") if k in field}
            properties[key] = {"anyOf": [{"type": "string"}, field], **rest}
    return result


def schema_text() -> str:
    """The file's text."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
