"""Sending archived experiments to Comet."""

import os
from pathlib import Path

from ivvit.ground.errors import UserError
from ivvit.tracking.quiet import import_comet


def upload(folder: Path) -> list[Path]:
    """Upload all archives below a folder, each experiment's in the order they were made; returns those uploaded.

    An uploaded archive is renamed to <name>.uploaded, so that the next upload skips it.

    Raises:
        UserError: COMET_API_KEY is not set, there is no archive, or Comet rejected one.
    """
    if not os.environ.get("COMET_API_KEY"):
        raise UserError("set COMET_API_KEY to upload to Comet")
    archives = sorted(Path(folder).glob("**/comet/*.zip"), key=lambda path: path.stat().st_mtime_ns)
    if not archives:
        raise UserError(f"no archive of a Comet experiment below {folder} (comet/*.zip)")
    for archive in archives:
        if not _upload(archive):
            raise UserError(f"Comet did not accept {archive}; check COMET_API_KEY and the network, and upload again")
        archive.rename(archive.with_suffix(".uploaded"))
    return archives


def _upload(archive: Path) -> bool:
    import_comet()
    from comet_ml.offline import upload_single_offline_experiment

    try:
        return upload_single_offline_experiment(str(archive), os.environ["COMET_API_KEY"], force_upload=False)
    except Exception:  # comet_ml raises various errors without network
        return False
